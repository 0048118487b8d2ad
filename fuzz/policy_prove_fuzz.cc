// SPDX-License-Identifier: Apache-2.0
// Of any key policy and list of grants, separated by a zero octet: a counterexample is a request
// that the evaluator allows and that no pinned enclave made; a policy and the linter get along.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "policy/lint.h"
#include "policy/prove.h"
#include "policy/prove_principals.h"

namespace {

using namespace cofferdam;
using namespace cofferdam::policy;

constexpr std::size_t kMaxSize = std::size_t{16} * 1024;
constexpr std::uint64_t kMaxNodes = 2'000;

bool is_allowed(const ProofQuestion& question, const Request& request) {
  SearchBudget budget;
  const auto people = everyone(question, budget);
  return std::ranges::any_of(people, [&](const Person& person) {
    if (person.principal.arn != request.principal.arn) return false;
    const Verdict verdict =
        evaluate(request, {.resource = &question.keys.front().policy, .identity = person.policies});
    return verdict.allowed || (!question.keys.front().grants.empty() && !verdict.explicit_deny);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > kMaxSize) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT
  const auto zero = text.find('\0');
  auto document = parse_document(text.substr(0, zero), PolicyKind::key, kMaxSize);
  std::vector<ProofGrant> grants;
  if (zero != std::string_view::npos) {
    if (auto parsed = parse_grants(text.substr(zero + 1))) grants = *std::move(parsed);
  }
  if (!document || document->statements.size() > 8) return 0;
  for (const Finding& finding : lint(*document)) {
    if (finding.id.empty() || finding.fix.empty()) std::abort();
  }
  ProofQuestion question;
  question.keys.push_back({.arn = "arn:aws:kms:us-east-1:111122223333:key/1",
                           .policy = {.name = "fuzzed", .document = *std::move(document)},
                           .grants = std::move(grants)});
  question.pins = {{8, {Bytes(48, 0x8a)}}};
  const auto proof = prove(question, kMaxNodes);
  if (!proof) std::abort();
  if (proof->verdict != ProofVerdict::counterexample) return 0;
  const Request& last = proof->steps.back();
  if (!is_allowed(question, last)) std::abort();
  if (last.action == "kms:Decrypt" && is_attested(last.context, question.pins)) std::abort();
  return 0;
}
