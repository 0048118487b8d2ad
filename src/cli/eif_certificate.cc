// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "bytes/utf8.h"
#include "cli/eif_commands.h"
#include "cli/signing_option.h"
#include "crypto/certificate_builder.h"
#include "crypto/pem.h"
#include "crypto/random.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kSerialSize = 16;
constexpr std::size_t kMaxValueSize = 64;  // RFC 5280, ub-common-name and its like.
constexpr int kMaxDays = 36500;

constexpr const char* kFooter =
    R"(A certificate that the key signs for itself: for keys that OpenSSL cannot use. It grants
nothing; its hash, PCR8, is what policies pin. Once it expires no enclave starts with it, so
choose a time that outlives the releases; a new one has another PCR8. The subject is a list
of C, ST, L, O, OU and CN; a comma inside a value is written \,

Example:
  $ cofferdam eif certificate --subject "CN=payments,O=Example" --days 730 --output cert.pem \
      --signing-key arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-...)";

struct Options {
  SigningOptions signing;
  std::string subject;
  int days = 365;
  std::string not_after;
  std::string output;
  bool force = false;
};

std::unexpected<Error> bad_subject(std::string detail) {
  return fail(Errc::invalid_input, "--subject: " + std::move(detail));
}

Status check_attribute(const std::string& type, const std::string& value) {
  constexpr auto kTypes = std::to_array<std::string_view>({"C", "ST", "L", "O", "OU", "CN"});
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    return bad_subject("expected C, ST, L, O, OU or CN before each =");
  }
  const bool control = std::ranges::any_of(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (value.empty() || value.size() > kMaxValueSize || control || !is_utf8(value)) {
    return bad_subject(type + ": expected 1 to 64 bytes of UTF-8 text");
  }
  const bool letters = std::ranges::all_of(value, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (type == "C" && (value.size() != 2 || !letters)) {
    return bad_subject("C: expected a country's two letters");
  }
  return {};
}

// "CN=payments,O=Example\, Inc."
Result<crypto::Name> parse_subject(std::string_view text) {
  crypto::Name out;
  std::string part;
  const auto finish = [&]() -> Status {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos) return bad_subject("expected NAME=VALUE,NAME=VALUE");
    COFFERDAM_CHECK(check_attribute(part.substr(0, equals), part.substr(equals + 1)));
    out.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    part.clear();
    return {};
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == ',') {
      COFFERDAM_CHECK(finish());
    } else {
      const bool escape = text[at] == '\\' && at + 1 < text.size();
      part += text[escape ? ++at : at];
    }
  }
  COFFERDAM_CHECK(finish());
  return out;
}

// A positive number that nobody can guess.
Bytes random_serial() {
  Bytes out = crypto::random_bytes(kSerialSize);
  out.front() = static_cast<std::uint8_t>((out.front() & 0x7f) | 0x40);
  return out;
}

Result<crypto::CertificateSpec> make_spec(const Options& options) {
  crypto::CertificateSpec out;
  out.serial = random_serial();
  COFFERDAM_TRY(out.subject, parse_subject(options.subject));
  out.issuer = out.subject;
  out.not_before = SystemClock().now();
  out.not_after = out.not_before + std::chrono::days(options.days);
  if (!options.not_after.empty()) {
    COFFERDAM_TRY(out.not_after, parse_rfc3339(options.not_after));
  }
  if (out.not_after <= out.not_before) {
    return fail(Errc::invalid_input, "--not-after: the certificate would have expired already");
  }
  out.key_usage = crypto::kDigitalSignature;
  return out;
}

Result<std::string> make_certificate(const Options& options) {
  COFFERDAM_TRY(const crypto::CertificateSpec spec, make_spec(options));
  if (!options.force && std::filesystem::exists(options.output)) {
    return fail(Errc::invalid_input,
                options.output +
                    " exists: enclaves may depend on its PCR8; give --force to "
                    "replace it");
  }
  COFFERDAM_TRY(const auto key, open_signing_key(options.signing));
  COFFERDAM_TRY(const Bytes der, crypto::build_certificate(spec, key->public_key(), *key));
  return crypto::pem_encode("CERTIFICATE", der);
}

Exit report(const Error& error) {
  print_error(error);
  return exit_for(error);
}

Exit run(const Options& options) {
  const auto pem = make_certificate(options);
  if (!pem) return report(pem.error());
  const auto made = eif::SigningCertificate::from_pem(*pem);
  if (!made) return report(made.error());
  const Status written = write_file_atomic(options.output, as_bytes(*pem));
  if (!written) return report(written.error());
  std::cout << pretty_json(json::object{{"output", options.output},
                                        {"notAfter", format_rfc3339(made->view.not_after)},
                                        {"PCR8", to_hex(made->pcr8)}});
  return Exit::ok;
}

}  // namespace

void add_eif_certificate(CLI::App& eif, Exit& exit) {
  CLI::App* const command =
      eif.add_subcommand("certificate", "Make the certificate of a signing key");
  auto options = std::make_shared<Options>();
  add_signing_key_options(*command, options->signing)->required();
  command->add_option("--subject", options->subject, "Such as CN=payments,O=Example")->required();
  CLI::Option* const days =
      command->add_option("--days", options->days, "How long it is valid from now")
          ->check(CLI::Range(1, kMaxDays))
          ->capture_default_str();
  command->add_option("--not-after", options->not_after, "Or until when, RFC 3339")->excludes(days);
  command->add_option("--output", options->output, "The certificate, PEM")->required();
  command->add_flag("--force", options->force, "Replace an existing file");
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run(*options); });
}

}  // namespace cofferdam::cli
