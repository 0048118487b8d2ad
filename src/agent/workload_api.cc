// SPDX-License-Identifier: Apache-2.0
#include "agent/workload_api.h"

#include <boost/json/serialize.hpp>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::agent {
namespace {

std::optional<std::string> name_under(std::string_view target, std::string_view prefix) {
  if (!target.starts_with(prefix)) return std::nullopt;
  return std::string(target.substr(prefix.size()));
}

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

}  // namespace

Task<net::HttpResponse> WorkloadApi::handle(net::HttpRequest request) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (request.target == "/v1/status") {
    if (!get) co_return net::error_response(405, "method_not_allowed", "use GET");
    co_return status();
  }
  if (request.target == "/v1/watchdog") {
    if (!post) co_return net::error_response(405, "method_not_allowed", "use POST");
    if (alive_) alive_();
    co_return net::HttpResponse{.status = 204, .headers = {}, .body = {}};
  }
  if (auto name = name_under(request.target, "/v1/secrets/")) {
    if (!get) co_return net::error_response(405, "method_not_allowed", "use GET");
    co_return co_await secret(*std::move(name));
  }
  if (auto name = name_under(request.target, "/v1/data-keys/")) {
    if (!post) co_return net::error_response(405, "method_not_allowed", "use POST");
    co_return co_await data_key(*std::move(name));
  }
  co_return net::error_response(404, "not_found",
                                "there are /v1/secrets/NAME, /v1/data-keys/NAME and /v1/status");
}

Task<net::HttpResponse> WorkloadApi::secret(std::string name) {
  COFFERDAM_CO_TRY(const Secret value, co_await secrets_.secret(std::move(name)));
  net::HttpResponse out;
  out.headers.emplace_back("Content-Type", "application/octet-stream");
  out.headers.emplace_back("Cache-Control", "no-store");
  out.body = to_bytes(value.reveal());
  co_return out;
}

Task<net::HttpResponse> WorkloadApi::data_key(std::string name) {
  COFFERDAM_CO_TRY(const Released released, co_await secrets_.data_key(std::move(name)));
  const Secret key = secret_to_base64(released.plaintext);
  const std::string ciphertext = to_base64(released.ciphertext);
  net::HttpResponse out;
  out.headers.emplace_back("Content-Type", "application/json");
  out.headers.emplace_back("Cache-Control", "no-store");
  // Reserved at once: a vector that grows leaves unwiped copies behind.
  out.body.reserve(key.size() + ciphertext.size() + 64);
  append(out.body, as_bytes(R"({"key":")"));
  append(out.body, key.reveal());
  append(out.body, as_bytes(R"(","ciphertext":")"));
  append(out.body, as_bytes(ciphertext));
  append(out.body, as_bytes(R"("})"));
  co_return out;
}

net::HttpResponse WorkloadApi::status() const {
  const attest::Document& document = enclave_.evidence().document().document();
  json::array names;
  for (const SecretSpec& spec : enclave_.config().secrets) names.emplace_back(spec.name);
  json::object out;
  out["name"] = enclave_.config().name;
  out["release"] = enclave_.manifest().release;
  out["moduleId"] = document.module_id;
  out["time"] = format_rfc3339(clock_.now());
  out["clockCorrectionMs"] = clock_.last_correction().count();
  out["secrets"] = std::move(names);
  return net::json_response(200, json::serialize(out));
}

}  // namespace cofferdam::agent
