// SPDX-License-Identifier: Apache-2.0
#include "cloud/cloud_service.h"

#include "cloud/api_error.h"
#include "cloud/iam.h"
#include "cloud/kms.h"
#include "cloud/secrets_manager.h"
#include "cloud/sts.h"
#include "cloud/uuid.h"

namespace cofferdam::cloud {
namespace {

Status check_scope(const aws::SigningScope& scope, const Service& service, const Place& place) {
  if (scope.service != service.scope()) {
    return fail(
        Errc::unauthenticated, api::kInvalidSignature,
        "Credential should be scoped to correct service: '" + std::string(service.scope()) + "'. ");
  }
  if (!service.accepts_region(scope.region, place)) {
    return fail(Errc::unauthenticated, api::kInvalidSignature,
                "Credential should be scoped to a valid region. ");
  }
  return {};
}

// A failure of ours to authenticate has AWS's name already; one of SigV4 gets it here.
aws::AwsError authentication_error(const Error& error) {
  const bool named = error.reason == api::kUnrecognizedClient ||
                     error.reason == api::kExpiredToken || error.reason == api::kInvalidSignature;
  const bool internal = error.code != Errc::unauthenticated;
  return named || internal ? api::to_aws_error(error) : aws::signature_error(error);
}

net::HttpResponse not_an_aws_request() {
  return net::text_response(404, "application/json",
                            R"({"error":"not_found","detail":"this is the local AWS: point an )"
                            R"(AWS client's endpoint URL here"})"
                            "\n");
}

}  // namespace

CloudService::CloudService(Store& store, const attest::Verifier& verifier,
                           ledger::DecisionLog& decisions, const Clock& clock, CloudOptions options)
    : clock_(clock),
      options_(std::move(options)),
      recipients_(verifier, store, options_.allow_document_reuse),
      callers_(store),
      authorizer_(options_.place),
      issuers_(clock, options_.issuer_tls) {
  auto kms = std::make_unique<Kms>(store, recipients_, decisions, authorizer_, options_.place);
  services_.push_back(std::make_unique<SecretsManager>(store, *kms, authorizer_, options_.place));
  kms_ = kms.get();
  services_.push_back(std::move(kms));
  services_.push_back(std::make_unique<Iam>(store, callers_, authorizer_));
  auto sts = std::make_unique<Sts>(store, callers_, authorizer_, issuers_);
  sts_ = sts.get();
  services_.push_back(std::move(sts));
}

net::HttpResponse CloudService::handle(const net::HttpRequest& request, CallTrace& trace) {
  trace.request_id = to_text(random_uuid());
  auto claim = aws::parse_signature(request);
  Service* service = service_for(request, claim ? &*claim : nullptr);
  if (service == nullptr) return not_an_aws_request();
  if (!claim && service->accepts_unsigned(request))
    return handle_unsigned(request, *service, trace);
  if (!claim) return service->refuse(aws::signature_error(claim.error()), trace.request_id);
  return handle_signed(request, *service, trace.claim.emplace(*std::move(claim)), trace);
}

Service* CloudService::service_for(const net::HttpRequest& request,
                                   const aws::SignatureClaim* claim) const {
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  const std::string_view prefix = target.substr(0, target.find('.'));
  for (const auto& service : services_) {
    const bool unsigned_query = target.empty() && claim == nullptr;
    if (unsigned_query && service->accepts_unsigned(request)) return service.get();
    const bool meant = target.empty() ? claim != nullptr && claim->scope.service == service->scope()
                                      : prefix == service->target_prefix();
    if (meant && service->target_prefix().empty() == target.empty()) return service.get();
  }
  return nullptr;
}

net::HttpResponse CloudService::handle_signed(const net::HttpRequest& request, Service& service,
                                              const aws::SignatureClaim& claim, CallTrace& trace) {
  const Timestamp now = clock_.now() + trace.clock_skew;
  auto caller = authenticate(request, claim, service, now);
  if (!caller) return service.refuse(authentication_error(caller.error()), trace.request_id);
  return service.answer({.http = request,
                         .claim = claim,
                         .caller = trace.caller.emplace(*std::move(caller)),
                         .request_id = trace.request_id,
                         .now = now,
                         .trace = trace});
}

// Nobody in particular: who may do this is decided by what the request itself proves.
net::HttpResponse CloudService::handle_unsigned(const net::HttpRequest& request, Service& service,
                                                CallTrace& trace) {
  const aws::SignatureClaim claim;
  const Caller nobody;
  return service.answer({.http = request,
                         .claim = claim,
                         .caller = nobody,
                         .request_id = trace.request_id,
                         .now = clock_.now() + trace.clock_skew,
                         .trace = trace});
}

boost::asio::awaitable<void> CloudService::prepare(const net::HttpRequest& request) {
  const auto pair = Kms::slow_pair_wanted(request);
  // Nobody makes this server work who cannot sign.
  if (pair && is_signed(request, *kms_)) co_await kms_->core().pairs().prepare(*pair);
  const auto wanted = sts_->wanted_keys(request);
  if (wanted) co_await issuers_.refresh(wanted->issuer, wanted->key_id);
}

bool CloudService::is_signed(const net::HttpRequest& request, const Service& service) {
  const auto claim = aws::parse_signature(request);
  return claim && authenticate(request, *claim, service, clock_.now());
}

Result<Caller> CloudService::authenticate(const net::HttpRequest& request,
                                          const aws::SignatureClaim& claim, const Service& service,
                                          Timestamp now) {
  COFFERDAM_CHECK(check_scope(claim.scope, service, options_.place));
  COFFERDAM_TRY(const auto signer,
                callers_.find(claim.access_key_id, claim.session_token.value_or(""), now));
  COFFERDAM_CHECK(aws::verify_signature(request, claim, signer->secret_access_key, now,
                                        service.allowed_skew()));
  if (const auto& key = signer->long_term_key) {
    COFFERDAM_CHECK(callers_.note_use(*key, claim.scope.service, claim.scope.region, now));
  }
  return signer->caller;
}

}  // namespace cofferdam::cloud
