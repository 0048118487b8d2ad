// SPDX-License-Identifier: Apache-2.0
#include "parent/state_store.h"

#include <algorithm>
#include <iterator>

#include "base/file.h"

namespace cofferdam::parent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxName = 64;
constexpr unsigned kPrivate = 0600;
constexpr std::string_view kSuffix = ".sealed";  // Keeps names apart from temporary files.

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_state_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && is_letter_or_digit(name.front()) &&
         std::ranges::all_of(name, [](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.';
         });
}

Result<StateStore> StateStore::open(fs::path folder) {
  COFFERDAM_CHECK(make_private_folder(folder));
  return StateStore(std::move(folder));
}

Result<fs::path> StateStore::path_of(std::string_view name) const {
  if (!is_state_name(name)) {
    return fail(Errc::invalid_input,
                "expected a name of 1 to 64 letters, digits, '-', '_' and '.'");
  }
  return folder_ / (std::string(name) + std::string(kSuffix));
}

Status StateStore::put(std::string_view name, ByteView blob) {
  COFFERDAM_TRY(const fs::path path, path_of(name));
  if (blob.size() > kMaxSize) {
    return fail(Errc::invalid_input, "body_too_large",
                "a state may have " + std::to_string(kMaxSize) + " bytes");
  }
  std::error_code error;
  if (!fs::exists(path, error)) {
    const auto count =
        std::distance(fs::directory_iterator(folder_, error), fs::directory_iterator());
    if (error) return fail(Errc::unavailable, folder_.string() + ": " + error.message());
    if (count >= static_cast<std::ptrdiff_t>(kMaxCount)) {
      return fail(Errc::denied, "too_many_states",
                  "the parent keeps " + std::to_string(kMaxCount) + " states at most");
    }
  }
  return write_file_atomic(path, blob, kPrivate);
}

Result<Bytes> StateStore::get(std::string_view name) const {
  COFFERDAM_TRY(const fs::path path, path_of(name));
  return read_file(path, kMaxSize);
}

}  // namespace cofferdam::parent
