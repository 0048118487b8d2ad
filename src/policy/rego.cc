// SPDX-License-Identifier: Apache-2.0
#include "policy/rego.h"

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <span>
#include <utility>

#include "base/printable.h"
#include "bytes/cbor.h"
#include "cofferdam_rego.h"
#include "policy/rego_answer.h"

namespace cofferdam::policy {
namespace {

constexpr std::string_view kDomain = "cofferdam/policy/v1";
constexpr std::size_t kMaxQuerySize = 4096;
constexpr std::size_t kMaxMessageSize = 512;
constexpr std::size_t kMaxAnswerDepth = 128;
constexpr RegoLimits kCompileLimits{.time = std::chrono::seconds(1),
                                    .memory = std::size_t{64} * 1024 * 1024};

CofferdamRegoText text_of(std::string_view text) { return {text.data(), text.size()}; }

CofferdamRegoLimits limits_of(const RegoLimits& limits) {
  return {.time_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(limits.time.count(), 1)),
          .memory = limits.memory,
          .output = limits.output};
}

// A text of the library, freed with it.
class Answer {
 public:
  Answer() = default;
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { cofferdam_rego_free_text(text_); }

  CofferdamRegoText* out() noexcept { return &text_; }
  std::string_view view() const noexcept { return {text_.data, text_.size}; }

 private:
  CofferdamRegoText text_{};
};

struct FreePolicy {
  void operator()(CofferdamRego* policy) const noexcept { cofferdam_rego_free(policy); }
};
using Handle = std::unique_ptr<CofferdamRego, FreePolicy>;

// regorus draws the line in question below "--> FILE:LINE:COLUMN" and ends with "error: TEXT".
std::string message_of(std::string_view text) {
  constexpr std::string_view kArrow = "--> ";
  constexpr std::string_view kError = "\nerror: ";
  const std::size_t arrow = text.find(kArrow);
  const std::size_t error = text.rfind(kError);
  std::string out;
  if (arrow != std::string_view::npos && error != std::string_view::npos && arrow < error) {
    const std::string_view place = text.substr(arrow + kArrow.size());
    out = place.substr(0, place.find('\n'));
    out += ": ";
    out += text.substr(error + kError.size());
  } else {
    out = text;
  }
  if (out.size() > kMaxMessageSize) out.resize(kMaxMessageSize);
  return printable(out);
}

std::unexpected<Error> failure(std::uint32_t status, std::string_view about,
                               std::string_view reason_of_errors) {
  switch (status) {
    case COFFERDAM_REGO_ERROR:
      return fail(Errc::invalid_input, reason_of_errors, message_of(about));
    case COFFERDAM_REGO_TIME:
    case COFFERDAM_REGO_TIME_STOPPED:
      return fail(Errc::denied, kPolicyTimeout, "the policy took longer than it may");
    case COFFERDAM_REGO_MEMORY:
    case COFFERDAM_REGO_MEMORY_STOPPED:
      return fail(Errc::denied, kPolicyMemory, "the policy used more memory than it may");
    case COFFERDAM_REGO_OUTPUT:
      return fail(Errc::denied, kPolicyMemory, "the policy's answer is larger than it may be");
    default:
      return fail(Errc::internal, kPolicyError, "the policy interpreter failed");
  }
}

bool stopped(std::uint32_t status) {
  return status == COFFERDAM_REGO_TIME_STOPPED || status == COFFERDAM_REGO_MEMORY_STOPPED;
}

std::unexpected<Error> too_large(std::string detail) {
  return fail(Errc::invalid_input, kPolicyTooLarge, std::move(detail));
}

Status check_sizes(const std::vector<RegoModule>& modules) {
  if (modules.empty()) return fail(Errc::invalid_input, kPolicySyntax, "a policy has no modules");
  if (modules.size() > RegoPolicy::kMaxModules) {
    return too_large("a policy has more than " + std::to_string(RegoPolicy::kMaxModules) +
                     " modules");
  }
  for (const RegoModule& module : modules) {
    if (module.text.size() > RegoPolicy::kMaxModuleSize) {
      return too_large(printable(module.name) + " is larger than " +
                       std::to_string(RegoPolicy::kMaxModuleSize) + " bytes");
    }
  }
  return {};
}

Status sort_by_name(std::vector<RegoModule>& modules) {
  std::ranges::sort(modules, {}, &RegoModule::name);
  const auto twice = std::ranges::adjacent_find(modules, {}, &RegoModule::name);
  if (twice == modules.end()) return {};
  return fail(Errc::invalid_input, kPolicySyntax,
              "two modules have the name " + printable(twice->name));
}

// Members in the order of their names, at every level: one text for equal documents.
json::value sorted(const json::value& value) {
  if (const auto* array = value.if_array()) {
    json::array out;
    for (const json::value& item : *array) out.push_back(sorted(item));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  std::vector<const json::key_value_pair*> members;
  for (const auto& member : *object) members.push_back(&member);
  std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
  json::object out;
  for (const auto* member : members) out.emplace(member->key(), sorted(member->value()));
  return out;
}

crypto::Sha384 digest_of(const std::vector<RegoModule>& modules, std::string_view data) {
  cbor::Writer out;
  out.array(3).text(kDomain).map(modules.size());
  for (const RegoModule& module : modules) {
    out.text(module.name).bytes(crypto::sha384(as_bytes(module.text)));
  }
  out.text(data);
  return crypto::sha384(std::move(out).take());
}

std::string source_of(const std::vector<RegoModule>& modules, std::string_view data) {
  json::array list;
  for (const RegoModule& module : modules) {
    list.push_back(json::object{{"name", module.name}, {"text", module.text}});
  }
  return R"({"modules":)" + json::serialize(list) + R"(,"data":)" + std::string(data) + "}";
}

Result<json::array> parse_array(std::string_view text) {
  COFFERDAM_TRY(json::value value, parse_json(text, text.size(), kMaxAnswerDepth));
  if (!value.is_array()) return fail(Errc::internal, "the policy interpreter gave no array");
  return std::move(value.get_array());
}

// The value of a query of one expression; nullptr when undefined.
const json::value* value_of(const json::array& results) {
  if (results.empty()) return nullptr;
  const auto* one = results.front().if_object();
  const auto* list = one != nullptr ? one->if_contains("expressions") : nullptr;
  if (list == nullptr || !list->is_array() || list->get_array().empty()) return nullptr;
  const auto* expression = list->get_array().front().if_object();
  return expression != nullptr ? expression->if_contains("value") : nullptr;
}

}  // namespace

struct RegoPolicy::Impl {
  Handle handle;
  RegoLimits limits;
  std::vector<std::string> tests;
  crypto::Sha384 digest{};
  std::atomic<int> stopped = 0;
};

RegoPolicy::RegoPolicy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RegoPolicy::RegoPolicy(RegoPolicy&&) noexcept = default;
RegoPolicy& RegoPolicy::operator=(RegoPolicy&&) noexcept = default;
RegoPolicy::~RegoPolicy() = default;

Result<RegoPolicy> RegoPolicy::compile(std::vector<RegoModule> modules, json::object data,
                                       RegoLimits limits) {
  COFFERDAM_CHECK(check_sizes(modules));
  COFFERDAM_CHECK(sort_by_name(modules));
  const std::string document = json::serialize(sorted(data));
  if (document.size() > kMaxDataSize) return too_large("the policy's data is too large");
  auto impl = std::make_unique<Impl>();
  impl->limits = limits;
  impl->digest = digest_of(modules, document);
  const std::string source = source_of(modules, document);
  CofferdamRego* compiled = nullptr;
  Answer answer;
  const std::uint32_t status =
      cofferdam_rego_compile(text_of(source), limits_of(kCompileLimits), &compiled, answer.out());
  impl->handle.reset(compiled);
  if (status != COFFERDAM_REGO_OK) return failure(status, answer.view(), kPolicySyntax);
  COFFERDAM_TRY(const json::array tests, parse_array(answer.view()));
  for (const json::value& test : tests) impl->tests.emplace_back(test.get_string());
  return RegoPolicy(std::move(impl));
}

Result<json::array> RegoPolicy::query(std::string_view query, const json::value& input) const {
  if (impl_->stopped.load(std::memory_order_relaxed) >= kMaxStopped) {
    return fail(Errc::denied, kPolicyStopped,
                "the policy had to be stopped by force too often: replace it");
  }
  const std::string document = json::serialize(input);
  if (document.size() > kMaxInputSize || query.size() > kMaxQuerySize) {
    return too_large("the policy's input or query is too large");
  }
  Answer answer;
  const std::uint32_t status =
      cofferdam_rego_query(impl_->handle.get(), text_of(query), text_of(document),
                           limits_of(impl_->limits), answer.out());
  if (stopped(status)) impl_->stopped.fetch_add(1, std::memory_order_relaxed);
  if (status != COFFERDAM_REGO_OK) return failure(status, answer.view(), kPolicyError);
  return parse_array(answer.view());
}

Result<RegoAnswer> RegoPolicy::evaluate(std::string_view rule, const json::value& input) const {
  COFFERDAM_CHECK(check_rule(rule));
  COFFERDAM_TRY(const json::array results, query(rule, input));
  const json::value* value = value_of(results);
  RegoAnswer answer = answer_of(value, nullptr);
  if (answer.allow) return answer;
  const std::string sibling = std::string(rule.substr(0, rule.rfind('.'))) + ".reasons";
  // Denied already: an answer without reasons is better than none.
  const auto reasons = query(sibling, input);
  return reasons ? answer_of(value, value_of(*reasons)) : answer;
}

const std::vector<std::string>& RegoPolicy::tests() const noexcept { return impl_->tests; }
const crypto::Sha384& RegoPolicy::digest() const noexcept { return impl_->digest; }

struct ReloadablePolicy::Slot {
  mutable std::mutex mutex;
  std::shared_ptr<const RegoPolicy> policy;
};

ReloadablePolicy::ReloadablePolicy(RegoPolicy first) : slot_(std::make_shared<Slot>()) {
  slot_->policy = std::make_shared<const RegoPolicy>(std::move(first));
}

std::shared_ptr<const RegoPolicy> ReloadablePolicy::current() const {
  const std::lock_guard lock(slot_->mutex);
  return slot_->policy;
}

Status ReloadablePolicy::reload(std::vector<RegoModule> modules, json::object data,
                                RegoLimits limits) {
  COFFERDAM_TRY(RegoPolicy next, RegoPolicy::compile(std::move(modules), std::move(data), limits));
  auto shared = std::make_shared<const RegoPolicy>(std::move(next));
  const std::lock_guard lock(slot_->mutex);
  slot_->policy.swap(shared);
  return {};
}

}  // namespace cofferdam::policy
