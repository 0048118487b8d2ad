// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cloud/query_parameters.h"
#include "cloud/service.h"

namespace cofferdam::cloud {

// Names of errors as the Query protocol writes them, for Error::reason. AccessDenied and
// authentication failures have those of api_error.h.
namespace query {
inline constexpr std::string_view kDeleteConflict = "DeleteConflict";
inline constexpr std::string_view kEntityAlreadyExists = "EntityAlreadyExists";
inline constexpr std::string_view kExpiredWebToken = "ExpiredTokenException";
inline constexpr std::string_view kIdpCommunicationError = "IDPCommunicationError";
inline constexpr std::string_view kIdpRejectedClaim = "IDPRejectedClaim";
inline constexpr std::string_view kInvalidAction = "InvalidAction";
inline constexpr std::string_view kInvalidIdentityToken = "InvalidIdentityToken";
inline constexpr std::string_view kInvalidInput = "InvalidInput";
inline constexpr std::string_view kInvalidParameterValue = "InvalidParameterValue";
inline constexpr std::string_view kLimitExceeded = "LimitExceeded";
inline constexpr std::string_view kMalformedInput = "MalformedInput";
inline constexpr std::string_view kMalformedPolicy = "MalformedPolicyDocument";
inline constexpr std::string_view kMalformedQuery = "MalformedQueryString";
inline constexpr std::string_view kNoSuchEntity = "NoSuchEntity";
inline constexpr std::string_view kPackedPolicyTooLarge = "PackedPolicyTooLarge";
inline constexpr std::string_view kUnmodifiable = "UnmodifiableEntity";
inline constexpr std::string_view kValidation = "ValidationError";
}  // namespace query

// What an action answers: the XML inside <ActionResult>, or nothing for an action whose
// answer has none. A secret goes straight into the body, which the server wipes once it is
// sent, where XmlText::place_of_secret() left its place.
struct QueryReply {
  std::optional<std::string> result = {};
  std::optional<Secret> secret = {};
};

// A service of the AWS Query protocol: a form with Action and Version, answered in XML.
class QueryService : public Service {
 public:
  std::string_view target_prefix() const noexcept final { return {}; }
  net::HttpResponse answer(const Call& call) final;
  net::HttpResponse refuse(const aws::AwsError& error, std::string_view request_id) const final;

 protected:
  virtual std::string_view version() const noexcept = 0;  // "2010-05-08"
  virtual std::string_view xml_namespace() const noexcept = 0;
  // InvalidAction for an action the service does not have.
  virtual Result<QueryReply> invoke(std::string_view action, const Call& call,
                                    const QueryParameters& parameters) = 0;

 private:
  Result<net::HttpResponse> run(const Call& call);
  void note_elements(const Call& call, std::string_view action, const QueryReply& reply) const;
  net::HttpResponse refuse_action(const Error& error, std::string_view request_id) const;
};

// The parameters of a request: its body, or for GET its query.
Result<QueryForm> form_of(const net::HttpRequest& request);

// "2026-01-31T09:05:00Z"
std::string to_xml_time(Timestamp time);

[[nodiscard]] std::unexpected<Error> invalid_action(std::string_view action,
                                                    std::string_view version);

}  // namespace cofferdam::cloud
