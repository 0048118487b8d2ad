// SPDX-License-Identifier: Apache-2.0
#include "run/nitro_cli.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "run/nitro_error.h"
#include "run/state.h"

namespace cofferdam::run {
namespace {

constexpr std::size_t kMaxOutput = std::size_t{1} << 20;
constexpr std::chrono::seconds kCallLimit{30};
constexpr std::uint64_t kGib = std::uint64_t{1} << 30;

std::unexpected<Error> strange(std::string_view command) {
  return fail(Errc::internal, "nitro-cli " + std::string(command) +
                                  " printed something else than its documented JSON; see "
                                  "`nitro-cli --version` (1.2 to 1.5 are known here)");
}

Result<std::int64_t> integer(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(const auto value, optional_integer(object, name));
  if (!value) return fail(Errc::invalid_input, std::string(name) + " is missing");
  return *value;
}

// The members that both run-enclave and describe-enclaves print.
Result<NitroEnclave> read_enclave(const json::object& object) {
  NitroEnclave out;
  COFFERDAM_TRY(out.id, required_string(object, "EnclaveID"));
  COFFERDAM_CHECK(check_name(out.id));  // It becomes the name of a folder.
  COFFERDAM_TRY(const auto name, optional_string(object, "EnclaveName"));
  out.name = name.value_or("");
  if (!out.name.empty()) COFFERDAM_CHECK(check_name(out.name));
  COFFERDAM_TRY(out.cid, integer(object, "EnclaveCID"));
  COFFERDAM_TRY(out.cpus, integer(object, "NumberOfCPUs"));
  COFFERDAM_TRY(out.memory_mib, integer(object, "MemoryMiB"));
  return out;
}

Result<NitroEnclave> read_described(const json::object& object) {
  COFFERDAM_TRY(NitroEnclave out, read_enclave(object));
  COFFERDAM_TRY(out.state, required_string(object, "State"));
  const json::value* const measurements = object.if_contains("Measurements");
  if (measurements == nullptr || measurements->is_null()) return out;
  if (!measurements->is_object()) return fail(Errc::invalid_input, "Measurements are no object");
  out.measurements = measurements->get_object();
  return out;
}

}  // namespace

std::chrono::seconds nitro_boot_limit(std::uint64_t image_size, std::uint64_t memory_mib) noexcept {
  constexpr std::uint64_t kSeconds = 90;
  const std::uint64_t images = (std::max<std::uint64_t>(image_size, 1) - 1) / (6 * kGib) + 1;
  const std::uint64_t memories = (std::max<std::uint64_t>(memory_mib, 1) - 1) / (100 * 1024) + 1;
  return std::chrono::seconds(kSeconds * (images + memories));
}

Result<NitroEnclave> parse_run_output(std::string_view text) {
  const auto parsed = parse_json(text, kMaxOutput);
  if (!parsed || !parsed->is_object()) return strange("run-enclave");
  auto out = read_enclave(parsed->get_object());
  if (!out) return strange("run-enclave");
  return out;
}

Result<std::vector<NitroEnclave>> parse_describe_output(std::string_view text) {
  const auto parsed = parse_json(text, kMaxOutput);
  if (!parsed || !parsed->is_array()) return strange("describe-enclaves");
  std::vector<NitroEnclave> out;
  for (const json::value& one : parsed->get_array()) {
    if (!one.is_object()) return strange("describe-enclaves");
    auto enclave = read_described(one.get_object());
    if (!enclave) return strange("describe-enclaves");
    out.push_back(*std::move(enclave));
  }
  return out;
}

Status check_terminate_output(std::string_view text, std::string_view id) {
  const auto parsed = parse_json(text, kMaxOutput);
  if (!parsed || !parsed->is_object()) return strange("terminate-enclave");
  const auto done = optional_bool(parsed->get_object(), "Terminated");
  const auto which = optional_string(parsed->get_object(), "EnclaveID");
  if (!done || !which || *which != id) return strange("terminate-enclave");
  if (*done == true) return {};
  return fail(Errc::unavailable, "nitro-cli did not terminate the enclave");
}

Result<NitroCli> NitroCli::find(std::filesystem::path error_log) {
  auto program = find_in_path("nitro-cli");
  if (!program) {
    return fail(
        Errc::not_found,
        program.error().detail + "; on Amazon Linux 2023: sudo dnf install aws-nitro-enclaves-cli");
  }
  return NitroCli(*std::move(program), std::move(error_log));
}

NitroCli::~NitroCli() {
  std::error_code ignored;
  if (!error_log_.empty()) std::filesystem::remove(error_log_, ignored);
}

Result<std::string> NitroCli::call(std::vector<std::string> arguments,
                                   std::chrono::milliseconds limit) const {
  const std::string command = arguments.front();
  limit = std::min(limit, longest_);
  arguments.insert(arguments.begin(), program_.string());
  COFFERDAM_CHECK(write_file_atomic(error_log_, {}, 0600));
  auto finished = run_to_end(arguments, error_log_, limit);
  const std::string printed = read_text_file(error_log_, kMaxOutput).value_or("");
  if (!finished && finished.error().code == Errc::deadline_exceeded) {
    return fail(Errc::deadline_exceeded, "nitro-cli " + command + " did not end within " +
                                             std::to_string(limit.count() / 1000) +
                                             " s and was stopped; see /var/log/nitro_enclaves");
  }
  if (!finished) return std::unexpected(std::move(finished).error());
  if (finished->exit_code != 0) {
    return std::unexpected(explain_nitro_error(printed, finished->exit_code));
  }
  return std::move(finished->output);
}

Result<NitroEnclave> NitroCli::run(const NitroRequest& request) const {
  std::vector<std::string> arguments{"run-enclave",
                                     "--eif-path",
                                     request.image.string(),
                                     "--memory",
                                     std::to_string(request.memory_mib),
                                     "--cpu-count",
                                     std::to_string(request.cpus),
                                     "--enclave-name",
                                     request.name};
  if (request.cid) {
    arguments.insert(arguments.end(), {"--enclave-cid", std::to_string(*request.cid)});
  }
  if (request.debug_mode) arguments.emplace_back("--debug-mode");
  std::error_code error;
  const auto size = std::filesystem::file_size(request.image, error);
  // It gives up by itself first; ours is for one that hangs.
  const auto limit = nitro_boot_limit(error ? 0 : size, request.memory_mib) + kCallLimit;
  COFFERDAM_TRY(const std::string output, call(std::move(arguments), limit));
  return parse_run_output(output);
}

Result<std::vector<NitroEnclave>> NitroCli::describe() const {
  COFFERDAM_TRY(const std::string output, call({"describe-enclaves"}, kCallLimit));
  return parse_describe_output(output);
}

Status NitroCli::terminate(const std::string& id) const {
  COFFERDAM_TRY(const std::string output,
                call({"terminate-enclave", "--enclave-id", id}, kCallLimit));
  return check_terminate_output(output, id);
}

Result<Child> NitroCli::console(const std::string& id) const {
  return Child::start({program_.string(), "console", "--enclave-id", id}, error_log_);
}

}  // namespace cofferdam::run
