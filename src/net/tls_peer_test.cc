// SPDX-License-Identifier: Apache-2.0
#include "net/tls_peer.h"

#include <gtest/gtest.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>

#include "crypto/certificate_builder.h"
#include "net/socket.h"
#include "net/testing.h"
#include "net/testing_tls.h"
#include "net/tls.h"

namespace cofferdam::net {
namespace {

using testing::TestAuthority;

TlsIdentity identity() {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  crypto::CertificateSpec spec;
  spec.serial = {1};
  spec.issuer = spec.subject = {{"CN", "self"}};
  spec.not_before = TestAuthority::kNow - std::chrono::days(1);
  spec.not_after = TestAuthority::kNow + std::chrono::days(1);
  return {.certificate = crypto::build_certificate(spec, key.public_key(), key).value(),
          .key = key.to_pkcs8()};
}

std::shared_ptr<const TlsPeerContext> context_of(TlsIdentity own) {
  const std::optional<TlsIdentity> shown(std::move(own));
  return TlsPeerContext::create(shown).value();
}

// Both ends of one connection once the handshake is over.
struct Ends {
  Result<Stream> client = fail(Errc::internal, "");
  Result<Stream> server = fail(Errc::internal, "");
};

class TlsPeerTest : public ::testing::Test {
 protected:
  Ends connect(TlsCertificateCheck client_check, std::shared_ptr<const TlsPeerContext> client) {
    Ends out;
    auto both = shake(&out, std::move(client_check), std::move(client), server_);
    EXPECT_TRUE(testing::run(io_, std::move(both)));
    return out;
  }
  static Task<void> shake(Ends* out, TlsCertificateCheck check,
                          std::shared_ptr<const TlsPeerContext> client,
                          std::shared_ptr<const TlsPeerContext> server) {
    using namespace boost::asio::experimental::awaitable_operators;
    COFFERDAM_CO_TRY(auto pair, stream_pair(co_await boost::asio::this_coro::executor));
    TlsCertificateCheck any = [](ByteView) { return Status(); };
    auto connecting = tls_connect_peer(std::move(pair.first), client, std::move(check));
    auto accepting = tls_accept_peer(std::move(pair.second), server, std::move(any));
    auto [first, second] = co_await (std::move(connecting) && std::move(accepting));
    out->client = std::move(first);
    out->server = std::move(second);
    co_return Status();
  }

  boost::asio::io_context io_{1};
  TlsIdentity server_identity_ = identity();
  Bytes server_certificate_ = server_identity_.certificate;
  std::shared_ptr<const TlsPeerContext> server_ = context_of(std::move(server_identity_));
  std::shared_ptr<const TlsPeerContext> nobody_ = TlsPeerContext::create({}).value();
};

TEST_F(TlsPeerTest, BothEndsExportTheSameAndEachConnectionAnother) {
  const TlsCertificateCheck any = [](ByteView) { return Status(); };
  Ends first = connect(any, nobody_);
  Ends second = connect(any, nobody_);
  EXPECT_EQ(tls_exporter(*first.client).value(), tls_exporter(*first.server).value());
  EXPECT_EQ(tls_exporter(*second.client).value(), tls_exporter(*second.server).value());
  EXPECT_NE(tls_exporter(*first.client).value(), tls_exporter(*second.client).value());
}

TEST_F(TlsPeerTest, TheCheckSeesTheCertificateOnEveryConnection) {
  int seen = 0;
  const TlsCertificateCheck count = [&](ByteView certificate) {
    seen += to_bytes(certificate) == server_certificate_ ? 1 : 0;
    return Status();
  };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(connect(count, nobody_).client);
  EXPECT_EQ(seen, 3) << "a resumed session would show no certificate";
}

TEST_F(TlsPeerTest, RefusalOfTheCheckIsTheErrorOfTheHandshake) {
  const TlsCertificateCheck refuse = [](ByteView) -> Status {
    return fail(Errc::denied, "not_this_one", "no");
  };
  const Ends ends = connect(refuse, nobody_);
  ASSERT_FALSE(ends.client);
  EXPECT_EQ(ends.client.error().reason, "not_this_one");
  EXPECT_FALSE(ends.server);
}

TEST_F(TlsPeerTest, ServerSeesTheClientsCertificateOrNone) {
  const TlsCertificateCheck any = [](ByteView) { return Status(); };
  TlsIdentity own = identity();
  const Bytes certificate = own.certificate;
  Ends known = connect(any, context_of(std::move(own)));
  EXPECT_EQ(tls_peer_certificate(*known.server), certificate);
  Ends unknown = connect(any, nobody_);
  EXPECT_TRUE(tls_peer_certificate(*unknown.server).empty());
}

TEST_F(TlsPeerTest, PlainStreamsExportNothing) {
  auto pair = stream_pair(io_.get_executor()).value();
  EXPECT_FALSE(tls_exporter(pair.first));
  EXPECT_TRUE(tls_peer_certificate(pair.first).empty());
}

TEST_F(TlsPeerTest, KeyOfAnotherCertificateIsRefused) {
  TlsIdentity mixed = identity();
  mixed.certificate = server_certificate_;
  const std::optional<TlsIdentity> own(std::move(mixed));
  EXPECT_FALSE(TlsPeerContext::create(own));
}

}  // namespace
}  // namespace cofferdam::net
