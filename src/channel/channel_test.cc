// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "base/encoding.h"
#include "base/json.h"
#include "channel/evidence_certificate.h"
#include "channel/messages.h"
#include "channel/request.h"
#include "channel/test_support.h"
#include "net/socket.h"
#include "net/testing.h"

// A server and its clients over real sockets, in one process.
namespace cofferdam::channel {
namespace {

using net::testing::run;
using std::chrono::milliseconds;
using test::Enclave;
using test::kNow;
using ::testing::ElementsAre;

const Bytes kMacKey(32, 0x5a);

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() { backend_.keys["billing"] = kMacKey; }

  void serve(ServerOptions options) {
    options.manifest = enclave_.manifest();
    const Server::Parts parts{*identity_, platform_.verifier, platform_.clock, backend_};
    server_ = std::make_unique<Server>(io_.get_executor(), parts, std::move(options));
    endpoint_ = server_->listen(net::UnixAddress{(platform_.folder / "channel").string()}).value();
  }
  void serve_mac_client() {
    serve({.clients = {{.name = "billing", .by_mac = true}}, .manifest = {}});
  }

  net::HttpClientOptions route() const {
    net::HttpClientOptions out;
    out.endpoint = endpoint_;
    return out;
  }
  Client::Options options() const {
    Client::Options out;
    out.server = enclave_.policy();
    out.route = route();
    return out;
  }
  Client::Options mac_options() const {
    Client::Options out = options();
    out.credentials.name = "billing";
    out.credentials.mac_key = Secret::copy_of(kMacKey);
    return out;
  }
  std::unique_ptr<Client> client(Client::Options options) {
    return Client::create({platform_.verifier, platform_.clock}, std::move(options)).value();
  }

  static net::HttpRequest ask(std::string target = "/transfer") {
    net::HttpRequest out;
    out.method = "POST";
    out.target = std::move(target);
    out.body = to_bytes("amount=1");
    return out;
  }
  net::HttpResponse send(Client& client, net::HttpRequest request = ask(),
                         milliseconds time = milliseconds(30'000)) {
    return run(io_, client.send(std::move(request), time)).value();
  }
  // The reason of a refusal that the enclave answered.
  static std::string reason_of(const net::HttpResponse& response) {
    const auto parsed = parse_json(as_text(response.body), 4096);
    return std::to_string(response.status) + " " +
           (parsed ? std::string(parsed->as_object().at("error").as_string()) : "");
  }
  std::string verdict_on(Client::Options options) {
    const auto one = client(std::move(options));
    const auto verified = run(io_, one->verify());
    if (verified) return "accepted";
    return verified.error().reason.empty() ? verified.error().detail
                                           : std::string(verified.error().reason);
  }

  // A client that speaks the protocol by hand: any server, any headers.
  std::unique_ptr<net::HttpClient> raw_client(
      std::function<Status(net::HttpRequest&, const net::TlsExporter&)> complete,
      const std::optional<net::TlsIdentity>& identity = {}) {
    net::HttpClientOptions out = route();
    out.resend = false;
    const auto context = net::TlsPeerContext::create(identity).value();
    out.open_session = [context, complete](net::Stream plain) -> Task<net::HttpClientSession> {
      return open_raw(std::move(plain), context, complete);
    };
    return std::make_unique<net::HttpClient>(std::move(out));
  }
  static Task<net::HttpClientSession> open_raw(
      net::Stream plain, std::shared_ptr<const net::TlsPeerContext> context,
      std::function<Status(net::HttpRequest&, const net::TlsExporter&)> complete) {
    net::TlsCertificateCheck check = [](ByteView) { return Status(); };
    COFFERDAM_CO_TRY(net::Stream stream,
                     co_await net::tls_connect_peer(std::move(plain), context, std::move(check)));
    COFFERDAM_CO_TRY(const net::TlsExporter exporter, net::tls_exporter(stream));
    net::HttpClientSession out{.stream = std::move(stream), .complete = {}};
    out.complete = [complete, exporter](net::HttpRequest& request) {
      return complete(request, exporter);
    };
    co_return out;
  }
  RequestClaim claim(std::string id = "request-000000001") const {
    RequestClaim out;
    out.id = std::move(id);
    out.deadline = platform_.clock.now() + milliseconds(10'000);
    out.client = "billing";
    return out;
  }

  boost::asio::io_context io_{1};
  test::Platform platform_;
  Enclave enclave_{platform_};
  std::unique_ptr<Identity> identity_ = enclave_.identity(Role::server);
  test::FakeBackend backend_;
  std::unique_ptr<Server> server_;
  net::Endpoint endpoint_;
};

TEST_F(ChannelTest, VerifiedClientWithAMacReachesTheWorkload) {
  serve_mac_client();
  const auto billing = client(mac_options());
  net::HttpRequest request = ask();
  request.headers = {{"X-Cofferdam-Forged", "1"}, {"Content-Type", "text/plain"}};
  const auto response = send(*billing, std::move(request));
  EXPECT_EQ(response.status, 200U);
  ASSERT_EQ(backend_.admitted.size(), 1U);
  const AdmittedRequest& seen = backend_.admitted.front();
  EXPECT_EQ(seen.client, "billing");
  EXPECT_EQ(seen.deadline, kNow + milliseconds(30'000));
  EXPECT_EQ(net::header(seen.request.headers, "X-Cofferdam-Forged"), "");
  EXPECT_EQ(net::header(seen.request.headers, "X-Cofferdam-Mac"), "");
  EXPECT_EQ(net::header(seen.request.headers, "Content-Type"), "text/plain");
  EXPECT_EQ(net::header(response.headers, "X-Cofferdam-Request-Id"), seen.id);
  ASSERT_EQ(backend_.verdicts(), std::vector<std::string>{"allow ok"});
  EXPECT_EQ(backend_.decisions[0].request_id, seen.id);
  EXPECT_EQ(backend_.decisions[0].operation, "request");
  EXPECT_EQ(backend_.decisions[0].principal, "billing");
  EXPECT_TRUE(billing->last_verified()->challenged);
}

TEST_F(ChannelTest, OneConnectionCostsOneChallengeAndServesManyRequests) {
  serve_mac_client();
  const auto billing = client(mac_options());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(*billing).status, 200U);
  EXPECT_EQ(enclave_.documents, 2);  // The certificate's and the answer to the challenge.
  EXPECT_EQ(backend_.admitted.size(), 5U);
}

TEST_F(ChannelTest, WrongMeasurementsEndTheHandshakeOnTheClientsSide) {
  serve_mac_client();
  Client::Options options = mac_options();
  options.server.pcrs[0] = Bytes(48, 0xee);
  EXPECT_EQ(verdict_on(std::move(options)), "pcr_mismatch");
  EXPECT_EQ(enclave_.documents, 1);  // It was never asked to answer a challenge.
}

TEST_F(ChannelTest, ReleaseIsJudgedByTheManifestTheEnclaveHandsOver) {
  serve_mac_client();
  Client::Options good = options();
  good.server = enclave_.release_policy(3);
  EXPECT_EQ(verdict_on(std::move(good)), "accepted");
  Client::Options newer = options();
  newer.server = enclave_.release_policy(4);
  EXPECT_EQ(verdict_on(std::move(newer)), "release_too_old");
}

TEST_F(ChannelTest, CertificateIsMadeAnewBeforeItsDocumentIsOld) {
  serve_mac_client();
  EXPECT_EQ(verdict_on(options()), "accepted");
  platform_.clock.set(kNow + std::chrono::minutes(4));
  EXPECT_EQ(verdict_on(options()), "accepted");
  EXPECT_EQ(enclave_.documents, 3);
  platform_.clock.set(kNow + std::chrono::hours(2));
  EXPECT_EQ(verdict_on(options()), "accepted");
  EXPECT_EQ(enclave_.documents, 5);
}

// Somebody in the middle ends TLS with a key of his own and shows the enclave's document.
TEST_F(ChannelTest, RelayedDocumentFromTheMiddleIsRefused) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  const Bytes spki = to_bytes(identity_->spki());
  const Bytes document = enclave_.attest(spki, certificate_binding(Role::server, spki), {}).value();
  const EvidenceCertificateSpec spec{.common_name = "demo",
                                     .not_before = kNow - std::chrono::hours(1),
                                     .not_after = kNow + std::chrono::hours(3)};
  const std::optional<net::TlsIdentity> own(
      net::TlsIdentity{.certificate = build_evidence_certificate(spec, key, document).value(),
                       .key = key.to_pkcs8()});
  const auto context = net::TlsPeerContext::create(own).value();
  net::HttpServerOptions options;
  options.open_session = [context](net::Stream plain) -> Task<net::HttpSession> {
    net::TlsCertificateCheck check = [](ByteView) { return Status(); };
    return [](net::Stream stream, auto tls, auto any) -> Task<net::HttpSession> {
      COFFERDAM_CO_TRY(stream, co_await net::tls_accept_peer(std::move(stream), tls, any));
      co_return net::HttpSession{.stream = std::move(stream), .handler = {}};
    }(std::move(plain), context, std::move(check));
  };
  net::HttpServer middle(io_.get_executor(), options, {});
  endpoint_ = middle.listen(net::UnixAddress{(platform_.folder / "middle").string()}).value();
  EXPECT_EQ(verdict_on(this->options()), "key_mismatch");
}

TEST_F(ChannelTest, CertificateSwappedUnderTheKeyOfAnotherIsRefusedByTls) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  net::TlsIdentity swapped = test::plain_identity(key);
  swapped.certificate =
      test::plain_identity(crypto::EcPrivateKey::generate(crypto::Curve::p256).value()).certificate;
  const std::optional<net::TlsIdentity> own(std::move(swapped));
  EXPECT_FALSE(net::TlsPeerContext::create(own));
}

TEST_F(ChannelTest, ReplayedRequestIdIsRefusedOnEveryConnection) {
  serve_mac_client();
  net::HttpRequest request = ask();
  request.headers = {{std::string(kIdHeader), "request-000000001"}};
  const auto first = client(mac_options());
  const auto second = client(mac_options());
  EXPECT_EQ(send(*first, request).status, 200U);
  EXPECT_EQ(reason_of(send(*first, request)), "409 replayed");
  EXPECT_EQ(reason_of(send(*second, request)), "409 replayed");
  EXPECT_EQ(backend_.admitted.size(), 1U);
  EXPECT_THAT(backend_.verdicts(), ElementsAre("allow ok", "deny replayed", "deny replayed"));
}

TEST_F(ChannelTest, ExpiredAndDistantDeadlinesAreRefused) {
  serve_mac_client();
  const auto billing = client(mac_options());
  EXPECT_EQ(reason_of(send(*billing, ask(), milliseconds(-1))), "403 deadline_passed");
  EXPECT_EQ(reason_of(send(*billing, ask(), milliseconds(60'001))), "403 deadline_too_far");
  EXPECT_EQ(send(*billing, ask(), milliseconds(60'000)).status, 200U);
}

// A MAC made for one connection is worthless on another: whoever could read it there, such
// as another enclave that the client also talks to, cannot use it here.
TEST_F(ChannelTest, MacOverAnotherChannelIsRefused) {
  serve_mac_client();
  net::TlsExporter there{};
  const auto thief = raw_client([&](net::HttpRequest& request, const net::TlsExporter&) {
    RequestClaim stolen = claim();
    stolen.mac = request_mac(Secret::copy_of(kMacKey), request, stolen, there);
    stamp(request, stolen);
    return Status();
  });
  EXPECT_EQ(reason_of(run(io_, thief->send(ask())).value()), "401 not_authenticated");
  EXPECT_TRUE(backend_.admitted.empty());
}

// Attack: use up an id before its owner does.
TEST_F(ChannelTest, NonceIsNotRecordedBeforeAuthenticity) {
  serve_mac_client();
  const auto stranger = raw_client([&](net::HttpRequest& request, const net::TlsExporter&) {
    RequestClaim forged = claim("request-000000001");
    forged.mac.emplace();
    stamp(request, forged);
    return Status();
  });
  EXPECT_EQ(reason_of(run(io_, stranger->send(ask())).value()), "401 not_authenticated");
  net::HttpRequest request = ask();
  request.headers = {{std::string(kIdHeader), "request-000000001"}};
  const auto owner = client(mac_options());
  EXPECT_EQ(send(*owner, std::move(request)).status, 200U);
}

TEST_F(ChannelTest, StrangersFillNoLedger) {
  serve_mac_client();
  int sent = 0;
  const auto stranger = raw_client([&](net::HttpRequest& request, const net::TlsExporter&) {
    RequestClaim forged = claim("request-00000000" + std::to_string(sent++));
    stamp(request, forged);
    return Status();
  });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(reason_of(run(io_, stranger->send(ask())).value()), "401 not_authenticated");
  }
  EXPECT_THAT(backend_.verdicts(), ElementsAre("deny not_authenticated"));
}

TEST_F(ChannelTest, WhatCannotBeRecordedIsNotForwarded) {
  serve_mac_client();
  backend_.ledger_broken = true;
  const auto billing = client(mac_options());
  EXPECT_EQ(reason_of(send(*billing)), "503 decision_not_recorded");
  EXPECT_TRUE(backend_.admitted.empty());
}

TEST_F(ChannelTest, RequestWithoutAClaimIsMalformed) {
  serve_mac_client();
  const auto bare = raw_client([](net::HttpRequest&, const net::TlsExporter&) { return Status(); });
  EXPECT_EQ(reason_of(run(io_, bare->send(ask())).value()), "400 request_malformed");
}

TEST_F(ChannelTest, ClientCertificateIsKnownByItsPinnedKey) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  const auto other = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  serve({.clients = {{.name = "gateway", .spki = key.public_key().spki()}}, .manifest = {}});
  Client::Options pinned = options();
  pinned.credentials.certificate = test::plain_identity(key);
  const auto gateway = client(std::move(pinned));
  EXPECT_EQ(send(*gateway).status, 200U);
  EXPECT_EQ(backend_.admitted.at(0).client, "gateway");

  Client::Options stranger = options();
  stranger.credentials.certificate = test::plain_identity(other);
  const auto unknown = client(std::move(stranger));
  EXPECT_EQ(reason_of(send(*unknown)), "401 not_authenticated");
}

TEST_F(ChannelTest, ClientOfAConnectionCannotSpeakForAnother) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  serve({.clients = {{.name = "gateway", .spki = key.public_key().spki()},
                     {.name = "billing", .by_mac = true}},
         .manifest = {}});
  Client::Options pinned = options();
  pinned.credentials.certificate = test::plain_identity(key);
  pinned.credentials.name = "billing";
  const auto gateway = client(std::move(pinned));
  EXPECT_EQ(reason_of(send(*gateway)), "401 not_authenticated");
}

class MutualTest : public ChannelTest {
 protected:
  MutualTest() {
    serve({.clients = {{.name = "signer", .enclave = caller_.release_policy(5)}}, .manifest = {}});
  }
  Client::Options enclave_options(Identity& identity, const Enclave& enclave) {
    Client::Options out = options();
    out.server = enclave_.release_policy(3);
    out.credentials.enclave = &identity;
    out.credentials.manifest = enclave.manifest();
    return out;
  }

  Enclave caller_{platform_, {.flavour = 2, .release = 5}};
  std::unique_ptr<Identity> caller_identity_ = caller_.identity(Role::client);
};

TEST_F(MutualTest, TwoEnclavesVerifyEachOther) {
  const auto caller = client(enclave_options(*caller_identity_, caller_));
  EXPECT_EQ(send(*caller).status, 200U);
  EXPECT_EQ(backend_.admitted.at(0).client, "signer");
  EXPECT_THAT(backend_.verdicts(), ElementsAre("allow ok", "allow ok"));
  EXPECT_EQ(backend_.decisions[0].operation, "attest_peer");
  EXPECT_EQ(caller->last_verified()->peer.manifest->release, 3U);
}

TEST_F(MutualTest, EnclaveOfAnOldReleaseIsRefused) {
  Enclave old(platform_, {.flavour = 2, .release = 4});
  const auto identity = old.identity(Role::client);
  EXPECT_EQ(verdict_on(enclave_options(*identity, old)), "not_authenticated");
  EXPECT_THAT(backend_.verdicts(), ElementsAre("deny release_too_old"));
}

TEST_F(MutualTest, EnclaveInDebugModeIsRefused) {
  Enclave debug(platform_, {.flavour = 2, .release = 5, .debug_mode = true});
  const auto identity = debug.identity(Role::client);
  EXPECT_EQ(verdict_on(enclave_options(*identity, debug)), "not_authenticated");
  EXPECT_THAT(backend_.verdicts(), ElementsAre("deny debug_mode"));
}

TEST_F(MutualTest, ClientWithoutEvidenceIsRefused) {
  const auto nobody = client(options());
  EXPECT_EQ(reason_of(send(*nobody)), "401 not_authenticated");
}

TEST_F(MutualTest, EvidenceInTheCertificateAloneIsNotEnough) {
  const auto key = crypto::EcPrivateKey::generate(crypto::Curve::p256).value();
  const Bytes spki = key.public_key().spki();
  const Bytes document = caller_.attest(spki, certificate_binding(Role::client, spki), {}).value();
  const EvidenceCertificateSpec spec{
      .common_name = "signer", .not_before = kNow, .not_after = kNow + std::chrono::hours(1)};
  Client::Options stolen = options();
  stolen.credentials.certificate =
      net::TlsIdentity{.certificate = build_evidence_certificate(spec, key, document).value(),
                       .key = key.to_pkcs8()};
  const auto thief = client(std::move(stolen));
  EXPECT_EQ(reason_of(send(*thief)), "401 evidence_missing");
}

TEST_F(MutualTest, AnswerOfTheServerPresentedBackIsRefused) {
  // The server's own enclave plays the client, with the document it gave as a server.
  const auto identity = enclave_.identity(Role::server);
  EXPECT_EQ(verdict_on(enclave_options(*identity, enclave_)), "not_authenticated");
}

TEST_F(ChannelTest, ChallengesOfOneConnectionAreLimited) {
  serve_mac_client();
  const auto asker =
      raw_client([](net::HttpRequest&, const net::TlsExporter&) { return Status(); });
  std::vector<unsigned> statuses;
  for (int i = 0; i < 6; ++i) {
    net::HttpRequest request = ask(std::string(kAttestTarget));
    request.body = to_bytes(encode_challenge({}));
    statuses.push_back(run(io_, asker->send(std::move(request))).value().status);
  }
  EXPECT_THAT(statuses, ElementsAre(200, 200, 200, 200, 429, 429));
}

TEST_F(ChannelTest, ProxyHeaderComesBeforeTls) {
  serve({.clients = {{.name = "billing", .by_mac = true}}, .manifest = {}, .proxy_protocol = true});
  const auto without = client(mac_options());
  EXPECT_FALSE(run(io_, without->verify()));
  const Bytes header = from_hex("0d0a0d0a000d0a515549540a2111000ccb0071077f000001126701bb").value();
  net::HttpClientOptions out = route();
  const auto context = net::TlsPeerContext::create({}).value();
  out.open_session = [&](net::Stream plain) -> Task<net::HttpClientSession> {
    return [](net::Stream stream, auto tls, Bytes proxy) -> Task<net::HttpClientSession> {
      COFFERDAM_CO_CHECK(co_await stream.write(proxy));
      net::TlsCertificateCheck check = [](ByteView) { return Status(); };
      COFFERDAM_CO_TRY(stream, co_await net::tls_connect_peer(std::move(stream), tls, check));
      co_return net::HttpClientSession{.stream = std::move(stream), .complete = {}};
    }(std::move(plain), context, header);
  };
  net::HttpClient with(out);
  EXPECT_EQ(run(io_, with.send(ask())).value().status, 400U);
}

}  // namespace
}  // namespace cofferdam::channel
