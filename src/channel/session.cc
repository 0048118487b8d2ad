// SPDX-License-Identifier: Apache-2.0
#include "channel/session.h"

#include <algorithm>

#include "base/encoding.h"
#include "channel/evidence_certificate.h"
#include "channel/reason.h"
#include "channel/request.h"
#include "crypto/random.h"
#include "net/deadline.h"

namespace cofferdam::channel {
namespace {

constexpr std::string_view kOwnTargets = "/cofferdam/";
// Each costs a document of the module; a client needs one.
constexpr std::size_t kMaxChallenges = 4;

std::unexpected<Error> not_authenticated(std::string detail) {
  return fail(Errc::unauthenticated, reason::kNotAuthenticated, std::move(detail));
}

net::HttpResponse refusal(const Error& error) {
  if (error.reason == reason::kReplayed) {
    return net::error_response(409, error.reason, error.detail);
  }
  if (error.reason == reason::kTooManyRequests || error.reason == reason::kTooManyChallenges) {
    return net::error_response(429, error.reason, error.detail);
  }
  return net::error_response(error);
}

}  // namespace

Session::Session(Shared shared, net::TlsExporter exporter, Bytes certificate)
    : shared_(shared), exporter_(exporter), certificate_(std::move(certificate)) {
  crypto::random_bytes(challenge_);
  if (!certificate_.empty()) identify();
}

void Session::identify() {
  const auto parts = parse_certificate_parts(certificate_);
  if (!parts) {
    standing_ = std::unexpected(parts.error());
    return;
  }
  shows_evidence_ = !parts->evidence.empty();
  if (shows_evidence_) {
    identify_enclave();
    return;
  }
  for (const DeclaredClient& client : shared_.options.clients) {
    if (client.spki && std::ranges::equal(*client.spki, parts->spki)) {
      client_ = AuthenticClient(client.name);
      return;
    }
  }
  standing_ = not_authenticated("no client is declared for the key of this TLS certificate");
}

// The cheap check, so that a stranger's enclave is told so before it attests.
void Session::identify_enclave() {
  const Judge judge{.verifier = shared_.parts.verifier, .at = shared_.parts.clock.now()};
  standing_ = not_authenticated("no client is declared that is an enclave");
  for (const DeclaredClient& client : shared_.options.clients) {
    if (!client.enclave) continue;
    const auto verified = verify_certificate(judge, certificate_, Role::client, *client.enclave);
    if (verified) {
      standing_ = fail(Errc::unauthenticated, reason::kEvidenceMissing,
                       "first answer the challenge: POST " + std::string(kPresentTarget));
      return;
    }
    standing_ = std::unexpected(verified.error());
  }
}

Task<net::HttpResponse> Session::handle(net::HttpRequest request) {
  if (!request.target.starts_with(kOwnTargets))
    co_return co_await this->request(std::move(request));
  if (request.method == "POST" && request.target == kAttestTarget) {
    co_return co_await attest(std::move(request));
  }
  if (request.method == "POST" && request.target == kPresentTarget) {
    co_return co_await present(std::move(request));
  }
  co_return net::error_response(404, "not_found", "under /cofferdam/v1: POST attest, present");
}

Task<net::HttpResponse> Session::attest(net::HttpRequest request) {
  const auto challenge = parse_challenge(as_text(request.body));
  if (!challenge) co_return refusal(challenge.error());
  if (challenges_answered_ == kMaxChallenges) {
    const auto error = fail(Errc::denied, reason::kTooManyChallenges,
                            "this connection has had its challenges answered; open another");
    co_return refusal(error.error());
  }
  ++challenges_answered_;
  AttestAnswer out{.answer = {.document = {}, .manifest = shared_.options.manifest},
                   .challenge = challenge_};
  COFFERDAM_CO_TRY(out.answer.document, shared_.parts.identity.answer(*challenge, exporter_));
  co_return net::json_response(200, encode_attest_answer(out));
}

Task<net::HttpResponse> Session::present(net::HttpRequest request) {
  const auto answer = parse_presentation(as_text(request.body));
  if (!answer) co_return refusal(answer.error());
  auto client = judge_presentation(*answer);
  crypto::random_bytes(challenge_);  // One answer for each.
  const Status verdict = client ? Status() : Status(std::unexpected(client.error()));
  if (!failed_to_authenticate_ || verdict) {
    COFFERDAM_CO_CHECK(co_await record("attest_peer", "", client ? *client : "", verdict));
  }
  if (!client) {
    failed_to_authenticate_ = true;
    co_return refusal(client.error());
  }
  client_ = AuthenticClient(*std::move(client));
  co_return net::HttpResponse{.status = 204, .headers = {}, .body = {}};
}

Result<std::string> Session::judge_presentation(const Answer& answer) const {
  if (!shows_evidence_) {
    return fail(Errc::unauthenticated, reason::kEvidenceMissing,
                "the TLS certificate of this connection carries no attestation document");
  }
  const Judge judge{.verifier = shared_.parts.verifier, .at = shared_.parts.clock.now()};
  const ChannelFacts facts{.certificate = certificate_,
                           .role = Role::client,
                           .exporter = exporter_,
                           .challenge = challenge_};
  Error last{.code = Errc::unauthenticated,
             .detail = "no client is declared that is an enclave",
             .reason = reason::kNotAuthenticated};
  for (const DeclaredClient& client : shared_.options.clients) {
    if (!client.enclave) continue;
    auto verified = verify_answer(judge, facts, answer, *client.enclave);
    if (verified) return client.name;
    last = std::move(verified).error();
  }
  return std::unexpected(std::move(last));
}

const DeclaredClient* Session::find(std::string_view name) const noexcept {
  const auto& clients = shared_.options.clients;
  const auto found = std::ranges::find(clients, name, &DeclaredClient::name);
  return found == clients.end() ? nullptr : &*found;
}

Task<AuthenticClient> Session::authenticate(const net::HttpRequest& request,
                                            const RequestClaim& claim) {
  if (claim.mac) co_return co_await check_mac(request, claim);
  if (!client_) {
    if (!standing_) co_return std::unexpected(standing_.error());
    co_return not_authenticated("the request has no MAC, and this connection no client");
  }
  if (!claim.client.empty() && claim.client != client_->name()) {
    co_return not_authenticated("the request names another client than this connection has");
  }
  co_return *client_;
}

Task<AuthenticClient> Session::check_mac(const net::HttpRequest& request,
                                         const RequestClaim& claim) {
  const DeclaredClient* const client = find(claim.client);
  if (client == nullptr || !client->by_mac) {
    co_return not_authenticated("no client of this name has a MAC key");
  }
  COFFERDAM_CO_TRY(const Secret key, co_await shared_.parts.backend.mac_key(client->name));
  if (key.size() < kMinMacKeySize) {
    co_return fail(Errc::internal, reason::kNotAuthenticated,
                   "the MAC key of this client is shorter than 32 bytes");
  }
  const crypto::Sha384 expected = request_mac(key, request, claim, exporter_);
  if (!equal_constant_time(expected, *claim.mac)) {
    co_return not_authenticated("the MAC is not of this request on this connection");
  }
  co_return AuthenticClient(client->name);
}

Task<void> Session::record(std::string operation, std::string id, std::string client,
                           Status verdict) {
  ledger::Decision decision;
  decision.time = shared_.parts.clock.now();
  decision.component = "agent";
  decision.request_id = std::move(id);
  decision.kind = operation;
  decision.operation = std::move(operation);
  decision.principal = std::move(client);
  decision.allowed = verdict.has_value();
  decision.reason = verdict ? "ok" : std::string(verdict.error().reason);
  if (!verdict) decision.detail = verdict.error().detail;
  co_return co_await shared_.parts.backend.record(std::move(decision));
}

Task<net::HttpResponse> Session::request(net::HttpRequest request) {
  const auto claim = parse_claim(request.headers);
  if (!claim) co_return refusal(claim.error());
  const auto client = co_await authenticate(request, *claim);
  const Status verdict =
      client ? shared_.admission.admit(*client, *claim) : Status(std::unexpected(client.error()));
  if (client || !failed_to_authenticate_) {
    std::string name = client ? client->name() : std::string();
    COFFERDAM_CO_CHECK(co_await record("request", claim->id, std::move(name), verdict));
  }
  failed_to_authenticate_ = failed_to_authenticate_ || !client;
  if (!verdict) co_return refusal(verdict.error());
  strip_claim(request.headers);
  AdmittedRequest admitted{.request = std::move(request),
                           .id = claim->id,
                           .client = client->name(),
                           .deadline = claim->deadline};
  const auto left = claim->deadline - shared_.parts.clock.now();
  auto work = shared_.parts.backend.forward(std::move(admitted));
  auto response =
      co_await with_deadline(std::max(left, std::chrono::milliseconds(1)), std::move(work));
  if (!response) co_return refusal(response.error());
  strip_claim(response->headers);
  response->headers.emplace_back(kIdHeader, claim->id);
  co_return response;
}

}  // namespace cofferdam::channel
