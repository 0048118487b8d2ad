// SPDX-License-Identifier: Apache-2.0
// A machine on which nothing is wrong, and then one thing after the other.
#include "doctor/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "doctor/test_machine.h"

namespace cofferdam::doctor {
namespace {

using test::TestMachine;
using testing::HasSubstr;

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;

const ImageNeed kSmallImage{.path = "small.eif", .size = 20 * kMib};
const ImageNeed kLargeImage{.path = "large.eif", .size = 300 * kMib};

Finding find(const TestMachine& machine, Role role, std::string_view id,
             const std::optional<ImageNeed>& image = {}) {
  for (Finding& finding : examine(machine.view(), role, image)) {
    if (finding.id == id) return std::move(finding);
  }
  return {.id = "no such finding",
          .title = {},
          .state = State::skipped,
          .found = {},
          .why = {},
          .fix = {}};
}

Finding on_parent(const TestMachine& machine, std::string_view id,
                  const std::optional<ImageNeed>& image = {}) {
  return find(machine, Role::parent, id, image);
}

Finding on_laptop(const TestMachine& machine, std::string_view id,
                  const std::optional<ImageNeed>& image = {}) {
  return find(machine, Role::laptop, id, image);
}

void expect(const Finding& finding, State state, std::string_view part) {
  EXPECT_EQ(finding.state, state) << finding.id << ": " << finding.found;
  EXPECT_THAT(finding.found, HasSubstr(std::string(part)));
  const bool needs_fix = state == State::problem || state == State::warning;
  EXPECT_EQ(finding.why.empty(), !needs_fix) << finding.id;
  EXPECT_EQ(finding.fix.empty(), !needs_fix) << finding.id;
}

TEST(DoctorTest, AGoodMachineHasNoProblem) {
  for (const auto& findings : {examine(TestMachine::parent().view(), Role::parent, kSmallImage),
                               examine(TestMachine::laptop().view(), Role::laptop, kSmallImage)}) {
    for (const Finding& finding : findings) {
      EXPECT_NE(finding.state, State::problem) << finding.id << ": " << finding.found;
      EXPECT_NE(finding.state, State::warning) << finding.id << ": " << finding.found;
    }
  }
}

TEST(DoctorTest, IdsAreUnique) {
  for (const Role role : {Role::parent, Role::laptop}) {
    std::set<std::string_view> ids;
    const auto findings = examine(TestMachine().view(), role, {});
    for (const Finding& finding : findings) ids.insert(finding.id);
    EXPECT_EQ(ids.size(), findings.size());
  }
}

TEST(DoctorTest, AnEmptyMachineIsJudgedWithoutFailing) {
  const TestMachine empty;
  EXPECT_GT(count(examine(empty.view(), Role::parent, kSmallImage), State::problem), 5U);
}

TEST(DoctorTest, TheRoleIsGuessedFromTheMachine) {
  EXPECT_EQ(guess_role(TestMachine::parent().view()), Role::parent);
  EXPECT_EQ(guess_role(TestMachine::laptop().view()), Role::laptop);
}

TEST(DoctorParentTest, InstanceType) {
  TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "instance-type"), State::ok, "m6i.2xlarge");
  const auto with_type = [&machine](std::string_view type) {
    machine.write("/sys/class/dmi/id/product_name", type);
    return on_parent(machine, "instance-type");
  };
  for (const std::string_view type :
       {"t3.large", "t4g.large", "mac2.metal", "m6i.metal", "u-6tb1.112xlarge"}) {
    expect(with_type(type), State::problem, type);
  }
  with_type("m6i.large");
  machine.write("/sys/devices/system/cpu/present", "0-1");
  machine.write("/sys/devices/system/cpu/online", "0-1");
  expect(on_parent(machine, "instance-type"), State::problem, "2 CPUs");
  machine.facts.arch = "aarch64";
  expect(with_type("m6g.large"), State::ok, "m6g.large");
  expect(on_parent(machine, "instance-type", kSmallImage), State::problem, "x86_64");
  expect(on_parent(TestMachine::laptop(), "instance-type"), State::problem, "no EC2 instance");
}

TEST(DoctorParentTest, DeviceModuleAndGroup) {
  TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "enclave-device"), State::ok, "ec2-user");
  machine.facts.uid = 4242;  // Not the owner of the file, nor in its group.
  machine.facts.gids = {4242};
  machine.chmod("/dev/nitro_enclaves", 0660);
  expect(on_parent(machine, "enclave-device"), State::problem, "may not use it");
  machine.remove("/dev/nitro_enclaves");
  expect(on_parent(machine, "enclave-device"), State::problem, "does not exist");
  expect(on_parent(machine, "enclave-module"), State::ok, "loaded");
  machine.remove("/sys/module/nitro_enclaves");
  expect(on_parent(machine, "enclave-module"), State::problem, "not loaded");
  expect(on_parent(machine, "group-ne"), State::ok, "member");
  machine.facts.groups = {"ec2-user"};
  expect(on_parent(machine, "group-ne"), State::problem, "not a member");
  machine.facts.uid = 0;
  expect(on_parent(machine, "group-ne"), State::ok, "root");
}

TEST(DoctorParentTest, AllocatorSettings) {
  const TestMachine machine = TestMachine::parent();
  const auto with = [&machine](std::string_view yaml, const std::optional<ImageNeed>& image = {}) {
    machine.write("/etc/nitro_enclaves/allocator.yaml", yaml);
    return on_parent(machine, "allocator-config", image);
  };
  expect(with("memory_mib: 512\ncpu_count: 2"), State::ok, "512 MiB, 2 CPUs");
  expect(with("memory_mib: 512\ncpu_count: 2", kLargeImage), State::problem, "needs 1200 MiB");
  expect(with("memory_mib: 1200\ncpu_count: 2", kLargeImage), State::ok, "1200 MiB");
  expect(with("memory_mib: 512\ncpu_count: 3"), State::problem, "no multiple");
  expect(with("memory_mib: 512\ncpu_count: 0"), State::problem, "no CPU");
  expect(with("memory_mib: 100\ncpu_count: 2"), State::problem, "64 MiB");
  expect(with("memory_mib: 512\ncpu_pool: 1,5"), State::ok, "CPUs 1,5");
  expect(with("memory_mib: 512\ncpu_pool: 1-2"), State::problem, "without its sibling 5");
  expect(with("memory_mib: 512\ncpu_pool: 0,4"), State::problem, "first core");
  expect(with("memory_mib: 512\ncpu_pool: 4"), State::problem, "first core");
  expect(with("memory: 512"), State::problem, "line 1");
  machine.remove("/etc/nitro_enclaves/allocator.yaml");
  const Finding missing = on_parent(machine, "allocator-config", kSmallImage);
  expect(missing, State::problem, "cannot be read");
  EXPECT_THAT(missing.fix, HasSubstr("--fix-allocator small.eif"));
}

TEST(DoctorParentTest, AllocatorService) {
  const TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "allocator-service"), State::ok, "active");
  machine.remove("/etc/systemd/system/multi-user.target.wants");
  expect(on_parent(machine, "allocator-service"), State::warning, "by itself");
  machine.remove("/run/systemd/units/invocation:nitro-enclaves-allocator.service");
  expect(on_parent(machine, "allocator-service"), State::problem, "not active");
}

TEST(DoctorParentTest, HugePages) {
  const TestMachine machine = TestMachine::parent();
  const std::string node = "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/";
  expect(on_parent(machine, "huge-pages"), State::ok, "512 MiB reserved");
  expect(on_parent(machine, "huge-pages", kLargeImage), State::problem, "needs 1200 MiB");
  machine.write(node + "free_hugepages", "10");
  expect(on_parent(machine, "huge-pages", kSmallImage), State::warning, "20 MiB of them free");
  machine.write(node + "nr_hugepages", "200");
  expect(on_parent(machine, "huge-pages"), State::problem, "configured 512 MiB");
  machine.write(node + "nr_hugepages", "0");
  expect(on_parent(machine, "huge-pages"), State::problem, "none are reserved");
}

TEST(DoctorParentTest, HugePagesOfTwoNodesDoNotAddUp) {
  const TestMachine machine = TestMachine::parent();
  for (const std::string node : {"node0", "node1"}) {
    const std::string folder = "/sys/devices/system/node/" + node + "/hugepages/hugepages-2048kB/";
    machine.write(folder + "nr_hugepages", "400");
    machine.write(folder + "free_hugepages", "400");
  }
  expect(on_parent(machine, "huge-pages", kLargeImage), State::problem, "800 MiB reserved");
}

TEST(DoctorParentTest, CpuPool) {
  const TestMachine machine = TestMachine::parent();
  const auto with = [&machine](std::string_view cpus) {
    machine.write("/sys/module/nitro_enclaves/parameters/ne_cpus", cpus);
    return on_parent(machine, "cpu-pool");
  };
  expect(with("1,5"), State::ok, "1,5");
  expect(with("1"), State::problem, "sibling 5");
  expect(with("0,4"), State::problem, "first core");
  expect(with(""), State::problem, "no CPU");
  machine.remove("/sys/module/nitro_enclaves");
  expect(on_parent(machine, "cpu-pool"), State::problem, "does not say");
}

TEST(DoctorParentTest, NitroCliAndItsBlobs) {
  TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "nitro-cli"), State::ok, "1.4.2");
  machine.facts.nitro_cli.reset();
  expect(on_parent(machine, "nitro-cli"), State::problem, "not in PATH");
  expect(on_parent(machine, "nitro-cli-blobs"), State::ok, "nsm.ko");
  machine.remove("/usr/share/nitro_enclaves/blobs/nsm.ko");
  expect(on_parent(machine, "nitro-cli-blobs"), State::warning, "lacks nsm.ko");
  machine.facts.arch = "aarch64";
  expect(on_parent(machine, "nitro-cli-blobs"), State::warning, "lacks Image, nsm.ko");
}

TEST(DoctorParentTest, Vsock) {
  const TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "vsock"), State::ok, "/dev/vsock");
  machine.write("/sys/module/vhost_vsock/refcnt", "0");
  expect(on_parent(machine, "vsock"), State::warning, "vhost_vsock");
  machine.remove("/dev/vsock");
  expect(on_parent(machine, "vsock"), State::problem, "does not exist");
}

TEST(DoctorCommonTest, Clock) {
  TestMachine machine = TestMachine::parent();
  expect(on_parent(machine, "clock"), State::ok, "chronyd");
  machine.facts.clock_synchronised = false;
  expect(on_parent(machine, "clock"), State::warning, "although chronyd");
  machine.remove("/run/systemd/units/invocation:chronyd.service");
  expect(on_parent(machine, "clock"), State::warning, "nobody sets it");
  machine.facts.clock_synchronised.reset();
  expect(on_parent(machine, "clock"), State::skipped, "does not tell");
}

TEST(DoctorCommonTest, LockedMemoryAndCoreDumps) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "locked-memory"), State::ok, "8 MiB");
  machine.facts.memory_lock = 65536;
  expect(on_laptop(machine, "locked-memory"), State::warning, "64 KiB");
  machine.facts.memory_lock.reset();
  expect(on_laptop(machine, "locked-memory"), State::ok, "no limit");
  expect(on_laptop(machine, "core-dumps"), State::ok, "off");
  machine.facts.core_size.reset();
  expect(on_laptop(machine, "core-dumps"), State::ok, "ours turn them off");
}

TEST(DoctorLaptopTest, UserNamespacesAndTheirCure) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "user-namespaces"), State::ok, "allowed");
  machine.facts.user_namespaces = false;
  expect(on_laptop(machine, "user-namespaces"), State::problem, "not allowed for ada");
  EXPECT_THAT(on_laptop(machine, "user-namespaces").fix, HasSubstr("root"));
  const std::vector<std::pair<std::string, std::string>> switches{
      {"/proc/sys/user/max_user_namespaces", "0"},
      {"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"},
      {"/proc/sys/kernel/unprivileged_userns_clone", "0"}};
  for (const auto& [path, value] : switches) {
    machine.write(path, value);
    EXPECT_THAT(on_laptop(machine, "user-namespaces").fix,
                HasSubstr(path.substr(path.rfind('/') + 1)));
  }
  machine.facts.uid = 0;
  expect(on_laptop(machine, "user-namespaces"), State::warning, "root needs none");
  machine.facts.user_namespaces.reset();
  expect(on_laptop(machine, "user-namespaces"), State::skipped, "could not be tried");
}

TEST(DoctorLaptopTest, SubordinateIds) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "subordinate-ids"), State::ok, "ada");
  machine.remove("/usr/bin/newuidmap");
  expect(on_laptop(machine, "subordinate-ids"), State::warning, "newuidmap");
  machine.write("/etc/subuid", "adam:100000:65536");
  expect(on_laptop(machine, "subordinate-ids"), State::warning, "none for ada");
  machine.write("/etc/subuid", "1000:100000:65536");
  machine.write("/usr/bin/newuidmap", "");
  expect(on_laptop(machine, "subordinate-ids"), State::ok, "ada");
  machine.facts.uid = 0;
  machine.remove("/etc/subuid");
  expect(on_laptop(machine, "subordinate-ids"), State::ok, "root");
}

TEST(DoctorLaptopTest, ControlGroups) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "cgroup"), State::ok, "delegated");
  machine.facts.uid = 4242;
  machine.facts.gids = {4242};
  machine.chmod("/sys/fs/cgroup/user.slice/ada/cgroup.procs", 0644);
  expect(on_laptop(machine, "cgroup"), State::warning, "may not make groups");
  machine.remove("/sys/fs/cgroup/cgroup.controllers");
  machine.write("/sys/fs/cgroup/memory/cgroup.procs", "");
  expect(on_laptop(machine, "cgroup"), State::warning, "no cgroup v2");  // Not for common users.
  machine.facts.uid = 0;
  expect(on_laptop(machine, "cgroup"), State::ok, "version 1");
}

TEST(DoctorLaptopTest, KvmIsOptional) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "kvm"), State::ok, "/dev/kvm");
  machine.facts.uid = 4242;
  machine.facts.gids = {4242};
  machine.chmod("/dev/kvm", 0660);
  expect(on_laptop(machine, "kvm"), State::skipped, "not for ada");
  machine.remove("/dev/kvm");
  expect(on_laptop(machine, "kvm"), State::skipped, "no /dev/kvm");
}

TEST(DoctorLaptopTest, TemporarySpaceAndPorts) {
  TestMachine machine = TestMachine::laptop();
  expect(on_laptop(machine, "temporary-space"), State::ok, "10 GiB free");
  machine.facts.temporary_free = 100 * kMib;
  expect(on_laptop(machine, "temporary-space"), State::warning, "100 MiB free");
  expect(on_laptop(machine, "temporary-space", kSmallImage), State::ok, "100 MiB");
  expect(on_laptop(machine, "temporary-space", kLargeImage), State::problem, "needs 600 MiB");
  expect(on_laptop(machine, "local-port"), State::ok, "free");
  machine.facts.busy_ports = {4566};
  expect(on_laptop(machine, "local-port"), State::warning, "in use");
}

TEST(DoctorReportTest, TheJsonHasEveryFieldOfItsContract) {
  const TestMachine machine = TestMachine::parent();
  machine.remove("/dev/vsock");
  const auto findings = examine(machine.view(), Role::parent, {});
  const json::object out = report_json(findings, Role::parent);
  EXPECT_EQ(out.at("role"), "parent");
  EXPECT_EQ(out.at("problems"), 1U);
  EXPECT_EQ(out.at("warnings"), 0U);
  const json::array& list = out.at("findings").as_array();
  ASSERT_EQ(list.size(), findings.size());
  for (const json::value& finding : list) {
    for (const std::string_view member : {"id", "title", "status", "found", "why", "fix"}) {
      EXPECT_TRUE(finding.as_object().contains(member));
    }
  }
}

TEST(DoctorReportTest, EachCommandOfAFixStandsOnALineOfItsOwn) {
  const TestMachine machine = TestMachine::parent();
  machine.remove("/etc/nitro_enclaves/allocator.yaml");
  const std::string text = report_text(examine(machine.view(), Role::parent, {}), Role::parent);
  EXPECT_THAT(text, HasSubstr("\n                sudo install -m 644 allocator.yaml "
                              "/etc/nitro_enclaves/allocator.yaml\n"));
}

TEST(DoctorReportTest, TheTextNamesTheFixAndSumsUp) {
  const TestMachine machine = TestMachine::parent();
  machine.remove("/dev/vsock");
  const std::string text = report_text(examine(machine.view(), Role::parent, {}), Role::parent);
  EXPECT_THAT(text, HasSubstr("fix  sudo modprobe vsock\n"));
  EXPECT_THAT(text, HasSubstr("\n1 problem, 0 warnings, "));
}

}  // namespace
}  // namespace cofferdam::doctor
