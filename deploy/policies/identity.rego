# SPDX-License-Identifier: Apache-2.0

# Which enclave may take which role, and for how long.
#
# data.config.identity names the certificate that signs the images, and what they may become:
#
#   {"identity": {"pcr8": "…", "roles": ["arn:aws:iam::111122223333:role/signer"],
#                 "sessionPrefix": "enclave-", "maxDuration": 3600, "audiences": ["sts.amazonaws.com"]}}
#
# maxDuration: seconds, at most and by default 3600. audiences: any without it.
package cofferdam.identity

default allow := false

config := data.config.identity

allow if {
	signed_by_us
	known_role
	known_session
	short_enough
	known_audience
}

# A debug enclave has zeros for its image; a register that is missing proves nothing.
signed_by_us if {
	is_measured(input.attestation.pcrs["0"])
	is_measured(input.attestation.pcrs["8"])
	lower(input.attestation.pcrs["8"]) == lower(config.pcr8)
}

# Nor does the register of an image that nobody signed: it is zeros, too.
is_measured(pcr) if {
	is_string(pcr)
	not regex.match(`^0*$`, pcr)
}

known_role if input.request.role in config.roles

known_session if {
	config.sessionPrefix != ""
	startswith(input.request.sessionName, config.sessionPrefix)
}

hour := 3600

short_enough if {
	input.request.duration > 0
	input.request.duration <= hour
	input.request.duration <= object.get(config, "maxDuration", hour)
}

known_audience if not "audiences" in object.keys(config)

known_audience if input.request.audience in config.audiences

reasons contains "the image is not signed with the expected certificate, or runs in debug mode" if not signed_by_us

reasons contains "the role is not one of those that the configuration allows" if not known_role

reasons contains "the session's name does not begin with the prefix of enclaves" if not known_session

reasons contains "the session would be longer than allowed" if not short_enough

reasons contains "the audience is not one of those that the configuration allows" if not known_audience
