// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "attest/reason.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/eif_commands.h"
#include "cli/pcr_option.h"
#include "cli/signing_option.h"
#include "eif/signing_request.h"

namespace cofferdam::cli {
namespace {

using attest::reason::kPcrMismatch;

constexpr const char* kFooter =
    R"(For the machine that has the key: signs a request of `eif sign --emit-request`. It signs
only what you expect: the registers you give with --pcr, PCR0 among them, which you got from
your own build of the image; without them it shows the registers and asks at the terminal.
The answer goes to `eif sign --attach-signature`.

Example:
  $ cofferdam eif sign-request request.json --pcr 0=$PCR0 --signing-key key.pem \
      --output signature.der)";

struct Options {
  std::string request;
  std::vector<std::string> pcrs;
  SigningOptions signing;
  std::string output;
};

json::object describe(const eif::SigningRequest& request) {
  return {{"PCR0", to_hex(request.image().pcr0)},
          {"PCR1", to_hex(request.image().pcr1)},
          {"PCR2", to_hex(request.image().pcr2)}};
}

// Whether every register that is expected is the request's. The signature covers PCR0
// alone, so that one must be among them.
Status check_registers(const eif::SigningRequest& request, const attest::Pcrs& expected) {
  const eif::Measurements& image = request.image();
  const crypto::Sha384* const found[] = {&image.pcr0, &image.pcr1, &image.pcr2};
  for (const auto& [index, value] : expected) {
    if (index < std::size(found) && std::ranges::equal(*found[index], value)) continue;
    return fail(Errc::denied, kPcrMismatch,
                "PCR" + std::to_string(index) + " of the request is not the one you expect");
  }
  if (!expected.contains(0)) return fail(Errc::invalid_input, "--pcr: give PCR0 at least");
  return {};
}

Status ask(const eif::SigningRequest& request) {
  if (isatty(STDIN_FILENO) == 0) {
    return fail(Errc::denied,
                "there is no terminal to ask at: say what you expect with --pcr 0=HEX");
  }
  std::cerr << pretty_json(describe(request)) << "Sign this image? Type yes: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes") return {};
  return fail(Errc::denied, "not signed");
}

Result<Bytes> sign(const eif::SigningRequest& request, const SigningOptions& options) {
  COFFERDAM_TRY(const auto key, open_signing_key(options, request.public_key()));
  if (key->public_key().spki() != request.public_key().spki()) {
    return fail(Errc::invalid_input, "the private key is not that of the request's certificate");
  }
  COFFERDAM_TRY(const Bytes signature, key->sign(request.to_be_signed()));
  return crypto::signature_to_der(key->public_key().curve(), signature);
}

Result<eif::SigningRequest> sign_and_write(const Options& options) {
  attest::Pcrs expected;
  for (const std::string& pcr : options.pcrs) COFFERDAM_CHECK(read_pcr_option(pcr, expected));
  COFFERDAM_TRY(const std::string text,
                read_text_file(options.request, eif::kMaxSigningRequestSize));
  COFFERDAM_TRY(eif::SigningRequest request, eif::SigningRequest::parse(text));
  COFFERDAM_CHECK(expected.empty() ? ask(request) : check_registers(request, expected));
  COFFERDAM_TRY(const Bytes signature, sign(request, options.signing));
  COFFERDAM_CHECK(write_file_atomic(options.output, signature));
  return request;
}

Exit run(const Options& options) {
  const auto signed_request = sign_and_write(options);
  if (!signed_request) {
    print_error(signed_request.error());
    return exit_for(signed_request.error());
  }
  std::cout << pretty_json(
      json::object{{"output", options.output}, {"Measurements", describe(*signed_request)}});
  return Exit::ok;
}

}  // namespace

void add_eif_sign_request(CLI::App& eif, Exit& exit) {
  CLI::App* const command =
      eif.add_subcommand("sign-request", "Sign for an image that is on another machine");
  auto options = std::make_shared<Options>();
  command->add_option("REQUEST", options->request, "The request")->required();
  command->add_option("--pcr", options->pcrs, "N=HEX: sign only if it is this one; repeat")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_signing_key_options(*command, options->signing)->required();
  command->add_option("--output", options->output, "The signature, DER")->required();
  command->footer(kFooter);
  command->callback([options, &exit] { exit = run(*options); });
}

}  // namespace cofferdam::cli
