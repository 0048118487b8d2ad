// SPDX-License-Identifier: Apache-2.0
// Images made by umoci and copied by skopeo, where they are installed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "image/container.h"
#include "image/test_container.h"

namespace cofferdam::image {
namespace {

class ToolsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!run("command -v umoci && command -v skopeo")) GTEST_SKIP() << "no umoci or no skopeo";
    const std::string image = " --image oci:v1 ";
    write_file(folder_.path() / "app", as_bytes("app"));
    write_file(folder_.path() / "tree/old", as_bytes("old"));
    write_file(folder_.path() / "tree/deep/file", as_bytes("deep"));
    ASSERT_TRUE(run("ln -s deep/file tree/link"));
    ASSERT_TRUE(run("umoci init --layout oci"));
    ASSERT_TRUE(run("umoci new" + image));
    ASSERT_TRUE(run("umoci insert --rootless" + image + "tree /srv"));
    ASSERT_TRUE(run("umoci insert --rootless" + image + "tree /hidden"));
    ASSERT_TRUE(run("umoci insert --rootless" + image + "app /srv/app"));
    ASSERT_TRUE(run("umoci insert --rootless" + image + "--whiteout /srv/old"));
    ASSERT_TRUE(run("umoci insert --rootless" + image + "--opaque tree/deep /hidden"));
    ASSERT_TRUE(run("umoci config" + image +
                    "--config.entrypoint /srv/app --config.cmd one --config.cmd 'two words' "
                    "--config.env A=1 --config.user 5:6 --config.workingdir /srv "
                    "--config.stopsignal SIGINT --architecture amd64 --os linux"));
  }

  bool run(const std::string& command) const {
    return std::system(
               ("cd " + folder_.path().string() + " && (" + command + ") > log 2>&1").c_str()) == 0;
  }

  Result<ContainerImage> read(const std::string& name) const {
    ContainerSelection selection;
    selection.spool = folder_.path();
    return read_container(folder_.path() / name, selection);
  }

  static void check(const Result<ContainerImage>& image) {
    ASSERT_TRUE(image.has_value()) << image.error().detail;
    std::string paths;
    for (const auto& entry : image->tree.entries()) paths += std::string(entry.path) + " ";
    EXPECT_EQ(paths, "hidden hidden/file srv srv/app srv/deep srv/deep/file srv/link ");
    EXPECT_EQ(image->tree.read(*image->tree.find("srv/app"), 100).value(), to_bytes("app"));
    EXPECT_EQ(image->tree.read(*image->tree.resolve("srv/link"), 100).value(), to_bytes("deep"));
    const ContainerConfig& config = image->config;
    EXPECT_EQ(config.entrypoint, std::vector<std::string>{"/srv/app"});
    EXPECT_EQ(config.cmd, (std::vector<std::string>{"one", "two words"}));
    EXPECT_EQ(config.env.back(), "A=1");
    EXPECT_EQ(config.user, "5:6");
    EXPECT_EQ(config.working_dir, "/srv");
    EXPECT_EQ(config.stop_signal, "SIGINT");
  }

  TestFolder folder_;
};

TEST_F(ToolsTest, ReadsALayoutOfUmoci) { check(read("oci")); }

TEST_F(ToolsTest, ReadsALayoutInATarOfGnu) {
  ASSERT_TRUE(run("tar -cf layout.tar -C oci ."));
  check(read("layout.tar"));
}

TEST_F(ToolsTest, ReadsTheArchivesOfSkopeo) {
  ASSERT_TRUE(run("skopeo --insecure-policy copy oci:oci:v1 docker-archive:saved.tar:me/app:v1"));
  check(read("saved.tar"));
  ASSERT_TRUE(run("skopeo --insecure-policy copy oci:oci:v1 oci-archive:oci.tar:v1"));
  check(read("oci.tar"));
  ASSERT_TRUE(
      run("skopeo --insecure-policy copy --dest-compress-format zstd oci:oci:v1 oci:zstd:v1"));
  check(read("zstd"));
}

}  // namespace
}  // namespace cofferdam::image
