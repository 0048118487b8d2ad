// SPDX-License-Identifier: Apache-2.0
#include "aws/kms_signing_key.h"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "aws/error.h"
#include "aws/sigv4.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxAnswerSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxArnSize = 512;

std::unexpected<Error> bad_arn(std::string_view what) {
  return fail(Errc::invalid_input,
              "KMS key: " + std::string(what) + ", expected arn:aws:kms:REGION:ACCOUNT:key/ID");
}

// Letters that need no escaping in a host name or a path.
bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_account(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::string_view signing_algorithm(crypto::Curve curve) {
  switch (curve) {
    case crypto::Curve::p256:
      return "ECDSA_SHA_256";
    case crypto::Curve::p384:
      return "ECDSA_SHA_384";
    case crypto::Curve::p521:
      return "ECDSA_SHA_512";
  }
  return "";
}

struct KnownError {
  std::string_view type;
  Errc code;
};
constexpr auto kKnownErrors = std::to_array<KnownError>({
    {"NotFoundException", Errc::not_found},
    {"ExpiredTokenException", Errc::unauthenticated},
    {"UnrecognizedClientException", Errc::unauthenticated},
    {"InvalidSignatureException", Errc::unauthenticated},
    {"IncompleteSignatureException", Errc::unauthenticated},
    {"MissingAuthenticationTokenException", Errc::unauthenticated},
    {"UnsupportedOperationException", Errc::invalid_input},
    {"ThrottlingException", Errc::unavailable},
    {"KMSInternalException", Errc::unavailable},
    {"DependencyTimeoutException", Errc::unavailable},
    {"KeyUnavailableException", Errc::unavailable},
});

std::unexpected<Error> refusal(const net::HttpResponse& response) {
  const AwsError error = read_json_error(response);
  if (error.type.empty()) {
    return fail(response.status >= 500 ? Errc::unavailable : Errc::denied,
                "KMS answered with status " + std::to_string(response.status));
  }
  const auto known = std::ranges::find(kKnownErrors, error.type, &KnownError::type);
  return fail(known == kKnownErrors.end() ? Errc::denied : known->code,
              "KMS: " + error.type + (error.message.empty() ? "" : ": " + error.message));
}

Result<Bytes> required_bytes(const json::object& object, std::string_view name) {
  COFFERDAM_TRY(const std::string text, required_string(object, name));
  return from_base64(text);
}

// The two operations, with what every call of them has in common.
class Kms {
 public:
  explicit Kms(KmsKeyOptions options) : options_(std::move(options)) {}

  const KmsKeyArn& key() const noexcept { return options_.key; }

  // The answer to an operation on this key: the operation must have been on no other.
  Result<json::object> call(std::string_view operation, json::object body) const {
    body["KeyId"] = options_.key.arn;
    auto answer = exchange(operation, body);
    if (!answer) return wrap(std::string(operation), answer.error());
    const auto id = required_string(*answer, "KeyId");
    if (!id || *id != options_.key.arn) {
      return fail(Errc::unauthenticated,
                  std::string(operation) + ": KMS answered for another key than the one named");
    }
    return answer;
  }

 private:
  Result<json::object> exchange(std::string_view operation, const json::object& body) const {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.headers = {{"Host", options_.host},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "TrentService." + std::string(operation)}};
    request.body = to_bytes(std::string_view(json::serialize(body)));
    COFFERDAM_CHECK(sign_request(request, options_.credentials,
                                 {.region = options_.key.region, .service = "kms"},
                                 options_.clock.now()));
    COFFERDAM_TRY(const net::HttpResponse response, options_.send(std::move(request)));
    if (response.status != 200) return refusal(response);
    COFFERDAM_TRY(json::value answer,
                  parse_json(as_text(response.body), kMaxAnswerSize, /*max_depth=*/8));
    if (!answer.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
    return std::move(answer.get_object());
  }

  KmsKeyOptions options_;
};

Status check_purpose(const json::object& answer, crypto::Curve curve) {
  COFFERDAM_TRY(const std::string usage, required_string(answer, "KeyUsage"));
  if (usage != "SIGN_VERIFY") {
    return fail(Errc::invalid_input, "the KMS key is not for SIGN_VERIFY");
  }
  const json::value* const algorithms = answer.if_contains("SigningAlgorithms");
  const json::value wanted(signing_algorithm(curve));
  if (algorithms == nullptr || !algorithms->is_array() ||
      std::ranges::find(algorithms->get_array(), wanted) == algorithms->get_array().end()) {
    return fail(Errc::invalid_input,
                "the KMS key does not sign with " + std::string(signing_algorithm(curve)));
  }
  return {};
}

Result<crypto::EcPublicKey> get_public_key(const Kms& kms) {
  COFFERDAM_TRY(const json::object answer, kms.call("GetPublicKey", {}));
  COFFERDAM_TRY(const Bytes spki, required_bytes(answer, "PublicKey"));
  auto key = crypto::EcPublicKey::from_spki(spki);
  if (!key) return wrap("the KMS key", key.error());
  COFFERDAM_CHECK(check_purpose(answer, key->curve()));
  return key;
}

class KmsKey final : public crypto::SigningKey {
 public:
  KmsKey(Kms kms, crypto::EcPublicKey public_key)
      : kms_(std::move(kms)), public_key_(std::move(public_key)) {}

  const crypto::EcPublicKey& public_key() const noexcept override { return public_key_; }

  Result<Bytes> sign(ByteView message) const override {
    const crypto::Curve curve = public_key_.curve();
    const std::string_view algorithm = signing_algorithm(curve);
    const Bytes digest = crypto::digest(crypto::hash_for(curve), message);
    COFFERDAM_TRY(const json::object answer, kms_.call("Sign", {{"Message", to_base64(digest)},
                                                                {"MessageType", "DIGEST"},
                                                                {"SigningAlgorithm", algorithm}}));
    COFFERDAM_TRY(const Bytes der, required_bytes(answer, "Signature"));
    COFFERDAM_TRY(const std::string used, required_string(answer, "SigningAlgorithm"));
    COFFERDAM_TRY(Bytes signature, crypto::signature_from_der(curve, der));
    if (used != algorithm || !public_key_.verify_digest(digest, signature)) {
      return fail(Errc::unauthenticated, "what KMS signed does not verify with the key");
    }
    return signature;
  }

 private:
  Kms kms_;
  crypto::EcPublicKey public_key_;
};

bool is_this_machine(std::string_view host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

std::unexpected<Error> bad_endpoint(std::string_view what) {
  return fail(Errc::invalid_input, "KMS endpoint: " + std::string(what) +
                                       ", expected https://HOST[:PORT] or, for this machine, "
                                       "http://localhost[:PORT]");
}

}  // namespace

Result<KmsKeyArn> KmsKeyArn::parse(std::string_view text) {
  if (text.size() > kMaxArnSize) return bad_arn("too long");
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "kms") return bad_arn("no KMS ARN");
  if (parts[1] != "aws" && parts[1] != "aws-cn" && parts[1] != "aws-us-gov") {
    return bad_arn("an unknown partition");
  }
  if (!is_name(parts[3])) return bad_arn("no region");
  if (!is_account(parts[4])) return bad_arn("no account of twelve digits");
  constexpr std::string_view kResource = "key/";
  if (parts[5].starts_with("alias/")) return bad_arn("an alias, which could move to another key");
  if (!parts[5].starts_with(kResource) || !is_name(parts[5].substr(kResource.size()))) {
    return bad_arn("no key");
  }
  return KmsKeyArn{.arn = std::string(text),
                   .partition = std::string(parts[1]),
                   .region = std::string(parts[3])};
}

std::string KmsKeyArn::endpoint() const {
  return "https://kms." + region + (partition == "aws-cn" ? ".amazonaws.com.cn" : ".amazonaws.com");
}

Result<std::unique_ptr<const crypto::SigningKey>> open_kms_key(KmsKeyOptions options) {
  Kms kms(std::move(options));
  COFFERDAM_TRY(crypto::EcPublicKey public_key, get_public_key(kms));
  return std::make_unique<const KmsKey>(std::move(kms), std::move(public_key));
}

Result<KmsEndpoint> KmsEndpoint::parse(std::string_view url) {
  KmsEndpoint out;
  out.tls = url.starts_with("https://");
  if (!out.tls && !url.starts_with("http://")) return bad_endpoint("no URL");
  out.port = out.tls ? 443 : 80;
  url.remove_prefix(out.tls ? 8 : 7);
  if (url.ends_with('/')) url.remove_suffix(1);
  out.host_header = url;

  const bool brackets = url.starts_with('[');
  const std::size_t bracket = url.find(']');
  if (brackets && bracket == std::string_view::npos) return bad_endpoint("a broken address");
  const std::size_t colon = url.find(':', brackets ? bracket : 0);
  std::string_view host = url.substr(0, colon);
  if (brackets) host = host.substr(1, bracket - 1);
  const auto allowed = [&](char c) {
    return is_name({&c, 1}) || c == '.' || (brackets && c == ':');
  };
  if (host.empty() || !std::ranges::all_of(host, allowed)) return bad_endpoint("no host");
  out.host = host;

  if (colon != std::string_view::npos) {
    const std::string_view digits = url.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || out.port == 0) {
      return bad_endpoint("no port");
    }
  }
  if (!out.tls && !is_this_machine(out.host)) return bad_endpoint("http to another machine");
  return out;
}

Result<net::HttpClientOptions> KmsEndpoint::client_options(std::string_view pem_roots,
                                                           const Clock& clock) const {
  net::HttpClientOptions out;
  out.endpoint = net::TcpAddress{.host = host, .port = port};
  out.host = host_header;
  out.limits.max_body_size = kMaxAnswerSize;
  if (tls) {
    COFFERDAM_TRY(out.tls, net::TlsClientContext::create(pem_roots, clock));
    out.tls_name = host;
  }
  return out;
}

}  // namespace cofferdam::aws
