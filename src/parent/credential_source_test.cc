// SPDX-License-Identifier: Apache-2.0
#include "parent/credential_source.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"
#include "net/testing.h"

namespace cofferdam::parent {
namespace {

Result<Secret> read(const CredentialSource& source) {
  boost::asio::io_context io(1);
  return net::testing::run(io, source.read());
}

TEST(CredentialSourceTest, SeesANewFileAtOnce) {
  const TestFolder folder;
  const auto path = folder / "credentials.json";
  const auto source = CredentialSource::file(path);
  EXPECT_EQ(read(source).error().code, Errc::not_found);
  std::ofstream(path) << "first";
  EXPECT_EQ(as_text(read(source).value().reveal()), "first");
  std::ofstream(path) << "second";
  EXPECT_EQ(as_text(read(source).value().reveal()), "second");
}

// Credentials without an end, as from the environment.
class Fixed final : public aws::CredentialProvider {
 public:
  std::string_view name() const override { return "a test"; }
  Task<aws::IssuedCredentials> fetch() override {
    aws::IssuedCredentials out;
    out.credentials.access_key_id = "AKIDEXAMPLE";
    out.credentials.secret_access_key = Secret::copy_of(as_bytes("key/+="));
    co_return out;
  }
};

TEST(CredentialSourceTest, WritesWhatAProviderIssued) {
  boost::asio::io_context io(1);
  const SystemClock clock;
  const auto source = CredentialSource::refreshed(
      std::make_shared<aws::CredentialCache>(io.get_executor(), std::make_unique<Fixed>(), clock));
  EXPECT_EQ(as_text(net::testing::run(io, source.read()).value().reveal()),
            R"({"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"key/+="})");
}

}  // namespace
}  // namespace cofferdam::parent
