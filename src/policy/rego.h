// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "crypto/digest.h"

// Decisions in Rego (docs/rego.md), evaluated by regorus inside this process.
namespace cofferdam::policy {

// One file of a policy. The name stands in messages and in the digest.
struct RegoModule {
  std::string name;
  std::string text;
};

// What one evaluation may use. Work over a limit ends: at the interpreter's next step where it can,
// else its thread is stopped for good (see RegoPolicy).
struct RegoLimits {
  std::chrono::milliseconds time{100};                // Of the processor, not of the clock.
  std::size_t memory = std::size_t{8} * 1024 * 1024;  // Above what the compiled policy holds.
  std::size_t output = std::size_t{256} * 1024;       // JSON of an answer.
};

// What a policy says to one question.
struct RegoAnswer {
  bool allow = false;  // Only when the rule is defined and is the boolean true.
  // Why not, for scripts: "policy_denied", "policy_undefined", "policy_not_boolean". Empty when
  // allowed. A string literal.
  std::string_view reason;
  // The strings of the set or array `reasons` in the rule's package; empty when allowed or absent.
  std::vector<std::string> reasons;
};

// Reason codes of the failures of compile() and evaluate().
inline constexpr std::string_view kPolicySyntax = "policy_syntax";  // Text: FILE:LINE:COLUMN.
inline constexpr std::string_view kPolicyTooLarge = "policy_too_large";
inline constexpr std::string_view kPolicyError = "policy_error";  // While it was evaluated.
inline constexpr std::string_view kPolicyTimeout = "policy_timeout";
inline constexpr std::string_view kPolicyMemory = "policy_memory";
inline constexpr std::string_view kPolicyStopped = "policy_stopped";  // Refused: see RegoPolicy.

// A compiled policy: modules in Rego v1 and the JSON object `data` beside them.
//
// The language is what is deterministic in it. A module that calls anything else (http.send,
// opa.runtime, rand.intn, time.now_ns, net.lookup_ip_addr, uuid.rfc4122) does not compile; the
// time is a field of the input. Built-in functions fail as in OPA: the expression is undefined.
//
// Immutable and safe for concurrent use: each evaluation runs on a thread of its own, with its own
// copy of the interpreter's state, while the caller waits. A computation that does not notice its
// limits is suspended for good where it stands; its memory, bounded by twice RegoLimits::memory, is
// lost. After kMaxStopped of them the policy answers nothing more (kPolicyStopped): it has to be
// replaced.
//
// Every failure denies: whoever gets an Error must not go on.
class RegoPolicy {
 public:
  static constexpr std::size_t kMaxModules = 64;
  static constexpr std::size_t kMaxModuleSize = std::size_t{256} * 1024;
  static constexpr std::size_t kMaxDataSize = std::size_t{1024} * 1024;
  static constexpr std::size_t kMaxInputSize = std::size_t{1024} * 1024;
  static constexpr int kMaxStopped = 3;

  // `limits` hold for each evaluation. Compiling has its own: a second, 64 MiB.
  static Result<RegoPolicy> compile(std::vector<RegoModule> modules, json::object data = {},
                                    RegoLimits limits = {});
  RegoPolicy(RegoPolicy&&) noexcept;
  RegoPolicy& operator=(RegoPolicy&&) noexcept;
  ~RegoPolicy();

  // `rule` is a path such as "data.cofferdam.release.allow".
  Result<RegoAnswer> evaluate(std::string_view rule, const json::value& input) const;

  // Any query, for tools: what `opa eval` gives as "result", an array of
  // {"expressions": [{"value": ...}], "bindings": {...}}; empty when undefined.
  Result<json::array> query(std::string_view query, const json::value& input) const;

  // The rules whose name begins with "test_", as paths, in order.
  const std::vector<std::string>& tests() const noexcept;

  // SHA-384 that names the policy in decision records (docs/rego.md, "Digest"): over the modules,
  // sorted by name, and the data.
  const crypto::Sha384& digest() const noexcept;

 private:
  struct Impl;
  explicit RegoPolicy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The policy of a process that takes new versions while it runs. A version that does not compile
// changes nothing: the old one goes on and the failure is returned. Safe for concurrent use;
// whoever holds a version keeps it.
class ReloadablePolicy {
 public:
  explicit ReloadablePolicy(RegoPolicy first);

  std::shared_ptr<const RegoPolicy> current() const;
  Status reload(std::vector<RegoModule> modules, json::object data = {}, RegoLimits limits = {});

 private:
  struct Slot;
  std::shared_ptr<Slot> slot_;
};

}  // namespace cofferdam::policy
