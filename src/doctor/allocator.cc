// SPDX-License-Identifier: Apache-2.0
#include "doctor/allocator.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace cofferdam::doctor {
namespace {

constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
constexpr std::uint64_t kMaxMemory = std::uint64_t{64} << 20;  // MiB: 64 TiB.
constexpr std::uint64_t kMaxCpus = 4096;
constexpr std::string_view kBlank = " \r";

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// A comment starts the line or follows a blank.
std::string_view without_comment(std::string_view line) {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ') return line.substr(0, at);
  }
  return line;
}

std::string_view without_quotes(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == text.back() &&
                      (text.front() == '"' || text.front() == '\'');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

Result<std::uint64_t> read_number(std::string_view text, std::uint64_t max) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out > max) {
    return fail(Errc::invalid_input, "expected a whole number of at most " + std::to_string(max));
  }
  return out;
}

class Parser {
 public:
  Result<std::vector<Pool>> parse(std::string_view yaml) {
    std::size_t number = 1;
    while (!yaml.empty()) {
      const std::size_t end = std::min(yaml.find('\n'), yaml.size());
      if (const Status good = line(yaml.substr(0, end)); !good) {
        return wrap("line " + std::to_string(number), good.error());
      }
      yaml.remove_prefix(std::min(end + 1, yaml.size()));
      ++number;
    }
    COFFERDAM_CHECK(finish_pool());
    if (pools_.empty()) return fail(Errc::invalid_input, "no memory_mib in it");
    return std::move(pools_);
  }

 private:
  Status line(std::string_view text) {
    if (text.find('\t') != std::string_view::npos) {
      return fail(Errc::invalid_input, "a tab: YAML is indented with spaces");
    }
    const std::string_view content = trim(without_comment(text));
    if (content.empty()) return {};
    if (content == "---" && pools_.empty() && seen_.empty() && !list_) return {};
    const bool item = content == "-" || content.starts_with("- ");
    const bool indented = text.front() == ' ';
    if (item) return start_item(trim(content.substr(1)));
    if (list_ != indented) return fail(Errc::invalid_input, "indented otherwise than expected");
    return entry(content);
  }

  Status start_item(std::string_view rest) {
    if (!list_ && !seen_.empty()) return fail(Errc::invalid_input, "a list after plain keys");
    if (list_) COFFERDAM_CHECK(finish_pool());
    list_ = true;
    return rest.empty() ? Status() : entry(rest);
  }

  Status entry(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return fail(Errc::invalid_input, "expected key: value");
    const std::string_view key = trim(text.substr(0, colon));
    const std::string_view value = trim(text.substr(colon + 1));
    if (key != "memory_mib" && key != "cpu_count" && key != "cpu_pool") {
      return fail(Errc::invalid_input, "expected memory_mib, cpu_count or cpu_pool");
    }
    if (!seen_.emplace(key).second) return fail(Errc::invalid_input, std::string(key) + " twice");
    return set(key, value);
  }

  Status set(std::string_view key, std::string_view value) {
    if (key == "memory_mib") {
      COFFERDAM_TRY(pool_.memory_mib, read_number(value, kMaxMemory));
      return {};
    }
    if (key == "cpu_count") {
      COFFERDAM_TRY(pool_.cpu_count, read_number(value, kMaxCpus));
      return {};
    }
    pool_.cpu_pool = parse_cpu_list(without_quotes(value));
    if (pool_.cpu_pool && !pool_.cpu_pool->empty()) return {};
    return fail(Errc::invalid_input, "cpu_pool: expected CPUs such as 2,3,6-9");
  }

  Status finish_pool() {
    if (seen_.empty() && !list_) return {};
    if (!seen_.contains("memory_mib")) return fail(Errc::invalid_input, "memory_mib is missing");
    if (pool_.cpu_count.has_value() == pool_.cpu_pool.has_value()) {
      return fail(Errc::invalid_input, "expected one of cpu_count and cpu_pool");
    }
    pools_.push_back(std::exchange(pool_, {}));
    seen_.clear();
    return {};
  }

  bool list_ = false;
  Pool pool_;
  std::set<std::string, std::less<>> seen_;
  std::vector<Pool> pools_;
};

// The smallest huge page of this machine, in MiB. 2 MiB where it does not say.
std::uint64_t page_mib(const Machine& machine) {
  constexpr std::string_view kPrefix = "hugepages-";
  std::uint64_t out = 0;
  for (const std::string& name : machine.names("/sys/kernel/mm/hugepages")) {
    std::uint64_t kib = 0;
    if (!name.starts_with(kPrefix)) continue;
    const char* const begin = name.data() + kPrefix.size();
    std::from_chars(begin, name.data() + name.size(), kib);
    if (kib >= 1024 && (out == 0 || kib / 1024 < out)) out = kib / 1024;
  }
  return out == 0 ? 2 : out;
}

// MiB of the machine's memory; nothing where it does not say.
std::optional<std::uint64_t> memory_mib(const Machine& machine) {
  const std::string info = machine.text("/proc/meminfo").value_or("");
  constexpr std::string_view kTotal = "MemTotal:";
  const std::size_t at = info.find(kTotal);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t digits = info.find_first_not_of(' ', at + kTotal.size());
  if (digits == std::string::npos) return std::nullopt;
  std::uint64_t kib = 0;
  std::from_chars(info.data() + digits, info.data() + info.size(), kib);
  return kib / 1024;
}

Status check_fits(const Machine& machine, std::uint64_t cpus, std::uint64_t memory) {
  constexpr std::uint64_t kParentMib = 512;  // What the parent needs to stay usable.
  const std::size_t online = machine.online_cpus().size();
  if (online != 0 && online <= cpus) {
    return fail(Errc::denied, "this machine has " + std::to_string(online) +
                                  " CPUs: an enclave takes a whole core (" + std::to_string(cpus) +
                                  ") and must leave one. Take a larger instance");
  }
  const auto total = memory_mib(machine);
  if (total && *total < memory + kParentMib) {
    return fail(Errc::denied, "this machine has " + std::to_string(*total) +
                                  " MiB of memory, and the enclave alone needs " +
                                  std::to_string(memory) +
                                  ". Take a larger instance, or make the image smaller");
  }
  return {};
}

}  // namespace

Result<std::vector<Pool>> parse_allocator(std::string_view yaml) {
  if (yaml.size() > kMaxSize) return fail(Errc::invalid_input, "larger than 64 KiB");
  return Parser().parse(yaml);
}

Result<std::string> propose_allocator(const Machine& machine, const ImageNeed& need) {
  const std::uint64_t cpus = machine.core_of(0).size();
  const std::uint64_t page = page_mib(machine);
  const std::uint64_t wanted = need.memory_mib(cpus);
  const std::uint64_t memory = (wanted + page - 1) / page * page;
  COFFERDAM_CHECK(check_fits(machine, cpus, memory));
  return "---\n"
         "# For one enclave of an image of " +
         size_text(need.size) +
         ".\n"
         "# At least four times the image, in whole huge pages of " +
         std::to_string(page) +
         " MiB. What the\n# workload itself uses comes on top.\n"
         "memory_mib: " +
         std::to_string(memory) +
         "\n"
         "# One whole core.\n"
         "cpu_count: " +
         std::to_string(cpus) + "\n";
}

}  // namespace cofferdam::doctor
