// SPDX-License-Identifier: Apache-2.0
#include "agent/workload_api.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <iterator>
#include <optional>
#include <utility>

#include "agent/secret_answer.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::agent {
namespace {

constexpr std::string_view kName = "{name}";

net::HttpResponse bytes_response(Bytes body) {
  net::HttpResponse out;
  out.headers.emplace_back("Content-Type", "application/octet-stream");
  out.body = std::move(body);
  return out;
}

net::HttpResponse no_content() {
  net::HttpResponse out;
  out.status = 204;
  return out;
}

net::HttpResponse unsealed_response(const custody::Unsealed& found) {
  net::HttpResponse out = secret_bytes_response(found.state);
  out.headers.emplace_back("Cofferdam-Epoch", std::to_string(found.header.epoch));
  out.headers.emplace_back("Cofferdam-Release", std::to_string(found.header.release));
  out.headers.emplace_back("Cofferdam-Current-Root", found.by_current_root ? "true" : "false");
  return out;
}

// Names of the measured configuration need no escapes, so a name with a slash is no name.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  const std::size_t at = pattern.find(kName);
  if (at == pattern.npos) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  if (!path.starts_with(pattern.substr(0, at)) || path.size() == at) return std::nullopt;
  const std::string_view name = path.substr(at);
  if (name.find('/') != name.npos) return std::nullopt;
  return std::string(name);
}

}  // namespace

struct WorkloadApi::Question {
  std::string name;
  Target target;
  Secret body;
  Caller caller;
};

struct WorkloadApi::Route {
  WorkloadRoute shown;
  Task<net::HttpResponse> (WorkloadApi::*handler)(Question question);
};

const WorkloadApi::Route WorkloadApi::kRoutes[] = {
    {{"GET", "/v1/status"}, &WorkloadApi::status},
    {{"GET", "/v1/health"}, &WorkloadApi::health},
    {{"POST", "/v1/alive"}, &WorkloadApi::alive},
    {{"GET", "/v1/secrets/{name}"}, &WorkloadApi::secret},
    {{"POST", "/v1/data-keys/{name}"}, &WorkloadApi::data_key},
    {{"POST", "/v1/key-pairs/{name}"}, &WorkloadApi::key_pair},
    {{"POST", "/v1/random/{name}"}, &WorkloadApi::random},
    {{"POST", "/v1/derive/{name}"}, &WorkloadApi::derive},
    {{"POST", "/v1/seal/{name}"}, &WorkloadApi::seal},
    {{"POST", "/v1/unseal/{name}"}, &WorkloadApi::unseal},
    {{"POST", "/v1/reseal/{name}"}, &WorkloadApi::reseal},
    {{"GET", "/v1/state/{name}"}, &WorkloadApi::load_state},
    {{"PUT", "/v1/state/{name}"}, &WorkloadApi::store_state},
};

std::span<const WorkloadRoute> WorkloadApi::routes() noexcept {
  static const auto shown = [] {
    std::array<WorkloadRoute, std::size(kRoutes)> out;
    std::ranges::transform(kRoutes, out.begin(), &Route::shown);
    return out;
  }();
  return shown;
}

Task<net::HttpResponse> WorkloadApi::handle(net::HttpRequest request, Caller caller) {
  Question question;
  question.caller = std::move(caller);
  question.body = Secret::take(request.body);
  COFFERDAM_CO_TRY(question.target, Target::parse(request.target));
  std::string methods;
  for (const Route& route : kRoutes) {
    auto name = match(route.shown.path, question.target.path);
    if (!name) continue;
    if (route.shown.method == request.method) {
      question.name = *std::move(name);
      co_return co_await answer(&route, std::move(question));
    }
    methods += (methods.empty() ? "" : " or ") + std::string(route.shown.method);
  }
  if (!methods.empty()) {
    co_return net::error_response(405, "method_not_allowed", "use " + methods);
  }
  co_return net::error_response(404, "not_found",
                                "no such address: docs/openapi/agent.yaml lists them");
}

Task<net::HttpResponse> WorkloadApi::answer(const Route* route, Question question) {
  return (this->*route->handler)(std::move(question));
}

Task<void> WorkloadApi::admit(const Question& question, std::string_view kind,
                              std::string_view operation) {
  policy::RequestInput asked;
  asked.kind = std::string(kind);
  asked.operation = std::string(operation);
  asked.secret = question.name;
  if (const SecretSpec* spec = parts_.enclave.config().find_secret(question.name);
      kind == "secret" && spec != nullptr && !spec->key_arn.empty()) {
    asked.key = spec->key_arn;
  }
  return parts_.gate.admit(question.caller, std::move(asked));
}

Task<net::HttpResponse> WorkloadApi::status(Question) {
  const attest::Document& document = parts_.enclave.evidence().document().document();
  json::array names;
  for (const SecretSpec& spec : parts_.enclave.config().secrets) names.emplace_back(spec.name);
  json::array places;
  for (const SealingSpec& spec : parts_.enclave.config().sealings) places.emplace_back(spec.name);
  json::object out;
  out["name"] = parts_.enclave.config().name;
  out["release"] = parts_.enclave.manifest().release;
  out["moduleId"] = document.module_id;
  out["time"] = format_rfc3339(parts_.clock.now());
  out["clockCorrectionMs"] = parts_.clock.last_correction().count();
  out["secrets"] = std::move(names);
  out["sealings"] = std::move(places);
  co_return net::json_response(200, json::serialize(out));
}

Task<net::HttpResponse> WorkloadApi::health(Question) {
  co_return net::json_response(200, R"({"status":"ok"})");
}

Task<net::HttpResponse> WorkloadApi::alive(Question) {
  if (parts_.alive) parts_.alive();
  co_return no_content();
}

Task<net::HttpResponse> WorkloadApi::secret(Question question) {
  COFFERDAM_CO_CHECK(co_await admit(question, "secret", "GetSecret"));
  COFFERDAM_CO_TRY(const Secret value, co_await parts_.secrets.secret(std::move(question.name)));
  co_return secret_bytes_response(value);
}

Task<net::HttpResponse> WorkloadApi::data_key(Question question) {
  COFFERDAM_CO_CHECK(co_await admit(question, "secret", "GenerateDataKey"));
  COFFERDAM_CO_TRY(const Released made, co_await parts_.secrets.data_key(std::move(question.name)));
  const json::object members{{"ciphertext", to_base64(made.ciphertext)}};
  std::vector<SecretMember> secrets;
  secrets.push_back({"key", secret_to_base64(made.plaintext)});
  co_return secret_json_response("application/json", members, secrets);
}

Task<net::HttpResponse> WorkloadApi::key_pair(Question question) {
  COFFERDAM_CO_CHECK(co_await admit(question, "secret", "GenerateDataKeyPair"));
  COFFERDAM_CO_TRY(const Released made, co_await parts_.secrets.key_pair(std::move(question.name)));
  const json::object members{{"publicKey", to_base64(made.public_key)},
                             {"ciphertext", to_base64(made.ciphertext)}};
  std::vector<SecretMember> secrets;
  secrets.push_back({"privateKey", secret_to_base64(made.plaintext)});
  co_return secret_json_response("application/json", members, secrets);
}

Task<net::HttpResponse> WorkloadApi::random(Question question) {
  COFFERDAM_CO_CHECK(co_await admit(question, "secret", "GenerateRandom"));
  COFFERDAM_CO_TRY(const Secret bytes, co_await parts_.secrets.random(std::move(question.name)));
  co_return secret_bytes_response(bytes);
}

Task<net::HttpResponse> WorkloadApi::derive(Question question) {
  const auto label = question.target.query.find("label");
  if (label == question.target.query.end() || label->second.empty()) {
    co_return fail(Errc::invalid_input, "the parameter label is missing: it names the key");
  }
  COFFERDAM_CO_TRY(const std::uint64_t size, required_number(question.target, "size"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "DeriveKey"));
  COFFERDAM_CO_TRY(const Secret key,
                   co_await parts_.sealing.derive(std::move(question.name), label->second, size));
  co_return secret_bytes_response(key);
}

Task<net::HttpResponse> WorkloadApi::seal(Question question) {
  COFFERDAM_CO_TRY(const std::uint64_t epoch, required_number(question.target, "epoch"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "Seal"));
  COFFERDAM_CO_TRY(Bytes sealed, co_await parts_.sealing.seal(std::move(question.name),
                                                              std::move(question.body), epoch));
  co_return bytes_response(std::move(sealed));
}

Task<net::HttpResponse> WorkloadApi::unseal(Question question) {
  COFFERDAM_CO_TRY(const std::uint64_t minimum, required_number(question.target, "minimum_epoch"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "Unseal"));
  Bytes sealed = to_bytes(question.body.reveal());
  COFFERDAM_CO_TRY(
      const custody::Unsealed found,
      co_await parts_.sealing.unseal(std::move(question.name), std::move(sealed), minimum));
  co_return unsealed_response(found);
}

Task<net::HttpResponse> WorkloadApi::reseal(Question question) {
  COFFERDAM_CO_TRY(const std::uint64_t minimum, required_number(question.target, "minimum_epoch"));
  COFFERDAM_CO_TRY(const std::uint64_t epoch, required_number(question.target, "epoch"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "Reseal"));
  Bytes old = to_bytes(question.body.reveal());
  COFFERDAM_CO_TRY(Bytes sealed, co_await parts_.sealing.reseal(std::move(question.name),
                                                                std::move(old), minimum, epoch));
  co_return bytes_response(std::move(sealed));
}

Task<net::HttpResponse> WorkloadApi::load_state(Question question) {
  COFFERDAM_CO_TRY(const std::uint64_t minimum, required_number(question.target, "minimum_epoch"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "LoadState"));
  COFFERDAM_CO_TRY(const custody::Unsealed found,
                   co_await parts_.sealing.load(std::move(question.name), minimum));
  co_return unsealed_response(found);
}

Task<net::HttpResponse> WorkloadApi::store_state(Question question) {
  COFFERDAM_CO_TRY(const std::uint64_t epoch, required_number(question.target, "epoch"));
  COFFERDAM_CO_CHECK(co_await admit(question, "state", "StoreState"));
  COFFERDAM_CO_CHECK(
      co_await parts_.sealing.store(std::move(question.name), std::move(question.body), epoch));
  co_return no_content();
}

}  // namespace cofferdam::agent
