// SPDX-License-Identifier: Apache-2.0
#include "policy/rego_input.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace cofferdam::policy {
namespace {

TEST(RegoInputTest, HasTheDocumentedForm) {
  RegoInput input;
  input.time = *parse_rfc3339("2026-01-31T09:05:00Z");
  input.attestation = AttestationInput{.module_id = "i-0-enc1",
                                       .timestamp = *parse_rfc3339("2026-01-31T09:04:59.5Z"),
                                       .pcrs = {{0, Bytes(48, 0xab)}, {8, Bytes(2, 0x01)}},
                                       .name = "signer",
                                       .release = 7};
  input.request = {.kind = "secret",
                   .secret = "db",
                   .operation = "Decrypt",
                   .context = {{"app", "signer"}},
                   .duration = std::chrono::hours(1)};
  input.peer = PeerInput{.uid = 1, .gid = 2, .pid = 3, .executable = "/bin/app", .sha384 = {}};
  std::string pcr0;
  for (int i = 0; i < 48; ++i) pcr0 += "ab";
  const json::value expected = json::parse(R"({
    "attestation": {"moduleId": "i-0-enc1", "timestamp": "2026-01-31T09:04:59.500Z",
      "timestampNs": 1769850299500000000, "pcrs": {"0": ")" +
                                           pcr0 + R"(", "8": "0101"},
      "name": "signer", "release": 7},
    "request": {"kind": "secret", "secret": "db", "operation": "Decrypt",
      "context": {"app": "signer"}, "duration": 3600},
    "peer": {"uid": 1, "gid": 2, "pid": 3, "executable": "/bin/app"},
    "time": "2026-01-31T09:05:00Z", "timeNs": 1769850300000000000})");
  EXPECT_EQ(json::value(to_json(input)), expected);
}

TEST(RegoInputTest, LeavesOutWhatIsNotKnown) {
  const json::object out = to_json(RegoInput{.request = {.kind = "file"}, .time = {}});
  EXPECT_FALSE(out.contains("attestation"));
  EXPECT_FALSE(out.contains("peer"));
  EXPECT_EQ(out.at("request"), (json::value{{"kind", "file"}, {"context", json::object{}}}));
}

TEST(RegoInputTest, ReadsBackARequest) {
  const json::object object = json::parse(R"({"kind": "identity", "context": {"a": "b"},
    "role": "arn:aws:iam::1:role/r", "sessionName": "enc-1", "duration": 900,
    "audience": "sts.amazonaws.com"})")
                                  .as_object();
  const auto request = parse_request(object);
  ASSERT_TRUE(request) << request.error().detail;
  const json::value again = to_json(RegoInput{.request = *request, .time = {}}).at("request");
  EXPECT_EQ(again, json::value(object));
}

TEST(RegoInputTest, RefusesUnknownMembersAndWrongTypes) {
  for (const char* text :
       {R"({})", R"({"kind": 1})", R"({"kind": "a", "user": "b"})",
        R"({"kind": "a", "context": []})", R"({"kind": "a", "context": {"x": 1}})",
        R"({"kind": "a", "duration": "1"})"}) {
    EXPECT_FALSE(parse_request(json::parse(text).as_object())) << text;
  }
}

}  // namespace
}  // namespace cofferdam::policy
