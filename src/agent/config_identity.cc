// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "agent/config_sections.h"
#include "policy/arn.h"

// [identity].
namespace cofferdam::agent {
namespace {

constexpr std::string_view kRole = "role/";
constexpr std::size_t kMaxAudience = 255;    // Of a client id of an OIDC provider.
constexpr std::size_t kMaxSessionName = 64;  // STS takes 2 to 64 of [A-Za-z0-9_+=,.@-].
constexpr std::array<std::string_view, 3> kPartitions{"aws", "aws-cn", "aws-us-gov"};
constexpr std::array<std::string_view, 2> kAlgorithms{"ES256", "RS256"};

// [A-Za-z0-9_] and `more`.
bool is_made_of(std::string_view text, std::string_view more) {
  return std::ranges::all_of(text, [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           more.find(c) != more.npos;
  });
}

bool is_role_arn(std::string_view text) {
  const auto arn = policy::parse_arn(text);
  if (!arn || std::ranges::find(kPartitions, arn->partition) == kPartitions.end()) return false;
  if (arn->service != "iam" || !arn->region.empty() || !policy::is_account_id(arn->account)) {
    return false;
  }
  const std::string_view role = arn->resource;
  return role.starts_with(kRole) && !role.ends_with('/') && is_made_of(role, "+=,.@-/");
}

Result<std::string> read_session_name(StrictTable& table, std::string_view enclave) {
  COFFERDAM_TRY(auto text, table.optional_text("session_name"));
  std::string out = text ? *std::move(text) : std::string(enclave.substr(0, kMaxSessionName));
  if (out.size() < 2 || out.size() > kMaxSessionName || !is_made_of(out, "+=,.@-")) {
    return table.refuse("session_name", "is not 2 to 64 letters, digits or any of _+=,.@-");
  }
  return out;
}

Status read_endpoints(StrictTable& table, const Config& config, IdentitySpec& out) {
  COFFERDAM_TRY(const auto broker, read_optional_https(table, "broker"));
  if (!broker) return table.refuse("broker", "is missing");
  out.broker = *broker;
  COFFERDAM_TRY(const auto roots, read_optional_path(table, "ca_roots"));
  out.ca_roots = roots.value_or(config.ca_roots);
  COFFERDAM_TRY(const auto sts, read_optional_https(table, "sts_endpoint"));
  out.sts = sts.value_or(net::TcpAddress{.host = aws_host("sts", config.region), .port = 443});
  return {};
}

Status read_token_wish(StrictTable& table, IdentitySpec& out) {
  COFFERDAM_TRY(out.audience, table.text("audience"));
  if (!is_plain(out.audience) || out.audience.size() > kMaxAudience ||
      out.audience.find(' ') != std::string::npos) {
    return table.refuse("audience", "is not 1 to 255 visible characters");
  }
  COFFERDAM_TRY(auto algorithm, table.optional_text("algorithm"));
  if (algorithm) out.algorithm = *std::move(algorithm);
  if (std::ranges::find(kAlgorithms, out.algorithm) == kAlgorithms.end()) {
    return table.refuse("algorithm", "is not ES256 or RS256");
  }
  return {};
}

}  // namespace

std::string IdentitySpec::session_arn() const {
  // Checked when it was read: arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME.
  const auto arn = policy::parse_arn(role_arn).value_or(policy::Arn());
  return "arn:" + arn.partition + ":sts::" + arn.account + ":assumed-role/" +
         arn.resource.substr(arn.resource.rfind('/') + 1) + "/" + session_name;
}

Status read_identity(StrictTable& top, Config& out) {
  COFFERDAM_TRY(auto table, top.optional_table("identity"));
  if (!table) return {};
  IdentitySpec identity;
  COFFERDAM_CHECK(read_endpoints(*table, out, identity));
  COFFERDAM_CHECK(read_token_wish(*table, identity));
  COFFERDAM_TRY(identity.role_arn, table->text("role_arn"));
  if (!is_role_arn(identity.role_arn)) {
    return table->refuse("role_arn", "is not arn:aws:iam::ACCOUNT:role/[PATH/]NAME");
  }
  COFFERDAM_TRY(identity.session_name, read_session_name(*table, out.name));
  COFFERDAM_TRY(
      const auto duration,
      read_optional_duration(*table, "duration", std::chrono::minutes(15), std::chrono::hours(1)));
  if (duration) identity.duration = std::chrono::duration_cast<std::chrono::seconds>(*duration);
  COFFERDAM_CHECK(table->finish());
  out.identity = std::move(identity);
  return {};
}

}  // namespace cofferdam::agent
