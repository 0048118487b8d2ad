// SPDX-License-Identifier: Apache-2.0
#include "parent/credential_source.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/test_folder.h"
#include "net/testing.h"

namespace cofferdam::parent {
namespace {

class CredentialSourceTest : public ::testing::Test {
 protected:
  CredentialSourceTest() { clear(); }
  ~CredentialSourceTest() override { clear(); }

  static void clear() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
      unsetenv(name);
    }
  }
};

TEST_F(CredentialSourceTest, ReadsTheEnvironment) {
  setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
  setenv("AWS_SECRET_ACCESS_KEY", "key/+=", 1);
  EXPECT_EQ(as_text(CredentialSource::environment().value().read().value().reveal()),
            R"({"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"key/+="})");
  setenv("AWS_SESSION_TOKEN", "token", 1);
  EXPECT_EQ(as_text(CredentialSource::environment().value().read().value().reveal()),
            R"({"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"key/+=","Token":"token"})");
}

TEST_F(CredentialSourceTest, AnEmptyEnvironmentIsNotFound) {
  setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
  EXPECT_EQ(CredentialSource::environment().error().code, Errc::not_found);
}

TEST_F(CredentialSourceTest, RefusesWhatWouldBreakTheJson) {
  setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
  setenv("AWS_SECRET_ACCESS_KEY", R"(x","Token":"y)", 1);
  const auto source = CredentialSource::environment();
  ASSERT_FALSE(source.has_value());
  EXPECT_EQ(source.error().code, Errc::invalid_input);
  EXPECT_EQ(source.error().detail.find("Token\":\"y"), std::string::npos);
}

TEST_F(CredentialSourceTest, SeesANewFileAtOnce) {
  const TestFolder folder;
  const auto path = folder / "credentials.json";
  const auto source = CredentialSource::file(path);
  EXPECT_EQ(source.read().error().code, Errc::not_found);
  std::ofstream(path) << "first";
  EXPECT_EQ(as_text(source.read().value().reveal()), "first");
  std::ofstream(path) << "second";
  EXPECT_EQ(as_text(source.read().value().reveal()), "second");
}

}  // namespace
}  // namespace cofferdam::parent
