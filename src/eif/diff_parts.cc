// SPDX-License-Identifier: Apache-2.0
#include "eif/diff_parts.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include "attest/cose.h"
#include "base/encoding.h"
#include "base/json.h"
#include "bytes/cbor.h"
#include "eif/metadata.h"
#include "eif/signature.h"

namespace cofferdam::eif::diff {
namespace {

constexpr std::size_t kShownBytes = 8;

std::string size_text(std::uint64_t size) { return std::to_string(size) + " bytes"; }

// ---- kernel

std::size_t u16_le(ByteView bytes, std::size_t at) {
  return bytes[at] | (static_cast<std::size_t>(bytes[at + 1]) << 8);
}

// What an x86 boot image says of itself: Documentation/arch/x86/boot.rst of the kernel.
std::string_view boot_header_version(std::string_view kernel) {
  constexpr std::size_t kMagicAt = 0x202;
  constexpr std::size_t kVersionAt = 0x20e;
  if (kernel.size() < kVersionAt + 2 || !kernel.substr(kMagicAt).starts_with("HdrS")) return {};
  const std::size_t at = u16_le(as_bytes(kernel), kVersionAt);
  return at == 0 || at + 0x200 > kernel.size() ? std::string_view() : kernel.substr(at + 0x200);
}

// The banner of an uncompressed kernel.
std::string_view banner(std::string_view kernel) {
  constexpr std::string_view kBanner = "Linux version ";
  const std::boyer_moore_horspool_searcher searcher(kBanner.begin(), kBanner.end());
  const auto* const at = std::search(kernel.begin(), kernel.end(), searcher);
  return {at, kernel.end()};
}

std::optional<std::string> kernel_version(ByteView kernel) {
  std::string_view text = boot_header_version(as_text(kernel));
  if (text.empty()) text = banner(as_text(kernel));
  text = text.substr(0, 256);
  text = text.substr(0, text.find_first_of(std::string_view("\0\n", 2)));
  if (text.empty()) return std::nullopt;
  return printable(text);
}

// ---- command line

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBlank = " \t\n";
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

// ---- metadata

using Members = std::map<std::string, std::string>;

void flatten(const json::value& value, const std::string& name, Members& out) {
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& [key, member] : value.get_object()) {
      flatten(member, name.empty() ? std::string(key) : name + "." + std::string(key), out);
    }
  } else if (value.is_array() && !value.get_array().empty()) {
    std::size_t index = 0;
    for (const json::value& element : value.get_array()) {
      flatten(element, name + "[" + std::to_string(index++) + "]", out);
    }
  } else {
    out.insert_or_assign(name, json::serialize(value));
  }
}

void compare_members(const Members& a, const Members& b, Findings& out) {
  const auto shown = [](const Members& members, const std::string& name) {
    const auto at = members.find(name);
    return at == members.end() ? std::nullopt : std::optional(printable(at->second));
  };
  Members all = a;
  all.insert(b.begin(), b.end());
  for (const auto& [name, value] : all) {
    const auto left = a.find(name);
    const auto right = b.find(name);
    if (left != a.end() && right != b.end() && left->second == right->second) continue;
    out.add({.item = printable(name), .field = "member", .a = shown(a, name), .b = shown(b, name)});
  }
}

// ---- signature

std::string algorithm_name(std::int64_t algorithm) {
  switch (algorithm) {
    case -7:
      return "ES256";
    case -35:
      return "ES384";
    case -36:
      return "ES512";
    default:
      return std::to_string(algorithm);
  }
}

// The value an entry's signature is over, in hex.
std::string signed_value(ByteView payload) {
  const auto root = cbor::parse(payload);
  const cbor::Item* const value = root ? root->find("register_value") : nullptr;
  const auto octets =
      value != nullptr ? value->array()
                       : Result<std::span<const cbor::Item>>(fail(Errc::invalid_input, "no value"));
  if (!octets) return "unreadable";
  Bytes out;
  for (const cbor::Item& octet : *octets) {
    out.push_back(static_cast<std::uint8_t>(octet.unsigned_integer().value_or(0)));
  }
  return to_hex(out);
}

std::string certificate_text(const SignatureEntry& entry) {
  const auto certificate = SigningCertificate::from_pem(as_text(entry.certificate_pem));
  if (!certificate) return "unreadable";
  std::string out;
  for (const auto& [type, value] : certificate->view.subject) {
    if (type == "commonName") out = printable(value) + ", ";
  }
  return out + "PCR8 " + to_hex(certificate->pcr8);
}

void compare_certificates(const SignatureEntry& a, const SignatureEntry& b, Findings& out) {
  if (a.certificate_pem == b.certificate_pem) return;
  std::string left = certificate_text(a);
  std::string right = certificate_text(b);
  if (left != right) {
    out.add({.field = "certificate", .a = std::move(left), .b = std::move(right)});
  } else {
    out.add_unmeasured({.field = "certificateText",
                        .a = size_text(a.certificate_pem.size()),
                        .b = size_text(b.certificate_pem.size()),
                        .offset = first_difference(a.certificate_pem, b.certificate_pem)});
  }
}

void compare_messages(const SignatureEntry& a, const SignatureEntry& b, Findings& out) {
  const auto left = attest::parse_cose_sign1(a.cose_sign1, kMaxSignatureSize);
  const auto right = attest::parse_cose_sign1(b.cose_sign1, kMaxSignatureSize);
  if (!left || !right) {
    if (a.cose_sign1 == b.cose_sign1) return;
    out.add_unmeasured({.field = "message",
                        .a = left ? "COSE_Sign1" : "unreadable",
                        .b = right ? "COSE_Sign1" : "unreadable",
                        .offset = first_difference(a.cose_sign1, b.cose_sign1)});
    return;
  }
  const auto field = [&out](std::string_view name, std::string one, std::string other) {
    if (one == other) return;
    out.add_unmeasured({.field = name, .a = std::move(one), .b = std::move(other)});
  };
  field("algorithm", algorithm_name(left->algorithm), algorithm_name(right->algorithm));
  field("signedPcr0", signed_value(left->payload), signed_value(right->payload));
  field("signature", printable(to_hex(left->signature), 2 * kShownBytes),
        printable(to_hex(right->signature), 2 * kShownBytes));
}

}  // namespace

std::string printable(ByteView bytes, std::size_t max_size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), max_size))) {
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      out += static_cast<char>(byte);
    } else {
      out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xf]};
    }
  }
  if (bytes.size() > max_size) out += "...";
  return out;
}

std::optional<std::size_t> first_difference(ByteView a, ByteView b) {
  constexpr std::size_t kBlock = std::size_t{64} * 1024;
  const std::size_t common = std::min(a.size(), b.size());
  for (std::size_t at = 0; at < common; at += kBlock) {
    const std::size_t size = std::min(kBlock, common - at);
    if (std::memcmp(a.data() + at, b.data() + at, size) == 0) continue;
    const ByteView rest = a.subspan(at, size);
    const auto found = std::ranges::mismatch(rest, b.subspan(at, size));
    return at + static_cast<std::size_t>(found.in1 - rest.begin());
  }
  return a.size() == b.size() ? std::nullopt : std::optional(common);
}

Findings::Findings(std::string section, bool measured, std::vector<std::uint8_t> covering,
                   std::size_t limit)
    : covering_(std::move(covering)), limit_(limit) {
  out_.section = std::move(section);
  out_.measured = measured;
}

void Findings::add(Difference difference) {
  difference.registers = covering_;
  add_unmeasured(std::move(difference));
}

void Findings::add_unmeasured(Difference difference) {
  ++out_.count;
  if (out_.differences.size() < limit_) out_.differences.push_back(std::move(difference));
}

void compare_bytes(std::string item, ByteView a, ByteView b, Findings& out) {
  const auto at = first_difference(a, b);
  if (!at) return;
  if (a.size() != b.size()) {
    out.add({.item = item, .field = "size", .a = size_text(a.size()), .b = size_text(b.size())});
  }
  if (*at == std::min(a.size(), b.size())) return;
  const auto shown = [&](ByteView bytes) {
    const ByteView rest = bytes.subspan(*at);
    return to_hex(rest.first(std::min(rest.size(), kShownBytes)));
  };
  out.add(
      {.item = std::move(item), .field = "content", .a = shown(a), .b = shown(b), .offset = at});
}

void compare_kernels(ByteView a, ByteView b, Findings& out) {
  auto left = kernel_version(a);
  auto right = kernel_version(b);
  if (left != right) {
    out.add({.field = "version", .a = std::move(left), .b = std::move(right)});
  }
  compare_bytes({}, a, b, out);
}

void compare_cmdlines(ByteView a, ByteView b, Findings& out) {
  std::vector<std::string_view> left = words_of(as_text(a));
  std::vector<std::string_view> right = words_of(as_text(b));
  while (!left.empty() && !right.empty() && left.back() == right.back()) {
    left.pop_back();
    right.pop_back();
  }
  const auto part = std::ranges::mismatch(left, right);
  const auto first = static_cast<std::size_t>(part.in1 - left.begin());
  const auto word = [](const std::vector<std::string_view>& words, std::size_t at) {
    return at < words.size() ? std::optional(printable(words[at])) : std::nullopt;
  };
  for (std::size_t at = first; at < std::max(left.size(), right.size()); ++at) {
    if (at < std::min(left.size(), right.size()) && left[at] == right[at]) continue;
    out.add({.item = "word " + std::to_string(at + 1),
             .field = "word",
             .a = word(left, at),
             .b = word(right, at)});
  }
}

void compare_metadata(ByteView a, ByteView b, Findings& out) {
  const auto left = parse_json(as_text(a), kMaxMetadataSize);
  const auto right = parse_json(as_text(b), kMaxMetadataSize);
  if (!left || !right) {
    out.note("not JSON: compared as bytes");
    return;
  }
  Members one;
  Members other;
  flatten(*left, {}, one);
  flatten(*right, {}, other);
  compare_members(one, other, out);
}

void compare_signatures(ByteView a, ByteView b, Findings& out) {
  const auto left = parse_signature_section(a);
  const auto right = parse_signature_section(b);
  if (!left || !right) {
    out.note("not readable: compared as bytes");
    return;
  }
  if (left->size() != right->size()) {
    out.add_unmeasured({.field = "entries",
                        .a = std::to_string(left->size()),
                        .b = std::to_string(right->size())});
  }
  compare_certificates(left->front(), right->front(), out);
  compare_messages(left->front(), right->front(), out);
}

}  // namespace cofferdam::eif::diff
