// SPDX-License-Identifier: Apache-2.0
#include "agent/secret_service.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "agent/boot.h"
#include "agent/reason.h"
#include "base/encoding.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

using boost::asio::as_tuple;
using boost::asio::use_awaitable;

constexpr int kMaxAttempts = 3;
constexpr std::chrono::milliseconds kFirstBackOff{200};

bool worth_retrying(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::deadline_exceeded;
}

Task<void> sleep(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, time);
  const auto [error] = co_await timer.async_wait(as_tuple(use_awaitable));
  if (error) co_return fail(Errc::unavailable, "stopped while waiting to try again");
  co_return Status();
}

}  // namespace

Result<const SecretSpec*> SecretService::find(std::string_view name, Operation operation) const {
  const SecretSpec* spec = parts_.enclave.config().find_secret(name);
  if (spec == nullptr) {
    return fail(Errc::not_found, reason::kNoSuchSecret,
                "the measured configuration names no such secret");
  }
  if (spec->operation != operation) {
    return fail(Errc::invalid_input, reason::kWrongOperation,
                "the measured configuration declares " + spec->name + " for " +
                    std::string(operation_name(spec->operation)));
  }
  return spec;
}

Task<Secret> SecretService::secret(std::string name) {
  if (const auto cached = cache_.find(name); cached != cache_.end()) {
    co_return cached->second.clone();
  }
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::decrypt));
  COFFERDAM_CO_TRY(Released released, co_await release(spec));
  const auto [entry, inserted] = cache_.insert_or_assign(name, std::move(released.plaintext));
  co_return entry->second.clone();
}

Task<Released> SecretService::data_key(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::generate_data_key));
  co_return co_await release(spec);
}

Task<Released> SecretService::release(const SecretSpec* spec) {
  ledger::Decision decision = new_decision(*spec);
  Result<Bytes> ciphertext{Bytes()};
  if (spec->operation == Operation::decrypt) ciphertext = co_await offered_ciphertext(spec);
  Result<Released> released = fail(Errc::internal, "");
  if (ciphertext) {
    released = co_await call_with_retries(spec, *std::move(ciphertext), &decision);
  } else {
    released = std::unexpected(std::move(ciphertext).error());
  }
  decision.time = parts_.clock.now();
  decision.allowed = released.has_value();
  decision.reason = std::string(released ? reason::kOk : released.error().reason);
  if (!released) decision.detail = released.error().detail;
  const Status recorded = co_await record(std::move(decision));
  if (released && !recorded) co_return std::unexpected(recorded.error());
  co_return released;
}

Task<Bytes> SecretService::offered_ciphertext(const SecretSpec* spec) {
  COFFERDAM_CO_TRY(Offer offer, co_await parts_.parent.offer(parts_.enclave, spec->name));
  COFFERDAM_CO_CHECK(check_offer(offer, *spec));
  co_return std::move(offer.ciphertext);
}

Task<Released> SecretService::call_with_retries(const SecretSpec* spec, Bytes ciphertext,
                                                ledger::Decision* decision) {
  std::chrono::milliseconds back_off = kFirstBackOff;
  for (int attempt = 1;; ++attempt) {
    auto released = co_await call_once(spec, ciphertext, decision);
    if (released || attempt == kMaxAttempts || !worth_retrying(released.error())) {
      co_return released;
    }
    COFFERDAM_CO_CHECK(co_await sleep(back_off));
    back_off *= 2;
  }
}

Task<Released> SecretService::call_once(const SecretSpec* spec, Bytes ciphertext,
                                        ledger::Decision* decision) {
  COFFERDAM_CO_TRY(aws::Credentials credentials,
                   co_await parts_.parent.credentials(parts_.enclave));
  const AttestedCall::Parts parts{parts_.attestor, parts_.recipients};
  COFFERDAM_CO_TRY(AttestedCall call, AttestedCall::prepare(parts_.enclave, parts, *spec,
                                                            std::move(ciphertext), ++calls_));
  decision->document_digest = to_hex(call.document_digest());
  co_return co_await std::move(call).send(parts_.kms, std::move(credentials));
}

Task<void> SecretService::record(ledger::Decision decision) {
  COFFERDAM_CO_CHECK(parts_.console.record(decision));
  co_return co_await parts_.parent.record(parts_.enclave, decision);
}

ledger::Decision SecretService::new_decision(const SecretSpec& spec) const {
  const attest::Document& document = parts_.enclave.evidence().document().document();
  ledger::Decision out;
  out.component = "agent";
  out.request_id = to_hex(crypto::random_bytes(16));
  out.operation = std::string(operation_name(spec.operation));
  out.key = spec.key_arn;
  out.context_digest = ledger::context_digest(spec.context);
  out.module_id = document.module_id;
  out.pcrs = hex_pcrs(document.pcrs);
  return out;
}

}  // namespace cofferdam::agent
