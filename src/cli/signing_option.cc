// SPDX-License-Identifier: Apache-2.0
#include "cli/signing_option.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <utility>

#include "aws/credential_chain.h"
#include "aws/kms_signing_key.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/pin.h"
#include "crypto/pkcs11_key.h"

namespace cofferdam::cli {
namespace {

using OpenedKey = Result<std::unique_ptr<const crypto::SigningKey>>;

constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxBundleSize = std::size_t{4} << 20;
constexpr std::string_view kSystemBundle = "/etc/ssl/certs/ca-certificates.crt";

bool is_pkcs11(std::string_view key) {
  return equal_ignoring_case(key.substr(0, crypto::kPkcs11Scheme.size()), crypto::kPkcs11Scheme);
}

OpenedKey open_file(const SigningOptions& options) {
  COFFERDAM_TRY(const Secret pem, read_secret_file(options.key, kMaxPemSize));
  auto key = crypto::EcPrivateKey::from_pem(pem);
  if (!key) return wrap(options.key, key.error());
  return std::make_unique<const crypto::EcPrivateKey>(*std::move(key));
}

OpenedKey open_token(const SigningOptions& options,
                     const std::optional<crypto::EcPublicKey>& public_key) {
  COFFERDAM_TRY(crypto::Pkcs11Uri uri, crypto::Pkcs11Uri::parse(options.key));
  std::filesystem::path pin_file = options.pin_file;
  if (pin_file.empty()) pin_file = uri.pin_source.value_or("");
  return crypto::open_pkcs11_key({.uri = std::move(uri),
                                  .module = options.pkcs11_module,
                                  .pin = pin_source(std::move(pin_file)),
                                  .public_key = public_key});
}

std::string_view variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The first that is not empty.
std::string first_of(std::initializer_list<std::string_view> values) {
  const auto* const found =
      std::ranges::find_if(values, [](std::string_view value) { return !value.empty(); });
  return found == values.end() ? std::string() : std::string(*found);
}

Result<std::string> read_roots(const SigningOptions& options) {
  const std::string file = first_of({options.ca_bundle, variable("AWS_CA_BUNDLE"), kSystemBundle});
  return read_text_file(file, kMaxBundleSize);
}

OpenedKey open_kms(const SigningOptions& options) {
  static const SystemClock clock;  // Outlives every key.
  COFFERDAM_TRY(aws::KmsKeyArn key, aws::KmsKeyArn::parse(options.key));
  COFFERDAM_TRY(
      const auto endpoint,
      aws::KmsEndpoint::parse(first_of({options.kms_endpoint, variable("AWS_ENDPOINT_URL_KMS"),
                                        variable("AWS_ENDPOINT_URL"), key.endpoint()})));
  std::string roots;
  if (endpoint.tls) {
    COFFERDAM_TRY(roots, read_roots(options));
  }
  COFFERDAM_TRY(net::HttpClientOptions client, endpoint.client_options(roots, clock));
  COFFERDAM_TRY(aws::Credentials credentials,
                aws::find_credentials([](const char* name) { return std::getenv(name); }));
  return aws::open_kms_key({.key = std::move(key),
                            .host = endpoint.host_header,
                            .send =
                                [client = std::move(client)](net::HttpRequest request) {
                                  return net::http_send_blocking(client, std::move(request));
                                },
                            .credentials = std::move(credentials),
                            .clock = clock});
}

}  // namespace

CLI::Option* add_signing_key_options(CLI::App& command, SigningOptions& options) {
  CLI::Option* const key = command.add_option("--signing-key", options.key,
                                              "PEM file, pkcs11: URI, or ARN of a KMS key");
  key->type_name("KEY");
  const auto add = [&](const char* name, std::string& value, const char* what, const char* type) {
    command.add_option(name, value, what)->type_name(type)->needs(key)->group("Signing");
  };
  add("--pkcs11-module", options.pkcs11_module, "Shared library of the token", "FILE");
  add("--pin-file", options.pin_file, "File with the token's PIN; else asked for", "FILE");
  add("--kms-endpoint", options.kms_endpoint, "KMS elsewhere than at its region's address", "URL");
  add("--ca-bundle", options.ca_bundle, "Whom to believe that they are KMS, PEM", "FILE");
  return key->group("Signing");
}

void add_signing_options(CLI::App& command, SigningOptions& options, bool required) {
  CLI::Option* const certificate = command.add_option(
      "--signing-cert", options.certificate, "Certificate of the key, PEM; its hash becomes PCR8");
  CLI::Option* const key = add_signing_key_options(command, options);
  certificate->type_name("FILE")->group("Signing")->needs(key)->required(required);
  key->needs(certificate)->required(required);
}

Result<eif::Signer> load_signer(const SigningOptions& options) {
  COFFERDAM_TRY(std::string pem, read_text_file(options.certificate, kMaxPemSize));
  COFFERDAM_TRY(const auto certificate, eif::SigningCertificate::from_pem(pem));
  COFFERDAM_TRY(const auto stated, crypto::EcPublicKey::from_spki(certificate.view.spki));
  COFFERDAM_TRY(auto key, open_signing_key(options, stated));
  COFFERDAM_TRY(eif::Signer signer, eif::Signer::make(std::move(pem), std::move(key)));
  warn_unless_valid(certificate);
  return signer;
}

void warn_unless_valid(const eif::SigningCertificate& certificate) {
  const Status valid = eif::check_validity(certificate, SystemClock().now());
  if (valid) return;
  std::cerr << "cofferdam: warning: " << valid.error().detail
            << "; no enclave starts from an image signed so\n";
}

Result<std::unique_ptr<const crypto::SigningKey>> open_signing_key(
    const SigningOptions& options, const std::optional<crypto::EcPublicKey>& public_key) {
  if (is_pkcs11(options.key)) return open_token(options, public_key);
  if (options.key.starts_with("arn:")) return open_kms(options);
  return open_file(options);
}

}  // namespace cofferdam::cli
