// SPDX-License-Identifier: Apache-2.0
#include "parent/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"

namespace cofferdam::parent {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kFile = R"(
control = "vsock:4294967295:9001"
egress = "vsock:4294967295:9002"
metrics = "tcp:127.0.0.1:9464"
allow = ["kms.us-east-1.amazonaws.com:443", "db.example:5432,any,connections=32"]
ingress = ["tcp:0.0.0.0:8443=vsock:16:8443,proxy"]
peers = ["cid:16"]
offers = ["database-password=/etc/cofferdam/offer.json"]
credentials = "auto"
ledger = "/var/lib/cofferdam/ledger.jsonl"
state = "/var/lib/cofferdam/state"
idle_seconds = 300
connections = 4096
)";

class SettingsTest : public ::testing::Test {
 protected:
  Result<Settings> read(std::string_view file, Arguments flags = {}) {
    flags.config = folder_ / "parent.toml";
    std::ofstream(flags.config) << file;
    return settings_of(flags);
  }

  TestFolder folder_;
};

TEST_F(SettingsTest, ReadsAFile) {
  const auto settings = read(kFile);
  ASSERT_TRUE(settings.has_value()) << settings.error().detail;
  EXPECT_EQ(settings->control, net::Endpoint(net::VsockAddress{4294967295, 9001}));
  EXPECT_EQ(settings->allowed.match("db.example:5432")->max_connections, 32U);
  EXPECT_EQ(settings->doors.size(), 1U);
  EXPECT_FALSE(settings->peers.admits({}));
  EXPECT_EQ(settings->options.offers.at("database-password"), "/etc/cofferdam/offer.json");
  EXPECT_EQ(settings->egress_options.relay.idle_timeout, std::chrono::seconds(300));
  EXPECT_EQ(settings->egress_options.max_connections, 4096U);
}

TEST_F(SettingsTest, FlagsAndFileAddUp) {
  Arguments flags;
  flags.allow = {"sts.example:443"};
  flags.ledger_forward = "https://siem.example/ledger?from=a";
  flags.ledger_forward_ca = "siem.pem";
  const auto settings = read(kFile, flags);
  ASSERT_TRUE(settings.has_value()) << settings.error().detail;
  EXPECT_EQ(settings->allowed.destinations().size(), 3U);
  EXPECT_EQ(settings->ledger_receiver->host, "siem.example");
  EXPECT_EQ(settings->ledger_receiver->target, "/ledger?from=a");
  EXPECT_EQ(settings->ledger_receiver_ca, "siem.pem");
}

TEST_F(SettingsTest, NothingMayBeSaidTwice) {
  Arguments flags;
  flags.control = "unix:/run/control.sock";
  const auto settings = read(kFile, flags);
  ASSERT_FALSE(settings.has_value());
  EXPECT_THAT(settings.error().detail, HasSubstr("--control"));
  flags.control.clear();
  flags.connections = 5;
  EXPECT_FALSE(read(kFile, flags).has_value());
}

TEST_F(SettingsTest, RefusesWhatItDoesNotKnow) {
  const std::string good(kFile);
  for (const std::string& bad :
       {good + "colour = \"blue\"\n", good + "connections = 1\n", good + "drain_seconds = -1\n",
        good + "release_manifest = 5\n", good + "[table]\n", good + "ledger_forward = \"\"\n",
        good + "decision_log = \"/d.jsonl\"\n", std::string("control = \"unix:/a\"\n"),
        std::string("control = ")}) {
    EXPECT_FALSE(read(bad).has_value()) << bad;
  }
}

TEST_F(SettingsTest, ForwardsOnlyALedgerThatIsStored) {
  constexpr std::string_view kEnds = "control = \"unix:/c\"\negress = \"unix:/e\"\n";
  const std::string without(kEnds);
  const std::string with = without + "ledger = \"/l\"\n";
  const std::string forward = "ledger_forward = \"http://127.0.0.1:80/\"\n";
  const std::string ca = "ledger_forward_ca = \"/ca.pem\"\n";
  EXPECT_TRUE(read(with + forward).has_value());
  for (const std::string& bad : {without + forward, with + ca, with + forward + ca,
                                 with + "ledger_forward = \"ftp://127.0.0.1/\"\n"}) {
    EXPECT_FALSE(read(bad).has_value()) << bad;
  }
}

TEST_F(SettingsTest, TellsWhatAReloadCannotChange) {
  const std::string file(kFile);
  const auto before = read(file).value();
  EXPECT_EQ(read(file + "release_manifest = \"/new\"\n").value().fixed, before.fixed);
  EXPECT_NE(read(file + "ledger_forward = \"http://127.0.0.1\"\n").value().fixed, before.fixed);
  EXPECT_NE(read(file + "drain_seconds = 3\n").value().fixed, before.fixed);
}

}  // namespace
}  // namespace cofferdam::parent
