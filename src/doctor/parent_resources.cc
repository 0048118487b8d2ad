// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string>
#include <vector>

#include "doctor/allocator.h"
#include "doctor/checks.h"

namespace cofferdam::doctor {
namespace {

constexpr std::string_view kService = "nitro-enclaves-allocator.service";
constexpr std::string_view kRestart = "sudo systemctl restart nitro-enclaves-allocator.service";
constexpr std::string_view kCpuPool = "/sys/module/nitro_enclaves/parameters/ne_cpus";

std::string mib(std::uint64_t value) { return std::to_string(value) + " MiB"; }

std::string propose_fix(const Image& image) {
  return "cofferdam doctor --fix-allocator " + (image ? image->path : std::string("IMAGE")) +
         " --output allocator.yaml; sudo install -m 644 allocator.yaml " +
         std::string(kAllocatorPath) + "; " + std::string(kRestart);
}

std::optional<std::vector<Pool>> configured(const Machine& machine) {
  const auto text = machine.text(kAllocatorPath);
  if (!text) return std::nullopt;
  auto pools = parse_allocator(*text);
  if (!pools) return std::nullopt;
  return *std::move(pools);
}

// Whether these CPUs are whole cores, and not the first core, which stays with the parent.
std::string wrong_with(const Machine& machine, const CpuSet& cpus) {
  const CpuSet first = machine.core_of(0);
  for (const unsigned cpu : cpus) {
    if (first.contains(cpu)) {
      return "CPU " + std::to_string(cpu) +
             " is of the first core, which must stay with the parent";
    }
    for (const unsigned sibling : machine.core_of(cpu)) {
      if (!cpus.contains(sibling)) {
        return "CPU " + std::to_string(cpu) + " without its sibling " + std::to_string(sibling);
      }
    }
  }
  return {};
}

// What is wrong with a pool by itself.
std::string wrong_with(const Machine& machine, const Pool& pool) {
  if (pool.cpus() == 0) return "no CPU is reserved";
  if (pool.memory_mib < 64 * pool.cpus()) return "less than 64 MiB for each CPU";
  if (pool.cpu_pool) return wrong_with(machine, *pool.cpu_pool);
  const std::size_t core = machine.core_of(0).size();
  if (pool.cpus() % core != 0) {
    return "cpu_count " + std::to_string(pool.cpus()) + " is no multiple of the " +
           std::to_string(core) + " CPUs of a core";
  }
  return {};
}

std::string pools_text(const std::vector<Pool>& pools) {
  std::string out;
  for (const Pool& pool : pools) {
    if (!out.empty()) out += "; ";
    out +=
        mib(pool.memory_mib) + ", " +
        (pool.cpu_pool ? "CPUs " + to_text(*pool.cpu_pool) : std::to_string(pool.cpus()) + " CPUs");
  }
  return out;
}

// ---- huge pages

struct Pages {
  std::uint64_t reserved_mib = 0;
  std::uint64_t free_mib = 0;
};

Pages pages_in(const Machine& machine, const std::string& folder) {
  constexpr std::string_view kPrefix = "hugepages-";
  Pages out;
  for (const std::string& name : machine.names(folder)) {
    std::uint64_t kib = 0;
    if (!name.starts_with(kPrefix)) continue;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), kib);
    const std::filesystem::path pages = std::filesystem::path(folder) / name;
    const auto count = [&](std::string_view file) {
      return machine.number((pages / file).string()).value_or(0);
    };
    out.reserved_mib += count("nr_hugepages") * kib / 1024;
    out.free_mib += count("free_hugepages") * kib / 1024;
  }
  return out;
}

// The pages of each NUMA node: an enclave has its memory from one of them.
std::vector<Pages> pages_by_node(const Machine& machine) {
  std::vector<Pages> out;
  const std::filesystem::path nodes = "/sys/devices/system/node";
  for (const std::string& name : machine.names(nodes.string())) {
    const std::string folder = (nodes / name / "hugepages").string();
    if (name.starts_with("node") && machine.exists(folder)) {
      out.push_back(pages_in(machine, folder));
    }
  }
  if (out.empty()) out.push_back(pages_in(machine, "/sys/kernel/mm/hugepages"));
  return out;
}

}  // namespace

Finding check_allocator(const Machine& machine, const Image& image) {
  constexpr Subject kSubject{"allocator-config", "Allocator settings"};
  const auto text = machine.text(kAllocatorPath);
  if (!text) {
    return kSubject.problem(std::string(kAllocatorPath) + " cannot be read",
                            "it says how much memory and which CPUs are set aside for enclaves",
                            propose_fix(image));
  }
  const auto pools = parse_allocator(*text);
  if (!pools) {
    return kSubject.problem(std::string(kAllocatorPath) + ": " + pools.error().detail,
                            "the allocator service would not start with it", propose_fix(image));
  }
  for (const Pool& pool : *pools) {
    const std::string wrong = wrong_with(machine, pool);
    if (!wrong.empty()) {
      return kSubject.problem(pools_text(*pools) + ": " + wrong,
                              "enclaves get whole cores, so that nobody shares one with them",
                              propose_fix(image));
    }
  }
  const auto fits = [&image](const Pool& pool) {
    return pool.memory_mib >= image->memory_mib(pool.cpus());
  };
  if (image && std::ranges::none_of(*pools, fits)) {
    return kSubject.problem(
        pools_text(*pools) + "; the image needs " + mib(image->memory_mib(pools->front().cpus())),
        "nitro-cli refuses less than four times the image (E26)", propose_fix(image));
  }
  return kSubject.ok(pools_text(*pools));
}

Finding check_allocator_service(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"allocator-service", "Allocator service"};
  const std::string unit(kService);
  const bool enabled = machine.exists("/etc/systemd/system/multi-user.target.wants/" + unit);
  if (!machine.unit_is_active(unit)) {
    return kSubject.problem(
        unit + " is not active", "nothing sets memory and CPUs aside",
        "sudo systemctl enable --now " + unit + "; journalctl -u " + unit + " (if it fails)");
  }
  if (!enabled) {
    return kSubject.warning(unit + " is active, but does not start by itself",
                            "after the next start of the instance nothing is set aside",
                            "sudo systemctl enable " + unit);
  }
  return kSubject.ok("active, and starts with the instance");
}

Finding check_huge_pages(const Machine& machine, const Image& image) {
  constexpr Subject kSubject{"huge-pages", "Huge pages"};
  constexpr std::string_view kWhy = "an enclave's memory is huge pages of one NUMA node";
  const std::vector<Pages> nodes = pages_by_node(machine);
  const Pages best = *std::ranges::max_element(nodes, {}, &Pages::reserved_mib);
  const std::uint64_t free = std::ranges::max_element(nodes, {}, &Pages::free_mib)->free_mib;
  const std::string found =
      mib(best.reserved_mib) + " reserved on one node, " + mib(free) + " of them free";
  if (best.reserved_mib == 0) {
    return kSubject.problem("none are reserved", std::string(kWhy), std::string(kRestart));
  }
  if (const auto pools = configured(machine)) {
    const auto wanted = std::ranges::max_element(*pools, {}, &Pool::memory_mib)->memory_mib;
    if (best.reserved_mib < wanted) {
      return kSubject.problem(found + ", configured " + mib(wanted),
                              "memory was already in pieces when the allocator asked for it",
                              "sudo reboot (then the allocator asks first)");
    }
  }
  const std::uint64_t needed = image ? image->memory_mib(machine.core_of(0).size()) : 0;
  if (best.reserved_mib < needed) {
    return kSubject.problem(found + ", the image needs " + mib(needed), std::string(kWhy),
                            propose_fix(image));
  }
  if (free < needed) {
    return kSubject.warning(
        found + ", the image needs " + mib(needed), "another enclave holds the memory",
        "nitro-cli describe-enclaves; nitro-cli terminate-enclave --enclave-id ID");
  }
  return kSubject.ok(found);
}

Finding check_cpu_pool(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"cpu-pool", "CPU pool"};
  const auto text = machine.text(kCpuPool);
  if (!text) {
    return kSubject.problem("the module does not say (" + std::string(kCpuPool) + ")",
                            "enclaves get their CPUs from the module's pool",
                            "sudo modprobe nitro_enclaves; " + std::string(kRestart));
  }
  const auto pool = parse_cpu_list(*text);
  if (!pool || pool->empty()) {
    return kSubject.problem("no CPU is in the pool", "enclaves get their CPUs from it",
                            std::string(kRestart));
  }
  const std::string wrong = wrong_with(machine, *pool);
  if (!wrong.empty()) {
    return kSubject.problem(
        "CPUs " + to_text(*pool) + ": " + wrong,
        "enclaves get whole cores, so that nobody shares one with them",
        "correct cpu_pool in " + std::string(kAllocatorPath) + "; " + std::string(kRestart));
  }
  return kSubject.ok("CPUs " + to_text(*pool));
}

}  // namespace cofferdam::doctor
