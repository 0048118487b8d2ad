# SPDX-License-Identifier: Apache-2.0

# Who inside the enclave may have which secret, over any local interface.
#
# data.config.secrets lists, for each secret, who may have it. Every member given must match:
#
#   {"secrets": {"db-password": [{"uid": 1000, "sha384": "…", "operations": ["Decrypt"]}]}}
#
# uid: the process's user. sha384: the hash of its executable. executable: its path.
# operations: what may be asked for; all of them without it.
package cofferdam.release

default allow := false

allow if {
	some grant in grants
	matches(grant)
}

# Empty unless the request names a secret that the configuration knows.
grants := data.config.secrets[input.request.secret]

# A grant that names nobody is for nobody.
matches(grant) if {
	some member in ["uid", "sha384", "executable"]
	grant[member]
	every name in ["uid", "sha384", "executable"] {
		same(grant, name)
	}
	allowed_operation(grant)
}

# uid 0 is a value too, so absence is asked for by name.
same(grant, name) if not name in object.keys(grant)

same(grant, name) if grant[name] == input.peer[name]

allowed_operation(grant) if not "operations" in object.keys(grant)

allowed_operation(grant) if input.request.operation in grant.operations

reasons contains "the configuration has no such secret" if not grants

reasons contains "no grant for this secret matches the process" if {
	grants
	not allow
}
