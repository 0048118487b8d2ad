// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/process_spec.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "net/endpoint.h"

// The measured configuration of an enclave: /etc/cofferdam/agent.toml in its image and the
// files it names. The agent and the operator's tools call the same functions, so that the
// PCR16 a tool predicts is the PCR16 an enclave extends.
namespace cofferdam::agent {

inline constexpr std::string_view kConfigPath = "/etc/cofferdam/agent.toml";
inline constexpr std::uint8_t kConfigPcr = 16;

enum class Operation : std::uint8_t { decrypt, generate_data_key };
std::string_view operation_name(Operation operation) noexcept;  // As KMS writes it.

// What a secret is made of, as measured: nothing of this comes from the parent.
struct SecretSpec {
  std::string name;
  Operation operation = Operation::decrypt;
  std::string key_arn;  // A full key ARN: no alias, no bare id.
  std::map<std::string, std::string> context;
};

struct Config {
  std::string name;
  std::uint64_t minimum_release = 0;
  crypto::Sha384 pcr8{};
  std::optional<crypto::Sha384> pcr1;
  std::string nsm_device;                 // "device:PATH" or "unix:PATH"
  std::optional<std::string> trust_root;  // Path; absent: the AWS root.
  net::Endpoint control;
  net::Endpoint egress;
  std::optional<net::Endpoint> heartbeat;  // Of nitro-cli; absent: nobody waits for one.
  std::string region;
  std::string kms_host;
  std::uint16_t kms_port = 443;
  std::string ca_roots;              // Path.
  std::string workload_socket;       // As the workload sees it, below its root.
  std::vector<std::string> command;  // Empty: process.json says what to start.
  std::vector<SecretSpec> secrets;

  const SecretSpec* find_secret(std::string_view secret_name) const noexcept;
};

// The configuration, the bytes it came from and their digest.
struct MeasuredConfig {
  Config config;
  std::map<std::string, Bytes> files;  // By path, agent.toml included.
  crypto::Sha384 digest{};

  std::string_view text_of(const std::string& path) const;
};

// Reads the text of agent.toml. Unknown and repeated keys, wrong types, values out of
// range and anything over a limit are Errc::invalid_input with the place.
Result<Config> parse_config(std::string_view toml);

// A file of an image by its absolute path, of at most `max_size` bytes; Errc::not_found
// where there is none.
using ReadImageFile = std::function<Result<Bytes>(std::string_view path, std::size_t max_size)>;

// Reads and measures the configuration of an image, wherever its files are: agent.toml and
// exactly the files it names.
Result<MeasuredConfig> measure_config(const ReadImageFile& read_file);

// The same for the tree under `root`: "/" in an enclave, the
// root file system of an image on an operator's machine. Symbolic links are refused.
Result<MeasuredConfig> load_config(const std::filesystem::path& root);

// What the image starts: its process.json, with the command of agent.toml where that names
// one; the command alone, in "/" and as the agent's own user, where the image has no
// process.json. With neither
// it is Errc::invalid_input, and the text says what to do.
Result<ProcessSpec> load_process_spec(const std::filesystem::path& root, const Config& config);

// SHA-384 of the CBOR array ["cofferdam/config/v1", {path: content}] (docs/protocol.md).
crypto::Sha384 config_digest(const std::map<std::string, Bytes>& files);

// The value of PCR16 once a fresh register was extended with `digest`.
crypto::Sha384 expected_pcr16(const crypto::Sha384& digest);

}  // namespace cofferdam::agent
