// SPDX-License-Identifier: Apache-2.0
#include "broker_lab.h"

#include <gtest/gtest.h>

namespace cofferdam::test {
namespace {

// Which releases there are, the manifests say; the policy says what they may become.
constexpr std::string_view kPolicy = R"(package cofferdam.identity
default allow := false
allow if input.request.role == "arn:aws:iam::111122223333:role/attested"
)";

policy::ReloadablePolicy compile_policy() {
  const policy::RegoLimits limits{.time = std::chrono::seconds(10)};  // For sanitizers.
  return policy::ReloadablePolicy(
      policy::RegoPolicy::compile({{.name = "identity.rego", .text = std::string(kPolicy)}}, {},
                                  limits)
          .value());
}

}  // namespace

BrokerLab::BrokerLab(net::testing::Loop& loop, const Clock& clock,
                     const std::filesystem::path& folder, ByteView nsm_root)
    : loop_(loop),
      clock_(clock),
      authority_(clock.now()),
      verifier_(attest::TrustRoot::from_der(nsm_root).value()),
      keys_(broker::SigningKeys::open(folder / "keys", {}, clock.now()).value()),
      policy_(compile_policy()),
      decisions_(ledger::open_decision_log(folder / "broker-decisions.jsonl").value()) {
  listen();
  broker::TokenSettings settings;
  settings.issuer = issuer();
  settings.audiences = {kAudience};
  tokens_.emplace(std::move(settings), verifier_, keys_, policy_, *decisions_, clock_);
  service_.emplace(*tokens_, keys_, metrics_, /*tls_only=*/false);
}

BrokerLab::~BrokerLab() {
  EXPECT_TRUE(loop_.run(server_->drain(std::chrono::milliseconds(0))).has_value());
  loop_.call([this] { server_.reset(); });
}

// The issuer's URL has the port, so the socket comes first; nobody asks before it has a service.
void BrokerLab::listen() {
  const Timestamp now = clock_.now();
  const auto identity = authority_.issue(net::testing::TestAuthority::server_spec(now));
  net::HttpServerOptions options;
  options.tls = net::TlsServerContext::create(identity.chain_pem, identity.key_pem).value();
  loop_.call([&] {
    server_ = std::make_unique<net::HttpServer>(
        loop_.executor(), std::move(options),
        [this](net::HttpRequest request) { return service_->handle(std::move(request)); });
    const auto ready = server_->listen(net::TcpAddress{.host = "127.0.0.1", .port = 0}).value();
    address_ = net::to_string(ready).substr(std::string_view("tcp:").size());
  });
}

void BrokerLab::admit_release(ByteView manifest) {
  broker::TokenSettings settings;
  settings.issuer = issuer();
  settings.audiences = {kAudience};
  const Status added = settings.releases.add(manifest, clock_.now());
  EXPECT_TRUE(added.has_value()) << added.error().detail;
  tokens_->reload(std::move(settings));
}

}  // namespace cofferdam::test
