// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/config.h"

// Whatever is accepted holds what the rest of the agent relies on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cofferdam;
  const std::string_view text = as_text(ByteView(data, size));
  const auto config = agent::parse_config(text);
  if (!config) return 0;
  if (config->kms_host.empty() || config->kms_port == 0) std::abort();
  if (!config->command.empty() && !config->command.front().starts_with('/')) std::abort();
  if (!config->ca_roots.starts_with('/') || config->ca_roots.find("/../") != std::string::npos) {
    std::abort();
  }
  const auto control = net::parse_endpoint(net::to_string(config->control));
  if (!control || *control != config->control) std::abort();
  for (const agent::SecretSpec& secret : config->secrets) {
    if (config->find_secret(secret.name) != &secret) std::abort();
    if (secret.key_arn.find(":kms:" + config->region + ":") == std::string::npos) std::abort();
    if (secret.key_arn.find(":key/") == std::string::npos) std::abort();
  }
  return 0;
}
