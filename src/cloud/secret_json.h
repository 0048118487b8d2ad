// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/byte_view.h"
#include "base/json.h"
#include "base/secret.h"

namespace cofferdam::cloud {

// Writes JSON that holds secrets, in memory that is wiped. The caller puts the punctuation
// around what it writes.
class SecretJson {
 public:
  SecretJson& raw(std::string_view json);
  SecretJson& text(const Secret& utf8);     // Quoted and escaped.
  SecretJson& base64(const Secret& bytes);  // Quoted.
  // {MEMBERS..., "NAME": with the secret to follow; the caller closes the brace.
  SecretJson& object_with(const json::object& members, std::string_view name);

  Secret take() &&;

 private:
  void append(ByteView bytes);

  Secret buffer_;
  std::size_t size_ = 0;
};

}  // namespace cofferdam::cloud
