// SPDX-License-Identifier: Apache-2.0
#include "agent/start_process.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "agent/first_process.h"
#include "agent/reason.h"
#include "agent/workload_root.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "net/testing.h"

namespace cofferdam::agent {
namespace {

using test::Life;
using test::Users;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

TEST(EnvironmentTest, AddsWhatIsMissingAndSetsTheSocket) {
  EXPECT_THAT(
      complete_environment({"A=b"}, "/run/agent.sock"),
      ElementsAre("A=b", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                  "HOME=/", "COFFERDAM_SOCKET=/run/agent.sock"));
  EXPECT_THAT(complete_environment({"COFFERDAM_SOCKET=/other", "HOME=/h", "PATH=/p"}, "/s"),
              ElementsAre("HOME=/h", "PATH=/p", "COFFERDAM_SOCKET=/s"));
}

// A root with the probe in it and nothing else, and the agent as its first process.
class StartProcessTest : public ::testing::Test {
 protected:
  StartProcessTest() {
    fs::create_directories(root() / "usr/bin");
    chmod((folder_ / "").c_str(), 0755);  // For users of the tests.
    fs::copy_file(COFFERDAM_TEST_WORKLOAD, root() / "usr/bin/probe");
    spec_.root = root().string();
    spec_.args = {"probe", "report"};
    spec_.env = {"PATH=/bin:/usr/bin"};
  }

  fs::path root() const { return folder_ / "rootfs"; }

  Life live(Users users = Users::all) {
    auto life = test::as_first_process(users, [this] { return test::supervise(spec_); });
    if (!life) return {.status = -1, .output = "no namespaces"};
    return *std::move(life);
  }

  static bool can(Users users) {
    return test::as_first_process(users, [] { return 0; }).has_value();
  }

  TestFolder folder_;
  ProcessSpec spec_;
};

#define COFFERDAM_NEEDS(users) \
  if (!can(users)) GTEST_SKIP() << "this machine grants no such namespaces to this user"

TEST_F(StartProcessTest, TakesUserGroupAndAdditionalGroups) {
  COFFERDAM_NEEDS(Users::all);
  spec_.uid = 1000;
  spec_.gid = 1001;
  spec_.additional_gids = {4, 27};
  const Life life = live();
  EXPECT_THAT(life.output, HasSubstr("uid 1000 gid 1001 groups 4 27."));
  EXPECT_THAT(life.output, HasSubstr("capabilities 0000000000000000"));
  EXPECT_THAT(life.output, HasSubstr("end 0 0"));
}

TEST_F(StartProcessTest, NotEvenRootMayReadProcessesOrChangeTheKernel) {
  COFFERDAM_NEEDS(Users::only_one);
  const Life life = live(Users::only_one);
  const std::string label = "capabilities ";
  const std::size_t at = life.output.find(label);
  ASSERT_NE(at, std::string::npos) << life.output;
  const std::uint64_t held = std::stoull(life.output.substr(at + label.size(), 16), nullptr, 16);
  EXPECT_NE(held, 0U);
  // CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_PTRACE, CAP_PERFMON and CAP_BPF.
  for (const unsigned one : {16U, 17U, 19U, 38U, 39U}) EXPECT_EQ(held >> one & 1U, 0U) << one;
}

TEST_F(StartProcessTest, HasNoGroupsItWasNotGiven) {
  COFFERDAM_NEEDS(Users::all);
  const auto life = test::as_first_process(Users::all, [this] {
    const gid_t ours = 5;
    return setgroups(1, &ours) == 0 ? test::supervise(spec_) : 1;
  });
  EXPECT_THAT(life->output, HasSubstr("uid 0 gid 0 groups."));
}

TEST_F(StartProcessTest, GivesTheEnvironmentToTheByteAndNothingElse) {
  COFFERDAM_NEEDS(Users::only_one);
  setenv("COFFERDAM_TEST_LEAK", "1", 1);
  spec_.env.emplace_back("TEXT=two\nlines = \"yes\"\t");
  spec_.env.emplace_back("EMPTY=");
  const std::string output = live(Users::only_one).output;
  EXPECT_THAT(output, HasSubstr("env 23 TEXT=two\nlines = \"yes\"\t\n"));
  EXPECT_THAT(output, HasSubstr("env 6 EMPTY=\n"));
  EXPECT_THAT(output, Not(HasSubstr("COFFERDAM_TEST_LEAK")));
}

TEST_F(StartProcessTest, StartsWithDefaultSignalsAndNoDescriptorsOfOurs) {
  COFFERDAM_NEEDS(Users::only_one);
  const int leak = dup(STDOUT_FILENO);
  ASSERT_NE(std::signal(SIGPIPE, SIG_IGN), SIG_ERR);
  const std::string output = live(Users::only_one).output;
  close(leak);
  EXPECT_THAT(output, HasSubstr("signals changed: 0\n"));
  EXPECT_THAT(output, HasSubstr("other descriptors: 0\n"));
  EXPECT_THAT(output, HasSubstr("input is /dev/null: yes\n"));
  EXPECT_THAT(output, HasSubstr("session leader: yes\n"));
}

TEST_F(StartProcessTest, LivesInItsRootWithTheKernelsFoldersBelow) {
  COFFERDAM_NEEDS(Users::only_one);
  spec_.args = {"probe", "report", "/proc/self/status", "/dev/null",     "/sys/kernel",
                "/run",  "/tmp",   root().string(),     "/../etc/passwd"};
  const std::string output = live(Users::only_one).output;
  for (const char* there :
       {"/proc/self/status: yes", "/dev/null: yes", "/sys/kernel: yes", "/run: yes", "/tmp: yes"}) {
    EXPECT_THAT(output, HasSubstr(there));
  }
  EXPECT_THAT(output, HasSubstr(root().string() + ": no"));
  EXPECT_THAT(output, HasSubstr("/../etc/passwd: no"));
}

TEST_F(StartProcessTest, KeepsWhatTheImageHasInRunAndTmp) {
  COFFERDAM_NEEDS(Users::only_one);
  fs::create_directories(root() / "run/postgresql");
  fs::create_directory_symlink("/etc", root() / "tmp");
  spec_.args = {"probe", "report", "/run/postgresql"};
  const std::string output = live(Users::only_one).output;
  EXPECT_THAT(output, HasSubstr("/run/postgresql: yes"));
  EXPECT_TRUE(fs::is_symlink(root() / "tmp"));
}

TEST_F(StartProcessTest, NamesLocalhostUnlessTheImageDoes) {
  COFFERDAM_NEEDS(Users::only_one);
  const fs::path hosts = root() / "etc/hosts";
  live(Users::only_one);
  EXPECT_THAT(read_text_file(hosts, 4096).value(), HasSubstr("127.0.0.1\tlocalhost\n"));
  ASSERT_TRUE(write_file_atomic(hosts, as_bytes("10.0.0.1 db\n")).has_value());
  live(Users::only_one);
  EXPECT_EQ(read_text_file(hosts, 4096).value(), "10.0.0.1 db\n");
}

TEST_F(StartProcessTest, MakesTheWorkingFolder) {
  COFFERDAM_NEEDS(Users::only_one);
  spec_.cwd = "/srv/app/data";
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("cwd /srv/app/data\n"));
}

TEST_F(StartProcessTest, AWorkingFolderBehindALinkStaysInTheRoot) {
  COFFERDAM_NEEDS(Users::only_one);
  fs::create_directories(root() / "inner");
  fs::create_directory_symlink("../../../../../../inner", root() / "relative");
  fs::create_directory_symlink("/inner", root() / "absolute");
  for (const char* link : {"/relative", "/absolute"}) {
    spec_.cwd = std::string(link) + "/made";
    EXPECT_THAT(live(Users::only_one).output, HasSubstr("cwd /inner/made\n")) << link;
  }
  EXPECT_TRUE(fs::is_directory(root() / "inner/made"));
}

TEST_F(StartProcessTest, LooksTheProgramUpInThePathOfTheImage) {
  COFFERDAM_NEEDS(Users::only_one);
  fs::create_directories(root() / "first/probe");  // A folder is not a program.
  spec_.env = {"PATH=/nowhere:/first:/usr/bin"};
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("end 0 0"));
  spec_.env = {"PATH=:/nowhere"};  // An empty element is the working folder.
  spec_.cwd = "/usr/bin";
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("end 0 0"));
  spec_.env = {};
  spec_.cwd = "/";
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("end 0 0"));
}

TEST_F(StartProcessTest, SaysWhichStepFailedAndWhy) {
  COFFERDAM_NEEDS(Users::only_one);
  spec_.args = {"missing"};
  EXPECT_THAT(live(Users::only_one).output,
              HasSubstr("refused workload_not_started the workload: cannot execute missing: "
                        "No such file or directory"));
  spec_.args = {"/usr"};
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("cannot execute /usr: Permission denied"));
  spec_.args = {"probe", "report"};
  spec_.cwd = "/usr/bin/probe";
  EXPECT_THAT(live(Users::only_one).output,
              HasSubstr("cannot enter its working folder /usr/bin/probe: Not a directory"));
}

TEST_F(StartProcessTest, TextWithoutAnInterpreterIsNotAProgram) {
  COFFERDAM_NEEDS(Users::only_one);
  const fs::path script = root() / "usr/bin/script";
  ASSERT_TRUE(write_file_atomic(script, as_bytes("exit 0\n"), 0755).has_value());
  spec_.args = {"script"};
  EXPECT_THAT(live(Users::only_one).output, HasSubstr("cannot execute script: Exec format error"));
}

TEST_F(StartProcessTest, RefusesAUserThatTheNamespaceDoesNotMap) {
  COFFERDAM_NEEDS(Users::only_one);
  spec_.uid = 1000;
  EXPECT_THAT(live(Users::only_one).output,
              HasSubstr("refused user_not_mapped the workload: cannot take user 1000"));
  spec_.uid = 0;
  spec_.gid = 1000;
  EXPECT_THAT(live(Users::only_one).output,
              HasSubstr("refused user_not_mapped the workload: cannot take group 1000"));
  spec_.gid = 0;
  spec_.additional_gids = {4};
  const std::string output = live(Users::only_one).output;
  EXPECT_THAT(output,
              HasSubstr("refused user_not_mapped the workload: cannot take its additional groups"));
  EXPECT_THAT(output, HasSubstr("/etc/subuid"));
}

// VFS_CAP_REVISION_2 with cap_net_raw, permitted and effective, as setcap writes it.
const Bytes kNetRaw{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

TEST_F(StartProcessTest, AFileCapabilityIsSetAndTakesEffect) {
  COFFERDAM_NEEDS(Users::all);
  spec_.attributes = {{"/usr/bin/probe", "security.capability", kNetRaw}};
  spec_.uid = 1000;
  spec_.gid = 1000;
  const Life life = live();
  if (life.output.find("without its file capability") != std::string::npos) {
    GTEST_SKIP() << "the temporary folder's file system holds no extended attributes";
  }
  EXPECT_THAT(life.output, HasSubstr("capabilities 0000000000002000"));
  Bytes stored(64);
  const ssize_t size = getxattr((root() / "usr/bin/probe").c_str(), "security.capability",
                                stored.data(), stored.size());
  ASSERT_EQ(size, 20);
  stored.resize(20);
  EXPECT_EQ(stored, kNetRaw);
}

TEST_F(StartProcessTest, RefusesAnAttributeOfAFileThatIsNotThere) {
  COFFERDAM_NEEDS(Users::only_one);
  spec_.attributes = {{"/usr/bin/missing", "security.capability", kNetRaw}};
  EXPECT_THAT(live(Users::only_one).output,
              HasSubstr("refused attribute_not_set cannot set security.capability of "
                        "/usr/bin/missing"));
}

TEST_F(StartProcessTest, SetsNoAttributeBehindALink) {
  COFFERDAM_NEEDS(Users::only_one);
  const fs::path outside = folder_ / "outside";
  ASSERT_TRUE(write_file_atomic(outside, as_bytes("x")).has_value());
  fs::create_symlink(outside, root() / "link");
  fs::create_directory_symlink(folder_ / "", root() / "folder");
  for (const char* path : {"/link", "/folder/outside"}) {
    spec_.attributes = {{path, "security.capability", kNetRaw}};
    EXPECT_THAT(live(Users::only_one).output, HasSubstr("refused attribute_not_set")) << path;
  }
  EXPECT_LT(getxattr(outside.c_str(), "security.capability", nullptr, 0), 0);
}

TEST_F(StartProcessTest, RefusesARootThatIsALinkOrMissing) {
  COFFERDAM_NEEDS(Users::only_one);
  fs::create_directory_symlink("rootfs", folder_ / "link");
  for (const char* name : {"link", "missing"}) {
    spec_.root = (folder_ / name).string();
    EXPECT_THAT(live(Users::only_one).output, HasSubstr("refused root_unusable")) << name;
  }
}

TEST_F(StartProcessTest, TheSocketBelongsToTheWorkloadAndLiesInItsRoot) {
  COFFERDAM_NEEDS(Users::all);
  spec_.uid = 1000;
  spec_.gid = 1001;
  const auto life = test::as_first_process(Users::all, [this] {
    const auto root = WorkloadRoot::prepare(spec_.root);
    const auto place = root->place_for("/run/workload/agent.sock");
    struct stat info{};
    if (!place || mknod(place->c_str(), S_IFSOCK | 0600, 0) != 0 ||
        !WorkloadRoot::hand_over(*place, spec_) || stat(place->c_str(), &info) != 0) {
      return 1;
    }
    std::printf("%s %u %u\n", place->c_str(), info.st_uid, info.st_gid);
    return 0;
  });
  EXPECT_EQ(life->output, (root() / "run/workload/agent.sock").string() + " 1000 1001\n");
}

TEST_F(StartProcessTest, PutsNoSocketBehindALink) {
  COFFERDAM_NEEDS(Users::only_one);
  fs::create_directory_symlink(folder_ / "", root() / "run");
  const auto life = test::as_first_process(Users::only_one, [this] {
    const auto place = WorkloadRoot::prepare(spec_.root)->place_for("/run/workload/agent.sock");
    std::puts(place ? "made" : std::string(place.error().reason).c_str());
    return 0;
  });
  EXPECT_EQ(life->output, "root_unusable\n");
  EXPECT_FALSE(fs::exists(folder_ / "workload"));
}

// A process that is started by several threads' worth of agent, without any namespace.
TEST(StartProcessPlainTest, RunsInOurOwnRootAsOurselves) {
  ProcessSpec spec;
  spec.args = {"/bin/sh", "-c", "exit 3"};
  spec.uid = geteuid();
  spec.gid = getegid();
  const auto pid = start_process(spec);
  ASSERT_TRUE(pid.has_value()) << pid.error().detail;
  int status = 0;
  ASSERT_EQ(waitpid(*pid, &status, 0), *pid);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

}  // namespace
}  // namespace cofferdam::agent
