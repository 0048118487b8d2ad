// SPDX-License-Identifier: Apache-2.0
#include "custody/binding.h"

#include <algorithm>
#include <utility>

#include "bytes/cbor.h"
#include "bytes/cbor_text_map.h"
#include "bytes/utf8.h"

namespace cofferdam::custody {

crypto::Sha384 context_digest(std::string_view key_arn,
                              const std::map<std::string, std::string>& encryption_context) {
  cbor::Writer out;
  out.array(3).text("cofferdam/context/v1").text(key_arn);
  cbor::write_text_map(out, encryption_context);
  return crypto::sha384(out.view());
}

Status check_name(std::string_view what, std::string_view name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (name.empty() || name.size() > kMaxNameSize || !is_utf8(name) ||
      std::ranges::any_of(name, is_control)) {
    return fail(Errc::invalid_input, std::string(what) + ": expected 1 to " +
                                         std::to_string(kMaxNameSize) +
                                         " bytes of UTF-8 without control characters");
  }
  return {};
}

}  // namespace cofferdam::custody
