// SPDX-License-Identifier: Apache-2.0
#include "run/limits.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <string>

namespace cofferdam::run {
namespace {

TEST(MemoryTest, MustBeFourTimesTheImage) {
  constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
  EXPECT_EQ(minimum_memory_mib(205 * kMib), 820U);  // As a user of nitro-cli was told.
  EXPECT_EQ(minimum_memory_mib(kMib + 1), 5U);
  EXPECT_TRUE(check_memory(820, 205 * kMib).has_value());
  const Status refused = check_memory(819, 205 * kMib);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().detail.find("820 MiB"), std::string::npos);
}

constexpr std::string_view kMounts2 =
    "24 1 0:22 / /sys rw - sysfs sysfs rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view kMounts1 =
    "30 24 0:26 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
    "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
    "32 30 0:28 /docker/7 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(GroupPlaceTest, IsTheOneHierarchyOfVersion2) {
  const auto place = find_memory_group("0::/user.slice/a.scope\n", kMounts2);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->folder, "/sys/fs/cgroup/user.slice/a.scope");
  EXPECT_EQ(place->top, "/sys/fs/cgroup");
  EXPECT_EQ(place->version, 2);
  EXPECT_EQ(find_memory_group("0::/\n", kMounts2)->folder, "/sys/fs/cgroup");
}

TEST(GroupPlaceTest, IsTheMemoryControllerOfVersion1WhereThatHasIt) {
  const auto place = find_memory_group("5:cpu:/x\n4:memory:/docker/7/b\n0::/y\n", kMounts1);
  ASSERT_TRUE(place.has_value());
  EXPECT_EQ(place->folder, "/sys/fs/cgroup/memory/b");
  EXPECT_EQ(place->version, 1);
}

TEST(GroupPlaceTest, IsNoneWithoutAMount) {
  EXPECT_FALSE(find_memory_group("0::/a\n", "24 1 0:22 / /sys rw - sysfs sysfs rw\n"));
  EXPECT_FALSE(find_memory_group("0::/../outside\n", kMounts2));
  EXPECT_FALSE(find_memory_group("", kMounts2));
  EXPECT_FALSE(find_memory_group("garbage", "garbage - garbage"));
}

// Uses memory until the kernel ends it, or until it has what it wants.
[[noreturn]] void use_memory(int go, std::size_t size) {
  char byte = 0;
  if (read(go, &byte, 1) != 1) _exit(1);
  auto* const at = static_cast<volatile char*>(
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (at == MAP_FAILED) _exit(2);
  for (std::size_t page = 0; page < size; page += 4096) at[page] = 1;
  _exit(0);
}

int status_of_user(const MemoryGroup& group, std::size_t size) {
  int ends[2] = {};
  EXPECT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) use_memory(ends[0], size);
  EXPECT_TRUE(group.add(pid).has_value());
  EXPECT_EQ(write(ends[1], "g", 1), 1);
  close(ends[0]);
  close(ends[1]);
  int status = 0;
  waitpid(pid, &status, 0);
  return status;
}

TEST(MemoryGroupTest, EndsWhoReachesItsLimitAndSaysSo) {
  auto group = MemoryGroup::create("limits-test-" + std::to_string(getpid()), 64);
  if (!group) GTEST_SKIP() << group.error().detail;
  EXPECT_FALSE(group->exceeded());
  EXPECT_EQ(status_of_user(*group, std::size_t{8} << 20), 0);
  EXPECT_FALSE(group->exceeded());
  const int status = status_of_user(*group, std::size_t{512} << 20);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_TRUE(group->exceeded());
}

TEST(CpusTest, AreAsManyAsAskedFor) {
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  ASSERT_TRUE(pin_to_cpus(pid, 1).has_value());
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  EXPECT_EQ(sched_getaffinity(pid, sizeof allowed, &allowed), 0);
  EXPECT_EQ(CPU_COUNT(&allowed), 1);
  EXPECT_EQ(pin_to_cpus(pid, 100'000).error().reason, "insufficient_cpus");
  EXPECT_FALSE(pin_to_cpus(pid, 0).has_value());
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace cofferdam::run
