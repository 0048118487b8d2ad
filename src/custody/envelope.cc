// SPDX-License-Identifier: Apache-2.0
#include "custody/envelope.h"

#include <algorithm>
#include <utility>

#include "bytes/cbor.h"
#include "custody/committed_codec.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kDomain = "cofferdam/envelope/v1";
constexpr std::size_t kHeaderItems = 6;
constexpr std::size_t kDataKeySize = 32;

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kEnvelopeMalformed, "envelope: " + std::move(detail));
}

std::unexpected<Error> another(std::string detail) {
  return fail(Errc::denied, reason::kWrongSubject, "the envelope is of another " + detail);
}

void write_header(cbor::Writer& out, const EnvelopeSubject& subject, const Bytes& wrapped) {
  out.text(kDomain).text(subject.name).unsigned_integer(subject.version);
  out.unsigned_integer(subject.epoch).bytes(subject.context).bytes(wrapped);
}

Status check_wrapped(ByteView wrapped) {
  if (!wrapped.empty() && wrapped.size() <= kMaxWrappedKeySize) return {};
  return fail(Errc::invalid_input, "wrapped data key: expected 1 to " +
                                       std::to_string(kMaxWrappedKeySize) + " bytes, found " +
                                       std::to_string(wrapped.size()));
}

struct Header {
  EnvelopeSubject subject;
  Bytes wrapped;
};

Result<Header> read_header(std::span<const cbor::Item> items) {
  COFFERDAM_TRY(const std::string_view domain, items[0].text());
  if (domain != kDomain) {
    return fail(Errc::invalid_input, "is not of version cofferdam/envelope/v1");
  }
  Header out;
  COFFERDAM_TRY(out.subject.name, items[1].text());
  COFFERDAM_CHECK(check_name("name of the secret", out.subject.name));
  COFFERDAM_TRY(out.subject.version, items[2].unsigned_integer());
  COFFERDAM_TRY(out.subject.epoch, items[3].unsigned_integer());
  COFFERDAM_CHECK(read_fixed("context digest", items[4], out.subject.context));
  COFFERDAM_TRY(const ByteView wrapped, items[5].bytes());
  COFFERDAM_CHECK(check_wrapped(wrapped));
  out.wrapped = to_bytes(wrapped);
  return out;
}

}  // namespace

Result<Envelope> Envelope::seal(const DataKey& key, EnvelopeSubject subject,
                                const Secret& plaintext, std::size_t max_plaintext) {
  COFFERDAM_CHECK(check_name("name of the secret", subject.name));
  COFFERDAM_CHECK(check_wrapped(key.wrapped));
  if (key.plaintext.size() != kDataKeySize) {
    return fail(Errc::invalid_input,
                "data key: expected 32 bytes, found " + std::to_string(key.plaintext.size()));
  }
  if (plaintext.size() > max_plaintext) {
    return fail(Errc::invalid_input, reason::kTooLarge,
                "secret: expected at most " + std::to_string(max_plaintext) + " bytes, found " +
                    std::to_string(plaintext.size()));
  }
  Envelope out;
  out.subject_ = std::move(subject);
  out.wrapped_ = key.wrapped;
  COFFERDAM_TRY(out.message_, commit_and_seal(key.plaintext, plaintext, out.header()));
  return out;
}

Result<Envelope> Envelope::decode(ByteView bytes, std::size_t max_plaintext) {
  const auto root = cbor::parse(bytes, format_limits(max_plaintext));
  if (!root) return malformed(root.error().detail);
  const auto items = root->array();
  if (!items || items->size() != kHeaderItems + kCommittedItems) {
    return malformed("expected an array of 9 items");
  }
  auto header = read_header(items->first(kHeaderItems));
  if (!header) return malformed(header.error().detail);
  auto message = read_committed(items->subspan(kHeaderItems), max_plaintext);
  if (!message) return malformed(message.error().detail);
  Envelope out;
  out.subject_ = std::move(header->subject);
  out.wrapped_ = std::move(header->wrapped);
  out.message_ = *std::move(message);
  return out;
}

Bytes Envelope::encode() const {
  cbor::Writer out;
  out.array(kHeaderItems + kCommittedItems);
  write_header(out, subject_, wrapped_);
  write_committed(out, message_);
  return std::move(out).take();
}

Bytes Envelope::header() const {
  cbor::Writer out;
  out.array(kHeaderItems);
  write_header(out, subject_, wrapped_);
  return std::move(out).take();
}

Status Envelope::check_subject(const EnvelopeExpectation& expected) const {
  if (subject_.name != expected.name) return another("secret than " + expected.name);
  if (subject_.context != expected.context) {
    return another("KMS key or encryption context than " + expected.name + " has");
  }
  if (expected.version && subject_.version != *expected.version) {
    return another("version of " + expected.name + ": expected " +
                   std::to_string(*expected.version) + ", found " +
                   std::to_string(subject_.version));
  }
  return {};
}

Result<Secret> Envelope::open(const Secret& data_key, const EnvelopeExpectation& expected) const {
  COFFERDAM_CHECK(check_subject(expected));
  auto opened = open_committed(message_, data_key, header());
  if (!opened) return wrap("envelope of " + expected.name, std::move(opened).error());
  if (subject_.epoch < expected.minimum_epoch) {
    return fail(Errc::denied, reason::kRolledBack,
                "envelope of " + expected.name + ": expected epoch " +
                    std::to_string(expected.minimum_epoch) + " or later, found " +
                    std::to_string(subject_.epoch));
  }
  return opened;
}

}  // namespace cofferdam::custody
