// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <vector>

#include "cloud/secret_json.h"
#include "cloud/secrets_operations.h"
#include "crypto/random.h"

namespace cofferdam::cloud::secrets {
namespace {

constexpr std::int64_t kStandardLength = 32;
constexpr std::int64_t kLongest = 4096;

// Characters of one type, and the switch that leaves them out.
struct CharacterType {
  std::string_view exclude;
  std::string_view characters;
};
constexpr std::array<CharacterType, 4> kTypes{{
    {"ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"},
    {"ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    {"ExcludeNumbers", "0123456789"},
    {"ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
}};

std::string without(std::string_view characters, std::string_view excluded) {
  std::string kept;
  for (const char c : characters) {
    if (excluded.find(c) == std::string_view::npos) kept += c;
  }
  return kept;
}

// What a password may be made of: one text for each type that is left.
Result<std::vector<std::string>> read_types(const Parameters& parameters) {
  COFFERDAM_TRY(const auto excluded, parameters.optional_text("ExcludeCharacters", {0, 4096}));
  COFFERDAM_TRY(const bool space, parameters.flag("IncludeSpace"));
  std::vector<std::string> types;
  for (const CharacterType& type : kTypes) {
    COFFERDAM_TRY(const bool left_out, parameters.flag(type.exclude));
    std::string kept = left_out ? "" : without(type.characters, excluded.value_or(""));
    if (!kept.empty()) types.push_back(std::move(kept));
  }
  if (space && excluded.value_or("").find(' ') == std::string::npos) types.emplace_back(" ");
  if (types.empty()) return bad_request("There is no character left to make a password of.");
  return types;
}

// Evenly below `count`, which is at most 256: what would favour small numbers is rolled again.
std::size_t random_below(std::size_t count) {
  const std::size_t fair = 256 - 256 % count;
  for (;;) {
    std::array<std::uint8_t, 1> roll{};
    crypto::random_bytes(roll);
    if (roll[0] < fair) return roll[0] % count;
  }
}

// Evenly below `count`, which is at most 65536.
std::size_t random_position(std::size_t count) {
  const std::size_t fair = 65'536 - 65'536 % count;
  for (;;) {
    std::array<std::uint8_t, 2> roll{};
    crypto::random_bytes(roll);
    const std::size_t value = std::size_t{roll[0]} << 8U | roll[1];
    if (value < fair) return value % count;
  }
}

std::uint8_t random_character(std::string_view characters) {
  return static_cast<std::uint8_t>(characters[random_below(characters.size())]);
}

// One of each type first, if they are required, then anything; then shuffled.
Secret make_password(const std::vector<std::string>& types, std::size_t length, bool each_type) {
  std::string all;
  for (const std::string& type : types) all += type;
  Secret password(length);
  const auto out = password.reveal_mut();
  for (std::size_t i = 0; i < length; ++i) {
    out[i] = random_character(each_type && i < types.size() ? types[i] : all);
  }
  for (std::size_t i = length; i > 1; --i) std::swap(out[i - 1], out[random_position(i)]);
  return password;
}

}  // namespace

Result<JsonReply> get_random_password(SecretsCore& core, SecretsRequest& request) {
  const Parameters& parameters = request.parameters;
  COFFERDAM_TRY(const auto asked, parameters.optional_integer("PasswordLength", 1, kLongest));
  COFFERDAM_TRY(const auto types, read_types(parameters));
  COFFERDAM_TRY(const bool required, parameters.flag("RequireEachIncludedType"));
  const bool each_type = required || !parameters.has("RequireEachIncludedType");
  COFFERDAM_CHECK(core.admit(request, "*"));
  const auto length = static_cast<std::size_t>(asked.value_or(kStandardLength));
  if (each_type && length < types.size()) {
    return bad_parameter("Password length is too short based on the required types.");
  }
  SecretJson body;
  body.object_with({}, "RandomPassword").text(make_password(types, length, each_type)).raw("}");
  JsonReply reply;
  reply.body = std::move(body).take();
  return reply;
}

}  // namespace cofferdam::cloud::secrets
