// SPDX-License-Identifier: Apache-2.0
// Target: the readers of what nitro-cli prints. Whatever comes, ids and names can become names
// of folders, and a failure is explained in text that can be shown.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "run/nitro_cli.h"
#include "run/nitro_error.h"
#include "run/state.h"

namespace cofferdam::run {
namespace {

void check(const NitroEnclave& enclave) {
  if (!check_name(enclave.id)) std::abort();
  if (!enclave.name.empty() && !check_name(enclave.name)) std::abort();
}

void check_explanation(std::string_view printed) {
  const Error error = explain_nitro_error(printed, 1);
  const auto hostile = [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; };
  if (error.detail.empty() || std::ranges::any_of(error.detail, hostile)) std::abort();
}

}  // namespace
}  // namespace cofferdam::run

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam::run;
  const std::string_view text = cofferdam::as_text(cofferdam::ByteView(data, size));
  if (const auto started = parse_run_output(text)) check(*started);
  if (const auto listed = parse_describe_output(text)) {
    std::ranges::for_each(*listed, check);
  }
  if (check_terminate_output(text, "i-1-enc1")) {
    if (!text.contains("i-1-enc1") && !text.contains('\\')) std::abort();
  }
  check_explanation(text);
  return 0;
}
