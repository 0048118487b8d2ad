// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "attest/reason.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/eif_commands.h"
#include "cli/pcr_option.h"
#include "eif/mapped_file.h"
#include "eif/output_file.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/signature.h"
#include "eif/verify.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxPemSize = std::size_t{64} * 1024;

constexpr const char* kDescribeFooter =
    R"(Prints what `nitro-cli describe-eif` prints. It judges nothing: see `eif verify`.

Example:
  $ cofferdam eif describe payments.eif | jq -r .Measurements.PCR0)";

constexpr const char* kVerifyFooter =
    R"(Checks structure, CRC, the signature if there is one (it must be over this image's own
PCR0) and the certificate's validity, then what you expect. Without --signing-cert or
--pcr 8=HEX an unsigned image is valid too. PCR0 alone does not tell where one section
ends and the next begins: give PCR0, PCR1 and PCR2.
Exit status: 0 valid, 1 refused (the reason is in the output), 2 usage, 3 environment.

Example:
  $ cofferdam eif verify payments.eif --signing-cert cert.pem --pcr 0=$PCR0)";

constexpr const char* kPcrFooter =
    R"(Example:
  $ cofferdam eif pcr --signing-cert cert.pem     # what PCR8 will be)";

constexpr const char* kExtractFooter =
    R"(Writes kernel, cmdline, metadata.json, ramdisk0, ramdisk1, ... and signature.cbor.

Example:
  $ cofferdam eif extract payments.eif --output parts && cpio -itv < parts/ramdisk0)";

void print(const json::object& object) { std::cout << pretty_json(object); }

Exit report(const Error& error, std::string_view hint = {}) {
  print_error(error, hint);
  return exit_for(error);
}

Exit print_refusal(const Error& error) {
  const std::string_view reason = error.reason.empty() ? attest::reason::kMalformed : error.reason;
  print({{"valid", false}, {"reason", reason}, {"detail", error.detail}});
  return Exit::negative;
}

Exit describe(const std::string& file) {
  const auto image = eif::Image::open(file);
  if (!image) return report(image.error());
  const auto description = eif::describe(*image);
  if (!description) return report(description.error());
  print(*description);
  return Exit::ok;
}

struct VerifyOptions {
  std::string file;
  std::string certificate;
  std::vector<std::string> pcrs;
  std::string at;
};

Result<eif::SigningCertificate> load_certificate(const std::string& file) {
  COFFERDAM_TRY(const std::string pem, read_text_file(file, kMaxPemSize));
  return eif::SigningCertificate::from_pem(pem);
}

Status read_pcrs(const std::vector<std::string>& texts, eif::ImageExpectations& out) {
  attest::Pcrs pcrs;
  for (const std::string& text : texts) COFFERDAM_CHECK(read_pcr_option(text, pcrs));
  for (const auto& [index, value] : pcrs) {
    crypto::Sha384& wanted = out.pcrs[index];
    if (value.size() != wanted.size()) {
      return fail(Errc::invalid_input, "expected 96 hexadecimal digits after N=");
    }
    std::ranges::copy(value, wanted.begin());
  }
  return {};
}

// Reads what was typed. A failure here is a wrong use of the command.
Result<eif::ImageExpectations> read_expectations(const VerifyOptions& options) {
  eif::ImageExpectations out;
  out.at = SystemClock().now();
  if (!options.at.empty()) {
    COFFERDAM_TRY(out.at, parse_rfc3339(options.at));
  }
  COFFERDAM_CHECK(read_pcrs(options.pcrs, out));
  return out;
}

Result<eif::Measurements> judge(const std::string& file, const eif::ImageExpectations& expected) {
  COFFERDAM_TRY(const eif::Image image, eif::Image::open(file));
  return eif::verify_image(image, expected);
}

Exit verify(const VerifyOptions& options) {
  auto expected = read_expectations(options);
  if (!expected) {
    print_error(expected.error(), "see cofferdam eif verify --help");
    return Exit::usage;
  }
  if (!options.certificate.empty()) {
    auto certificate = load_certificate(options.certificate);
    if (!certificate) {
      print_error(certificate.error(), "--signing-cert takes a PEM certificate");
      return Exit::environment;
    }
    expected->certificate = *std::move(certificate);
  }
  const auto measured = judge(options.file, *expected);
  if (measured) {
    print({{"valid", true},
           {"IsSigned", measured->pcr8.has_value()},
           {"Measurements", eif::measurements_json(*measured)}});
    return Exit::ok;
  }
  // A file that cannot be read is the environment's fault, one that is no image is not.
  if (exit_for(measured.error()) == Exit::negative) return print_refusal(measured.error());
  return report(measured.error(), "give the path of an enclave image");
}

Exit pcr(const std::string& input, const std::string& certificate) {
  if (!certificate.empty()) {
    const auto found = load_certificate(certificate);
    if (!found) return report(found.error());
    print({{"PCR8", to_hex(found->pcr8)}});
    return Exit::ok;
  }
  const auto file = eif::MappedFile::open(input);
  if (!file) return report(file.error());
  print({{"PCR", to_hex(eif::measure_bytes(file->view()))}});
  return Exit::ok;
}

std::string file_name(eif::SectionType type, std::size_t ramdisk) {
  switch (type) {
    case eif::SectionType::kernel:
      return "kernel";
    case eif::SectionType::cmdline:
      return "cmdline";
    case eif::SectionType::metadata:
      return "metadata.json";
    case eif::SectionType::signature:
      return "signature.cbor";
    case eif::SectionType::ramdisk:
      return "ramdisk" + std::to_string(ramdisk);
  }
  return "unknown";
}

// From the file, not its mapping: memory does not grow with the image.
Status write_section(const eif::Image& image, const eif::Section& section,
                     const std::filesystem::path& path) {
  COFFERDAM_TRY(eif::OutputFile out, eif::OutputFile::create(path));
  const std::uint64_t start = section.offset + eif::kSectionHeaderSize;
  COFFERDAM_CHECK(
      image.read(start, section.data.size(), [&out](ByteView piece) { return out.append(piece); }));
  return out.commit();
}

Result<json::array> extract_to(const eif::Image& image, const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return fail(Errc::unavailable,
                "cannot make folder " + folder.string() + ": " + error.message());
  }
  json::array files;
  std::size_t ramdisk = 0;
  for (const eif::Section& section : image.sections()) {
    const std::string name = file_name(section.type, ramdisk);
    if (section.type == eif::SectionType::ramdisk) ++ramdisk;
    COFFERDAM_CHECK(write_section(image, section, folder / name));
    files.push_back(json::object{{"file", name}, {"size", section.data.size()}});
  }
  return files;
}

Exit extract(const std::string& file, const std::string& folder) {
  const auto image = eif::Image::open(file);
  if (!image) return report(image.error());
  if (const auto sound = image->measure(); !sound) return report(sound.error());
  const auto files = extract_to(*image, folder);
  if (!files) return report(files.error());
  print({{"output", folder}, {"sections", *files}});
  return Exit::ok;
}

void add_describe(CLI::App& parent, Exit& exit) {
  CLI::App* const command =
      parent.add_subcommand("describe", "Print an image's measurements, signer and metadata");
  auto file = std::make_shared<std::string>();
  command->add_option("IMAGE", *file, "The image")->required();
  command->footer(kDescribeFooter);
  command->callback([file, &exit] { exit = describe(*file); });
}

void add_verify(CLI::App& parent, Exit& exit) {
  CLI::App* const command = parent.add_subcommand("verify", "Check an image, and whose it is");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("IMAGE", options->file, "The image")->required();
  command->add_option("--signing-cert", options->certificate,
                      "Require a signature by this certificate, PEM");
  command->add_option("--pcr", options->pcrs, "N=HEX: require this value; may be repeated")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--at", options->at, "Judge the certificate at this time, RFC 3339");
  command->footer(kVerifyFooter);
  command->callback([options, &exit] { exit = verify(*options); });
}

void add_pcr(CLI::App& parent, Exit& exit) {
  struct Options {
    std::string input;
    std::string certificate;
  };
  CLI::App* const command =
      parent.add_subcommand("pcr", "Measure a file, or a signing certificate as PCR8");
  auto options = std::make_shared<Options>();
  auto* const choice = command->add_option_group("what");
  choice->add_option("--input", options->input, "Any file");
  choice->add_option("--signing-cert,--signing-certificate", options->certificate,
                     "A certificate, PEM");
  choice->require_option(1);
  command->footer(kPcrFooter);
  command->callback([options, &exit] { exit = pcr(options->input, options->certificate); });
}

void add_extract(CLI::App& parent, Exit& exit) {
  struct Options {
    std::string file;
    std::string folder;
  };
  CLI::App* const command =
      parent.add_subcommand("extract", "Write each section of an image to a file");
  auto options = std::make_shared<Options>();
  command->add_option("IMAGE", options->file, "The image")->required();
  command->add_option("--output", options->folder, "Folder; made where it is missing")->required();
  command->footer(kExtractFooter);
  command->callback([options, &exit] { exit = extract(options->file, options->folder); });
}

}  // namespace

void add_eif(CLI::App& app, Exit& exit) {
  CLI::App* const eif =
      app.add_subcommand("eif", "Build, sign, verify and take apart enclave images");
  eif->require_subcommand(1);
  add_eif_build(*eif, exit);
  add_describe(*eif, exit);
  add_verify(*eif, exit);
  add_eif_sign(*eif, exit);
  add_eif_sign_request(*eif, exit);
  add_eif_certificate(*eif, exit);
  add_pcr(*eif, exit);
  add_extract(*eif, exit);
  add_eif_diff(*eif, exit);
  add_eif_ramdisk(*eif, exit);
}

}  // namespace cofferdam::cli
