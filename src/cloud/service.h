// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aws/error.h"
#include "aws/sigv4.h"
#include "base/time.h"
#include "net/http.h"
#include "policy/evaluate.h"

namespace cofferdam::cloud {

// What the local AWS is part of.
struct Place {
  std::string account = "111122223333";
  std::string region = "us-east-1";
};

// Who signed a request, with the policies attached to them.
struct Caller {
  policy::Principal principal;
  std::string user_id;  // "AIDA..." or "AROA...:session".
  std::vector<policy::AttachedPolicy> policies;

  std::vector<const policy::AttachedPolicy*> policy_list() const {
    std::vector<const policy::AttachedPolicy*> list;
    list.reserve(policies.size());
    for (const policy::AttachedPolicy& attached : policies) list.push_back(&attached);
    return list;
  }
};

// One authenticated request on its way to a service. Everything borrowed outlives the call.
struct Call {
  const net::HttpRequest& http;
  const aws::SignatureClaim& claim;
  const Caller& caller;
  std::string request_id;
  Timestamp now;
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

  virtual net::HttpResponse answer(const Call& call) = 0;
  // A failure in the service's own protocol.
  virtual net::HttpResponse refuse(const aws::AwsError& error,
                                   std::string_view request_id) const = 0;
};

}  // namespace cofferdam::cloud
