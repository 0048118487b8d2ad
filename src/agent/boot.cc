// SPDX-License-Identifier: Apache-2.0
#include "agent/boot.h"

#include <algorithm>
#include <utility>

#include "agent/init.h"
#include "agent/reason.h"
#include "base/encoding.h"
#include "base/log.h"
#include "crypto/random.h"

namespace cofferdam::agent {
namespace {

constexpr std::uint16_t kSigningCertificatePcr = 8;
constexpr std::uint16_t kKernelPcr = 1;

std::unexpected<Error> module_failure(const Error& error) {
  return fail(Errc::unavailable, reason::kNsmUnavailable, error.detail);
}

// What the document must say, by measured configuration alone. PCR0 and PCR2 cannot be
// named inside the image they measure: the release manifest brings them.
attest::Pcrs baseline(const MeasuredConfig& measured) {
  attest::Pcrs out;
  out[kSigningCertificatePcr] = to_bytes(measured.config.pcr8);
  out[kConfigPcr] = to_bytes(expected_pcr16(measured.digest));
  if (measured.config.pcr1) out[kKernelPcr] = to_bytes(*measured.config.pcr1);
  return out;
}

}  // namespace

Status Boot::extend_config_pcr(const MeasuredConfig& config) {
  const auto value = parts_.module.extend_pcr(kConfigPcr, config.digest);
  if (!value) {
    if (value.error().code != Errc::denied) return module_failure(value.error());
    return fail(Errc::denied, reason::kConfigPcr,
                "PCR16 could not be extended: something ran before the agent");
  }
  if (!std::ranges::equal(*value, expected_pcr16(config.digest))) {
    return fail(Errc::denied, reason::kConfigPcr,
                "PCR16 was not zero before the configuration was measured into it");
  }
  if (const Status locked = parts_.module.lock_pcr(kConfigPcr); !locked) {
    return module_failure(locked.error());
  }
  return {};
}

Status Boot::check_user_pcrs() {
  for (std::uint16_t index = kConfigPcr + 1; index < nsm::kPcrCount; ++index) {
    const auto pcr = parts_.module.describe_pcr(index);
    if (!pcr) return module_failure(pcr.error());
    const bool zero = std::ranges::all_of(pcr->data, [](std::uint8_t byte) { return byte == 0; });
    if (pcr->lock || !zero) {
      return fail(Errc::denied, reason::kUserPcr,
                  "PCR" + std::to_string(index) + " is " + (zero ? "locked" : "not zero") +
                      ": something ran before the agent");
    }
  }
  return {};
}

Result<SelfEvidence> Boot::attest_self(MeasuredConfig config) {
  SelfAttestor::Wish wish;
  wish.pcrs = baseline(config);
  COFFERDAM_TRY(OwnDocument own, parts_.attestor.attest(wish));
  return SelfEvidence(std::move(config), std::move(own));
}

Result<SelfEvidence> Boot::gather_evidence(MeasuredConfig config) {
  COFFERDAM_CHECK(extend_config_pcr(config));
  COFFERDAM_CHECK(check_user_pcrs());
  return attest_self(std::move(config));
}

Result<attest::ReleaseManifest> Boot::check_manifest(const SelfEvidence& evidence,
                                                     ByteView bytes) const {
  attest::ManifestExpectations expected;
  expected.name = evidence.config().name;
  expected.minimum_release = evidence.config().minimum_release;
  expected.at = parts_.clock.now();
  return attest::verify_release_manifest(bytes, evidence.document(), expected);
}

Task<ValidatedEnclave> Boot::validate(SelfEvidence evidence) {
  auto bytes = co_await parts_.parent.release_manifest(evidence);
  if (!bytes) co_return co_await refuse(&evidence, bytes.error());
  auto manifest = check_manifest(evidence, *bytes);
  if (!manifest) co_return co_await refuse(&evidence, manifest.error());
  co_return ValidatedEnclave(std::move(evidence), *std::move(manifest), *std::move(bytes));
}

// `evidence` belongs to validate(), which waits.
Task<ValidatedEnclave> Boot::refuse(const SelfEvidence* evidence, Error error) {
  const Status outcome = std::unexpected(error);
  const ledger::Decision decision = self_validation_decision(evidence, parts_.clock.now(), outcome);
  const Status shown = parts_.console.record(decision);
  const Status told = co_await parts_.parent.report_refusal(*evidence, decision);
  // A refusal stands whether or not anyone hears of it.
  if (!shown || !told) log::warning("the refusal could not be recorded everywhere");
  co_return std::unexpected(std::move(error));
}

Task<ValidatedEnclave> Boot::run(MeasuredConfig config) {
  auto evidence = gather_evidence(std::move(config));
  if (!evidence) {
    const Status outcome = std::unexpected(evidence.error());
    const Status shown =
        parts_.console.record(self_validation_decision(nullptr, parts_.clock.now(), outcome));
    if (!shown) log::warning("the refusal could not be recorded");
    co_return std::unexpected(std::move(evidence).error());
  }
  co_return co_await validate(*std::move(evidence));
}

Status seed_random(nsm::Client& module, bool credited) {
  const auto entropy = module.random();
  if (!entropy) return module_failure(entropy.error());
  crypto::add_entropy(*entropy);
  if (!credited) return {};
  if (const Status counted = credit_entropy(*entropy); !counted) {
    log::warning("the kernel does not count the module's randomness: " + counted.error().detail);
  }
  return {};
}

std::map<int, std::string> hex_pcrs(const attest::Pcrs& pcrs) {
  std::map<int, std::string> out;
  for (const auto& [index, value] : pcrs) out.emplace(index, to_hex(value));
  return out;
}

ledger::Decision self_validation_decision(const SelfEvidence* evidence, Timestamp now,
                                          const Status& outcome) {
  ledger::Decision out;
  out.time = now;
  out.component = "agent";
  out.request_id = to_hex(crypto::random_bytes(16));
  out.allowed = outcome.has_value();
  out.reason = std::string(outcome ? reason::kOk : outcome.error().reason);
  if (!outcome) out.detail = outcome.error().detail;
  out.kind = out.operation = "self_validation";
  if (evidence != nullptr) {
    out.document_digest = to_hex(evidence->document_digest());
    out.module_id = evidence->document().document().module_id;
    out.pcrs = hex_pcrs(evidence->document().document().pcrs);
  }
  return out;
}

}  // namespace cofferdam::agent
