// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "doctor/machine.h"

// A machine of a test: a folder and facts, both of which the test may spoil.
namespace cofferdam::doctor::test {

class TestMachine {
 public:
  void write(std::string_view path, std::string_view text) const {
    const std::filesystem::path at = root_ / path.substr(1);
    std::filesystem::create_directories(at.parent_path());
    std::ofstream(at) << text << '\n';
  }
  void remove(std::string_view path) const { std::filesystem::remove_all(root_ / path.substr(1)); }
  void chmod(std::string_view path, mode_t mode) const {
    if (::chmod((root_ / path.substr(1)).c_str(), mode) != 0) std::abort();
  }

  Machine view() const { return {root_.path(), facts}; }

  // An m6i.2xlarge on which nothing is wrong: eight CPUs, four cores, one of them for enclaves.
  static TestMachine parent();
  // A laptop on which nothing is wrong.
  static TestMachine laptop();

  Facts facts;

 private:
  TestFolder root_;
};

// What is right for every user of either machine.
inline Facts facts_of(std::string user, std::vector<std::string> groups) {
  return {.arch = "x86_64",
          .uid = 1000,
          .gids = {1000},
          .user = std::move(user),
          .groups = std::move(groups),
          .memory_lock = std::uint64_t{8} << 20,
          .core_size = 0,
          .user_namespaces = true,
          .clock_synchronised = true,
          .temporary_folder = "/tmp",
          .temporary_free = std::uint64_t{10} << 30,
          .nitro_cli = {},
          .busy_ports = {}};
}

inline TestMachine TestMachine::parent() {
  TestMachine out;
  out.facts = facts_of("ec2-user", {"ec2-user", "ne"});
  out.facts.nitro_cli = "Nitro CLI 1.4.2";
  out.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2");
  out.write("/sys/class/dmi/id/product_name", "m6i.2xlarge");
  out.write("/proc/meminfo", "MemTotal:       16000000 kB");
  out.write("/sys/devices/system/cpu/present", "0-7");
  out.write("/sys/devices/system/cpu/online", "0,2-4,6-7");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string siblings = std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4);
    out.write(
        "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
        siblings);
  }
  out.write("/dev/nitro_enclaves", "");
  out.chmod("/dev/nitro_enclaves", 0666);
  out.write("/dev/vsock", "");
  out.write("/sys/module/nitro_enclaves/parameters/ne_cpus", "1,5");
  out.write("/etc/nitro_enclaves/allocator.yaml", "---\nmemory_mib: 512\ncpu_count: 2");
  out.write("/run/systemd/units/invocation:nitro-enclaves-allocator.service", "");
  out.write("/run/systemd/units/invocation:chronyd.service", "");
  out.write("/etc/systemd/system/multi-user.target.wants/nitro-enclaves-allocator.service", "");
  out.write("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "256");
  out.write("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "256");
  out.write("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "256");
  for (const std::string_view name : {"bzImage", "init", "nsm.ko", "cmdline"}) {
    out.write("/usr/share/nitro_enclaves/blobs/" + std::string(name), "");
  }
  return out;
}

inline TestMachine TestMachine::laptop() {
  TestMachine out;
  out.facts = facts_of("ada", {"ada"});
  out.write("/sys/class/dmi/id/sys_vendor", "LENOVO");
  out.write("/sys/devices/system/cpu/online", "0-7");
  out.write("/etc/subuid", "root:1:2\nada:100000:65536");
  out.write("/etc/subgid", "ada:100000:65536");
  out.write("/usr/bin/newuidmap", "");
  out.write("/usr/bin/newgidmap", "");
  out.write("/sys/fs/cgroup/cgroup.controllers", "cpu memory");
  out.write("/proc/self/cgroup", "0::/user.slice/ada");
  out.write("/sys/fs/cgroup/user.slice/ada/cgroup.procs", "");
  out.chmod("/sys/fs/cgroup/user.slice/ada/cgroup.procs", 0666);
  out.write("/dev/kvm", "");
  out.chmod("/dev/kvm", 0666);
  return out;
}

}  // namespace cofferdam::doctor::test
