// SPDX-License-Identifier: Apache-2.0
#include "broker/claims.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"

namespace cofferdam::broker {
namespace {

// One packed session holds few tags: those that trust policies compare.
constexpr std::array<std::uint8_t, 5> kTagged{0, 3, 4, 8, 16};

std::int64_t seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

json::object tags_of(const TokenFacts& facts) {
  json::object tags;
  const json::object registers = registers_of(facts.pcrs);
  for (const std::uint8_t index : kTagged) {
    if (const json::value* const value = registers.if_contains(std::to_string(index))) {
      tags["pcr" + std::to_string(index)] = json::array{*value};
    }
  }
  if (facts.release) {
    tags["release-name"] = json::array{json::value(facts.release->name)};
    tags["release"] = json::array{json::value(std::to_string(facts.release->number))};
  }
  json::array names;
  for (const auto& [name, value] : tags) names.emplace_back(name);
  return {{"principal_tags", std::move(tags)}, {"transitive_tag_keys", std::move(names)}};
}

}  // namespace

json::object registers_of(const attest::Pcrs& pcrs) {
  json::object out;
  for (const auto& [index, value] : pcrs) {
    const bool zero = std::ranges::all_of(value, [](std::uint8_t byte) { return byte == 0; });
    if (!zero) out[std::to_string(index)] = to_hex(value);
  }
  return out;
}

json::object claims_of(const TokenFacts& facts) {
  json::object own;
  if (facts.release) {
    own["name"] = facts.release->name;
    own["release"] = facts.release->number;
  }
  own["pcrs"] = registers_of(facts.pcrs);
  return {{"iss", facts.issuer},          {"sub", subject_of(facts.release, facts.pcrs)},
          {"aud", facts.audience},        {"iat", seconds(facts.issued)},
          {"nbf", seconds(facts.issued)}, {"exp", seconds(facts.expires)},
          {"jti", facts.token_id},        {"cnf", {{"jkt", facts.key_thumbprint}}},
          {"cofferdam", std::move(own)},  {"https://aws.amazon.com/tags", tags_of(facts)}};
}

}  // namespace cofferdam::broker
