// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/parent.h"
#include "base/json.h"

namespace {

using namespace cofferdam;

std::string encode(const aws::Credentials& credentials) {
  json::object out;
  out["AccessKeyId"] = credentials.access_key_id;
  out["SecretAccessKey"] = as_text(credentials.secret_access_key.reveal());
  out["Token"] = credentials.session_token;
  return json::serialize(out);
}

}  // namespace

// Accepted credentials are complete, and the same when they are written and read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto credentials = agent::parse_credentials(ByteView(data, size));
  if (!credentials) return 0;
  if (credentials->access_key_id.empty() || credentials->secret_access_key.empty()) std::abort();
  const std::string text = encode(*credentials);
  const auto again = agent::parse_credentials(as_bytes(text));
  // Escapes may make a text longer when it is written again, up to the limit on the whole.
  if (!again && text.size() <= std::size_t{16} * 1024) std::abort();
  if (again && (again->access_key_id != credentials->access_key_id ||
                !(again->secret_access_key == credentials->secret_access_key) ||
                again->session_token != credentials->session_token)) {
    std::abort();
  }
  return 0;
}
