// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/child.h"
#include "base/json.h"
#include "base/result.h"

namespace cofferdam::run {

// What `nitro-cli run-enclave` is asked for.
struct NitroRequest {
  std::filesystem::path image;
  std::string name;
  std::uint64_t memory_mib = 0;
  unsigned cpus = 0;
  std::optional<std::uint32_t> cid;  // Nothing: any.
  bool debug_mode = false;
};

// An enclave as nitro-cli reports it.
struct NitroEnclave {
  std::string id;
  std::string name;  // Empty before nitro-cli 1.2.
  std::int64_t cid = 0;
  std::int64_t cpus = 0;
  std::int64_t memory_mib = 0;
  // Of describe-enclaves only:
  std::string state;
  std::optional<json::object> measurements;
};

// AWS's nitro-cli, started without a shell. Its JSON is taken as documented (formats.md §7):
// what is missing or has another type is Errc::internal, members of later versions are
// allowed. Failures are explained as nitro_error.h says; silence is Errc::deadline_exceeded.
class NitroCli {
 public:
  // `error_log` takes its standard error and belongs to this object. No call takes longer
  // than `longest`, however long nitro-cli's own limits are.
  NitroCli(std::filesystem::path program, std::filesystem::path error_log,
           std::chrono::milliseconds longest = std::chrono::hours(1))
      : program_(std::move(program)), error_log_(std::move(error_log)), longest_(longest) {}
  // The one in PATH. Errc::not_found with where to get it.
  static Result<NitroCli> find(std::filesystem::path error_log);

  NitroCli(NitroCli&& other) noexcept = default;
  NitroCli& operator=(NitroCli&&) = delete;
  ~NitroCli();

  // Returns when the enclave has given its heartbeat.
  Result<NitroEnclave> run(const NitroRequest& request) const;
  Result<std::vector<NitroEnclave>> describe() const;
  Status terminate(const std::string& id) const;
  // A program that prints the console of an enclave in debug mode until that ends.
  Result<Child> console(const std::string& id) const;

 private:
  Result<std::string> call(std::vector<std::string> arguments,
                           std::chrono::milliseconds limit) const;

  std::filesystem::path program_;
  std::filesystem::path error_log_;
  std::chrono::milliseconds longest_;
};

// How long nitro-cli waits for the heartbeat: 90 s for each begun 6 GiB of image and 90 s for each
// begun 100 GiB of memory (formats.md §6).
std::chrono::seconds nitro_boot_limit(std::uint64_t image_size, std::uint64_t memory_mib) noexcept;

// The output of the commands.
Result<NitroEnclave> parse_run_output(std::string_view text);
Result<std::vector<NitroEnclave>> parse_describe_output(std::string_view text);
Status check_terminate_output(std::string_view text, std::string_view id);

}  // namespace cofferdam::run
