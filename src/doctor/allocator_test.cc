// SPDX-License-Identifier: Apache-2.0
#include "doctor/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "doctor/cpu_list.h"
#include "doctor/test_machine.h"

namespace cofferdam::doctor {
namespace {

using test::TestMachine;
using testing::HasSubstr;

TEST(CpuListTest, ReadsWhatTheKernelWrites) {
  EXPECT_EQ(parse_cpu_list("0-3,8"), (CpuSet{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("5"), CpuSet{5});
  EXPECT_EQ(parse_cpu_list(""), CpuSet{});
  EXPECT_EQ(to_text({0, 1, 2, 3, 8}), "0-3,8");
  EXPECT_EQ(to_text({}), "");
}

TEST(CpuListTest, RefusesEverythingElse) {
  for (const std::string_view text :
       {"a", "1,", ",1", "3-1", "1-", "-1", "1 ,2", "1-2-3", "4096"}) {
    EXPECT_FALSE(parse_cpu_list(text)) << text;
  }
}

TEST(AllocatorTest, ReadsTheFileThatNitroCliShips) {
  const auto pools = parse_allocator(
      "---\n# Enclave configuration file.\n#\n# How much memory to allocate for enclaves (in "
      "MiB).\nmemory_mib: 512\n#\n# How many CPUs to reserve for enclaves.\ncpu_count: 2\n#\n# "
      "Alternatively, the exact CPUs:\n# cpu_pool: 2,3,6-9\n");
  ASSERT_TRUE(pools.has_value()) << pools.error().detail;
  EXPECT_EQ(*pools, (std::vector<Pool>{{.memory_mib = 512, .cpu_count = 2, .cpu_pool = {}}}));
}

TEST(AllocatorTest, ReadsAPoolForEachNode) {
  const auto pools = parse_allocator(
      "- memory_mib: 1024\n  cpu_pool: \"2,18\"\n-\n  cpu_count: 4 # two cores\n  memory_mib: "
      "64\n");
  ASSERT_TRUE(pools.has_value()) << pools.error().detail;
  ASSERT_EQ(pools->size(), 2U);
  EXPECT_EQ(pools->at(0).cpu_pool, (CpuSet{2, 18}));
  EXPECT_EQ(pools->at(1).cpu_count, 4U);
}

TEST(AllocatorTest, RefusesWithTheLine) {
  const auto refusal = [](std::string_view yaml) {
    const auto pools = parse_allocator(yaml);
    return pools ? std::string("accepted") : pools.error().detail;
  };
  EXPECT_THAT(refusal("memory_mib: 512\nmemory_mib: 512\n"), HasSubstr("line 2: memory_mib twice"));
  EXPECT_THAT(refusal("memory_mib: 512\ncpus: 2\n"), HasSubstr("line 2"));
  EXPECT_THAT(refusal("memory_mib: 5e2\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("memory_mib: -1\n"), HasSubstr("line 1"));
  EXPECT_THAT(refusal("memory_mib 512\n"), HasSubstr("key: value"));
  EXPECT_THAT(refusal("\tmemory_mib: 512\n"), HasSubstr("tab"));
  EXPECT_THAT(refusal("  memory_mib: 512\n"), HasSubstr("indented"));
  EXPECT_THAT(refusal("- memory_mib: 512\ncpu_count: 2\n"), HasSubstr("indented"));
  EXPECT_THAT(refusal("memory_mib: 512\n- cpu_count: 2\n"), HasSubstr("list"));
  EXPECT_THAT(refusal("memory_mib: 512\ncpu_pool: 2,\n"), HasSubstr("cpu_pool"));
  EXPECT_THAT(refusal("memory_mib: 512\n"), HasSubstr("one of cpu_count and cpu_pool"));
  EXPECT_THAT(refusal("memory_mib: 512\ncpu_count: 2\ncpu_pool: 2,3\n"), HasSubstr("one of"));
  EXPECT_THAT(refusal("cpu_count: 2\n"), HasSubstr("memory_mib is missing"));
  EXPECT_THAT(refusal("# nothing\n"), HasSubstr("no memory_mib"));
  EXPECT_THAT(refusal(std::string(65537, '#')), HasSubstr("64 KiB"));
}

TEST(ImageNeedTest, IsFourTimesTheImageAndSixtyFourMibForEachCpu) {
  constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
  EXPECT_EQ((ImageNeed{.path = {}, .size = 100 * kMib}).memory_mib(2), 400U);
  EXPECT_EQ((ImageNeed{.path = {}, .size = 100 * kMib + 1}).memory_mib(2), 404U);
  EXPECT_EQ((ImageNeed{.path = {}, .size = 1}).memory_mib(2), 128U);
}

TEST(ProposeAllocatorTest, IsAFileThatIsReadAndFitsTheImage) {
  const TestMachine machine = TestMachine::parent();
  const ImageNeed need{.path = "a.eif", .size = (std::uint64_t{101} << 20) + 1};
  const auto text = propose_allocator(machine.view(), need);
  ASSERT_TRUE(text.has_value()) << text.error().detail;
  const auto pools = parse_allocator(*text);
  ASSERT_TRUE(pools.has_value()) << pools.error().detail;
  ASSERT_EQ(pools->size(), 1U);
  EXPECT_EQ(pools->front().memory_mib, 408U);
  EXPECT_EQ(pools->front().cpu_count, 2U);  // Two threads of one core.
}

TEST(ProposeAllocatorTest, RoundsUpToThePagesThatExist) {
  TestMachine machine = TestMachine::parent();
  machine.remove("/sys/kernel/mm/hugepages/hugepages-2048kB");
  machine.write("/sys/kernel/mm/hugepages/hugepages-32768kB/nr_hugepages", "0");
  const auto text = propose_allocator(machine.view(), {.path = {}, .size = 1});
  EXPECT_EQ(parse_allocator(*text)->front().memory_mib, 128U);
  machine.remove("/sys/kernel/mm/hugepages/hugepages-32768kB");
  machine.write("/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0");
  const auto large = propose_allocator(machine.view(), {.path = {}, .size = 1});
  EXPECT_EQ(parse_allocator(*large)->front().memory_mib, 1024U);
}

TEST(ProposeAllocatorTest, TakesOneCpuWhereACoreHasOneThread) {
  TestMachine machine = TestMachine::parent();
  machine.write("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0");
  const auto text = propose_allocator(machine.view(), {.path = {}, .size = 1});
  EXPECT_EQ(parse_allocator(*text)->front().cpu_count, 1U);
}

TEST(ProposeAllocatorTest, RefusesWhatTheMachineCannotSpare) {
  TestMachine machine = TestMachine::parent();
  const auto memory =
      propose_allocator(machine.view(), {.path = {}, .size = std::uint64_t{4} << 30});
  ASSERT_FALSE(memory.has_value());
  EXPECT_THAT(memory.error().detail, HasSubstr("larger instance"));
  machine.write("/sys/devices/system/cpu/online", "0-1");
  EXPECT_FALSE(propose_allocator(machine.view(), {.path = {}, .size = 1}).has_value());
}

}  // namespace
}  // namespace cofferdam::doctor
