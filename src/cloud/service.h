// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/sigv4.h"
#include "base/json.h"
#include "base/time.h"
#include "net/http.h"
#include "policy/evaluate.h"
#include "policy/explain.h"
#include "policy/global_keys.h"

namespace cofferdam::cloud {

// What the local AWS is part of.
struct Place {
  std::string account = "111122223333";
  std::string region = "us-east-1";
};

using SharedPolicy = std::shared_ptr<const policy::AttachedPolicy>;
using SharedPolicies = std::vector<SharedPolicy>;

// Who signed a request, with every policy that speaks about them.
struct Caller {
  policy::Principal principal;
  std::string user_id;  // "AIDA...", "AROA...:session", or the account of a root user.

  SharedPolicies policies;  // Of the user, or of the role behind a session.
  SharedPolicy boundary;    // nullptr: none.
  std::optional<SharedPolicies> session_policies;
  std::vector<SharedPolicies> organization;  // From the root of the organization down.
  std::string organization_id;

  std::map<std::string, std::string> tags;  // aws:PrincipalTag/KEY.
  std::set<std::string> transitive_tags;    // Those that a further session keeps.
  std::optional<policy::TemporaryCredentials> temporary;

  std::vector<const policy::AttachedPolicy*> policy_list() const { return pointers(policies); }
  // Everything but the policy of the resource. Valid as long as the caller.
  policy::PolicySet policy_set() const;

 private:
  static std::vector<const policy::AttachedPolicy*> pointers(const SharedPolicies& list);
};

// One question that a call put to the policies, for the event log.
struct Evaluation {
  policy::Request request;
  policy::Verdict verdict;
  std::optional<policy::Explanation> why = {};  // Of a denial.
  bool by_grant = false;                        // Denied by the policies, allowed by a grant.
};

struct NestedCall;

// What happened to one request, for the event log: filled in on the way, read after the
// answer.
struct CallTrace {
  // Set beforehand: whether anybody will read the parameters and the elements.
  bool detailed = false;
  // Likewise: how far the clock of the caller's AWS is off, to test clients.
  std::chrono::milliseconds clock_skew{0};

  std::string request_id;
  std::optional<aws::SignatureClaim> claim;
  std::optional<Caller> caller;  // Once the signature has been verified.
  std::vector<Evaluation> evaluations;
  json::object parameters;         // Only what recorded_parameters() lets pass.
  json::object elements;           // Of the answer; only what recorded_elements() lets pass.
  std::vector<NestedCall> nested;  // Only where `detailed`.
};

// A request that a service made to another one on behalf of the caller.
struct NestedCall {
  std::string service;     // "kms"
  std::string operation;   // "Decrypt"
  std::string invoked_by;  // "secretsmanager"
  std::optional<aws::AwsError> error;
  CallTrace trace;
};

// One authenticated request on its way to a service. Everything borrowed outlives the call.
struct Call {
  const net::HttpRequest& http;
  const aws::SignatureClaim& claim;  // Empty for the calls that need no signature.
  const Caller& caller;
  std::string request_id;
  Timestamp now;
  CallTrace& trace;
  // Set when a service calls another one on behalf of the caller: "secretsmanager".
  std::string via_service = {};
};

// One AWS service behind the common door (CloudService), which has verified the signature.
// To add a service, implement this and register it there.
class Service {
 public:
  virtual ~Service() = default;

  // The service's name in a credential scope: "kms".
  virtual std::string_view scope() const noexcept = 0;
  // Before X-Amz-Target's dot, for services of the JSON protocol ("TrentService"); empty
  // for services of the Query protocol.
  virtual std::string_view target_prefix() const noexcept = 0;

  // Whether a signature may be scoped to this Region.
  virtual bool accepts_region(std::string_view region, const Place& place) const {
    return region == place.region;
  }
  // How far the clock of a signer may be off.
  virtual std::chrono::minutes allowed_skew() const noexcept { return aws::kDefaultSkew; }
  // Whether this operation of the service needs no signature.
  virtual bool accepts_unsigned(const net::HttpRequest& /*request*/) const { return false; }

  virtual net::HttpResponse answer(const Call& call) = 0;
  // A failure in the service's own protocol.
  virtual net::HttpResponse refuse(const aws::AwsError& error,
                                   std::string_view request_id) const = 0;
};

}  // namespace cofferdam::cloud
