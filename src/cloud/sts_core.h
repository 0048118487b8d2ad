// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/authorizer.h"
#include "cloud/callers.h"
#include "cloud/query_service.h"
#include "cloud/sessions.h"
#include "cloud/web_identity.h"

namespace cofferdam::cloud {

// What AssumeRole and AssumeRoleWithWebIdentity are asked alike.
struct SessionRequest {
  std::string role_arn;
  std::string name;
  std::optional<std::int64_t> duration_seconds;
  std::optional<std::string> policy;
  std::vector<std::string> policy_arns;
};

// A role and its parsed trust policy.
struct TrustingRole {
  Identity role;
  SharedPolicy trust;
};

// What the operations of STS share. Errors carry names of query_service.h.
class StsCore {
 public:
  // All must outlive this.
  StsCore(Store& store, Callers& callers, const Authorizer& authorizer, IssuerKeys& issuers)
      : iam_(store),
        callers_(callers),
        authorizer_(authorizer),
        issuers_(issuers),
        sessions_(store) {}

  IamStore& iam() noexcept { return iam_; }
  const Authorizer& authorizer() const noexcept { return authorizer_; }
  IssuerKeys& issuers() noexcept { return issuers_; }

  Result<SessionRequest> read_request(const QueryParameters& parameters);
  // Nothing for a role that does not exist; ValidationError for what is no ARN of a role.
  Result<std::optional<TrustingRole>> find_role(std::string_view arn);
  // Seconds, within the limit of the role.
  Result<std::chrono::seconds> duration_of(const SessionRequest& request, const Identity& role,
                                           bool chained) const;
  // Whether the trust policy lets the caller do this to the role, with the condition keys of
  // a new session.
  policy::Verdict ask(const Call& call, const TrustingRole& role, std::string_view action,
                      const Session& session, const Tags& request_tags,
                      std::vector<std::pair<std::string, std::vector<std::string>>> keys) const;
  // Credentials, AssumedRoleUser, PackedPolicySize and SourceIdentity of an answer.
  Result<QueryReply> answer(const TrustingRole& role, Session session, std::string_view more_xml);
  // Credentials alone.
  Result<QueryReply> credentials(Session session);

 private:
  Result<std::string> credentials_xml(const Session& session) const;

  IamStore iam_;
  Callers& callers_;
  const Authorizer& authorizer_;
  IssuerKeys& issuers_;
  Sessions sessions_;
};

// The operations, each named as AWS names it.
namespace sts {
using Operation = Result<QueryReply>(StsCore&, const Call&, const QueryParameters&);

// sts.cc
Operation get_access_key_info;
Operation get_caller_identity;
Operation get_session_token;
// sts_assume_role.cc
Operation assume_role;
// sts_web_identity.cc
Operation assume_role_with_web_identity;
}  // namespace sts

}  // namespace cofferdam::cloud
