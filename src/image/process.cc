// SPDX-License-Identifier: Apache-2.0
#include "image/process.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "image/accounts.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

bool has(const std::vector<std::string>& env, std::string_view name) {
  return std::ranges::any_of(
      env, [name](const std::string& variable) { return name_of(variable) == name; });
}

std::vector<std::string> args_of(const ContainerConfig& config, const ProcessOverrides& overrides) {
  const std::vector<std::string> nothing;
  auto out = overrides.entrypoint ? *overrides.entrypoint : config.entrypoint.value_or(nothing);
  const auto inherited = overrides.entrypoint ? nothing : config.cmd.value_or(nothing);
  const auto& cmd = overrides.cmd ? *overrides.cmd : inherited;
  out.insert(out.end(), cmd.begin(), cmd.end());
  return out;
}

}  // namespace

std::vector<std::string> merge_env(const std::vector<std::string>& env,
                                   const std::vector<std::string>& more) {
  std::vector<std::string> out;
  for (const auto* list : {&env, &more}) {
    for (const std::string& variable : *list) {
      const auto old = std::ranges::find_if(
          out, [&variable](const std::string& one) { return name_of(one) == name_of(variable); });
      if (old == out.end()) {
        out.push_back(variable);
      } else {
        *old = variable;
      }
    }
  }
  return out;
}

Result<agent::ProcessSpec> make_process(const ContainerConfig& config,
                                        const ProcessOverrides& overrides, const FileTree& tree) {
  agent::ProcessSpec out;
  out.args = args_of(config, overrides);
  COFFERDAM_TRY(Account account, find_account(tree, overrides.user.value_or(config.user)));
  out.uid = account.uid;
  out.gid = account.gid;
  out.additional_gids = std::move(account.additional_gids);
  out.env = merge_env(config.env, overrides.env);
  if (!has(out.env, "PATH")) out.env.emplace_back(kDefaultPath);
  if (!has(out.env, "HOME")) out.env.push_back("HOME=" + account.home);
  out.cwd = overrides.working_dir.value_or(config.working_dir);
  if (out.cwd.empty()) out.cwd = "/";
  const std::string& signal = overrides.stop_signal ? *overrides.stop_signal : config.stop_signal;
  if (!signal.empty()) out.stop_signal = signal;
  if (auto checked = agent::check_process_spec(out); !checked) {
    return fail(Errc::invalid_input, reason::kMalformed,
                "the container's settings: " + checked.error().detail);
  }
  return out;
}

}  // namespace cofferdam::image
