// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
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

enum class Operation : std::uint8_t {
  decrypt,
  generate_data_key,
  generate_data_key_pair,
  generate_random,
  derive_shared_secret,
};
std::string_view operation_name(Operation operation) noexcept;  // As KMS writes it.

// A fact about this very enclave that an encryption context may carry.
enum class EvidenceValue : std::uint8_t { name, release, pcr0, pcr1, pcr2, pcr8, pcr16 };

// What a secret is made of, as measured: nothing of this comes from the parent.
struct SecretSpec {
  std::string name;
  Operation operation = Operation::decrypt;
  std::string key_arn;  // A full key ARN: no alias, no bare id. Empty for GenerateRandom only.
  std::map<std::string, std::string> context;             // Fixed pairs.
  std::map<std::string, EvidenceValue> evidence_context;  // Other names, filled in after boot.
  std::string key_spec;           // Of a data key or key pair: "AES_256", "ECC_NIST_P256", ...
  std::uint32_t random_size = 0;  // Bytes, of GenerateRandom.
  std::string public_key;         // Path of the peer's SPKI (PEM), of DeriveSharedSecret.
  bool envelope = false;          // The parent's offer is a custody envelope.

  // Any two calls give the same value, so it is fetched once and kept.
  bool is_stable() const noexcept {
    return operation == Operation::decrypt || operation == Operation::derive_shared_secret;
  }
};

enum class RestartPolicy : std::uint8_t { never, on_failure, always };

struct WorkloadOptions {
  RestartPolicy restart = RestartPolicy::never;
  std::uint32_t max_restarts = 5;                     // In any ten minutes; then the enclave ends.
  std::chrono::milliseconds stop_grace{10'000};       // From SIGTERM to SIGKILL.
  std::optional<std::chrono::milliseconds> watchdog;  // The workload has to report this often.
  // Last lines of output in the exit report. What they say leaves the enclave.
  std::uint32_t report_lines = 0;
};

// Rego that decides who inside the enclave gets what.
struct PolicySpec {
  std::vector<std::string> modules;  // Paths.
  std::optional<std::string> data;   // Path of a JSON document: data.config.
};

// Interfaces on the enclave's loopback; each has a port or does not exist.
struct ServeSpec {
  std::optional<std::uint16_t> kms;            // For unmodified AWS SDKs.
  std::optional<std::uint16_t> secrets_agent;  // As the AWS Secrets Manager Agent.
  std::optional<std::uint16_t> credentials;    // AWS container credentials.
};

// A secret as a file in memory. The path is the workload's.
struct FileSpec {
  std::string secret;
  std::string path;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0400;
};

// A place for sealed state. `roots` are secrets of 32 bytes or more; the first one seals.
struct SealingSpec {
  std::string name;
  std::vector<std::string> roots;
  std::string purpose;
};

// What another enclave must be.
struct MeasurementSpec {
  std::string name;
  std::uint64_t minimum_release = 0;
  crypto::Sha384 pcr8{};
  std::map<std::uint8_t, crypto::Sha384> pcrs;  // More registers to pin.
};

// Who may send requests. Exactly one of the three is set.
struct ClientSpec {
  std::string name;
  std::optional<std::string> mac_key;      // A secret's name.
  std::optional<std::string> certificate;  // Path of the pinned certificate (PEM).
  std::optional<MeasurementSpec> enclave;
};

// The attested listener for requests from outside.
struct ChannelSpec {
  net::Endpoint listen;
  net::Endpoint forward;  // Of the workload, as the agent reaches it.
  bool proxy_protocol = false;
  std::chrono::milliseconds max_deadline{60'000};
  std::vector<ClientSpec> clients;
};

// Another enclave, reached from `listen` on the inside through the parent's egress.
struct PeerSpec {
  std::string name;
  net::TcpAddress address;
  net::Endpoint listen;
  MeasurementSpec expected;
};

// The role that this enclave takes on with a token of the broker (docs/identity.md), in place
// of what the parent lends.
struct IdentitySpec {
  net::TcpAddress broker;
  net::TcpAddress sts;
  std::string ca_roots;  // Path; whom to believe for the broker. For STS those of KMS count.
  std::string audience;
  std::string role_arn;
  std::string session_name;
  std::chrono::seconds duration{3600};
  std::string algorithm = "ES256";  // Of the token's signature, or "RS256".

  // As STS names the session: arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION.
  std::string session_arn() const;
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
  WorkloadOptions workload;
  std::vector<SecretSpec> secrets;
  std::optional<PolicySpec> policy;
  ServeSpec serve;
  std::vector<FileSpec> files;
  std::vector<SealingSpec> sealings;
  std::optional<ChannelSpec> channel;
  std::vector<PeerSpec> peers;
  std::optional<IdentitySpec> identity;

  const SecretSpec* find_secret(std::string_view secret_name) const noexcept;
  // Each file that the configuration names, and is therefore measured.
  std::vector<std::string> named_files() const;
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
