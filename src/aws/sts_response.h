// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "aws/credential_provider.h"

namespace cofferdam::aws {

// The credentials in STS's answer to AssumeRoleWithWebIdentity, which is XML: the elements
// of AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials, each once.
// Of XML it knows elements, attributes that it skips, and text; everything else, such as
// a document type, is Errc::invalid_input. At most 64 KiB, eight elements deep.
Result<IssuedCredentials> parse_web_identity_response(ByteView xml);

}  // namespace cofferdam::aws
