// SPDX-License-Identifier: Apache-2.0
// AWS's own signing test suite, in both forms: canonical request, string to sign,
// signature, the signed request itself, and its verification.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "aws/canonical.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/digest.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;

std::filesystem::path suite() {
  const char* vectors = std::getenv("COFFERDAM_VECTORS");
  return std::filesystem::path(vectors != nullptr ? vectors : "../shared/vectors") / "sigv4" / "v4";
}

struct Case {
  std::filesystem::path folder;
  Credentials credentials;
  SigningScope scope;
  Timestamp time;
  std::chrono::seconds lifetime{};
  PathRule rule = PathRule::normalize;
  bool sign_body = false;
  bool token_stays_unsigned = false;

  std::string file(const std::string& name) const {
    auto text = read_text_file(folder / name, kMaxFile).value();
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }
};

Case load(const std::filesystem::path& folder) {
  const auto text = read_text_file(folder / "context.json", kMaxFile).value();
  const auto context = parse_json(text, kMaxFile).value().as_object();
  const auto& keys = context.at("credentials").as_object();
  Case out;
  out.folder = folder;
  out.credentials.access_key_id = keys.at("access_key_id").as_string();
  out.credentials.secret_access_key =
      Secret::copy_of(as_bytes(required_string(keys, "secret_access_key").value()));
  out.credentials.session_token = optional_string(keys, "token").value().value_or("");
  out.scope = {.region = required_string(context, "region").value(),
               .service = required_string(context, "service").value()};
  out.time = parse_rfc3339(required_string(context, "timestamp").value()).value();
  out.lifetime = std::chrono::seconds(context.at("expiration_in_seconds").as_int64());
  out.rule = context.at("normalize").as_bool() ? PathRule::normalize : PathRule::as_sent;
  out.sign_body = context.at("sign_body").as_bool();
  out.token_stays_unsigned = optional_bool(context, "omit_session_token").value().value_or(false);
  return out;
}

// A request as the suite writes it down: no white space after the colon, folded values.
net::HttpRequest parse_request(const std::string& text) {
  net::HttpRequest out;
  std::string_view rest = text;
  const auto line = [&rest] {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto out_line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out_line;
  };
  const auto first = line();
  const auto space = first.find(' ');
  const auto last = first.rfind(' ');
  out.method = first.substr(0, space);
  out.target = first.substr(space + 1, last - space - 1);
  for (auto next = line(); !next.empty(); next = line()) {
    if (next.starts_with(' ')) {
      out.headers.back().second.append("\n").append(next);
      continue;
    }
    const auto colon = next.find(':');
    out.headers.emplace_back(next.substr(0, colon), next.substr(colon + 1));
  }
  out.body = to_bytes(rest);
  return out;
}

std::vector<Case> cases() {
  std::vector<Case> out;
  for (const auto& entry : std::filesystem::directory_iterator(suite())) {
    if (entry.is_directory()) out.push_back(load(entry.path()));
  }
  return out;
}

class SigV4SuiteTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(suite())) GTEST_SKIP() << "no vectors at " << suite();
    cases_ = cases();
    ASSERT_EQ(cases_.size(), 38u);
  }

  std::vector<Case> cases_;
};

net::HttpRequest unsigned_request(const Case& test) {
  auto request = parse_request(test.file("request.txt"));
  if (test.sign_body) {
    request.headers.emplace_back("X-Amz-Content-Sha256", to_hex(crypto::sha256(request.body)));
  }
  return request;
}

void expect_canonical(const Case& test, const net::HttpRequest& request, const std::string& form) {
  const auto claim = parse_signature(request);
  ASSERT_TRUE(claim.has_value()) << test.folder << ": " << claim.error().detail;
  const auto canonical = canonical_request(request, claim->signed_headers,
                                           to_hex(crypto::sha256(request.body)), test.rule);
  ASSERT_TRUE(canonical.has_value()) << test.folder;
  EXPECT_EQ(*canonical, test.file(form + "-canonical-request.txt")) << test.folder;
  EXPECT_EQ(string_to_sign(claim->signed_at,
                           scope_text(claim->date, claim->scope.region, claim->scope.service),
                           *canonical),
            test.file(form + "-string-to-sign.txt"))
      << test.folder;
}

TEST_F(SigV4SuiteTest, CanonicalRequestsAndStringsToSignAreAws) {
  for (const auto& test : cases_) {
    expect_canonical(test, parse_request(test.file("header-signed-request.txt")), "header");
    // Here the token was added to the URL after signing: not a form we know.
    if (test.token_stays_unsigned) continue;
    expect_canonical(test, parse_request(test.file("query-signed-request.txt")), "query");
  }
}

TEST_F(SigV4SuiteTest, HeaderSignaturesAreAws) {
  for (const auto& test : cases_) {
    if (test.rule == PathRule::as_sent) continue;
    auto request = unsigned_request(test);
    auto credentials = test.credentials.clone();
    if (test.token_stays_unsigned) credentials.session_token.clear();
    ASSERT_TRUE(sign_request(request, credentials, test.scope, test.time).has_value());
    EXPECT_EQ(parse_signature(request).value().signature, test.file("header-signature.txt"))
        << test.folder;
  }
}

TEST_F(SigV4SuiteTest, PresignedTargetsAreAws) {
  for (const auto& test : cases_) {
    if (test.rule == PathRule::as_sent || test.token_stays_unsigned) continue;
    auto request = parse_request(test.file("request.txt"));
    ASSERT_TRUE(presign_request(request, test.credentials, test.scope, test.time, test.lifetime)
                    .has_value());
    EXPECT_EQ(parse_signature(request).value().signature, test.file("query-signature.txt"))
        << test.folder;
    EXPECT_EQ(request.target, parse_request(test.file("query-signed-request.txt")).target)
        << test.folder;
  }
}

TEST_F(SigV4SuiteTest, SignedRequestsVerify) {
  for (const auto& test : cases_) {
    if (test.rule == PathRule::as_sent) continue;
    for (const std::string form : {"header", "query"}) {
      const auto request = parse_request(test.file(form + "-signed-request.txt"));
      const auto claim = parse_signature(request);
      ASSERT_TRUE(claim.has_value()) << test.folder;
      const Status verdict =
          verify_signature(request, *claim, test.credentials.secret_access_key, test.time);
      // A session token outside the signature could be swapped: refused on purpose.
      EXPECT_EQ(verdict.has_value(), !test.token_stays_unsigned) << test.folder << form;
    }
  }
}

}  // namespace
}  // namespace cofferdam::aws
