// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "cli/eif_commands.h"
#include "cli/signing_option.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/signing_request.h"
#include "eif/writer.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxSignatureFile = 1024;

constexpr const char* kFooter =
    R"(Replaces the signature, or adds one; the image appears complete or stays as it was.
The key is on P-256, P-384 or P-521: a PEM file, a key in a PKCS#11 token, or one in AWS KMS.
For a key on a machine without the image, write a request, sign it there, and attach what
comes back; without --signing-cert the certificate is the one the image has. See
docs/signing.md.

Examples:
  $ cofferdam eif sign payments.eif --signing-cert cert.pem --signing-key key.pem
  $ cofferdam eif sign payments.eif --signing-cert cert.pem \
      --signing-key "pkcs11:token=release;object=payments" --pkcs11-module /usr/lib/token.so
  $ cofferdam eif sign payments.eif --signing-cert cert.pem --emit-request request.json
  $ cofferdam eif sign payments.eif --signing-cert cert.pem --attach-signature signature.der)";

struct Options {
  std::string image;
  SigningOptions signing;
  std::string request;
  std::string bytes;
  std::string signature;
};

Exit report(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return exit_for(error);
}

Exit print_measurements(const Result<eif::Measurements>& measured) {
  if (!measured) return report(measured.error());
  std::cout << pretty_json(json::object{{"Measurements", eif::measurements_json(*measured)}});
  return Exit::ok;
}

Result<eif::Measurements> sign(const Options& options) {
  COFFERDAM_TRY(const eif::Signer signer, load_signer(options.signing));
  return eif::sign_image(options.image, signer);
}

// The certificate that was named, else the one of the image's signature.
Result<std::string> certificate_for(const Options& options, const eif::Image& image) {
  if (!options.signing.certificate.empty()) {
    return read_text_file(options.signing.certificate, kMaxPemSize);
  }
  if (!image.signature()) {
    return fail(Errc::invalid_input, "unsigned",
                "the image has no signature to take the certificate from: give --signing-cert");
  }
  COFFERDAM_TRY(const auto entries, eif::parse_signature_section(*image.signature()));
  return std::string(as_text(entries.front().certificate_pem));
}

Result<eif::SigningRequest> make_request(const Options& options) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(options.image));
  COFFERDAM_TRY(const eif::Measurements measured, image.measure());
  COFFERDAM_TRY(std::string pem, certificate_for(options, image));
  COFFERDAM_TRY(const auto certificate, eif::SigningCertificate::from_pem(pem));
  warn_unless_valid(certificate);
  return eif::SigningRequest::make(measured, std::move(pem));
}

Exit emit(const Options& options) {
  const auto request = make_request(options);
  if (!request) return report(request.error());
  const json::object object = request->to_json();
  if (!options.request.empty()) {
    const Status written = write_file_atomic(options.request, as_bytes(pretty_json(object)));
    if (!written) return report(written.error());
  }
  if (!options.bytes.empty()) {
    const Status written = write_file_atomic(options.bytes, request->to_be_signed());
    if (!written) return report(written.error());
  }
  std::cout << pretty_json(json::object{{"Measurements", eif::measurements_json(request->image())},
                                        {"Hash", object.at("hash")},
                                        {"Digest", object.at("digest")}});
  return Exit::ok;
}

Result<eif::Measurements> attach(const Options& options) {
  COFFERDAM_TRY(const Bytes signature, read_file(options.signature, kMaxSignatureFile));
  COFFERDAM_TRY(const eif::SigningRequest request, make_request(options));
  const crypto::Sha384& pcr0 = request.image().pcr0;
  COFFERDAM_TRY(const Bytes section,
                eif::section_from_signature(request.certificate_pem(), pcr0, signature));
  return eif::replace_signature(options.image, section, pcr0);
}

Exit run(const Options& options) {
  if (!options.request.empty() || !options.bytes.empty()) return emit(options);
  if (!options.signature.empty()) return print_measurements(attach(options));
  if (options.signing.certificate.empty() || options.signing.key.empty()) {
    print_error({.code = Errc::invalid_input,
                 .detail = "expected --signing-cert and --signing-key, --emit-request, or "
                           "--attach-signature",
                 .reason = {}},
                "see cofferdam eif sign --help");
    return Exit::usage;
  }
  return print_measurements(sign(options));
}

}  // namespace

void add_eif_sign(CLI::App& eif, Exit& exit) {
  CLI::App* const command = eif.add_subcommand("sign", "Sign an image, anew or for the first time");
  auto options = std::make_shared<Options>();
  command->add_option("IMAGE", options->image, "The image")->required();
  command
      ->add_option("--signing-cert", options->signing.certificate,
                   "Certificate of the key, PEM; its hash becomes PCR8")
      ->type_name("FILE")
      ->group("Signing");
  CLI::Option* const key = add_signing_key_options(*command, options->signing);
  const auto add = [&](const char* name, std::string& value, const char* what) {
    CLI::Option* const option = command->add_option(name, value, what);
    return option->type_name("FILE")->group("In two steps")->excludes(key);
  };
  CLI::Option* const request = add("--emit-request", options->request, "Write what to sign, JSON");
  CLI::Option* const bytes = add("--emit-bytes", options->bytes, "Write the bytes to sign alone");
  add("--attach-signature", options->signature, "What came back: DER, or r and s")
      ->excludes(request)
      ->excludes(bytes);
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run(*options); });
}

}  // namespace cofferdam::cli
