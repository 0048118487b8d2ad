// SPDX-License-Identifier: Apache-2.0
#include "agent/call_context.h"

#include <string_view>
#include <utility>

#include "base/encoding.h"

namespace cofferdam::agent {
namespace {

Result<std::string> register_text(const ValidatedEnclave& enclave, std::uint8_t index) {
  const attest::Pcrs& pcrs = enclave.evidence().document().document().pcrs;
  const auto found = pcrs.find(index);
  if (found == pcrs.end()) {
    return fail(Errc::internal, "the enclave's own document has no PCR" + std::to_string(index));
  }
  return to_hex(found->second);
}

Result<std::string> evidence_text(EvidenceValue value, const ValidatedEnclave& enclave) {
  switch (value) {
    case EvidenceValue::name:
      return enclave.manifest().name;
    case EvidenceValue::release:
      return std::to_string(enclave.manifest().release);
    case EvidenceValue::pcr0:
      return register_text(enclave, 0);
    case EvidenceValue::pcr1:
      return register_text(enclave, 1);
    case EvidenceValue::pcr2:
      return register_text(enclave, 2);
    case EvidenceValue::pcr8:
      return register_text(enclave, 8);
    case EvidenceValue::pcr16:
      return register_text(enclave, kConfigPcr);
  }
  return fail(Errc::internal, "an evidence value that nobody resolves");
}

}  // namespace

Result<EncryptionContext> resolve_context(const SecretSpec& spec, const ValidatedEnclave& enclave) {
  EncryptionContext out = spec.context;
  for (const auto& [name, value] : spec.evidence_context) {
    COFFERDAM_TRY(std::string text, evidence_text(value, enclave));
    out.insert_or_assign(name, std::move(text));
  }
  return out;
}

}  // namespace cofferdam::agent
