// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/json.h"
#include "cloud/query_form.h"

// What of a request and its answer may be in the event log: members whose names are on a
// list. A name that nobody put there stays out, so a new parameter is private until somebody
// decides otherwise; plaintexts, ciphertexts, secret values, signatures, tokens and
// attestation documents are on no list.
namespace cofferdam::cloud {

// `service` is its name in a credential scope: "kms". Names are written as CloudTrail
// writes them: with the first letter in lower case, except for the keys of an encryption
// context, which are data.
json::object recorded_parameters(std::string_view service, const json::object& members);
json::object recorded_elements(std::string_view service, const json::object& members);

// The members of a Query request ("Tags.member.1.Key") as CloudTrail nests them.
json::object query_members(const QueryForm& form);

// The members of an answer that XmlText wrote, as CloudTrail nests them: numbers, booleans and
// dates in its form. Secrets and session tokens are left out.
json::object xml_members(std::string_view xml);

// Whether CloudTrail calls the operation read-only. Those record no elements of the answer.
bool is_read_only(std::string_view operation) noexcept;

}  // namespace cofferdam::cloud
