# SPDX-License-Identifier: Apache-2.0
package cofferdam.release_test

import data.cofferdam.release

config := {"secrets": {
	"by-user": [{"uid": 1000}],
	"by-program": [{"uid": 0, "sha384": "aa11"}, {"executable": "/app/signer", "sha384": "bb22"}],
	"one-operation": [{"uid": 1000, "operations": ["Decrypt"]}],
	"nobody": [{}],
	"empty": [],
}}

asks(secret, peer) := {"request": {"kind": "secret", "secret": secret, "operation": "Decrypt"}, "peer": peer}

user := {"uid": 1000, "gid": 1000, "pid": 7, "executable": "/app/web", "sha384": "cc33"}

root := {"uid": 0, "gid": 0, "pid": 8, "executable": "/app/tool", "sha384": "aa11"}

test_the_user_may if {
	release.allow with input as asks("by-user", user) with data.config as config
}

test_another_user_may_not if {
	not release.allow with input as asks("by-user", root) with data.config as config
}

test_the_program_may if {
	release.allow with input as asks("by-program", root) with data.config as config
}

test_a_changed_program_may_not if {
	changed := object.union(root, {"sha384": "dd44"})
	not release.allow with input as asks("by-program", changed) with data.config as config
}

test_each_grant_stands_alone if {
	mixed := object.union(user, {"executable": "/app/signer", "sha384": "aa11"})
	not release.allow with input as asks("by-program", mixed) with data.config as config
}

test_the_operation_may if {
	release.allow with input as asks("one-operation", user) with data.config as config
}

test_another_operation_may_not if {
	other := {"request": {"secret": "one-operation", "operation": "GenerateDataKey"}, "peer": user}
	not release.allow with input as other with data.config as config
}

test_a_grant_for_nobody_lets_nobody if {
	not release.allow with input as asks("nobody", user) with data.config as config
	not release.allow with input as asks("empty", user) with data.config as config
}

test_a_process_that_is_not_known_may_not if {
	not release.allow with input as {"request": {"secret": "by-user"}} with data.config as config
}

test_an_unknown_secret_is_refused_with_a_reason if {
	not release.allow with input as asks("other", user) with data.config as config
	release.reasons == {"the configuration has no such secret"} with input as asks("other", user)
		with data.config as config
}

test_nothing_is_allowed_without_configuration if {
	not release.allow with input as asks("by-user", user) with data.config as {}
}
