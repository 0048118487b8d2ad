// SPDX-License-Identifier: Apache-2.0
#include "agent/role_credentials.h"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "agent/boot.h"
#include "agent/reason.h"
#include "aws/sts_response.h"
#include "aws/web_identity.h"
#include "base/encoding.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

constexpr int kMaxAttempts = 3;
constexpr std::chrono::seconds kPauseAfterFailure{5};
// The enclave's clock is a lower bound, so what STS counts from may lie ahead of it.
constexpr std::chrono::minutes kMaxClockLag{5};

// Of STS's API reference: what may be otherwise a moment later.
constexpr std::array<std::string_view, 5> kPassing{"IDPCommunicationError", "Throttling",
                                                   "ThrottlingException", "InternalFailure",
                                                   "ServiceUnavailable"};

std::unexpected<Error> refusal(const net::HttpResponse& response) {
  const std::string code = aws::read_sts_error(response.body);
  const std::string detail =
      "STS: " + (code.empty() ? "status " + std::to_string(response.status) : code);
  if (response.status >= 500 || std::ranges::find(kPassing, code) != kPassing.end()) {
    return fail(Errc::unavailable, reason::kIdentityAssumeFailed, detail);
  }
  return fail(Errc::denied, reason::kIdentityAssumeDenied,
              detail + " (look at the role's trust policy and the OIDC provider)");
}

std::unexpected<Error> mismatch(const std::string& what) {
  return fail(Errc::denied, reason::kIdentityMismatch, "the answer of STS " + what);
}

attest::TokenRequest token_request(const IdentitySpec& spec) {
  attest::TokenRequest out;
  out.audience = spec.audience;
  out.role = spec.role_arn;
  out.session_name = spec.session_name;
  out.duration_seconds = static_cast<std::uint32_t>(spec.duration.count());
  out.algorithm = spec.algorithm;
  return out;
}

}  // namespace

class RoleCredentials::Provider final : public aws::CredentialProvider {
 public:
  explicit Provider(const Parts& parts) : parts_(parts), tokens_(parts.broker, parts.attestor) {}

  std::string_view name() const override { return "the role of [identity]"; }

  Task<aws::IssuedCredentials> fetch() override {
    ledger::Decision decision = new_decision();
    auto issued = co_await assume_with_retries(&decision);
    decision.time = parts_.clock.now();
    decision.allowed = issued.has_value();
    decision.reason = std::string(issued ? reason::kOk : issued.error().reason);
    if (issued) {
      decision.facts["expires"] = format_rfc3339(*issued->expires);
    } else {
      decision.detail = issued.error().detail;
    }
    const Status recorded = co_await record(std::move(decision));
    if (issued && !recorded) co_return std::unexpected(recorded.error());
    co_return issued;
  }

 private:
  const IdentitySpec& spec() const { return *parts_.enclave.config().identity; }

  // The decision belongs to fetch(), which waits.
  Task<aws::IssuedCredentials> assume_with_retries(ledger::Decision* decision) {
    BackOff back_off;
    for (int attempt = 1;; ++attempt) {
      auto issued = co_await assume(decision);
      if (issued) budget_.note_success();
      if (issued || attempt == kMaxAttempts || !is_worth_retrying(issued.error()) ||
          !budget_.take()) {
        co_return issued;
      }
      COFFERDAM_CO_CHECK(co_await wait_to_retry(back_off.next()));
    }
  }

  Task<aws::IssuedCredentials> assume(ledger::Decision* decision) {
    attest::TokenRequest wish = token_request(spec());
    COFFERDAM_CO_TRY(const BrokerToken token,
                     co_await tokens_.fetch(parts_.enclave, std::move(wish)));
    decision->document_digest = to_hex(token.document_digest);
    const aws::WebIdentityCall call{.role_arn = spec().role_arn,
                                    .session_name = spec().session_name,
                                    .duration = spec().duration};
    auto request = aws::web_identity_request(call, as_text(token.jwt.reveal()));
    auto response = co_await parts_.sts.send(std::move(request));
    if (!response) {
      Error error = std::move(response).error();
      if (error.reason.empty()) error.reason = reason::kIdentityAssumeFailed;
      co_return wrap("calling STS", std::move(error));
    }
    if (response->status != 200) co_return refusal(*response);
    auto role = aws::parse_assumed_role(response->body);
    wipe(response->body);
    if (!role) co_return mismatch("is malformed: " + role.error().detail);
    COFFERDAM_CO_CHECK(check(*role));
    co_return std::move(role->issued);
  }

  Status check(const aws::AssumedRole& role) const {
    if (role.arn != spec().session_arn()) {
      return mismatch("is for another session than " + spec().session_arn());
    }
    const Timestamp now = parts_.clock.now();
    const Timestamp expires = *role.issued.expires;
    if (expires <= now || expires > now + spec().duration + kMaxClockLag) {
      return mismatch("expires at " + format_rfc3339(expires) + ", which is not within " +
                      std::to_string(spec().duration.count()) + " seconds");
    }
    return {};
  }

  Task<void> record(ledger::Decision decision) {
    COFFERDAM_CO_CHECK(parts_.console.record(decision));
    co_return co_await parts_.parent.record(parts_.enclave, decision);
  }

  ledger::Decision new_decision() const {
    const attest::Document& document = parts_.enclave.evidence().document().document();
    ledger::Decision out;
    out.component = "agent";
    out.kind = "identity";
    out.request_id = to_hex(crypto::random_bytes(16));
    out.operation = "AssumeRoleWithWebIdentity";
    out.module_id = document.module_id;
    out.pcrs = hex_pcrs(document.pcrs);
    out.facts = {{"role", spec().role_arn}, {"session", spec().session_name}};
    return out;
  }

  Parts parts_;
  TokenClient tokens_;
  RetryBudget budget_;
};

Task<LentCredentials> RoleCredentials::credentials() {
  if (!cache_) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const aws::CacheOptions options{.pause_after_failure = kPauseAfterFailure};
    cache_ = std::make_shared<aws::CredentialCache>(executor, std::make_unique<Provider>(parts_),
                                                    parts_.clock, options);
  }
  auto issued = co_await cache_->get();
  if (!issued) {
    Error error = std::move(issued).error();
    if (error.reason.empty()) error.reason = reason::kCredentialsUnavailable;
    co_return std::unexpected(std::move(error));
  }
  co_return LentCredentials{.credentials = (*issued)->credentials.clone(),
                            .expiration = (*issued)->expires};
}

Task<void> RoleCredentials::stop() {
  if (!cache_) co_return Status();
  co_return co_await cache_->stop();
}

}  // namespace cofferdam::agent
