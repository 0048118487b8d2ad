// SPDX-License-Identifier: Apache-2.0
#include "attest/consistency.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "attest/reason.h"
#include "base/encoding.h"
#include "crypto/digest.h"

namespace cofferdam::attest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kLeafSuffix = ".aws";
constexpr std::string_view kIssuerSuffix = ".aws.nitro-enclaves";
constexpr std::size_t kEnclaveSerialSize = 16;
constexpr std::size_t kTpmSerialSize = 4;
constexpr std::uint8_t kInstancePcr = 4;

std::unexpected<Error> inconsistent(std::string detail) {
  return fail(Errc::denied, reason::kInconsistent, std::move(detail));
}

// "i-0123456789abcdef0-enc0123456789abcdef" in its parts, or "...-tpm...".
struct ModuleId {
  std::string_view instance;
  std::string_view module;  // Hexadecimal digits after "-enc" or "-tpm".
};

std::optional<ModuleId> take_apart(const Document& document) {
  const std::string_view id = document.module_id;
  const std::string_view mark = document.kind == Kind::enclave ? "-enc" : "-tpm";
  const std::size_t at = id.find(mark);
  if (!id.starts_with("i-") || at == std::string_view::npos) return std::nullopt;
  return ModuleId{.instance = id.substr(0, at), .module = id.substr(at + mark.size())};
}

// The text between the module id and ".aws" in the leaf's name.
std::string region_of(const Document& document, std::string_view leaf_name) {
  if (!leaf_name.ends_with(kLeafSuffix)) return {};
  leaf_name.remove_suffix(kLeafSuffix.size());
  if (leaf_name.size() <= document.module_id.size() + 1) return {};
  return std::string(leaf_name.substr(document.module_id.size() + 1));
}

// Root, regional, zonal, instance, leaf: the names of the middle three.
void examine_names(const std::vector<std::string>& names, ChainOrigin& out,
                   std::string_view instance) {
  const auto note = [&](std::string text) { out.inconsistencies.push_back(std::move(text)); };
  if (names.size() != 5) {
    return note("the chain has " + std::to_string(names.size()) + " certificates, not five");
  }
  const std::string scope = "." + out.region + std::string(kIssuerSuffix);
  if (!names[1].ends_with(scope)) note("the regional certificate is not one of " + out.region);
  if (!names[2].ends_with(".zonal" + scope)) {
    note("the zonal certificate is not one of " + out.region);
  }
  if (names[3] != std::string(instance) + scope) {
    return note("the instance certificate is not one of this instance and region");
  }
  out.instance_id = instance;
}

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8 | byte;
  return value;
}

// The time of issue in the last four octets; what comes before it is the enclave id and
// four zero octets, or nothing for a NitroTPM.
std::optional<Timestamp> issue_time(const Document& document, const VerifiedChain& chain,
                                    ByteView enclave_id) {
  const ByteView serial = chain.leaf_serial;
  if (document.kind == Kind::nitrotpm) {
    if (serial.size() != kTpmSerialSize) return std::nullopt;
  } else {
    // An INTEGER drops the leading zero octets of the enclave id.
    Bytes full(kEnclaveSerialSize, 0);
    if (serial.size() > full.size() || enclave_id.size() != 8) return std::nullopt;
    std::ranges::copy(serial, full.end() - static_cast<std::ptrdiff_t>(serial.size()));
    if (!std::ranges::equal(ByteView(full).first(8), enclave_id)) return std::nullopt;
    if (big_endian(ByteView(full).subspan(8, 4)) != 0) return std::nullopt;
  }
  return Timestamp(seconds(static_cast<std::int64_t>(big_endian(serial.last(4)))));
}

void examine_times(const Document& document, const VerifiedChain& chain, ByteView module,
                   ChainOrigin& out) {
  const auto note = [&](std::string text) { out.inconsistencies.push_back(std::move(text)); };
  const auto issued = issue_time(document, chain, module);
  if (!issued) return note("the leaf's serial number does not have the form of the module's");
  if (!chain.leaf_validity.contains(*issued) || *issued > document.timestamp) {
    note("the leaf's serial number names a time of issue that does not fit its validity");
  }
  if (document.kind == Kind::nitrotpm) return;
  const Timestamp launched(milliseconds(static_cast<std::int64_t>(big_endian(module.first(6)))));
  // The serial number counts whole seconds.
  if (launched >= *issued + seconds(1)) {
    note("the enclave id names a launch after the certificate was issued");
  }
}

// The platform extends PCR4 of an enclave with the text of the instance id.
void examine_instance_pcr(const Document& document, std::string_view instance, ChainOrigin& out) {
  const auto found = document.pcrs.find(kInstancePcr);
  if (document.kind != Kind::enclave || found == document.pcrs.end()) return;
  const crypto::Sha384 zero{};
  if (!std::ranges::equal(found->second, crypto::sha384({zero, as_bytes(instance)}))) {
    out.inconsistencies.emplace_back("PCR4 is not the measure of the instance id");
  }
}

}  // namespace

Status require_consistent(const Document& document, const VerifiedChain& chain) {
  const std::string_view leaf_name = chain.common_names.back();
  if (!leaf_name.starts_with(document.module_id + ".")) {
    return inconsistent("the leaf certificate was not issued to the module id of the document");
  }
  if (!chain.leaf_validity.contains(document.timestamp)) {
    return inconsistent("the document is of " + format_rfc3339(document.timestamp) +
                        ", when its certificate was not valid");
  }
  return {};
}

ChainOrigin examine_origin(const Document& document, const VerifiedChain& chain) {
  ChainOrigin out;
  const auto id = take_apart(document);
  if (!id) {
    out.inconsistencies.emplace_back("the module id does not have the form of AWS's");
    return out;
  }
  out.region = region_of(document, chain.common_names.back());
  if (out.region.empty()) {
    out.inconsistencies.emplace_back("the leaf certificate names no region");
  } else {
    examine_names(chain.common_names, out, id->instance);
  }
  examine_instance_pcr(document, id->instance, out);
  const auto module = from_hex(id->module);
  if (!module || module->size() != 8) {
    out.inconsistencies.emplace_back("the module id does not have the form of AWS's");
    return out;
  }
  examine_times(document, chain, *module, out);
  return out;
}

}  // namespace cofferdam::attest
