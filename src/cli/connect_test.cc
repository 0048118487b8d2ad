// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam connect` against a server in this process.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "channel/test_support.h"
#include "cli/test_run.h"
#include "crypto/pem.h"
#include "net/testing.h"

namespace cofferdam::cli {
namespace {

using channel::test::Enclave;
using test::Outcome;

const Bytes kMacKey(40, 0x5a);

class ConnectTest : public testing::Test {
 protected:
  ConnectTest() {
    platform_.clock.set(SystemClock().now());
    enclave_ = std::make_unique<Enclave>(platform_);
    identity_ = enclave_->identity(channel::Role::server);
    backend_.keys["billing"] = kMacKey;
    const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
    loop_.call([&] {
      channel::ServerOptions options;
      options.clients = {{.name = "billing", .by_mac = true},
                         {.name = "gateway", .by_mac = false, .spki = key.public_key().spki()}};
      const channel::Server::Parts parts{*identity_, platform_.verifier, platform_.clock, backend_};
      server_ = std::make_unique<channel::Server>(loop_.executor(), parts, std::move(options));
      return server_->listen(net::UnixAddress{socket_}).has_value();
    });
    key_file_ = platform_.folder.write("mac.key", kMacKey).string();
    const auto identity = channel::test::plain_identity(key);
    certificate_file_ =
        platform_.folder
            .write("client.pem", as_bytes(crypto::pem_encode("CERTIFICATE", identity.certificate)))
            .string();
    client_key_file_ = platform_.folder.write("client.key", key.to_pem().reveal(), 0600).string();
  }
  ~ConnectTest() override {
    EXPECT_TRUE(loop_.run(server_->drain(std::chrono::milliseconds(0))));
    loop_.call([&] {
      server_.reset();
      return true;
    });
  }
  ConnectTest(const ConnectTest&) = delete;
  ConnectTest& operator=(const ConnectTest&) = delete;

  Outcome connect(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"connect", "unix:" + socket_, "--root",
                                       platform_.authority.root_pem_path().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(add_connect, std::move(arguments));
  }
  std::string pcr0() const { return "0=" + to_hex(enclave_->policy().pcrs.at(0)); }

  channel::test::Platform platform_;
  std::string socket_ = (platform_.folder / "channel").string();
  std::unique_ptr<Enclave> enclave_;
  std::unique_ptr<channel::Identity> identity_;
  channel::test::FakeBackend backend_;
  std::unique_ptr<channel::Server> server_;
  std::string key_file_;
  std::string certificate_file_;
  std::string client_key_file_;
  net::testing::Loop loop_;
};

TEST_F(ConnectTest, SaysWhatWasVerified) {
  const Outcome outcome = connect({"--pcr", pcr0()});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  EXPECT_TRUE(outcome.json().at("verified").as_bool());
  EXPECT_TRUE(outcome.json().at("challenged").as_bool());
  EXPECT_EQ("0=" + std::string(outcome.json().at("pcrs").as_object().at("PCR0").as_string()),
            pcr0());
}

TEST_F(ConnectTest, RefusesOtherMeasurementsWithTheReason) {
  const Outcome outcome = connect({"--pcr", "0=" + std::string(96, 'e'), "--json"});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_EQ(outcome.text("reason"), "pcr_mismatch");
}

TEST_F(ConnectTest, SendsARequestWithAMac) {
  const Outcome outcome = connect({"--pcr", pcr0(), "--client", "billing", "--mac-key", key_file_,
                                   "--request", "GET", "/balance"});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  EXPECT_EQ(outcome.out, "done");
}

TEST_F(ConnectTest, SendsARequestWithAClientCertificate) {
  const Outcome outcome =
      connect({"--pcr", pcr0(), "--client-cert", certificate_file_, "--client-key",
               client_key_file_, "--request", "GET", "/", "--json"});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  EXPECT_EQ(outcome.json().at("response").as_object().at("body").as_string(), "done");
}

TEST_F(ConnectTest, RefusedRequestIsANegativeVerdict) {
  const Outcome outcome = connect({"--pcr", pcr0(), "--request", "GET", "/balance"});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_NE(outcome.out.find("not_authenticated"), std::string::npos);
}

TEST_F(ConnectTest, PinningNothingIsAUsageError) {
  EXPECT_EQ(connect({}).exit, Exit::usage);
  EXPECT_EQ(connect({"--name", "demo", "--pcr", pcr0()}).exit, Exit::usage);
}

TEST_F(ConnectTest, NobodyThereIsTheEnvironment) {
  const Outcome outcome =
      test::run(add_connect, {"connect", "unix:" + socket_ + "-none", "--root",
                              platform_.authority.root_pem_path().string(), "--pcr", pcr0()});
  EXPECT_EQ(outcome.exit, Exit::environment);
}

}  // namespace
}  // namespace cofferdam::cli
