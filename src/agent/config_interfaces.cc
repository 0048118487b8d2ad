// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <set>

#include "agent/config_sections.h"

// [policy] and [serve].
namespace cofferdam::agent {
namespace {

constexpr std::size_t kMaxModules = 32;

Result<std::optional<std::uint16_t>> read_port(StrictTable& table, std::string_view key) {
  COFFERDAM_TRY(const auto port, read_optional_integer(table, key, 1, 65535));
  if (!port) return std::nullopt;
  return static_cast<std::uint16_t>(*port);
}

}  // namespace

Status read_policy(StrictTable& top, Config& out) {
  COFFERDAM_TRY(auto table, top.optional_table("policy"));
  if (!table) return {};
  PolicySpec policy;
  COFFERDAM_TRY(auto modules, table->optional_texts("rego", kMaxModules));
  if (!modules) return table->refuse("rego", "is missing: a list of paths");
  for (const std::string& path : *modules) {
    if (!is_image_path(path)) return table->refuse("rego", "has a path that is not absolute");
  }
  policy.modules = *std::move(modules);
  COFFERDAM_TRY(policy.data, read_optional_path(*table, "data"));
  COFFERDAM_CHECK(table->finish());
  out.policy = std::move(policy);
  return {};
}

Status read_serve(StrictTable& top, Config& out) {
  COFFERDAM_TRY(auto table, top.optional_table("serve"));
  if (!table) return {};
  COFFERDAM_TRY(out.serve.kms, read_port(*table, "kms"));
  COFFERDAM_TRY(out.serve.secrets_agent, read_port(*table, "secrets_agent"));
  COFFERDAM_TRY(out.serve.credentials, read_port(*table, "credentials"));
  const std::array ports{out.serve.kms, out.serve.secrets_agent, out.serve.credentials};
  std::set<std::uint16_t> seen;
  for (const auto& port : ports) {
    if (port && !seen.insert(*port).second) {
      return fail(Errc::invalid_input, "agent.toml: [serve] uses one port twice");
    }
  }
  return table->finish();
}

}  // namespace cofferdam::agent
