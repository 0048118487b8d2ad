// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/child.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::cli::demo {

// A key pair that signs images, with its certificate.
struct Signer {
  std::filesystem::path certificate;
  std::filesystem::path key;
  std::string pcr8;  // Hex.
};

// What goes into one image.
struct ImageSpec {
  std::string file_name;
  const Signer* signer = nullptr;
  std::string key_arn;
  std::uint64_t release = 1;
  std::uint64_t minimum_release = 1;
  bool flip_a_byte_of_the_workload = false;
};

struct Image {
  std::filesystem::path path;
  std::filesystem::path manifest;
  std::map<int, std::string> pcrs;  // 0, 1, 2, 8 and 16, in hex.
  Bytes config_digest;              // What the agent extends PCR16 with.
};

// One launch, with a parent that may lie.
struct Launch {
  const Image* image = nullptr;
  std::filesystem::path manifest;
  std::filesystem::path offer;
  bool debug_mode = false;
  // Where the parent leads connections to KMS instead of the real one: "HOST:PORT".
  std::optional<std::string> impostor;
};

struct Outcome {
  int exit_code = 0;
  std::string console;
  std::vector<json::object> decisions;  // Of the agent and of KMS, in that order.
  std::filesystem::path ledger;         // The agent's decisions, signed.
};

// Everything the demo needs on one machine, made from the commands a user has: a local
// AWS, images, parents and enclaves. Lives in a temporary folder and takes it along.
class Lab {
 public:
  // What the workload proves its possession of the secret over.
  static constexpr std::string_view kChallenge = "cofferdam demo";

  static Result<Lab> open();
  Lab(Lab&&) noexcept = default;
  Lab& operator=(Lab&&) = delete;
  ~Lab();

  Result<Signer> make_signer(std::string_view name);
  Result<Image> build_image(const ImageSpec& spec);

  // Calls the local KMS as the administrator, or with the credentials the parent has.
  enum class As : std::uint8_t { administrator, parent };
  Result<json::object> kms(As who, std::string_view operation, const json::object& request);
  // The same with a body that may hold a secret: JSON, wiped once sent.
  Result<json::object> kms(As who, std::string_view operation, Bytes body);

  // Encrypts a fresh random secret under the key and writes the parent's offer file.
  Result<std::filesystem::path> store_secret(std::string_view key_arn);
  // The same offer with one member set to another value.
  Result<std::filesystem::path> altered_offer(const std::filesystem::path& offer,
                                              std::string_view member, json::value value);
  const Secret& secret() const noexcept { return secret_; }
  const std::string& ciphertext() const noexcept { return ciphertext_; }

  Result<Outcome> launch(const Launch& launch);

  // Whether an auditor accepts the ledger as one of this image.
  Result<bool> ledger_verifies(const std::filesystem::path& ledger, const Image& image);

  // The decisions of the local KMS since the last call.
  Result<std::vector<json::object>> new_kms_decisions();

  const std::filesystem::path& folder() const noexcept { return folder_; }
  const std::string& kms_address() const noexcept { return kms_address_; }  // "HOST:PORT"
  const json::object& cloud() const noexcept { return cloud_ready_; }

  // A second local AWS, whose certificate nobody trusts: "HOST:PORT".
  Result<std::string> start_impostor();

 private:
  Lab() = default;

  Status start_cloud();
  Result<Child> start_parent(const Launch& launch, const std::filesystem::path& run);
  Status write_rootfs(const ImageSpec& spec, const std::filesystem::path& root);
  std::filesystem::path log(std::string_view name) const {
    return folder_ / (std::string(name) + ".log");
  }

  std::filesystem::path folder_;
  std::string kms_address_;
  json::object cloud_ready_;
  std::vector<Child> services_;
  Secret secret_;
  std::string ciphertext_;
  std::size_t kms_decisions_seen_ = 0;
  int launches_ = 0;
};

}  // namespace cofferdam::cli::demo
