// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "net/client_hello.h"
#include "net/endpoint.h"

namespace {

using namespace cofferdam;

// The name, once complete; nothing if the bytes are refused or are too few.
std::optional<std::string> read(ByteView input, std::size_t step) {
  net::ClientHelloReader reader;
  for (std::size_t at = 0; at < input.size(); at += step) {
    const auto complete = reader.put(input.subspan(at, std::min(step, input.size() - at)));
    if (!complete) return std::nullopt;
    if (*complete) return at + step >= input.size() ? std::optional(reader.server_name()) : "";
  }
  return std::nullopt;
}

}  // namespace

// However the bytes are cut, the same name is read, and it is one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (input.empty()) return 0;
  const auto whole = read(input, size);
  const auto cut = read(input, 1);
  if (!whole) return 0;
  if (cut != whole) std::abort();
  if (!whole->empty() && !net::parse_endpoint("tcp:" + *whole + ":1")) std::abort();
  return 0;
}
