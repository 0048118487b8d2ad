// SPDX-License-Identifier: Apache-2.0
#include "image/layout.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>

#include "agent/config.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "eif/test_image.h"
#include "image/reason.h"
#include "image/test_tree.h"

namespace cofferdam::image {
namespace {

using test::content_of;
using test::TreeBuilder;

// An agent.toml that names one more file. `command` is a line of [workload].
std::string agent_toml(const std::string& command = "") {
  return "[enclave]\nname = \"demo\"\nminimum_release = 1\npcr8 = \"" + std::string(96, 'a') +
         "\"\n[nsm]\ndevice = \"device:/dev/nsm\"\n"
         "[parent]\ncontrol = \"vsock:3:9001\"\negress = \"vsock:3:9002\"\n"
         "[aws]\nregion = \"us-east-1\"\nca_roots = \"/etc/cofferdam/roots.pem\"\n"
         "[workload]\nsocket = \"/run/cofferdam.sock\"\n" +
         command;
}

// A container with its configuration in it.
TreeBuilder container() {
  TreeBuilder out;
  out.file("etc/cofferdam/agent.toml", agent_toml())
      .file("etc/cofferdam/roots.pem", "roots", {.permissions = 0600, .uid = 7, .mtime = 99})
      .file("app", "binary");
  return out;
}

ApplicationParts parts_of(TreeBuilder&& tree) {
  ApplicationParts out{.rootfs = tree.take(), .process = {}, .config = {}};
  out.process.args = {"/app"};
  return out;
}

std::string reason_of(const Result<Application>& made) {
  return made ? "accepted" : std::string(made.error().reason);
}

std::string paths(const FileTree& tree) {
  std::string out;
  for (const FileTree::Entry& entry : tree.entries()) out += std::string(entry.path) + ' ';
  return out;
}

TEST(LayoutTest, TheBootTreeHasTheInitAndTheModuleAndNothingElse) {
  const TestFolder folder;
  folder.write("agent", as_bytes("an init"));
  folder.write("module", as_bytes("a module"));
  const auto both = make_boot_tree(folder.path("agent"), folder.path("module"));
  ASSERT_TRUE(both) << both.error().detail;
  EXPECT_EQ(paths(*both), "dev init nsm.ko ");
  EXPECT_EQ(content_of(*both, "init"), "an init");
  EXPECT_EQ(content_of(*both, "nsm.ko"), "a module");
  EXPECT_EQ(both->find("dev")->mode, cpio::kDirectory | 0755);
  EXPECT_EQ(both->find("init")->mode, cpio::kRegularFile | 0755);
  const auto one = make_boot_tree(folder.path("agent"), std::nullopt);
  ASSERT_TRUE(one);
  EXPECT_EQ(paths(*one), "dev init ");
  EXPECT_EQ(make_boot_tree(folder.path("none"), std::nullopt).error().code, Errc::not_found);
}

TEST(LayoutTest, TheContainersConfigurationMovesUpAndItsFilesBelowRootfs) {
  const auto made = make_application(parts_of(container()));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(paths(made->tree),
            "etc etc/cofferdam etc/cofferdam/agent.toml etc/cofferdam/process.json "
            "etc/cofferdam/roots.pem rootfs rootfs/app rootfs/etc ");
  const Node& roots = *made->tree.find("etc/cofferdam/roots.pem");
  EXPECT_EQ(roots.mode, cpio::kRegularFile | 0644);
  EXPECT_EQ(roots.uid, 0u);
  EXPECT_EQ(roots.mtime, 0);
  EXPECT_EQ(content_of(made->tree, "etc/cofferdam/roots.pem"), "roots");
  EXPECT_TRUE(made->notes.empty());
}

TEST(LayoutTest, ProcessJsonSaysWhatToRunBelowRootfs) {
  ApplicationParts parts = parts_of(container());
  parts.process.env = {"A=two\nlines"};
  parts.process.uid = 1000;
  const auto made = make_application(std::move(parts));
  ASSERT_TRUE(made) << made.error().detail;
  const auto process =
      agent::parse_process_spec(content_of(made->tree, "etc/cofferdam/process.json"));
  ASSERT_TRUE(process) << process.error().detail;
  EXPECT_EQ(process->root, "/rootfs");
  EXPECT_EQ(process->args, std::vector<std::string>{"/app"});
  EXPECT_EQ(process->env, std::vector<std::string>{"A=two\nlines"});
  EXPECT_EQ(process->uid, 1000u);
}

TEST(LayoutTest, AGivenFolderBecomesTheConfigurationWhoeverOwnsIt) {
  const TestFolder folder;
  folder.write("agent.toml", as_bytes(agent_toml()));
  folder.write("roots.pem", as_bytes("given"));
  std::filesystem::create_directory(folder.path("policy"));
  folder.write("policy/a.rego", as_bytes("package a"));
  chmod(folder.path("roots.pem").c_str(), 0600);
  chmod(folder.path("policy").c_str(), 0700);
  ApplicationParts parts = parts_of(container());
  parts.config = folder.path("");
  const auto made = make_application(std::move(parts));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_EQ(content_of(made->tree, "etc/cofferdam/roots.pem"), "given");
  EXPECT_EQ(made->tree.find("etc/cofferdam/roots.pem")->mode, cpio::kRegularFile | 0644);
  EXPECT_EQ(made->tree.find("etc/cofferdam/policy")->mode, cpio::kDirectory | 0755);
  EXPECT_EQ(content_of(made->tree, "etc/cofferdam/policy/a.rego"), "package a");
  EXPECT_EQ(content_of(made->tree, "rootfs/etc/cofferdam/roots.pem"), "roots");
  ASSERT_EQ(made->notes.size(), 1u);
  EXPECT_NE(made->notes[0].find("not used"), std::string::npos);
}

TEST(LayoutTest, MeasuresTheConfigurationAsTheAgentWill) {
  const TestFolder root;
  std::filesystem::create_directories(root.path("etc/cofferdam"));
  root.write("etc/cofferdam/agent.toml", as_bytes(agent_toml()));
  root.write("etc/cofferdam/roots.pem", as_bytes("roots"));
  const auto made = make_application(parts_of(container()));
  ASSERT_TRUE(made && made->config);
  EXPECT_EQ(made->config->digest, agent::load_config(root.path(""))->digest);
}

TEST(LayoutTest, RefusesWhatTheAgentWouldRefuseAtBoot) {
  TreeBuilder broken;
  broken.file("etc/cofferdam/agent.toml", "[enclave]\nname = 7\n");
  EXPECT_FALSE(make_application(parts_of(std::move(broken))));
  TreeBuilder incomplete;
  incomplete.file("etc/cofferdam/agent.toml", agent_toml());
  const auto missing = make_application(parts_of(std::move(incomplete)));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("/etc/cofferdam/roots.pem"), std::string::npos);
  TreeBuilder bare;
  bare.file("app", "x");
  EXPECT_EQ(reason_of(make_application(parts_of(std::move(bare)))), reason::kNoConfig);
}

TEST(LayoutTest, AnotherInitNeedsNoConfiguration) {
  TreeBuilder tree;
  tree.file("app", "x");
  ApplicationParts parts = parts_of(std::move(tree));
  parts.needs_config = false;
  const auto made = make_application(std::move(parts));
  ASSERT_TRUE(made) << made.error().detail;
  EXPECT_FALSE(made->config);
  EXPECT_NE(made->tree.find("etc/cofferdam/process.json"), nullptr);
}

TEST(LayoutTest, OneOfTheTwoMustSayWhatToRun) {
  ApplicationParts parts = parts_of(container());
  parts.process.args.clear();
  EXPECT_EQ(reason_of(make_application(std::move(parts))), reason::kNoCommand);
  TreeBuilder tree;
  tree.file("etc/cofferdam/agent.toml", agent_toml("command = [\"/app\"]\n"))
      .file("etc/cofferdam/roots.pem", "roots");
  parts = parts_of(std::move(tree));
  parts.process.args.clear();
  EXPECT_EQ(reason_of(make_application(std::move(parts))), "accepted");
}

TEST(LayoutTest, RefusesOtherThingsInThePlaceOfItsOwn) {
  TreeBuilder own = container();
  own.file("etc/cofferdam/process.json", "{}");
  EXPECT_EQ(reason_of(make_application(parts_of(std::move(own)))), reason::kConflict);
  TreeBuilder link = container();
  link.symlink("etc/cofferdam/more", "/etc/passwd");
  EXPECT_EQ(reason_of(make_application(parts_of(std::move(link)))), reason::kUnsupported);
  for (const char* path : {"dev", "proc", "sys", "run", "tmp"}) {
    TreeBuilder file = container();
    file.file(path, "x");
    EXPECT_EQ(reason_of(make_application(parts_of(std::move(file)))), reason::kConflict) << path;
  }
  TreeBuilder dev = container();
  dev.symlink("dev", "/elsewhere");
  EXPECT_EQ(reason_of(make_application(parts_of(std::move(dev)))), reason::kConflict);
  TreeBuilder tmp = container();
  tmp.symlink("tmp", "var/tmp");
  EXPECT_EQ(reason_of(make_application(parts_of(std::move(tmp)))), "accepted");
}

TEST(LayoutTest, AContainerNeitherCollidesWithOurFilesNorReachesThem) {
  TreeBuilder tree = container();
  tree.file("init", "its own init").file("nsm.ko", "x").file("etc/passwd", "root");
  const auto made = make_application(parts_of(std::move(tree)));
  ASSERT_TRUE(made);
  EXPECT_EQ(content_of(made->tree, "rootfs/init"), "its own init");
  EXPECT_EQ(made->tree.find("init"), nullptr);
  EXPECT_EQ(made->tree.find("rootfs/etc/cofferdam"), nullptr);
}

TEST(LayoutTest, HandsFileCapabilitiesToTheAgentOnceForEachFile) {
  Node ping{.mode = cpio::kRegularFile | 0755};
  ping.xattrs.emplace("security.capability", Bytes(20, 1));
  ping.xattrs.emplace("user.comment", Bytes(3, 2));
  TreeBuilder tree = container();
  tree.put("bin/ping", ping).link("bin/ping4", "bin/ping");
  const auto made = make_application(parts_of(std::move(tree)));
  ASSERT_TRUE(made) << made.error().detail;
  const auto process =
      agent::parse_process_spec(content_of(made->tree, "etc/cofferdam/process.json"));
  ASSERT_TRUE(process);
  ASSERT_EQ(process->attributes.size(), 1u);
  EXPECT_EQ(process->attributes[0].path, "/bin/ping");
  EXPECT_EQ(process->attributes[0].name, "security.capability");
  EXPECT_EQ(process->attributes[0].value, Bytes(20, 1));
  ASSERT_EQ(made->notes.size(), 1u);
  EXPECT_TRUE(made->notes[0].starts_with("1 extended attribute"));
}

}  // namespace
}  // namespace cofferdam::image
