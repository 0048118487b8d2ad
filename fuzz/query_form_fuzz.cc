// SPDX-License-Identifier: Apache-2.0
// Target: cloud::parse_query_form. What was accepted is written and read back the same.
#include <cstdlib>

#include "base/byte_view.h"
#include "cloud/query_form.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const auto form = cloud::parse_query_form(as_text({data, size}));
  if (!form) return 0;
  const std::string text = cloud::to_text(*form);
  // Writing escapes more than the input may have; only then may it get too long.
  const auto again = cloud::parse_query_form(text);
  if (again ? *again != *form : text.size() <= 65'536) abort();
  return 0;
}
