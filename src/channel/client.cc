// SPDX-License-Identifier: Apache-2.0
#include "channel/client.h"

#include <algorithm>

#include "base/json.h"
#include "channel/messages.h"
#include "channel/reason.h"
#include "channel/request.h"
#include "crypto/random.h"
#include "net/message_io.h"

namespace cofferdam::channel {
namespace {

constexpr std::size_t kMaxReasonSize = 64;

// The reason code of an enclave's refusal, where it has the form of one.
std::string stated_reason(const net::HttpResponse& response) {
  const auto parsed = parse_json(as_text(response.body), kMaxMessageSize, /*max_depth=*/2);
  const auto* const object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) return "";
  const auto reason = required_string(*object, "error");
  if (!reason || reason->empty() || reason->size() > kMaxReasonSize) return "";
  const bool is_code =
      std::ranges::all_of(*reason, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
  return is_code ? " (" + *reason + ")" : "";
}

// What the enclave answered where a refusal was not expected.
std::unexpected<Error> refused(std::string_view what, const net::HttpResponse& response) {
  const Errc code = response.status >= 500 ? Errc::unavailable : Errc::denied;
  return fail(code, reason::kNotAuthenticated,
              "the enclave answers " + std::to_string(response.status) + stated_reason(response) +
                  " to " + std::string(what));
}

// One request of ours on a connection that is not yet the HTTP client's.
Task<net::HttpResponse> post(net::Stream& stream, std::string target, std::string body) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.headers = {{"Host", "enclave"}, {"Content-Type", "application/json"}};
  request.body = to_bytes(body);
  COFFERDAM_CO_TRY(const std::string head, net::encode_head(request, /*keep_alive=*/true));
  COFFERDAM_CO_CHECK(co_await stream.write(as_bytes(head), request.body));
  const net::HttpLimits limits{.max_header_size = std::size_t{8} * 1024,
                               .max_body_size = kMaxMessageSize};
  net::InputBuffer input(limits);
  net::ResponseDecoder decoder(limits, /*bodyless=*/false);
  COFFERDAM_CO_CHECK(co_await net::read_rest(stream, input, decoder));
  if (!input.unread().empty() || !decoder.keep_alive()) {
    co_return fail(Errc::unavailable, "the enclave ended the connection, or said too much");
  }
  co_return decoder.take();
}

Status check_credentials(const Credentials& credentials) {
  const int given = static_cast<int>(credentials.mac_key.has_value()) +
                    static_cast<int>(credentials.certificate.has_value()) +
                    static_cast<int>(credentials.enclave != nullptr);
  if (given > 1) return fail(Errc::invalid_input, "a client shows one kind of credentials");
  if (!credentials.mac_key) return {};
  if (credentials.mac_key->size() < kMinMacKeySize) {
    return fail(Errc::invalid_input, "a MAC key needs 32 bytes or more");
  }
  if (credentials.name.empty()) {
    return fail(Errc::invalid_input, "a MAC key needs the client's name");
  }
  return {};
}

}  // namespace

class Client::Impl {
 public:
  Impl(Parts parts, Options options, std::shared_ptr<const net::TlsPeerContext> context)
      : parts_(parts),
        options_(std::move(options)),
        context_(std::move(context)),
        http_(http_options(*this)) {}

  const std::optional<Verified>& verified() const noexcept { return verified_; }

  Task<void> verify() { return http_.connect(); }

  Task<net::HttpResponse> send(net::HttpRequest request, std::chrono::milliseconds time) {
    const std::string_view given = net::header(request.headers, kIdHeader);
    RequestClaim claim;
    claim.id = given.empty() ? new_request_id() : std::string(given);
    claim.deadline = parts_.clock.now() + time;
    claim.client = options_.credentials.name;
    stamp(request, claim);
    co_return co_await http_.send(std::move(request));
  }

 private:
  static net::HttpClientOptions http_options(Impl& self) {
    net::HttpClientOptions out = self.options_.route;
    out.tls = nullptr;
    out.open_session = [&self](net::Stream plain) { return self.open(std::move(plain)); };
    return out;
  }

  Result<std::shared_ptr<const net::TlsPeerContext>> context() {
    if (options_.credentials.enclave != nullptr) return options_.credentials.enclave->context();
    return context_;
  }

  Judge judge() const { return {.verifier = parts_.verifier, .at = parts_.clock.now()}; }

  Task<net::HttpClientSession> open(net::Stream plain) {
    COFFERDAM_CO_TRY(const auto context, this->context());
    std::optional<attest::VerifiedDocument> shown;
    net::TlsCertificateCheck check = [this, &shown](ByteView certificate) -> Status {
      COFFERDAM_TRY(shown, verify_certificate(judge(), certificate, Role::server, options_.server));
      return {};
    };
    COFFERDAM_CO_TRY(net::Stream stream,
                     co_await net::tls_connect_peer(std::move(plain), context, std::move(check)));
    COFFERDAM_CO_TRY(const net::TlsExporter exporter, net::tls_exporter(stream));
    verified_ = Verified{.peer = {.document = *std::move(shown), .manifest = {}}};
    if (options_.challenge) COFFERDAM_CO_CHECK(co_await prove(stream, exporter));
    net::HttpClientSession session{.stream = std::move(stream), .complete = {}};
    if (options_.credentials.mac_key) {
      session.complete = [this, exporter](net::HttpRequest& request) {
        return add_mac(request, exporter);
      };
    }
    co_return session;
  }

  // The challenge, both ways where this side is an enclave.
  Task<void> prove(net::Stream& stream, net::TlsExporter exporter) {
    ChannelFacts facts{.certificate = net::tls_peer_certificate(stream),
                       .role = Role::server,
                       .exporter = exporter,
                       .challenge = {}};
    crypto::random_bytes(facts.challenge);
    std::string question = encode_challenge(facts.challenge);
    COFFERDAM_CO_TRY(const net::HttpResponse response,
                     co_await post(stream, std::string(kAttestTarget), std::move(question)));
    if (response.status != 200) co_return refused("the challenge", response);
    COFFERDAM_CO_TRY(const AttestAnswer answer, parse_attest_answer(as_text(response.body)));
    COFFERDAM_CO_TRY(VerifiedPeer peer,
                     verify_answer(judge(), facts, answer.answer, options_.server));
    verified_ = Verified{.peer = std::move(peer), .challenged = true};
    if (options_.credentials.enclave == nullptr) co_return Status();
    co_return co_await present(stream, exporter, answer.challenge);
  }

  Task<void> present(net::Stream& stream, net::TlsExporter exporter, Challenge challenge) {
    Answer mine;
    COFFERDAM_CO_TRY(mine.document, options_.credentials.enclave->answer(challenge, exporter));
    mine.manifest = options_.credentials.manifest;
    std::string body = encode_presentation(mine);
    COFFERDAM_CO_TRY(const net::HttpResponse response,
                     co_await post(stream, std::string(kPresentTarget), std::move(body)));
    if (response.status != 204) co_return refused("our own evidence", response);
    co_return Status();
  }

  Status add_mac(net::HttpRequest& request, const net::TlsExporter& exporter) const {
    COFFERDAM_TRY(RequestClaim claim, parse_claim(request.headers));
    claim.mac = request_mac(*options_.credentials.mac_key, request, claim, exporter);
    stamp(request, claim);
    return {};
  }

  Parts parts_;
  Options options_;
  std::shared_ptr<const net::TlsPeerContext> context_;
  std::optional<Verified> verified_;
  net::HttpClient http_;
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(Parts parts, Options options) {
  COFFERDAM_CHECK(check_policy(options.server));
  COFFERDAM_CHECK(check_credentials(options.credentials));
  if (!options.challenge && (options.server.release || options.credentials.enclave != nullptr)) {
    return fail(Errc::invalid_input,
                "a release, and evidence of our own, need the challenge: leave it on");
  }
  COFFERDAM_TRY(auto context, net::TlsPeerContext::create(options.credentials.certificate));
  auto impl = std::make_unique<Impl>(parts, std::move(options), std::move(context));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Task<void> Client::verify() { return impl_->verify(); }

Task<net::HttpResponse> Client::send(net::HttpRequest request, std::chrono::milliseconds time) {
  return impl_->send(std::move(request), time);
}

const std::optional<Verified>& Client::last_verified() const noexcept { return impl_->verified(); }

}  // namespace cofferdam::channel
