// SPDX-License-Identifier: Apache-2.0
#include "ledger/kept_heads.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/file.h"
#include "ledger/canonical.h"

namespace cofferdam::ledger {
namespace {

constexpr std::size_t kMaxFile = std::size_t{4} * 1024 * 1024;
constexpr std::size_t kMaxHeadSize = 1024;

auto with_id(const LedgerId& id) {
  return [&id](const SignedHead& head) { return head.head.ledger == id; };
}

Result<SignedHead> read_line(std::string_view line) {
  COFFERDAM_TRY(const json::value value, parse_json(line, kMaxHeadSize, /*max_depth=*/2));
  return parse_head(value);
}

}  // namespace

Result<std::vector<SignedHead>> read_kept_heads(const std::filesystem::path& path) {
  auto text = read_text_file(path, kMaxFile);
  if (!text && text.error().code == Errc::not_found) return std::vector<SignedHead>();
  if (!text) return std::unexpected(std::move(text).error());
  const auto refused = [&](const std::string& why) {
    return fail(Errc::invalid_input, path.string() + " does not hold kept heads: " + why);
  };
  std::vector<SignedHead> out;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return refused("the last line has no end");
    auto head = read_line(rest.substr(0, end));
    if (!head) return refused(head.error().detail);
    if (std::ranges::any_of(out, with_id(head->head.ledger))) return refused("a ledger twice");
    out.push_back(*std::move(head));
    rest.remove_prefix(end + 1);
  }
  return out;
}

Status write_kept_heads(const std::filesystem::path& path, const std::vector<SignedHead>& heads) {
  std::string text;
  for (const SignedHead& head : heads) {
    COFFERDAM_TRY(const std::string line, canonical_json(to_json(head)));
    text += line + "\n";
  }
  return write_file_atomic(path, as_bytes(text), /*mode=*/0600);
}

std::vector<SignedHead> advance(std::vector<SignedHead> kept, const std::vector<SignedHead>& seen) {
  for (const SignedHead& head : seen) {
    const auto found = std::ranges::find_if(kept, with_id(head.head.ledger));
    if (found == kept.end()) {
      kept.push_back(head);
    } else if (head.head.size > found->head.size) {
      *found = head;
    }
  }
  return kept;
}

}  // namespace cofferdam::ledger
