// SPDX-License-Identifier: Apache-2.0
#include "agent/sealing_service.h"

#include <gtest/gtest.h>

#include "agent/reason.h"
#include "agent/test_kms.h"
#include "base/encoding.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kConfig = R"(
[[secret]]
name = "root"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[secret]]
name = "old-root"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[sealing]]
name = "state"
roots = ["root", "old-root"]
[[sealing]]
name = "old"
roots = ["old-root"]
)";

class SealingServiceTest : public testing::Test {
 protected:
  SealingServiceTest() : lab_({.extra_config = std::string(kConfig)}) {
    lab_.offer(R"({"ciphertext":"AAAA"})", "root");
    lab_.offer(R"({"ciphertext":"AAAB"})", "old-root");
    lab_.kms.plaintexts.emplace("AAAA", Secret::copy_of(Bytes(32, 1)));
    lab_.kms.plaintexts.emplace("AAAB", Secret::copy_of(Bytes(32, 2)));
    service_.emplace(SealingService::Parts{*lab_.validated, *lab_.service, lab_.enclave.parent});
    keep_what_is_put();
  }

  // As the parent's store does, for one name.
  void keep_what_is_put() {
    lab_.enclave.peer.answers["/v1/state/state"] = [this](const net::HttpRequest& request) {
      if (request.method == "PUT") kept_ = request.body;
      if (request.method == "PUT") return net::text_response(204, "", "");
      if (kept_.empty()) return net::error_response(404, "not_found", "");
      return net::text_response(200, "application/octet-stream", as_text(kept_));
    };
  }

  static Secret text(std::string_view value) { return Secret::copy_of(as_bytes(value)); }

  test::TestRelease lab_;
  std::optional<SealingService> service_;
  Bytes kept_;
};

TEST_F(SealingServiceTest, OpensWhatItSealed) {
  const auto sealed = test::run(service_->seal("state", text("balance"), 7));
  ASSERT_TRUE(sealed.has_value()) << sealed.error().detail;
  const auto opened = test::run(service_->unseal("state", *sealed, 7));
  ASSERT_TRUE(opened.has_value()) << opened.error().detail;
  EXPECT_EQ(as_text(opened->state.reveal()), "balance");
  EXPECT_EQ(opened->header.epoch, 7u);
  EXPECT_EQ(opened->header.release, 3u);
  EXPECT_EQ(opened->header.enclave, "demo");
  EXPECT_EQ(lab_.kms.peer.requests.size(), 2u) << "the roots are fetched once";
}

TEST_F(SealingServiceTest, AnotherPlaceDoesNotOpenIt) {
  const auto sealed = test::run(service_->seal("state", text("balance"), 7));
  EXPECT_EQ(test::run(service_->unseal("old", *sealed, 0)).error().reason, "wrong_subject");
}

TEST_F(SealingServiceTest, ResealsUnderTheNewEpoch) {
  const auto sealed = test::run(service_->seal("state", text("balance"), 7));
  const auto again = test::run(service_->reseal("state", *sealed, 7, 8));
  ASSERT_TRUE(again.has_value()) << again.error().detail;
  EXPECT_EQ(test::run(service_->unseal("state", *again, 8))->header.epoch, 8u);
  EXPECT_EQ(test::run(service_->unseal("state", *sealed, 8)).error().reason, "rolled_back");
}

TEST_F(SealingServiceTest, KeepsStateWithTheParent) {
  EXPECT_EQ(test::run(service_->load("state", 0)).error().reason, reason::kStateMissing);
  const auto stored = test::run(service_->store("state", text("balance"), 2));
  ASSERT_TRUE(stored.has_value()) << stored.error().detail;
  EXPECT_EQ(as_text(kept_).find("balance"), std::string_view::npos);
  EXPECT_EQ(as_text(test::run(service_->load("state", 2))->state.reveal()), "balance");
  EXPECT_EQ(test::run(service_->load("state", 3)).error().reason, "rolled_back");
  kept_.back() ^= 1;
  EXPECT_EQ(test::run(service_->load("state", 2)).error().reason, "ciphertext_changed");
}

TEST_F(SealingServiceTest, StateThatIsNotOnDiskIsNotStored) {
  lab_.enclave.peer.answer("/v1/state/state", 507, "");
  EXPECT_EQ(test::run(service_->store("state", text("balance"), 2)).error().reason,
            reason::kStateUnavailable);
}

TEST_F(SealingServiceTest, RefusesPlacesNobodyDeclared) {
  EXPECT_EQ(test::run(service_->seal("other", text(""), 0)).error().reason, reason::kNoSuchSealing);
  EXPECT_TRUE(lab_.kms.peer.requests.empty());
}

TEST_F(SealingServiceTest, FailsWhereARootCannotBeHad) {
  lab_.kms.peer.answer("/", 400, R"({"__type":"AccessDeniedException"})");
  EXPECT_EQ(test::run(service_->seal("state", text(""), 0)).error().reason,
            reason::kKmsAccessDenied);
}

}  // namespace
}  // namespace cofferdam::agent
