// SPDX-License-Identifier: Apache-2.0
#include "policy/rego_input.h"

#include <array>
#include <string_view>

#include "base/encoding.h"

namespace cofferdam::policy {
namespace {

template <class T>
void put(json::object& out, std::string_view name, const std::optional<T>& value) {
  if (value) out.emplace(name, *value);
}

// Both forms of a moment: for people and, as Rego counts, in nanoseconds.
void put_time(json::object& out, std::string_view name, Timestamp time) {
  const std::chrono::nanoseconds since = time.time_since_epoch();
  out.emplace(name, format_rfc3339(time));
  out.emplace(std::string(name) + "Ns", since.count());
}

json::object to_json(const AttestationInput& attestation) {
  json::object out{{"moduleId", attestation.module_id}};
  put_time(out, "timestamp", attestation.timestamp);
  json::object pcrs;
  for (const auto& [index, value] : attestation.pcrs) {
    pcrs.emplace(std::to_string(index), to_hex(value));
  }
  out.emplace("pcrs", std::move(pcrs));
  put(out, "name", attestation.name);
  put(out, "release", attestation.release);
  return out;
}

json::object to_json(const RequestInput& request) {
  json::object out{{"kind", request.kind}};
  put(out, "secret", request.secret);
  put(out, "operation", request.operation);
  put(out, "key", request.key);
  out.emplace("context", request.context);
  put(out, "role", request.role);
  put(out, "sessionName", request.session_name);
  if (request.duration) out.emplace("duration", request.duration->count());
  put(out, "audience", request.audience);
  return out;
}

json::object to_json(const PeerInput& peer) {
  json::object out{{"uid", peer.uid}};
  put(out, "gid", peer.gid);
  put(out, "pid", peer.pid);
  put(out, "executable", peer.executable);
  if (peer.sha384) out.emplace("sha384", to_hex(*peer.sha384));
  return out;
}

constexpr std::array<std::string_view, 9> kRequestMembers = {
    "kind", "secret", "operation", "key", "context", "role", "sessionName", "duration", "audience"};

Status check_members(const json::object& object) {
  for (const auto& member : object) {
    if (std::ranges::find(kRequestMembers, std::string_view(member.key())) ==
        kRequestMembers.end()) {
      return fail(Errc::invalid_input,
                  "a request has no member of this name: expected kind, secret, operation, key, "
                  "context, role, sessionName, duration or audience");
    }
  }
  return {};
}

Result<json::object> read_context(const json::object& object) {
  const json::value* context = object.if_contains("context");
  if (context == nullptr) return json::object{};
  if (!context->is_object()) return fail(Errc::invalid_input, "context is not an object");
  for (const auto& pair : context->get_object()) {
    if (!pair.value().is_string()) {
      return fail(Errc::invalid_input, "context has a value that is not text");
    }
  }
  return context->get_object();
}

}  // namespace

AttestationInput AttestationInput::of(const attest::VerifiedDocument& document) {
  const attest::Document& fields = document.document();
  return {.module_id = fields.module_id, .timestamp = fields.timestamp, .pcrs = fields.pcrs};
}

json::object to_json(const RegoInput& input) {
  json::object out;
  if (input.attestation) out.emplace("attestation", to_json(*input.attestation));
  out.emplace("request", to_json(input.request));
  if (input.peer) out.emplace("peer", to_json(*input.peer));
  put_time(out, "time", input.time);
  return out;
}

Result<RequestInput> parse_request(const json::object& object) {
  COFFERDAM_CHECK(check_members(object));
  RequestInput out;
  COFFERDAM_TRY(out.kind, required_string(object, "kind"));
  COFFERDAM_TRY(out.secret, optional_string(object, "secret"));
  COFFERDAM_TRY(out.operation, optional_string(object, "operation"));
  COFFERDAM_TRY(out.key, optional_string(object, "key"));
  COFFERDAM_TRY(out.context, read_context(object));
  COFFERDAM_TRY(out.role, optional_string(object, "role"));
  COFFERDAM_TRY(out.session_name, optional_string(object, "sessionName"));
  COFFERDAM_TRY(out.audience, optional_string(object, "audience"));
  COFFERDAM_TRY(const auto duration, optional_integer(object, "duration"));
  if (duration) out.duration = std::chrono::seconds(*duration);
  return out;
}

}  // namespace cofferdam::policy
