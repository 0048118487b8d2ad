// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "agent/config_sections.h"

// [[secret]] and [[sealing]].
namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxSecrets = 64;
constexpr std::size_t kMaxContextPairs = 16;
constexpr std::size_t kMaxSealings = 16;
constexpr std::size_t kMaxRoots = 4;
constexpr std::int64_t kMaxRandom = 1024;  // Of KMS GenerateRandom.

constexpr std::array kOperations{
    std::pair{Operation::decrypt, std::string_view("Decrypt")},
    std::pair{Operation::generate_data_key, std::string_view("GenerateDataKey")},
    std::pair{Operation::generate_data_key_pair, std::string_view("GenerateDataKeyPair")},
    std::pair{Operation::generate_random, std::string_view("GenerateRandom")},
    std::pair{Operation::derive_shared_secret, std::string_view("DeriveSharedSecret")},
};

constexpr std::array kEvidence{
    std::pair{EvidenceValue::name, std::string_view("name")},
    std::pair{EvidenceValue::release, std::string_view("release")},
    std::pair{EvidenceValue::pcr0, std::string_view("pcr0")},
    std::pair{EvidenceValue::pcr1, std::string_view("pcr1")},
    std::pair{EvidenceValue::pcr2, std::string_view("pcr2")},
    std::pair{EvidenceValue::pcr8, std::string_view("pcr8")},
    std::pair{EvidenceValue::pcr16, std::string_view("pcr16")},
};

constexpr std::array<std::string_view, 2> kDataKeySpecs{"AES_256", "AES_128"};
constexpr std::array<std::string_view, 7> kPairSpecs{
    "RSA_2048",      "RSA_3072",      "RSA_4096",       "ECC_NIST_P256",
    "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"};

bool is_lower_hex_or_dash(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t at = text.find(separator);
    out.push_back(text.substr(0, at));
    if (at == text.npos) return out;
    text.remove_prefix(at + 1);
  }
}

// arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
bool is_key_arn(std::string_view text, std::string_view region) {
  const auto part = split(text, ':');
  constexpr std::string_view kKey = "key/";
  if (part.size() != 6 || part[0] != "arn" || part[2] != "kms" || part[3] != region) return false;
  if (part[1] != "aws" && part[1] != "aws-cn" && part[1] != "aws-us-gov") return false;
  if (part[4].size() != 12 ||
      !std::ranges::all_of(part[4], [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  if (!part[5].starts_with(kKey)) return false;
  const std::string_view id = part[5].substr(kKey.size());
  return !id.empty() && id.size() <= 64 &&
         std::ranges::all_of(id, [](char c) { return is_lower_hex_or_dash(c); });
}

Result<EvidenceValue> read_evidence(StrictTable table) {
  COFFERDAM_TRY(const std::string text, table.text("evidence"));
  const auto known = std::ranges::find(kEvidence, text, &decltype(kEvidence)::value_type::second);
  if (known == kEvidence.end()) {
    return table.refuse("evidence", "is not name, release, pcr0, pcr1, pcr2, pcr8 or pcr16");
  }
  COFFERDAM_CHECK(table.finish());
  return known->first;
}

// { app = "payments", "cofferdam:pcr8" = { evidence = "pcr8" } }
Status read_context(StrictTable& table, SecretSpec& out) {
  constexpr std::string_view kKey = "context";
  COFFERDAM_TRY(auto context, table.optional_table(kKey));
  if (!context) return {};
  const std::vector<std::string> names = context->names();
  if (names.size() > kMaxContextPairs) {
    return table.refuse(kKey, "has more than " + std::to_string(kMaxContextPairs) + " pairs");
  }
  for (const std::string& name : names) {
    if (!is_plain(name)) return table.refuse(kKey, "has an empty, long or unprintable name");
    if (context->is_table(name)) {
      COFFERDAM_TRY(StrictTable value, context->table(name));
      COFFERDAM_TRY(const EvidenceValue evidence, read_evidence(std::move(value)));
      out.evidence_context.emplace(name, evidence);
    } else {
      COFFERDAM_TRY(std::string value, context->text(name));
      out.context.emplace(name, std::move(value));
    }
  }
  return {};
}

Status read_operation(StrictTable& table, SecretSpec& out) {
  COFFERDAM_TRY(const std::string text, table.text("operation"));
  const auto known =
      std::ranges::find(kOperations, text, &decltype(kOperations)::value_type::second);
  if (known == kOperations.end()) {
    return table.refuse("operation",
                        "is none of Decrypt, GenerateDataKey, GenerateDataKeyPair, "
                        "GenerateRandom and DeriveSharedSecret");
  }
  out.operation = known->first;
  return {};
}

Status read_key(StrictTable& table, std::string_view region, SecretSpec& out) {
  if (out.operation == Operation::generate_random) return {};  // finish() refuses a key.
  COFFERDAM_TRY(out.key_arn, table.text("key"));
  if (!is_key_arn(out.key_arn, region)) {
    return table.refuse("key", "is not the full ARN of a key in " + std::string(region) +
                                   " (aliases and bare ids can be redirected)");
  }
  return {};
}

Status read_one_of(StrictTable& table, std::string_view key,
                   std::span<const std::string_view> allowed, std::string& out) {
  COFFERDAM_TRY(auto text, table.optional_text(key));
  if (!text && out.empty()) return table.refuse(key, "is missing");
  if (!text) return {};
  if (std::ranges::find(allowed, *text) == allowed.end()) {
    return table.refuse(key, "is not one that KMS releases to an enclave");
  }
  out = *std::move(text);
  return {};
}

// What each operation takes beside key and context. A key it does not take is refused by
// finish().
Status read_parameters(StrictTable& table, SecretSpec& out) {
  switch (out.operation) {
    case Operation::decrypt: {
      COFFERDAM_TRY(out.envelope, table.flag("envelope"));
      return read_context(table, out);
    }
    case Operation::generate_data_key:
      out.key_spec = "AES_256";
      COFFERDAM_CHECK(read_one_of(table, "key_spec", kDataKeySpecs, out.key_spec));
      return read_context(table, out);
    case Operation::generate_data_key_pair:
      COFFERDAM_CHECK(read_one_of(table, "key_spec", kPairSpecs, out.key_spec));
      return read_context(table, out);
    case Operation::generate_random: {
      COFFERDAM_TRY(const auto size, read_optional_integer(table, "size", 1, kMaxRandom));
      out.random_size = static_cast<std::uint32_t>(size.value_or(32));
      return {};
    }
    case Operation::derive_shared_secret: {
      COFFERDAM_TRY(out.public_key, read_path(table, "public_key"));
      return {};
    }
  }
  return {};
}

Result<SecretSpec> read_secret(StrictTable table, std::string_view region) {
  SecretSpec out;
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_CHECK(read_operation(table, out));
  COFFERDAM_CHECK(read_key(table, region, out));
  COFFERDAM_CHECK(read_parameters(table, out));
  COFFERDAM_CHECK(table.finish());
  return out;
}

Result<SealingSpec> read_sealing(StrictTable table, const Config& config) {
  SealingSpec out;
  COFFERDAM_TRY(out.name, read_name(table, "name"));
  COFFERDAM_TRY(auto roots, table.optional_texts("roots", kMaxRoots));
  if (!roots) return table.refuse("roots", "is missing");
  out.roots = *std::move(roots);
  for (const std::string& root : out.roots) {
    COFFERDAM_CHECK(check_stable_secret(table, "roots", config, root));
  }
  COFFERDAM_TRY(auto purpose, table.optional_text("purpose"));
  out.purpose = purpose.value_or("state");
  COFFERDAM_CHECK(table.finish());
  return out;
}

}  // namespace

std::string_view operation_name(Operation operation) noexcept {
  return std::ranges::find(kOperations, operation, &decltype(kOperations)::value_type::first)
      ->second;
}

Status read_secrets(StrictTable& top, Config& out) {
  COFFERDAM_TRY(std::vector<StrictTable> tables, top.tables("secret", kMaxSecrets));
  std::set<std::string> names;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(SecretSpec one, read_secret(std::move(table), out.region));
    if (!names.insert(one.name).second) {
      return fail(Errc::invalid_input, "agent.toml: two secrets are called " + one.name);
    }
    out.secrets.push_back(std::move(one));
  }
  return {};
}

Status read_sealings(StrictTable& top, Config& out) {
  COFFERDAM_TRY(std::vector<StrictTable> tables, top.tables("sealing", kMaxSealings));
  std::set<std::string> names;
  for (StrictTable& table : tables) {
    COFFERDAM_TRY(SealingSpec one, read_sealing(std::move(table), out));
    if (!names.insert(one.name).second) {
      return fail(Errc::invalid_input, "agent.toml: two sealings are called " + one.name);
    }
    out.sealings.push_back(std::move(one));
  }
  return {};
}

}  // namespace cofferdam::agent
