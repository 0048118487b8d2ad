// SPDX-License-Identifier: Apache-2.0
#include "cloud/kms_grant_store.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "base/json.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kById =
    "SELECT id, key_id, name, grantee, retiring, issuer, operations, constraints, created "
    "FROM grants WHERE id = ?1";
constexpr std::string_view kByKey =
    "SELECT id, key_id, name, grantee, retiring, issuer, operations, constraints, created "
    "FROM grants WHERE key_id = ?1 ORDER BY id";
constexpr std::string_view kByRetiring =
    "SELECT id, key_id, name, grantee, retiring, issuer, operations, constraints, created "
    "FROM grants WHERE retiring = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

constexpr std::string_view kEquals = "equals";
constexpr std::string_view kSubset = "subset";

// What a grant may allow, and on which keys it makes sense.
struct GrantOperation {
  std::string_view name;
  std::optional<KeyUsage> usage;  // Absent: on every key.
  bool symmetric_only = false;
};
constexpr std::array kOperations{
    GrantOperation{"Decrypt", KeyUsage::encrypt_decrypt},
    GrantOperation{"Encrypt", KeyUsage::encrypt_decrypt},
    GrantOperation{"GenerateDataKey", KeyUsage::encrypt_decrypt, true},
    GrantOperation{"GenerateDataKeyWithoutPlaintext", KeyUsage::encrypt_decrypt, true},
    GrantOperation{"ReEncryptFrom", KeyUsage::encrypt_decrypt},
    GrantOperation{"ReEncryptTo", KeyUsage::encrypt_decrypt},
    GrantOperation{"Sign", KeyUsage::sign_verify},
    GrantOperation{"Verify", KeyUsage::sign_verify},
    GrantOperation{"GetPublicKey", std::nullopt},
    GrantOperation{"CreateGrant", std::nullopt},
    GrantOperation{"RetireGrant", std::nullopt},
    GrantOperation{"DescribeKey", std::nullopt},
    GrantOperation{"GenerateDataKeyPair", KeyUsage::encrypt_decrypt, true},
    GrantOperation{"GenerateDataKeyPairWithoutPlaintext", KeyUsage::encrypt_decrypt, true},
    GrantOperation{"GenerateMac", KeyUsage::generate_verify_mac},
    GrantOperation{"VerifyMac", KeyUsage::generate_verify_mac},
    GrantOperation{"DeriveSharedSecret", KeyUsage::key_agreement},
};

json::object to_json(const EncryptionContext& context) {
  json::object out;
  for (const auto& [name, value] : context) out[name] = value;
  return out;
}

std::string constraints_text(const Grant& grant) {
  json::object out;
  if (grant.context_equals) out[kEquals] = to_json(*grant.context_equals);
  if (grant.context_subset) out[kSubset] = to_json(*grant.context_subset);
  return json::serialize(out);
}

std::optional<EncryptionContext> read_context(const json::object& constraints,
                                              std::string_view name) {
  const json::value* value = constraints.if_contains(name);
  if (value == nullptr || !value->is_object()) return std::nullopt;
  EncryptionContext context;
  for (const auto& [key, text] : value->get_object()) {
    if (text.is_string()) context.emplace(key, text.get_string());
  }
  return context;
}

Result<Grant> read_grant(const Rows& rows) {
  Grant grant{.id = rows.text(0),
              .key_id = rows.text(1),
              .name = rows.text(2),
              .grantee = rows.text(3),
              .retiring = rows.text(4),
              .issuer = rows.text(5),
              .operations = {},
              .context_equals = {},
              .context_subset = {},
              .created = Timestamp(std::chrono::milliseconds(rows.integer(8)))};
  COFFERDAM_TRY(const json::value operations, parse_json(rows.text(6), /*max_size=*/4096));
  COFFERDAM_TRY(const json::value constraints, parse_json(rows.text(7), /*max_size=*/1 << 16));
  if (!operations.is_array() || !constraints.is_object()) {
    return fail(Errc::internal, "store: a grant is damaged");
  }
  for (const json::value& operation : operations.get_array()) {
    if (operation.is_string()) grant.operations.emplace_back(operation.get_string());
  }
  grant.context_equals = read_context(constraints.get_object(), kEquals);
  grant.context_subset = read_context(constraints.get_object(), kSubset);
  return grant;
}

Result<std::vector<Grant>> read_grants(Rows rows) {
  std::vector<Grant> grants;
  for (;;) {
    COFFERDAM_TRY(const bool more, rows.next());
    if (!more) return grants;
    COFFERDAM_TRY(Grant grant, read_grant(rows));
    grants.push_back(std::move(grant));
  }
}

}  // namespace

bool names_principal(std::string_view named, const policy::Principal& principal) {
  return named == principal.arn || (!principal.role_arn.empty() && named == principal.role_arn) ||
         (!principal.account.empty() && named == "arn:aws:iam::" + principal.account + ":root");
}

bool allows(const Grant& grant, const policy::Principal& principal, std::string_view operation,
            const EncryptionContext& context) {
  if (!names_principal(grant.grantee, principal)) return false;
  if (std::ranges::find(grant.operations, operation) == grant.operations.end()) return false;
  // Constraints are about cryptographic operations; covers() passes them on to new grants.
  if (operation == "CreateGrant" || operation == "DescribeKey") return true;
  if (grant.context_equals && *grant.context_equals != context) return false;
  return !grant.context_subset || std::ranges::all_of(*grant.context_subset, [&](const auto& pair) {
    const auto found = context.find(pair.first);
    return found != context.end() && found->second == pair.second;
  });
}

bool covers(const Grant& parent, const Grant& child) {
  return parent.context_equals == child.context_equals &&
         parent.context_subset == child.context_subset &&
         std::ranges::all_of(child.operations, [&](const std::string& operation) {
           return std::ranges::find(parent.operations, operation) != parent.operations.end();
         });
}

std::optional<bool> grant_suits(std::string_view operation, const KeyRecord& key) {
  const auto* found = std::ranges::find(kOperations, operation, &GrantOperation::name);
  if (found == kOperations.end()) return std::nullopt;
  if (found->name == "GetPublicKey") return key.spec->pair.has_value();
  if (found->usage && *found->usage != key.usage) return false;
  return !found->symmetric_only || key.spec->symmetric();
}

bool same_terms(const Grant& one, const Grant& other) {
  return one.name == other.name && one.grantee == other.grantee && one.retiring == other.retiring &&
         one.operations == other.operations && one.context_equals == other.context_equals &&
         one.context_subset == other.context_subset;
}

Status GrantStore::add(const Grant& grant) {
  const std::string operations =
      json::serialize(json::array(grant.operations.begin(), grant.operations.end()));
  const std::string constraints = constraints_text(grant);
  COFFERDAM_CHECK(store_.write(
      "INSERT INTO grants (id, key_id, name, grantee, retiring, issuer, operations, constraints, "
      "created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      {std::string_view(grant.id), std::string_view(grant.key_id), std::string_view(grant.name),
       std::string_view(grant.grantee), std::string_view(grant.retiring),
       std::string_view(grant.issuer), std::string_view(operations), std::string_view(constraints),
       grant.created.time_since_epoch().count()}));
  return {};
}

Status GrantStore::remove(std::string_view id) {
  COFFERDAM_CHECK(store_.write("DELETE FROM grants WHERE id = ?1", {id}));
  return {};
}

Result<std::optional<Grant>> GrantStore::find(std::string_view id) {
  COFFERDAM_TRY(Rows rows, store_.query(kById, {id}));
  COFFERDAM_TRY(auto grants, read_grants(std::move(rows)));
  return grants.empty() ? std::nullopt : std::optional(std::move(grants.front()));
}

Result<std::vector<Grant>> GrantStore::grants_of(std::string_view key_id) {
  COFFERDAM_TRY(Rows rows, store_.query(kByKey, {key_id}));
  return read_grants(std::move(rows));
}

Result<std::vector<Grant>> GrantStore::retirable_by(std::string_view principal,
                                                    std::string_view marker, std::size_t limit) {
  COFFERDAM_TRY(Rows rows,
                store_.query(kByRetiring, {principal, marker, static_cast<std::int64_t>(limit)}));
  return read_grants(std::move(rows));
}

}  // namespace cofferdam::cloud
