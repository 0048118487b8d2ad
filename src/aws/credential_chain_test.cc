// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_chain.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>

#include "base/file.h"
#include "base/test_folder.h"

namespace cofferdam::aws {
namespace {

class CredentialChainTest : public testing::Test {
 protected:
  CredentialChainTest() { variables_["HOME"] = folder_.path().string(); }

  Result<Credentials> find() const {
    return find_credentials([this](const char* name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? nullptr : found->second.c_str();
    });
  }
  std::filesystem::path write(const std::filesystem::path& name, std::string_view text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    EXPECT_TRUE(write_file_atomic(folder_ / name, as_bytes(text), 0600).has_value());
    return folder_ / name;
  }

  static std::string secret_of(const Result<Credentials>& found) {
    return std::string(as_text(found.value().secret_access_key.reveal()));
  }

  TestFolder folder_;
  std::map<std::string, std::string> variables_;
};

constexpr std::string_view kFile =
    "# keys\n"
    "[default]\n"
    "aws_access_key_id = AKIADEFAULT\n"
    "aws_secret_access_key=default/secret+key=\r\n"
    "region = eu-west-1\n"
    "\n"
    "; another\n"
    "[ build ]\n"
    "aws_session_token = build-token\n"
    "aws_access_key_id = ASIABUILD\n"
    "aws_secret_access_key = build-secret\n"
    "s3 =\n"
    "  aws_access_key_id = nested\n"
    "[sso]\n"
    "sso_session = work\n";

TEST_F(CredentialChainTest, TheEnvironmentComesFirst) {
  write(".aws/credentials", kFile);
  variables_["AWS_ACCESS_KEY_ID"] = "AKIAENV";
  variables_["AWS_SECRET_ACCESS_KEY"] = "env-secret";
  EXPECT_EQ(find().value().access_key_id, "AKIAENV");
  EXPECT_EQ(secret_of(find()), "env-secret");
  EXPECT_EQ(find().value().session_token, "");
  variables_["AWS_SESSION_TOKEN"] = "env-token";
  EXPECT_EQ(find().value().session_token, "env-token");
  variables_["AWS_SECRET_ACCESS_KEY"] = "two words";
  EXPECT_EQ(find().error().code, Errc::invalid_input);
  EXPECT_EQ(find().error().detail.find("two words"), std::string::npos);
}

TEST_F(CredentialChainTest, ThenTheProfileOfTheSharedFile) {
  write(".aws/credentials", kFile);
  EXPECT_EQ(find().value().access_key_id, "AKIADEFAULT");
  EXPECT_EQ(secret_of(find()), "default/secret+key=");
  variables_["AWS_PROFILE"] = "build";
  EXPECT_EQ(find().value().access_key_id, "ASIABUILD");
  EXPECT_EQ(secret_of(find()), "build-secret");
  EXPECT_EQ(find().value().session_token, "build-token");
  variables_["AWS_SHARED_CREDENTIALS_FILE"] =
      write("other", "[build]\naws_access_key_id=A\naws_secret_access_key=B\n").string();
  EXPECT_EQ(find().value().access_key_id, "A");
}

TEST_F(CredentialChainTest, SaysWhatIsMissing) {
  EXPECT_EQ(find().error().code, Errc::not_found);
  write(".aws/credentials", kFile);
  variables_["AWS_PROFILE"] = "absent";
  EXPECT_NE(find().error().detail.find("absent"), std::string::npos);
  variables_["AWS_PROFILE"] = "sso";
  EXPECT_EQ(find().error().code, Errc::not_found);
  EXPECT_NE(find().error().detail.find("export-credentials"), std::string::npos);
  variables_.erase("HOME");
  EXPECT_EQ(find().error().code, Errc::not_found);
}

TEST_F(CredentialChainTest, RefusesAFileThatCanBeReadInTwoWays) {
  for (const std::string_view text :
       {"[default]\naws_access_key_id=A\naws_access_key_id=B\naws_secret_access_key=C\n",
        "[default]\naws_access_key_id=A\naws_secret_access_key=C\n[default]\n", "[default\n",
        "[default]\naws_access_key_id=A B\naws_secret_access_key=C\n",
        "[default]\naws_access_key_id=A\naws_secret_access_key=C\x01\n"}) {
    write(".aws/credentials", text);
    EXPECT_EQ(find().error().code, Errc::invalid_input) << text;
  }
  write(".aws/credentials", std::string(300 * 1024, '#'));
  EXPECT_EQ(find().error().code, Errc::invalid_input);
}

}  // namespace
}  // namespace cofferdam::aws
