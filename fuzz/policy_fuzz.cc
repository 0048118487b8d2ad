// SPDX-License-Identifier: Apache-2.0
// A policy that was accepted is the same policy in its canonical form, decides the same,
// and allows nothing once a statement denies everything.
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "policy/kms.h"

namespace {

using namespace cofferdam;
using namespace cofferdam::policy;

constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxCanonicalSize = 16 * kMaxSize;

Request sample_request() {
  KmsCall call;
  call.operation = "Decrypt";
  call.key_arn = "arn:aws:kms:us-east-1:111122223333:key/1";
  call.encryption_context = {{"app", "demo"}, {"App", "x"}};
  call.recipient = RecipientMeasurements{.kind = RecipientMeasurements::Kind::enclave,
                                         .pcrs = {{0, Bytes(48, 0xaa)}}};
  const auto principal =
      principal_from_arn("arn:aws:sts::111122223333:assumed-role/enclave/i-local");
  return kms_request(*principal, call,
                     {.source_ip = "203.0.113.7",
                      .secure_transport = true,
                      .user_agent = "fuzz",
                      .now = Timestamp(std::chrono::hours(500'000))});
}

bool allows(const Document& document, PolicyKind kind) {
  const AttachedPolicy policy{.name = "fuzzed", .document = document};
  PolicySet set;
  if (kind == PolicyKind::identity) {
    set.identity.push_back(&policy);
  } else {
    set.resource = &policy;
  }
  static const Request request = sample_request();
  return evaluate(request, set).allowed;
}

Statement deny_everything(PolicyKind kind) {
  Statement out;
  out.effect = Effect::deny;
  if (kind != PolicyKind::identity) {
    out.principal = Selector<PrincipalPattern>{.entries = {{}}, .negated = false};
  }
  out.action.entries = {"*"};
  out.resource = Selector<std::string>{.entries = {"*"}, .negated = false};
  return out;
}

void check(std::string_view text, PolicyKind kind) {
  auto document = parse_document(text, kind, kMaxSize);
  if (!document) return;
  const std::string canonical = json::serialize(to_json(*document));
  const auto again = parse_document(canonical, kind, kMaxCanonicalSize);
  // An escape in the text may spell a character that a key policy cannot hold literally.
  if (!again && kind == PolicyKind::key) return;
  if (!again || *again != *document) std::abort();
  if (allows(*again, kind) != allows(*document, kind)) std::abort();
  document->statements.push_back(deny_everything(kind));
  if (allows(*document, kind)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  for (const auto kind : {PolicyKind::key, PolicyKind::identity, PolicyKind::trust}) {
    check(text, kind);
  }
  return 0;
}
