// SPDX-License-Identifier: Apache-2.0
#include "run/nitro_error.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/printable.h"

namespace cofferdam::run {
namespace {

struct Explanation {
  std::string_view code;
  Errc errc;
  std::string_view text;
};

constexpr std::string_view kAllocator =
    " (/etc/nitro_enclaves/allocator.yaml, then: sudo systemctl restart "
    "nitro-enclaves-allocator.service)";

// Those that running, describing, watching and stopping an enclave can bring.
constexpr std::array kExplanations{
    Explanation{"E01", Errc::internal,
                "it misses an argument; this nitro-cli differs from those known here (1.2 to 1.5)"},
    Explanation{"E02", Errc::internal,
                "it takes two arguments for conflicting; this nitro-cli differs from those known "
                "here (1.2 to 1.5)"},
    Explanation{"E03", Errc::invalid_input, "it refuses the value of an argument"},
    Explanation{"E04", Errc::unavailable,
                "it cannot speak to the process it starts for the enclave; look for limits on "
                "open files (ulimit -n)"},
    Explanation{"E05", Errc::unavailable,
                "it cannot start the enclave's own process; look for limits on processes "
                "(ulimit -u) and free memory"},
    Explanation{"E06", Errc::unavailable, "the enclave's own process cannot go to the background"},
    Explanation{"E07", Errc::unavailable,
                "it cannot read /run/nitro_enclaves; is this user in the group ne? (sudo usermod "
                "-aG ne USER, then log in again)"},
    Explanation{"E08", Errc::unavailable, "its connection to the enclave's process was closed"},
    Explanation{"E11", Errc::unavailable, "a socket failed; the enclave may have ended meanwhile"},
    Explanation{"E18", Errc::unavailable,
                "its log /var/log/nitro_enclaves/nitro_enclaves.log belongs to another user; give "
                "it to the group ne (sudo chgrp ne, sudo chmod g+w)"},
    Explanation{"E19", Errc::unavailable,
                "it cannot open a file that it needs; for /dev/nitro_enclaves or "
                "/sys/module/nitro_enclaves: the instance must be launched with enclaves enabled, "
                "the driver be loaded (sudo modprobe nitro_enclaves) and this user be in the group "
                "ne"},
    Explanation{"E20", Errc::invalid_input, "a CPU is named twice"},
    Explanation{"E21", Errc::invalid_input,
                "a CPU is not in the pool of enclaves; add it to cpu_pool"},
    Explanation{"E22", Errc::invalid_input,
                "more CPUs are asked for than the pool of enclaves has free; lower --cpus, stop "
                "another enclave or raise cpu_count"},
    Explanation{"E23", Errc::unavailable, "it cannot read the list of CPUs from lscpu"},
    Explanation{"E24", Errc::unavailable,
                "the CPU pool is written wrongly, or a CPU's sibling is missing; give whole cores"},
    Explanation{"E25", Errc::unavailable, "this kernel has no huge pages of a size it knows"},
    Explanation{"E26", Errc::invalid_input,
                "less memory is asked for than the image needs, four times its size; raise "
                "--memory"},
    Explanation{"E27", Errc::invalid_input,
                "more memory is asked for than is free for enclaves; lower --memory, stop another "
                "enclave or raise memory_mib"},
    Explanation{"E28", Errc::unavailable,
                "the driver makes no enclave; an instance runs four at most"},
    Explanation{"E29", Errc::unavailable,
                "a call of the driver failed; look at its log and at dmesg"},
    Explanation{"E30", Errc::unavailable, "the driver does not say where the image belongs"},
    Explanation{"E31", Errc::unavailable,
                "the driver refuses a piece of memory; too many small huge pages: reboot or use "
                "1 GiB pages, so that the allocator finds large ones"},
    Explanation{"E32", Errc::unavailable,
                "the driver refuses a CPU; --cpus must make whole cores, an even number where "
                "they have two threads"},
    Explanation{"E33", Errc::unavailable,
                "the hypervisor does not start the enclave; is the --cid taken, and are fewer "
                "than four enclaves running?"},
    Explanation{"E34", Errc::invalid_input, "the image is too large for an enclave"},
    Explanation{"E35", Errc::unavailable,
                "it cannot load the image into the enclave's memory; are there huge pages? (grep "
                "Huge /proc/meminfo)"},
    Explanation{
        "E36", Errc::unavailable,
        "the enclave did not boot, or gave no heartbeat: the kernel or /init ended early. "
        "Look with --debug-mode --attach-console, and run the image with --backend process"},
    Explanation{"E37", Errc::unavailable, "it lost sight of the enclave"},
    Explanation{"E38", Errc::unavailable, "an enclave's process did not carry out the command"},
    Explanation{"E39", Errc::unavailable,
                "it cannot reach the process of an enclave, which has died or belongs to another "
                "user"},
    Explanation{"E40", Errc::not_found, "there is no enclave of that id"},
    Explanation{"E41", Errc::unavailable, "the enclave's process died before it could answer"},
    Explanation{"E42", Errc::unavailable,
                "no huge pages can be had; the allocator service has reserved too few"},
    Explanation{"E43", Errc::unavailable, "the enclave's memory cannot be given back"},
    Explanation{"E44", Errc::unavailable,
                "it cannot connect to the console; only an enclave started with --debug-mode has "
                "one"},
    Explanation{"E45", Errc::unavailable, "the console broke off"},
    Explanation{"E46", Errc::unavailable, "it cannot print the console"},
    Explanation{"E47", Errc::unavailable, "it does not understand the enclave's CID"},
    Explanation{"E53", Errc::unavailable, "the clock jumped while it read the console"},
    Explanation{"E56", Errc::unavailable,
                "it cannot write its log; does /var/log/nitro_enclaves exist, and may this user "
                "write there (group ne)?"},
    Explanation{"E58", Errc::invalid_input,
                "the name is not usable, or several enclaves have it; choose another --name"},
    Explanation{"E59", Errc::invalid_input, "the image's signature does not verify"},
};

constexpr std::array kAboutTheAllocator{std::string_view("E21"), std::string_view("E22"),
                                        std::string_view("E27"), std::string_view("E42")};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where the first "[ Enn ]" stands.
std::optional<std::size_t> find_code(std::string_view printed) {
  for (std::size_t at = printed.find("[ E"); at != std::string_view::npos;
       at = printed.find("[ E", at + 1)) {
    const std::string_view code = printed.substr(at, 7);
    if (code.size() == 7 && is_digit(code[3]) && is_digit(code[4]) && code.ends_with(" ]")) {
      return at;
    }
  }
  return std::nullopt;
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

// Which file E19 is about stands on a line of its own.
std::string file_of(std::string_view printed) {
  const std::size_t at = printed.find("\nFile: ");
  if (at == std::string_view::npos) return {};
  return "; " + printable(first_line(printed.substr(at + 1)));
}

}  // namespace

Error explain_nitro_error(std::string_view printed, int exit_code) {
  const auto at = find_code(printed);
  if (!at) {
    const std::string_view said = first_line(printed);
    return {.code = Errc::unavailable,
            .detail = "nitro-cli failed with exit status " + std::to_string(exit_code) +
                      (said.empty() ? " and said nothing" : ": " + printable(said)),
            .reason = {}};
  }
  const std::string_view code = printed.substr(*at + 2, 3);
  const auto* const known = std::ranges::find(kExplanations, code, &Explanation::code);
  if (known == kExplanations.end()) {
    return {.code = Errc::unavailable,
            .detail = "nitro-cli failed: " + printable(first_line(printed.substr(*at))) +
                      "; see nitro-cli explain --error-code " + std::string(code),
            .reason = {}};
  }
  std::string detail = "nitro-cli: " + std::string(known->text);
  if (std::ranges::find(kAboutTheAllocator, code) != kAboutTheAllocator.end()) {
    detail += kAllocator;
  }
  if (code == "E03") detail += ": " + printable(first_line(printed.substr(*at + 8)));
  if (code == "E19") detail += file_of(printed);
  return {.code = known->errc, .detail = std::move(detail), .reason = known->code};
}

}  // namespace cofferdam::run
