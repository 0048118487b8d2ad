// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "base/strict_toml.h"

// The sections of agent.toml, one source file for each group, and the values they share. For
// config.cc and those files only.
namespace cofferdam::agent {

// Names appear in URLs, logs and file names, so they need no escaping anywhere.
bool is_name(std::string_view text);
bool is_host(std::string_view text);  // In lower case.
// Absolute, without '.', '..' and '//'.
bool is_image_path(std::string_view path);

Result<std::string> read_name(StrictTable& table, std::string_view key);
Result<std::string> read_path(StrictTable& table, std::string_view key);
Result<std::optional<std::string>> read_optional_path(StrictTable& table, std::string_view key);
Result<net::Endpoint> read_endpoint(StrictTable& table, std::string_view key);
Result<std::optional<net::Endpoint>> read_optional_endpoint(StrictTable& table,
                                                            std::string_view key);
Result<crypto::Sha384> read_pcr(const StrictTable& table, std::string_view key,
                                std::string_view hex);
// An unsigned image has a zero PCR8: a pin on it would hold for every unsigned image.
Result<crypto::Sha384> read_certificate_pcr(StrictTable& table, std::string_view key);
// From `low` to `high`; absent where the key is.
Result<std::optional<std::int64_t>> read_optional_integer(StrictTable& table, std::string_view key,
                                                          std::int64_t low, std::int64_t high);
Result<std::optional<std::chrono::milliseconds>> read_optional_duration(
    StrictTable& table, std::string_view key, std::chrono::milliseconds low,
    std::chrono::milliseconds high);
// "HOST:PORT" in lower case.
Result<net::TcpAddress> read_address(StrictTable& table, std::string_view key);
// The host and port of "https://HOST[:PORT]" with nothing after it; absent where the key is.
Result<std::optional<net::TcpAddress>> read_optional_https(StrictTable& table,
                                                           std::string_view key);
// Of an AWS service in a Region: "kms.eu-west-1.amazonaws.com".
std::string aws_host(std::string_view service, std::string_view region);
// Fails where a secret of this name is not declared, or not one that stays the same.
Status check_stable_secret(const StrictTable& table, std::string_view key, const Config& config,
                           std::string_view name);

// Sections. Each reads its tables from `top` into `out`, after those it refers to.
Status read_workload(StrictTable table, Config& out);
Status read_secrets(StrictTable& top, Config& out);
Status read_files(StrictTable& top, Config& out);
Status read_sealings(StrictTable& top, Config& out);
Status read_policy(StrictTable& top, Config& out);
Status read_serve(StrictTable& top, Config& out);
Status read_channel(StrictTable& top, Config& out);
Status read_peers(StrictTable& top, Config& out);
Status read_identity(StrictTable& top, Config& out);

}  // namespace cofferdam::agent
