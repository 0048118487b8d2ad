// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/secret.h"
#include "net/http.h"

// Answers that carry secrets. Their bodies are made in one piece, so that no part of them is
// left in memory that was outgrown; the server wipes a body once it is sent.
namespace cofferdam::agent {

// A secret as a member of a JSON object: base64, or a text as it stands between quotes.
struct SecretMember {
  std::string_view name;
  Secret json_text;
};

// `members` and then `secrets`, as `content_type`.
net::HttpResponse secret_json_response(std::string_view content_type, const json::object& members,
                                       const std::vector<SecretMember>& secrets);

// The bytes as they are.
net::HttpResponse secret_bytes_response(const Secret& secret);

// UTF-8 text as it stands between the quotes of a JSON string; empty-handed (no value) where
// the bytes are not UTF-8.
std::optional<Secret> json_escaped(const Secret& text);

}  // namespace cofferdam::agent
