// SPDX-License-Identifier: Apache-2.0
#include "parent/control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/test_folder.h"
#include "ledger/test_support.h"
#include "net/testing.h"

namespace cofferdam::parent {
namespace {

using ::testing::HasSubstr;

class ControlTest : public ::testing::Test {
 protected:
  ControlService service() {
    ControlOptions options;
    options.release_manifest = folder_ / "manifest";
    options.offers = {{"db", folder_ / "offer.json"}};
    options.credentials = CredentialSource::file(folder_ / "credentials.json");
    options.ledger = folder_ / "ledger.jsonl";
    options.state_folder = folder_ / "state";
    return ControlService::open(std::move(options), clock_).value();
  }

  void write(const std::string& name, std::string_view content) const {
    std::ofstream(folder_ / name) << content;
  }

  std::string read(const std::string& name) const {
    return read_text_file(folder_ / name, 1 << 20).value();
  }

  TestFolder folder_;
  ManualClock clock_{parse_rfc3339("2026-01-02T03:04:05Z").value()};
};

net::HttpResponse ask(ControlService& service, std::string method, std::string target,
                      std::string_view body = {}) {
  net::HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = to_bytes(body);
  static boost::asio::io_context io(1);  // Outlives every service's thread for the disk.
  return net::testing::run(io, service.handle(std::move(request))).value();
}

TEST_F(ControlTest, HandsOverFilesAsTheyAreNow) {
  auto parent = service();
  EXPECT_EQ(ask(parent, "GET", "/v1/release-manifest").status, 404U);
  write("manifest", "opaque");
  write("offer.json", R"({"ciphertext":"AAAA"})");
  write("credentials.json", R"({"AccessKeyId":"A","SecretAccessKey":"B"})");
  const auto manifest = ask(parent, "GET", "/v1/release-manifest");
  EXPECT_EQ(as_text(manifest.body), "opaque");
  EXPECT_EQ(net::header(manifest.headers, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(as_text(ask(parent, "GET", "/v1/ciphertexts/db").body), R"({"ciphertext":"AAAA"})");
  EXPECT_EQ(as_text(ask(parent, "GET", "/v1/credentials").body),
            R"({"AccessKeyId":"A","SecretAccessKey":"B"})");
  write("offer.json", R"({"ciphertext":"BBBB"})");
  EXPECT_EQ(as_text(ask(parent, "GET", "/v1/ciphertexts/db").body), R"({"ciphertext":"BBBB"})");
}

TEST_F(ControlTest, RefusesAFileThatIsTooLargeOrNoOffer) {
  auto parent = service();
  write("manifest", std::string(16 * 1024 + 1, 'x'));
  EXPECT_EQ(ask(parent, "GET", "/v1/release-manifest").status, 400U);
  for (const std::string_view bad : {"", "[]", "{}", "{\"ciphertext\":\"A\"", "text"}) {
    write("offer.json", bad);
    EXPECT_EQ(ask(parent, "GET", "/v1/ciphertexts/db").status, 503U) << bad;
  }
}

TEST_F(ControlTest, KnowsOnlyItsOwnPaths) {
  auto parent = service();
  write("offer.json", R"({"ciphertext":"AAAA"})");
  for (const std::string target :
       {"/", "/v1", "/v1/ciphertexts/", "/v1/ciphertexts/other", "/v1/ciphertexts/../credentials",
        "/v1/ciphertexts/db/", "/v1/ciphertexts/db?x", "/v1/credentials/", "//v1/credentials"}) {
    EXPECT_EQ(ask(parent, "GET", target).status, 404U) << target;
  }
  EXPECT_EQ(ask(parent, "POST", "/v1/credentials").status, 404U);
  EXPECT_EQ(ask(parent, "DELETE", "/v1/credentials").status, 405U);
}

TEST_F(ControlTest, AnOldLedgerIsContinued) {
  write("ledger.jsonl", "{}\n");
  auto parent = service();
  const std::string line = ledger::test::Platform().open().genesis();
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", line).status, 204U);
  EXPECT_EQ(read("ledger.jsonl"), "{}\n" + line + "\n");
}

TEST_F(ControlTest, StatusTellsOfHeartbeats) {
  auto parent = service();
  EXPECT_THAT(as_text(ask(parent, "GET", "/v1/status").body),
              HasSubstr(R"("heartbeats":0,"lastHeartbeat":null)"));
  EXPECT_EQ(ask(parent, "POST", "/v1/heartbeat", "{}").status, 204U);
  EXPECT_THAT(as_text(ask(parent, "GET", "/v1/status").body),
              HasSubstr(R"("heartbeats":1,"lastHeartbeat":"2026-01-02T03:04:05Z")"));
}

TEST_F(ControlTest, RemembersHowTheEnclaveEnded) {
  auto parent = service();
  EXPECT_THAT(as_text(ask(parent, "GET", "/v1/status").body), HasSubstr(R"("exit":null)"));
  EXPECT_EQ(ask(parent, "POST", "/v1/exit",
                R"({"exitStatus":137,"cause":"signaled","signal":9,"surprise":1})")
                .status,
            204U);
  EXPECT_THAT(
      as_text(ask(parent, "GET", "/v1/status").body),
      HasSubstr(
          R"("exit":{"exitStatus":137,"cause":"signaled","signal":9,"time":"2026-01-02T03:04:05Z"})"));
  EXPECT_EQ(ask(parent, "POST", "/v1/exit",
                R"({"exitStatus":1,"cause":"not_started","reason":"user_not_mapped","detail":"x"})")
                .status,
            204U);
  EXPECT_THAT(as_text(ask(parent, "GET", "/v1/status").body),
              HasSubstr(R"("cause":"not_started","reason":"user_not_mapped","detail":"x")"));
  EXPECT_EQ(read("ledger.jsonl"), "");  // It is not a decision.
}

TEST_F(ControlTest, RefusesAnExitThatCannotBe) {
  auto parent = service();
  for (const std::string_view bad :
       {"", "[]", "{}", R"({"exitStatus":1})", R"({"cause":"exited"})",
        R"({"exitStatus":256,"cause":"exited"})", R"({"exitStatus":-1,"cause":"exited"})",
        R"({"exitStatus":"1","cause":"exited"})", R"({"exitStatus":1,"cause":"melted"})",
        R"({"exitStatus":1,"cause":"signaled","signal":65})",
        R"({"exitStatus":1,"cause":"exited","detail":7})",
        R"({"exitStatus":1,"exitStatus":0,"cause":"exited"})"}) {
    EXPECT_EQ(ask(parent, "POST", "/v1/exit", bad).status, 400U) << bad;
  }
  EXPECT_THAT(as_text(ask(parent, "GET", "/v1/status").body), HasSubstr(R"("exit":null)"));
}

TEST_F(ControlTest, KeepsStatesAndGivesThemBack) {
  auto parent = service();
  EXPECT_EQ(ask(parent, "GET", "/v1/state/wallet").status, 404U);
  const std::string blob("\0\xff opaque", 9);
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/wallet", blob).status, 204U);
  EXPECT_EQ(as_text(ask(parent, "GET", "/v1/state/wallet").body), blob);
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/wallet", "second").status, 204U);
  auto later = service();
  EXPECT_EQ(as_text(ask(later, "GET", "/v1/state/wallet").body), "second");
}

TEST_F(ControlTest, RefusesStatesThatCouldHarmTheDisk) {
  auto parent = service();
  for (const std::string name : {"", ".", "..", "../x", "a/b", ".hidden", "a%2f", "a b"}) {
    EXPECT_EQ(ask(parent, "PUT", "/v1/state/" + name, "x").status, 400U) << name;
    EXPECT_EQ(ask(parent, "GET", "/v1/state/" + name).status, 400U) << name;
  }
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/" + std::string(65, 'a'), "x").status, 400U);
  const std::string large(StateStore::kMaxSize + 1, 'x');
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/large", large).status, 413U);
  EXPECT_EQ(ask(parent, "PUT", "/v1/other", "x").status, 404U);
  for (std::size_t i = 0; i < StateStore::kMaxCount; ++i) {
    std::ofstream(folder_ / ("state/" + std::to_string(i) + ".sealed")) << i;
  }
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/one-more", "x").status, 403U);
  EXPECT_EQ(ask(parent, "PUT", "/v1/state/7", "replaced").status, 204U);
}

TEST_F(ControlTest, StoresLedgerLinesAsTheyAreAndCountsGaps) {
  auto parent = service();
  const ledger::test::Platform platform;
  auto ledger = platform.open();
  const auto next = [&] { return ledger.append(ledger::test::decision("request")).value(); };
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", ledger.genesis()).status, 204U);
  const std::string first = next();
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", first).status, 204U);
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", first).status, 204U);  // Its answer was lost.
  EXPECT_EQ(parent.ledger_counts().repeats, 1U);
  EXPECT_EQ(parent.ledger_counts().gaps, 0U);
  next();
  next();
  const std::string fourth = next();
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", fourth).status, 204U);
  EXPECT_EQ(parent.ledger_counts().gaps, 2U);
  EXPECT_EQ(read("ledger.jsonl"), ledger.genesis() + "\n" + first + "\n" + fourth + "\n");
}

TEST_F(ControlTest, RefusesWhatIsNoLedgerLine) {
  auto parent = service();
  const std::string line = ledger::test::Platform().open().genesis();
  for (const std::string& bad : {std::string(), std::string("{}"), line + "\n", " " + line,
                                 line.substr(1), line.substr(0, line.size() - 1)}) {
    EXPECT_EQ(ask(parent, "POST", "/v1/ledger", bad).status, 400U);
  }
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", std::string(65 * 1024, 'x')).status, 413U);
  EXPECT_EQ(read("ledger.jsonl"), "");
}

TEST_F(ControlTest, TakesTheGaugesOfTheEnclave) {
  auto parent = service();
  EXPECT_FALSE(parent.gauges().has_value());
  EXPECT_EQ(ask(parent, "POST", "/v1/gauges", R"({"recipientPool":3,"denials":{"a_b":2}})").status,
            204U);
  ASSERT_TRUE(parent.gauges().has_value());
  EXPECT_EQ(parent.gauges()->recipient_pool, 3);
  EXPECT_EQ(ask(parent, "POST", "/v1/gauges", "[]").status, 400U);
  EXPECT_EQ(parent.gauges()->denials.at("a_b"), 2);
}

TEST_F(ControlTest, WithoutFlagsItHasNothingToGive) {
  auto parent = ControlService::open({}, clock_).value();
  for (const std::string target : {"/v1/release-manifest", "/v1/credentials"}) {
    EXPECT_EQ(ask(parent, "GET", target).status, 404U) << target;
  }
  EXPECT_EQ(ask(parent, "POST", "/v1/ledger", "{}").status, 503U);
}

TEST_F(ControlTest, ALogThatCannotBeOpenedStopsTheStart) {
  ControlOptions options;
  options.ledger = folder_ / "missing" / "ledger.jsonl";
  const auto parent = ControlService::open(std::move(options), clock_);
  ASSERT_FALSE(parent.has_value());
  EXPECT_THAT(parent.error().detail, HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace cofferdam::parent
