// SPDX-License-Identifier: Apache-2.0
#include "cloud/sessions.h"

#include "base/encoding.h"
#include "bytes/cbor.h"

namespace cofferdam::cloud {
namespace {

constexpr std::string_view kKind = "session/v1";
constexpr std::size_t kMaxToken = std::size_t{16} * 1024;
constexpr std::size_t kFields = 11;

void write_facts(const Session& session, cbor::Writer& writer) {
  if (session.policy) {
    writer.text(*session.policy);
  } else {
    writer.null();
  }
  writer.array(session.policy_arns.size());
  for (const std::string& arn : session.policy_arns) writer.text(arn);
  writer.map(session.tags.size());
  for (const auto& [name, value] : session.tags) writer.text(name).text(value);
  writer.array(session.transitive_tags.size());
  for (const std::string& name : session.transitive_tags) writer.text(name);
}

Bytes encode(const Session& session) {
  cbor::Writer writer;
  writer.array(kFields)
      .bytes(session.secret_access_key.reveal())
      .text(session.identity)
      .text(session.name)
      .integer(session.issued.time_since_epoch().count())
      .integer(session.expires.time_since_epoch().count())
      .text(session.federated_provider)
      .text(session.source_identity);
  write_facts(session, writer);
  return std::move(writer).take();
}

Result<std::string> text_of(const cbor::Item& item) {
  COFFERDAM_TRY(const std::string_view text, item.text());
  return std::string(text);
}

Result<Timestamp> time_of(const cbor::Item& item) {
  COFFERDAM_TRY(const std::int64_t milliseconds, item.integer());
  return Timestamp(std::chrono::milliseconds(milliseconds));
}

Status read_facts(std::span<const cbor::Item> fields, Session& session) {
  if (!fields[0].is_null()) {
    COFFERDAM_TRY(session.policy, text_of(fields[0]));
  }
  COFFERDAM_TRY(const auto arns, fields[1].array());
  for (const cbor::Item& item : arns) {
    COFFERDAM_TRY(session.policy_arns.emplace_back(), text_of(item));
  }
  COFFERDAM_TRY(const auto tags, fields[2].map());
  for (std::size_t i = 0; i + 1 < tags.size(); i += 2) {
    COFFERDAM_TRY(std::string name, text_of(tags[i]));
    COFFERDAM_TRY(session.tags[std::move(name)], text_of(tags[i + 1]));
  }
  COFFERDAM_TRY(const auto transitive, fields[3].array());
  for (const cbor::Item& item : transitive) {
    COFFERDAM_TRY(std::string name, text_of(item));
    session.transitive_tags.insert(std::move(name));
  }
  return {};
}

Result<Session> decode(ByteView encoded) {
  COFFERDAM_TRY(const cbor::Item item, cbor::parse(encoded));
  COFFERDAM_TRY(const auto fields, item.array());
  if (fields.size() != kFields) return fail(Errc::internal, "session token of another version");
  Session session;
  COFFERDAM_TRY(const ByteView secret, fields[0].bytes());
  session.secret_access_key = Secret::copy_of(secret);
  COFFERDAM_TRY(session.identity, text_of(fields[1]));
  COFFERDAM_TRY(session.name, text_of(fields[2]));
  COFFERDAM_TRY(session.issued, time_of(fields[3]));
  COFFERDAM_TRY(session.expires, time_of(fields[4]));
  COFFERDAM_TRY(session.federated_provider, text_of(fields[5]));
  COFFERDAM_TRY(session.source_identity, text_of(fields[6]));
  COFFERDAM_CHECK(read_facts(fields.subspan(7), session));
  return session;
}

}  // namespace

Session Sessions::begin(std::string_view account, Timestamp now, std::chrono::seconds duration) {
  Session session;
  session.access_key_id = random_access_key_id("ASIA", account);
  session.secret_access_key = random_secret_access_key();
  session.issued = std::chrono::floor<std::chrono::seconds>(now);
  session.expires = session.issued + duration;
  return session;
}

std::size_t Sessions::packed_size(const Session& session) {
  cbor::Writer writer;
  write_facts(session, writer);
  constexpr std::size_t kEmpty = 4;  // What is there without any policy or tag.
  return writer.view().size() - kEmpty;
}

Result<std::string> Sessions::to_token(const Session& session) const {
  Bytes encoded = encode(session);
  auto sealed = store_.seal(kKind, session.access_key_id, encoded);
  wipe(encoded);
  if (!sealed) return std::unexpected(sealed.error());
  return to_base64(*sealed);
}

std::optional<Session> Sessions::from_token(std::string_view access_key_id,
                                            std::string_view token) const {
  if (token.size() > kMaxToken) return std::nullopt;
  const auto sealed = from_base64(token);
  if (!sealed) return std::nullopt;
  const auto opened = store_.unseal(kKind, access_key_id, *sealed);
  if (!opened) return std::nullopt;
  auto session = decode(opened->reveal());
  if (!session) return std::nullopt;
  session->access_key_id = access_key_id;
  return *std::move(session);
}

}  // namespace cofferdam::cloud
