# SPDX-License-Identifier: Apache-2.0
package cofferdam.identity_test

import data.cofferdam.identity

config := {"identity": {
	"pcr8": "AB12",
	"roles": ["arn:aws:iam::111122223333:role/signer"],
	"sessionPrefix": "enclave-",
	"maxDuration": 1800,
	"audiences": ["sts.amazonaws.com"],
}}

request := {
	"kind": "identity",
	"role": "arn:aws:iam::111122223333:role/signer",
	"sessionName": "enclave-i-0abc",
	"duration": 900,
	"audience": "sts.amazonaws.com",
}

pcrs := {"0": "cd34", "8": "ab12"}

asks(registers, changes) := {"attestation": {"pcrs": registers}, "request": object.union(request, changes)}

test_our_enclave_may if {
	identity.allow with input as asks(pcrs, {}) with data.config as config
	count(identity.reasons) == 0 with input as asks(pcrs, {}) with data.config as config
}

test_another_signer_may_not if {
	other := {"0": "cd34", "8": "ff00"}
	not identity.allow with input as asks(other, {}) with data.config as config
}

test_an_unsigned_image_may_not if {
	unsigned := object.union(config, {"identity": {"pcr8": "0000"}})
	zeros := {"0": "cd34", "8": "0000"}
	not identity.allow with input as asks(zeros, {}) with data.config as unsigned
}

test_debug_mode_may_not if {
	debug := {"0": "0000", "8": "ab12"}
	not identity.allow with input as asks(debug, {}) with data.config as config
}

test_a_register_that_is_missing_may_not if {
	not identity.allow with input as asks({"0": "cd34"}, {}) with data.config as config
	not identity.allow with input as asks({"8": "ab12"}, {}) with data.config as config
}

test_another_role_may_not if {
	other := {"role": "arn:aws:iam::111122223333:role/admin"}
	not identity.allow with input as asks(pcrs, other) with data.config as config
}

test_a_session_of_another_name_may_not if {
	not identity.allow with input as asks(pcrs, {"sessionName": "my-enclave-"}) with data.config as config
}

test_an_empty_prefix_fits_nothing if {
	open := object.union(config, {"identity": {"sessionPrefix": ""}})
	not identity.allow with input as asks(pcrs, {}) with data.config as open
}

test_a_long_session_may_not if {
	not identity.allow with input as asks(pcrs, {"duration": 1801}) with data.config as config
	not identity.allow with input as asks(pcrs, {"duration": 0}) with data.config as config
}

test_the_configuration_cannot_allow_more_than_an_hour if {
	generous := object.union(config, {"identity": {"maxDuration": 43200}})
	identity.allow with input as asks(pcrs, {"duration": 3600}) with data.config as generous
	not identity.allow with input as asks(pcrs, {"duration": 3601}) with data.config as generous
}

test_another_audience_may_not if {
	not identity.allow with input as asks(pcrs, {"audience": "other"}) with data.config as config
}

test_each_reason_is_given if {
	reasons := identity.reasons with input as {} with data.config as config
	count(reasons) == 5
}

test_nothing_is_allowed_without_configuration if {
	not identity.allow with input as asks(pcrs, {}) with data.config as {}
}
