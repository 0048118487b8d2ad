// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "aws/credential_provider.h"

namespace cofferdam::aws {

// The credentials in STS's answer to AssumeRoleWithWebIdentity, which is XML: the elements
// of AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials, each once.
// Of XML it knows elements, attributes that it skips, and text; everything else, such as
// a document type, is Errc::invalid_input. At most 64 KiB, eight elements deep.
Result<IssuedCredentials> parse_web_identity_response(ByteView xml);

// The same, and whose they are: AssumedRoleUser/Arn, which then has to be there.
struct AssumedRole {
  IssuedCredentials issued;
  std::string arn;  // "arn:aws:sts::111122223333:assumed-role/NAME/SESSION"
};
Result<AssumedRole> parse_assumed_role(ByteView xml);

// ErrorResponse/Error/Code of an error: letters and digits, at most 64, or nothing where the
// answer has another form.
std::string read_sts_error(ByteView xml);

}  // namespace cofferdam::aws
