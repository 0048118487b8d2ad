// SPDX-License-Identifier: Apache-2.0
#include "image/process.h"

#include <gtest/gtest.h>

#include <memory>

#include "bytes/cpio.h"
#include "image/accounts.h"
#include "image/reason.h"

namespace cofferdam::image {
namespace {

using Texts = std::vector<std::string>;

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/sh\n"
    "\n"
    "# a remark\n"
    "broken:x:abc:def::/broken:/bin/sh\n"
    "short:x:5\n"
    "app:x:1000:1001:App:/home/app:/bin/sh\n"
    "homeless:x:1002:1002\n"
    "7:x:70:70::/seven:/bin/sh\n"
    "seven:x:7:8::/seven:/bin/sh\n";
constexpr std::string_view kGroup =
    "root:x:0:\n"
    "staff:x:50:other,app\n"
    "audio:x:29:app\n"
    "again:x:29:app\n"
    "broken:x:many:app\n"
    "short:x\n"
    "nobody:x:99:apple\n";

class ProcessTest : public testing::Test {
 protected:
  ProcessTest() {
    auto contents = std::make_unique<MemoryContent>();
    contents_ = contents.get();
    tree_.adopt(std::move(contents));
  }

  void put(std::string_view path, std::string_view text) {
    Node node{.mode = cpio::kRegularFile | 0644};
    node.content = {
        .source = contents_, .key = contents_->add(to_bytes(text)), .size = text.size()};
    ASSERT_TRUE(tree_.put(path, std::move(node)));
  }

  void put_accounts() {
    put("etc/passwd", kPasswd);
    put("etc/group", kGroup);
  }

  Account account(std::string_view user) const {
    const auto out = find_account(tree_, user);
    EXPECT_TRUE(out.has_value()) << user << ": " << out.error().detail;
    return out.value_or(Account{.uid = 12345, .gid = 12345, .additional_gids = {}, .home = ""});
  }

  std::string_view reason_of(std::string_view user) const {
    const auto out = find_account(tree_, user);
    return out ? "accepted" : out.error().reason;
  }

  agent::ProcessSpec process(const ContainerConfig& config,
                             const ProcessOverrides& overrides = {}) const {
    const auto out = make_process(config, overrides, tree_);
    EXPECT_TRUE(out.has_value()) << out.error().detail;
    return out.value_or(agent::ProcessSpec());
  }

  FileTree tree_;
  MemoryContent* contents_ = nullptr;
};

TEST_F(ProcessTest, WithoutAUserItIsRoot) {
  EXPECT_EQ(account("").uid, 0u);
  EXPECT_EQ(account("").gid, 0u);
  EXPECT_EQ(account("").home, "/");
  put_accounts();
  EXPECT_EQ(account("").home, "/root");
  EXPECT_EQ(account(":50").gid, 50u);
}

TEST_F(ProcessTest, FindsUsersByNameAndByNumber) {
  put_accounts();
  for (const char* user : {"app", "1000"}) {
    const Account found = account(user);
    EXPECT_EQ(found.uid, 1000u) << user;
    EXPECT_EQ(found.gid, 1001u) << user;
    EXPECT_EQ(found.home, "/home/app") << user;
    EXPECT_EQ(found.additional_gids, (std::vector<std::uint32_t>{50, 29})) << user;
  }
  EXPECT_EQ(account("homeless").home, "/");
  EXPECT_EQ(account("7").uid, 70u) << "the first line with that name or number";
}

TEST_F(ProcessTest, AGroupOfItsOwnIsTheOnlyOne) {
  put_accounts();
  for (const char* user : {"app:staff", "app:50", "1000:staff"}) {
    const Account found = account(user);
    EXPECT_EQ(found.uid, 1000u) << user;
    EXPECT_EQ(found.gid, 50u) << user;
    EXPECT_TRUE(found.additional_gids.empty()) << user;
  }
  EXPECT_EQ(account("app:").gid, 1001u);
  EXPECT_EQ(account("app:4000").gid, 4000u);
}

TEST_F(ProcessTest, NumbersNeedNoLine) {
  EXPECT_EQ(account("4000").uid, 4000u);
  EXPECT_EQ(account("4000").gid, 0u);
  EXPECT_EQ(account("4000").home, "/");
  EXPECT_EQ(account("4000:5000").gid, 5000u);
  EXPECT_EQ(account("4294967294").uid, 4'294'967'294);
}

TEST_F(ProcessTest, RefusesNamesThatNobodyHas) {
  EXPECT_EQ(reason_of("app"), "unknown_user") << "there are no files at all";
  put_accounts();
  for (const char* user : {"absent", "root:absent", "broken", "short", "root:broken", "-1", "1e3",
                           "0x10", "4294967295", "99999999999", " app", "app ", "app:staff:x"}) {
    EXPECT_EQ(reason_of(user), "unknown_user") << user;
  }
}

TEST_F(ProcessTest, FindsTheFilesThroughLinksInsideTheImage) {
  put("usr/etc/passwd", kPasswd);
  ASSERT_TRUE(tree_.put("etc", {.mode = cpio::kSymlink | 0777, .target = "/../usr/etc"}));
  EXPECT_EQ(account("app").uid, 1000u);
}

TEST_F(ProcessTest, RefusesAnEnormousFileAndPassesOverAFolder) {
  put("etc/group", std::string((std::size_t{4} << 20) + 1, 'x'));
  EXPECT_EQ(reason_of("0"), "too_large");
  ASSERT_TRUE(tree_.put("etc/group", {.mode = cpio::kDirectory | 0755}));
  EXPECT_EQ(reason_of("0"), "accepted");
}

ContainerConfig config_with(std::optional<Texts> entrypoint, std::optional<Texts> cmd) {
  ContainerConfig out;
  out.entrypoint = std::move(entrypoint);
  out.cmd = std::move(cmd);
  return out;
}

TEST_F(ProcessTest, RunsEntrypointAndCmdTogether) {
  EXPECT_EQ(process(config_with(Texts{"/e", "1"}, Texts{"2"})).args, (Texts{"/e", "1", "2"}));
  EXPECT_EQ(process(config_with(Texts{"/e"}, {})).args, Texts{"/e"});
  EXPECT_EQ(process(config_with({}, Texts{"/c"})).args, Texts{"/c"});
  EXPECT_EQ(process(config_with(Texts{}, Texts{"/c", ""})).args, (Texts{"/c", ""}));
  EXPECT_TRUE(process(config_with({}, {})).args.empty()) << "agent.toml may say what to run";
}

TEST_F(ProcessTest, OverridesDropWhatDockerRunDrops) {
  const ContainerConfig config = config_with(Texts{"/e"}, Texts{"c"});
  ProcessOverrides entrypoint;
  entrypoint.entrypoint = Texts{"/mine"};
  EXPECT_EQ(process(config, entrypoint).args, Texts{"/mine"}) << "without the image's CMD";
  ProcessOverrides cmd;
  cmd.cmd = Texts{"mine"};
  EXPECT_EQ(process(config, cmd).args, (Texts{"/e", "mine"}));
  cmd.entrypoint = Texts{"/mine"};
  EXPECT_EQ(process(config, cmd).args, (Texts{"/mine", "mine"}));
  cmd.entrypoint = Texts{};
  EXPECT_EQ(process(config, cmd).args, Texts{"mine"});
}

TEST_F(ProcessTest, TheEnvironmentHasEachNameOnce) {
  EXPECT_EQ(merge_env({"A=1", "B=2", "A=3"}, {"C=4", "B=5", "C=a=b\nc"}),
            (Texts{"A=3", "B=5", "C=a=b\nc"}));
  EXPECT_EQ(merge_env({}, {}), Texts{});
}

TEST_F(ProcessTest, AddsPathAndHome) {
  put_accounts();
  ContainerConfig config;
  config.user = "app";
  config.env = {"A=1"};
  EXPECT_EQ(process(config).env,
            (Texts{"A=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "HOME=/home/app"}));
  config.env = {"HOME=", "PATH=/bin"};
  EXPECT_EQ(process(config).env, (Texts{"HOME=", "PATH=/bin"}));
}

TEST_F(ProcessTest, TakesUserFolderAndSignalFromTheContainer) {
  put_accounts();
  ContainerConfig config;
  config.user = "app:staff";
  config.working_dir = "/srv";
  config.stop_signal = "SIGRTMIN+3";
  agent::ProcessSpec spec = process(config);
  EXPECT_EQ(spec.uid, 1000u);
  EXPECT_EQ(spec.gid, 50u);
  EXPECT_EQ(spec.cwd, "/srv");
  EXPECT_EQ(spec.stop_signal, "SIGRTMIN+3");
  ProcessOverrides overrides;
  overrides.user = "";
  overrides.working_dir = "/opt";
  spec = process(config, overrides);
  EXPECT_EQ(spec.uid, 0u);
  EXPECT_EQ(spec.cwd, "/opt");
  spec = process({});
  EXPECT_EQ(spec.cwd, "/");
  EXPECT_EQ(spec.stop_signal, "SIGTERM");
}

TEST_F(ProcessTest, RefusesSettingsNoProcessCanHave) {
  const auto refused = [this](const ContainerConfig& config, const ProcessOverrides& overrides) {
    const auto out = make_process(config, overrides, tree_);
    return out ? std::string_view("accepted") : out.error().reason;
  };
  ContainerConfig config;
  config.working_dir = "srv";
  EXPECT_EQ(refused(config, {}), "malformed");
  config = {};
  config.stop_signal = "SIGNOTHING";
  EXPECT_EQ(refused(config, {}), "malformed");
  EXPECT_EQ(refused(config_with(Texts{""}, {}), {}), "malformed");
  ProcessOverrides overrides;
  overrides.env = {"NAME_ALONE"};
  EXPECT_EQ(refused({}, overrides), "malformed");
  overrides = {};
  overrides.user = "absent";
  EXPECT_EQ(refused({}, overrides), "unknown_user");
}

}  // namespace
}  // namespace cofferdam::image
