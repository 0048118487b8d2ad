// SPDX-License-Identifier: Apache-2.0
#include "cloud/cloud_service.h"

#include "cloud/api_error.h"
#include "cloud/kms.h"
#include "cloud/sts.h"
#include "cloud/uuid.h"

namespace cofferdam::cloud {
namespace {

std::unexpected<Error> unknown_client() {
  return fail(Errc::unauthenticated, api::kUnrecognizedClient,
              "The security token included in the request is invalid.");
}

Status check_scope(const aws::SigningScope& scope, const Service& service, const Place& place) {
  if (scope.service != service.scope()) {
    return fail(
        Errc::unauthenticated, api::kInvalidSignature,
        "Credential should be scoped to correct service: '" + std::string(service.scope()) + "'. ");
  }
  if (scope.region != place.region) {
    return fail(Errc::unauthenticated, api::kInvalidSignature,
                "Credential should be scoped to a valid region. ");
  }
  return {};
}

// A failure of ours to authenticate has AWS's name already; one of SigV4 gets it here.
aws::AwsError authentication_error(const Error& error) {
  const bool named =
      error.reason == api::kUnrecognizedClient || error.reason == api::kInvalidSignature;
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
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      recipients_(verifier, store, options_.allow_document_reuse) {
  services_.push_back(std::make_unique<Kms>(store, recipients_, decisions, options_.place));
  services_.push_back(std::make_unique<Sts>());
}

net::HttpResponse CloudService::handle(const net::HttpRequest& request, CallTrace& trace) {
  trace.request_id = to_text(random_uuid());
  auto claim = aws::parse_signature(request);
  Service* service = service_for(request, claim ? &*claim : nullptr);
  if (service == nullptr) return not_an_aws_request();
  if (!claim) return service->refuse(aws::signature_error(claim.error()), trace.request_id);
  trace.claim = *std::move(claim);
  return handle_signed(request, *service, trace);
}

Service* CloudService::service_for(const net::HttpRequest& request,
                                   const aws::SignatureClaim* claim) const {
  const std::string_view target = net::header(request.headers, "X-Amz-Target");
  const std::string_view prefix = target.substr(0, target.find('.'));
  for (const auto& service : services_) {
    const bool meant = target.empty() ? claim != nullptr && claim->scope.service == service->scope()
                                      : prefix == service->target_prefix();
    if (meant && service->target_prefix().empty() == target.empty()) return service.get();
  }
  return nullptr;
}

net::HttpResponse CloudService::handle_signed(const net::HttpRequest& request, Service& service,
                                              CallTrace& trace) {
  const Timestamp now = clock_.now() + trace.clock_skew;
  auto caller = authenticate(request, *trace.claim, service, now);
  if (!caller) return service.refuse(authentication_error(caller.error()), trace.request_id);
  trace.caller = *std::move(caller);
  return service.answer({.http = request,
                         .claim = *trace.claim,
                         .caller = *trace.caller,
                         .request_id = trace.request_id,
                         .now = now,
                         .trace = trace});
}

Result<Caller> CloudService::authenticate(const net::HttpRequest& request,
                                          const aws::SignatureClaim& claim, const Service& service,
                                          Timestamp now) {
  COFFERDAM_CHECK(check_scope(claim.scope, service, options_.place));
  COFFERDAM_TRY(const auto principal, store_.find_principal(claim.access_key_id));
  if (!principal) return unknown_client();
  if (!equal_constant_time(as_bytes(claim.session_token.value_or("")),
                           as_bytes(principal->session_token))) {
    return unknown_client();
  }
  COFFERDAM_CHECK(aws::verify_signature(request, claim, principal->secret_access_key, now));
  return caller_of(*principal);
}

Result<Caller> CloudService::caller_of(const PrincipalRecord& principal) const {
  Caller caller;
  COFFERDAM_TRY(caller.principal, policy::principal_from_arn(principal.arn));
  if (!principal.role_arn.empty()) caller.principal.role_arn = principal.role_arn;
  caller.user_id = principal.user_id;
  for (const std::string& text : principal.identity_policies) {
    COFFERDAM_TRY(auto document, policy::parse_document(text, policy::PolicyKind::identity));
    caller.policies.push_back(std::make_shared<const policy::AttachedPolicy>(
        policy::AttachedPolicy{.name = "inline", .document = std::move(document)}));
  }
  return caller;
}

}  // namespace cofferdam::cloud
