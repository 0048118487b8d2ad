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
#include "custody/envelope.h"

namespace cofferdam::agent {
namespace {

using boost::asio::as_tuple;
using boost::asio::use_awaitable;

constexpr int kMaxAttempts = 3;
constexpr std::chrono::seconds kPatience{60};  // With another's call for the same secret.

Error wrong_operation(const SecretSpec& spec) {
  return {.code = Errc::invalid_input,
          .detail = "the measured configuration declares " + spec.name + " for " +
                    std::string(operation_name(spec.operation)) +
                    (spec.envelope ? " of an envelope" : ""),
          .reason = reason::kWrongOperation};
}

}  // namespace

// A call for a stable secret, for the others who want it meanwhile.
struct SecretService::Flight {
  explicit Flight(boost::asio::any_io_executor executor) : done(std::move(executor), kPatience) {}

  boost::asio::steady_timer done;
  // Until the call ends, for the case that it never does.
  Error error{.code = Errc::unavailable,
              .detail = "the call that was to fetch this secret did not end",
              .reason = reason::kKmsUnavailable};
};

// Ends a flight however the coroutine that leads it ends.
class SecretService::Landing {
 public:
  Landing(SecretService& service, std::string name, std::shared_ptr<Flight> flight)
      : service_(service), name_(std::move(name)), flight_(std::move(flight)) {
    service_.flights_.emplace(name_, flight_);
  }
  ~Landing() {
    service_.flights_.erase(name_);
    flight_->done.cancel();
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  SecretService& service_;
  std::string name_;
  std::shared_ptr<Flight> flight_;
};

Result<const SecretSpec*> SecretService::find(std::string_view name) const {
  const SecretSpec* spec = parts_.enclave.config().find_secret(name);
  if (spec != nullptr) return spec;
  return fail(Errc::not_found, reason::kNoSuchSecret,
              "the measured configuration names no such secret");
}

Result<const SecretSpec*> SecretService::find(std::string_view name, Operation operation) const {
  COFFERDAM_TRY(const SecretSpec* spec, find(name));
  if (spec->operation == operation) return spec;
  return std::unexpected(wrong_operation(*spec));
}

Task<Secret> SecretService::secret(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name));
  if (!spec->is_stable()) co_return std::unexpected(wrong_operation(*spec));
  if (const auto kept = cache_.find(name); kept != cache_.end()) co_return kept->second.clone();
  if (const auto under_way = flights_.find(name); under_way != flights_.end()) {
    co_return co_await wait_for(std::move(name), under_way->second);
  }
  co_return co_await fetch(spec);
}

Task<Secret> SecretService::refresh(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name));
  if (!spec->is_stable()) co_return std::unexpected(wrong_operation(*spec));
  if (const auto under_way = flights_.find(name); under_way != flights_.end()) {
    co_return co_await wait_for(std::move(name), under_way->second);
  }
  co_return co_await fetch(spec);
}

Task<Secret> SecretService::wait_for(std::string name, std::shared_ptr<Flight> flight) {
  co_await flight->done.async_wait(as_tuple(use_awaitable));
  if (const auto kept = cache_.find(name); kept != cache_.end()) co_return kept->second.clone();
  co_return std::unexpected(flight->error);
}

Task<Secret> SecretService::fetch(const SecretSpec* spec) {
  auto flight = std::make_shared<Flight>(co_await boost::asio::this_coro::executor);
  const Landing landing(*this, spec->name, flight);
  auto released = co_await release(spec, std::nullopt);
  if (!released) {
    flight->error = released.error();
    co_return std::unexpected(std::move(released).error());
  }
  const auto [entry, inserted] =
      cache_.insert_or_assign(spec->name, std::move(released->plaintext));
  figures_.fetched.insert_or_assign(spec->name, parts_.clock.now());
  co_return entry->second.clone();
}

Task<Released> SecretService::data_key(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::generate_data_key));
  co_return co_await release(spec, std::nullopt);
}

Task<Released> SecretService::key_pair(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::generate_data_key_pair));
  co_return co_await release(spec, std::nullopt);
}

Task<Secret> SecretService::random(std::string name) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::generate_random));
  COFFERDAM_CO_TRY(Released released, co_await release(spec, std::nullopt));
  co_return std::move(released.plaintext);
}

Task<Secret> SecretService::decrypt(std::string name, Bytes ciphertext) {
  COFFERDAM_CO_TRY(const SecretSpec* spec, find(name, Operation::decrypt));
  if (spec->envelope) co_return std::unexpected(wrong_operation(*spec));
  if (ciphertext.empty() || ciphertext.size() > kMaxCiphertextSize) {
    co_return fail(Errc::invalid_input, reason::kKmsInvalidRequest,
                   "a ciphertext has 1 to " + std::to_string(kMaxCiphertextSize) + " bytes");
  }
  COFFERDAM_CO_TRY(Released released, co_await release(spec, std::move(ciphertext)));
  co_return std::move(released.plaintext);
}

Task<Released> SecretService::release(const SecretSpec* spec, std::optional<Bytes> ciphertext) {
  ledger::Decision decision = new_decision(*spec);
  Result<Released> released = co_await attempt(spec, std::move(ciphertext), &decision);
  decision.time = parts_.clock.now();
  decision.allowed = released.has_value();
  decision.reason = std::string(released ? reason::kOk : released.error().reason);
  if (!released) {
    decision.detail = released.error().detail;
    ++figures_.denials[decision.reason];
  }
  const Status recorded = co_await record(std::move(decision));
  if (released && !recorded) co_return std::unexpected(recorded.error());
  co_return released;
}

Task<Released> SecretService::attempt(const SecretSpec* spec, std::optional<Bytes> ciphertext,
                                      ledger::Decision* decision) {
  if (spec->operation != Operation::decrypt) {
    co_return co_await call_with_retries(spec, Bytes(), decision);
  }
  if (ciphertext) co_return co_await call_with_retries(spec, *std::move(ciphertext), decision);
  COFFERDAM_CO_TRY(Bytes offered, co_await offered_ciphertext(spec));
  if (spec->envelope) co_return co_await open_envelope(spec, std::move(offered), decision);
  co_return co_await call_with_retries(spec, std::move(offered), decision);
}

Task<Bytes> SecretService::offered_ciphertext(const SecretSpec* spec) {
  COFFERDAM_CO_TRY(const EncryptionContext context, context_of(*spec));
  COFFERDAM_CO_TRY(Offer offer, co_await parts_.parent.offer(parts_.enclave, spec->name));
  COFFERDAM_CO_CHECK(check_offer(offer, *spec, context));
  co_return std::move(offer.ciphertext);
}

// KMS is asked only for an envelope that claims to be the right one; what it holds is opened
// with the name and context that were measured, whatever it claims.
Task<Released> SecretService::open_envelope(const SecretSpec* spec, Bytes offered,
                                            ledger::Decision* decision) {
  COFFERDAM_CO_TRY(const custody::Envelope envelope, custody::Envelope::decode(offered));
  COFFERDAM_CO_TRY(const EncryptionContext context, context_of(*spec));
  const custody::EnvelopeExpectation expected{
      .name = spec->name,
      .context = custody::context_digest(spec->key_arn, context),
      .version = std::nullopt};
  COFFERDAM_CO_CHECK(envelope.check_subject(expected));
  COFFERDAM_CO_TRY(const Released data_key,
                   co_await call_with_retries(spec, envelope.wrapped_key(), decision));
  Released out;
  COFFERDAM_CO_TRY(out.plaintext, envelope.open(data_key.plaintext, expected));
  co_return out;
}

Task<Released> SecretService::call_with_retries(const SecretSpec* spec, Bytes ciphertext,
                                                ledger::Decision* decision) {
  BackOff back_off;
  for (int attempt = 1;; ++attempt) {
    auto released = co_await call_once(spec, ciphertext, decision);
    if (released) budget_.note_success();
    if (released || attempt == kMaxAttempts || !is_worth_retrying(released.error()) ||
        !budget_.take()) {
      co_return released;
    }
    ++figures_.retries;
    COFFERDAM_CO_CHECK(co_await wait_to_retry(back_off.next()));
  }
}

Task<Released> SecretService::call_once(const SecretSpec* spec, Bytes ciphertext,
                                        ledger::Decision* decision) {
  COFFERDAM_CO_TRY(LentCredentials lent, co_await parts_.credentials.credentials());
  COFFERDAM_CO_TRY(crypto::RsaPrivateKey recipient, co_await parts_.recipients.take());
  AttestedCall::Parts parts{parts_.attestor, std::move(recipient)};
  COFFERDAM_CO_TRY(AttestedCall call,
                   AttestedCall::prepare(parts_.enclave, std::move(parts), *spec,
                                         std::move(ciphertext), ++figures_.calls));
  decision->document_digest = to_hex(call.document_digest());
  co_return co_await std::move(call).send(parts_.kms, std::move(lent.credentials));
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
  out.secret = spec.name;
  out.key = spec.key_arn;
  if (const auto context = context_of(spec)) out.context_digest = ledger::context_digest(*context);
  out.module_id = document.module_id;
  out.pcrs = hex_pcrs(document.pcrs);
  return out;
}

}  // namespace cofferdam::agent
