// SPDX-License-Identifier: Apache-2.0
#include "agent/ingress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/peer_link.h"
#include "agent/test_kms.h"
#include "channel/client.h"
#include "channel/request.h"
#include "net/message_io.h"
#include "net/relay.h"
#include "net/socket.h"
#include "net/stream_server.h"
#include "net/testing.h"

namespace cofferdam::agent {
namespace {

using std::chrono::milliseconds;
using test::TestRelease;
using ::testing::ElementsAre;

// An agent's channel between a client outside, the workload inside, and itself as a peer.
class IngressTest : public testing::Test {
 protected:
  static constexpr std::string_view kKey = "a MAC key of more than thirty-two bytes";

  std::string socket(std::string_view name) const { return (folder_ / name).string(); }

  test::TestEnclave::Setup setup(const std::string& clients) const {
    return {.extra_config = "[channel]\nlisten = \"unix:" + socket("channel") +
                            "\"\nforward = \"unix:" + socket("workload") + "\"\n" + clients,
            .egress = "unix:" + socket("egress")};
  }

  void start(const std::string& clients) {
    lab_ = std::make_unique<TestRelease>(setup(clients));
    lab_->kms.secret = kKey;
    const Ingress::Parts parts{*lab_->validated,     lab_->enclave.attestor, lab_->enclave.verifier,
                               *lab_->service,       lab_->enclave.parent,   lab_->enclave.clock,
                               lab_->enclave.console};
    ingress_ = Ingress::create(parts, io_.get_executor()).value();
    ASSERT_TRUE(ingress_->listen());
    net::HttpHandler workload = [this](net::HttpRequest request) -> Task<net::HttpResponse> {
      return answer(std::move(request));
    };
    workload_ = std::make_unique<net::HttpServer>(io_.get_executor(), net::HttpServerOptions(),
                                                  std::move(workload));
    ASSERT_TRUE(workload_->listen(net::UnixAddress{socket("workload")}));
  }

  Task<net::HttpResponse> answer(net::HttpRequest request) {
    seen_.push_back(std::move(request));
    co_return net::text_response(200, "text/plain", "from the workload");
  }

  std::unique_ptr<channel::Client> client(channel::Credentials credentials) {
    channel::Client::Options options;
    const attest::Pcrs& own = lab_->validated->evidence().document().document().pcrs;
    for (const std::uint8_t index : kPinned) options.server.pcrs[index] = own.at(index);
    options.server.release = channel::ReleasePolicy{.name = "demo", .minimum_release = 3};
    options.credentials = std::move(credentials);
    options.route.endpoint = net::UnixAddress{socket("channel")};
    return channel::Client::create({lab_->enclave.verifier, lab_->enclave.clock},
                                   std::move(options))
        .value();
  }
  static channel::Credentials billing() {
    channel::Credentials out;
    out.name = "billing";
    out.mac_key = Secret::copy_of(as_bytes(kKey));
    return out;
  }

  Result<net::HttpResponse> send(channel::Client& client) {
    net::HttpRequest request;
    request.method = "GET";
    request.target = "/balance";
    return net::testing::run(io_, client.send(std::move(request), milliseconds(20'000)));
  }

  std::vector<std::string> decisions() const {
    std::vector<std::string> out;
    for (const auto& one : lab_->enclave.console.decisions) {
      out.push_back(one.operation + " " + one.principal + " " + one.reason);
    }
    return out;
  }

  static constexpr std::array<std::uint8_t, 5> kPinned{0, 1, 2, 8, 16};

  boost::asio::io_context io_{1};
  TestFolder folder_;
  std::unique_ptr<TestRelease> lab_;
  std::unique_ptr<Ingress> ingress_;
  std::unique_ptr<net::HttpServer> workload_;
  std::vector<net::HttpRequest> seen_;
};

constexpr const char* kMacClient = R"([[channel.client]]
name = "billing"
mac_key = "database-password"
)";

TEST_F(IngressTest, AdmittedRequestReachesTheWorkloadWithItsClaimAndTheLedger) {
  start(kMacClient);
  const auto outside = client(billing());
  const auto response = send(*outside);
  ASSERT_TRUE(response) << response.error().detail;
  EXPECT_EQ(as_text(response->body), "from the workload");
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(net::header(seen_[0].headers, "X-Cofferdam-Client"), "billing");
  const auto id = net::header(seen_[0].headers, "X-Cofferdam-Request-Id");
  EXPECT_EQ(id, net::header(response->headers, "X-Cofferdam-Request-Id"));
  EXPECT_NE(net::header(seen_[0].headers, "X-Cofferdam-Deadline"), "");
  EXPECT_EQ(net::header(seen_[0].headers, "X-Cofferdam-Mac"), "");
  EXPECT_THAT(decisions(), ElementsAre("Decrypt  ok", "request billing ok"));
  const ledger::Decision& admitted = lab_->enclave.console.decisions.back();
  EXPECT_EQ(admitted.request_id, id);
  EXPECT_TRUE(admitted.pcrs.empty()) << "they are in the genesis";
}

TEST_F(IngressTest, MacKeyIsFetchedOnce) {
  start(kMacClient);
  const auto outside = client(billing());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(send(*outside));
  EXPECT_EQ(lab_->kms.peer.requests.size(), 1U);
}

TEST_F(IngressTest, WorkloadThatDoesNotListenIsABadGateway) {
  start(kMacClient);
  workload_.reset();
  const auto outside = client(billing());
  EXPECT_EQ(send(*outside)->status, 502U);
}

TEST_F(IngressTest, RequestIsNotForwardedWhenTheParentDoesNotStoreItsDecision) {
  start(kMacClient);
  const auto outside = client(billing());
  ASSERT_TRUE(send(*outside));
  lab_->enclave.peer.answer("/v1/ledger", 500, "");
  EXPECT_EQ(send(*outside)->status, 503U);
  EXPECT_EQ(seen_.size(), 1U);
}

TEST_F(IngressTest, ClientsCertificateThatCannotBeReadIsRefused) {
  test::TestEnclave::Setup broken =
      setup("[[channel.client]]\nname = \"gateway\"\ncertificate = \"/etc/gateway.pem\"\n");
  broken.files = {{"/etc/gateway.pem", "nothing"}};
  TestRelease lab(broken);
  const Ingress::Parts parts{*lab.validated,     lab.enclave.attestor, lab.enclave.verifier,
                             *lab.service,       lab.enclave.parent,   lab.enclave.clock,
                             lab.enclave.console};
  const auto ingress = Ingress::create(parts, io_.get_executor());
  ASSERT_FALSE(ingress);
  EXPECT_EQ(ingress.error().reason, "config_invalid");
}

// What the parent's egress does, for one destination.
class PeerLinkTest : public IngressTest {
 protected:
  static std::string peer_config(const std::string& listen, int minimum_release) {
    const std::string enclave =
        "enclave = { name = \"demo\", minimum_release = " + std::to_string(minimum_release) +
        ", pcr8 = \"@PCR8@\" }\n";
    return "[[channel.client]]\nname = \"twin\"\nenclave = { name = \"demo\", pcr8 = \"@PCR8@\" "
           "}\n[[peer]]\nname = \"twin\"\naddress = \"twin.test:8443\"\nlisten = \"unix:" +
           listen + "\"\n" + enclave;
  }

  void link() {
    net::StreamServer::Handler tunnel = [this](net::Stream stream,
                                               std::shared_ptr<net::ServedConnection>) {
      return lead(std::move(stream));
    };
    egress_ =
        std::make_unique<net::StreamServer>(io_.get_executor(), "egress", 16, std::move(tunnel));
    ASSERT_TRUE(egress_->listen(net::UnixAddress{socket("egress")}));
    attester_ = std::make_unique<ChannelAttester>(lab_->enclave.attestor);
    identity_ =
        channel::Identity::create({*attester_, lab_->enclave.clock}, channel::Role::client, "demo")
            .value();
    const PeerLink::Parts parts{*lab_->validated, *identity_, lab_->enclave.verifier,
                                lab_->enclave.clock};
    const PeerSpec& spec = lab_->validated->config().peers.at(0);
    link_ = PeerLink::create(parts, spec, io_.get_executor()).value();
    ASSERT_TRUE(link_->listen(spec.listen));
  }

  Task<void> lead(net::Stream near) {
    const net::HttpLimits limits;
    net::InputBuffer input(limits);
    net::RequestDecoder decoder(limits);
    COFFERDAM_CO_CHECK(co_await net::read_head(near, input, decoder));
    destinations_.push_back(decoder.take().target);
    COFFERDAM_CO_CHECK(co_await near.write(as_bytes("HTTP/1.1 200 OK\r\n\r\n")));
    const net::Endpoint place = net::UnixAddress{socket("channel")};
    COFFERDAM_CO_TRY(net::Stream far, co_await net::connect(place, milliseconds(5'000)));
    net::RelayOptions options;
    co_return co_await net::relay(std::move(near), std::move(far), options, counts_);
  }

  net::HttpResponse ask() {
    net::HttpClientOptions options;
    options.endpoint = net::UnixAddress{socket("twin")};
    net::HttpClient inside(std::move(options));
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/share";
    request.headers = {{"X-Cofferdam-Request-Id", "0123456789abcdef"},
                       {"X-Cofferdam-Client", "somebody"}};
    request.body = to_bytes("x");
    return net::testing::run(io_, inside.send(std::move(request))).value();
  }

  net::RelayCounts counts_;
  std::vector<std::string> destinations_;
  std::unique_ptr<net::StreamServer> egress_;
  std::unique_ptr<ChannelAttester> attester_;
  std::unique_ptr<channel::Identity> identity_;
  std::unique_ptr<PeerLink> link_;
};

TEST_F(PeerLinkTest, WorkloadsOfTwoEnclavesSpeakPlainHttp) {
  start(peer_config(socket("twin"), 3));
  link();
  const net::HttpResponse response = ask();
  EXPECT_EQ(response.status, 200U) << as_text(response.body);
  EXPECT_THAT(destinations_, ElementsAre("twin.test:8443"));
  ASSERT_EQ(seen_.size(), 1U);
  EXPECT_EQ(net::header(seen_[0].headers, "X-Cofferdam-Client"), "twin");
  EXPECT_EQ(net::header(seen_[0].headers, "X-Cofferdam-Request-Id"), "0123456789abcdef");
  EXPECT_THAT(decisions(), ElementsAre("attest_peer twin ok", "request twin ok"));
}

TEST_F(PeerLinkTest, PeerOfAnOldReleaseGetsNoRequest) {
  start(peer_config(socket("twin"), 4));
  link();
  const net::HttpResponse response = ask();
  EXPECT_EQ(response.status, 502U);
  EXPECT_NE(as_text(response.body).find("release_too_old"), std::string_view::npos);
  EXPECT_TRUE(seen_.empty());
}

}  // namespace
}  // namespace cofferdam::agent
