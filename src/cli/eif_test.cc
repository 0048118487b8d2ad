// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam eif`, on images of its own and foreign ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "cli/test_run.h"
#include "eif/reader.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;

Outcome run_eif(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eif");
  return test::run(add_eif, std::move(arguments));
}

class EifCommandTest : public testing::Test {
 protected:
  EifCommandTest() {
    folder_.write("kernel", as_bytes("kernel"));
    folder_.write("boot", as_bytes("boot ramdisk"));
    folder_.write("app", as_bytes("application ramdisk"));
    write_credentials("cert.pem", "key.pem");
  }

  std::string path(std::string_view name) const { return folder_.path(name); }

  void write_credentials(std::string_view certificate, std::string_view key,
                         std::string_view not_after = "2100-01-01T00:00:00Z") const {
    const auto made = eif::test::make_credentials(crypto::Curve::p384, not_after);
    folder_.write(certificate, as_bytes(made.certificate));
    folder_.write(key, made.key.to_pem().reveal());
  }

  Outcome build(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"build",         "--kernel",  path("kernel"),   "--cmdline",
                                       "console=ttyS0", "--ramdisk", path("boot"),     "--ramdisk",
                                       path("app"),     "--output",  path("image.eif")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_eif(arguments);
  }
  Outcome build_signed() const {
    return build({"--signing-cert", path("cert.pem"), "--signing-key", path("key.pem")});
  }
  json::object measurements(const Outcome& outcome) const {
    return outcome.json().at("Measurements").as_object();
  }

  TestFolder folder_;
};

TEST_F(EifCommandTest, BuildPrintsMeasurementsAsNitroCliDoes) {
  const Outcome outcome = build();
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  const json::object printed = measurements(outcome);
  EXPECT_EQ(printed.at("HashAlgorithm"), "Sha384 { ... }");
  EXPECT_EQ(printed.at("PCR2").as_string(),
            to_hex(eif::measure_bytes(as_bytes("application ramdisk"))));
  EXPECT_FALSE(printed.contains("PCR8"));
  EXPECT_TRUE(measurements(build_signed()).contains("PCR8"));
}

TEST_F(EifCommandTest, WhatWasBuiltVerifiesAndDescribesItself) {
  const json::object built = measurements(build_signed());
  const Outcome verified =
      run_eif({"verify", path("image.eif"), "--signing-cert", path("cert.pem")});
  EXPECT_EQ(verified.exit, Exit::ok) << verified.out;
  EXPECT_EQ(measurements(verified), built);
  const Outcome described = run_eif({"describe", path("image.eif")});
  EXPECT_EQ(described.exit, Exit::ok);
  EXPECT_EQ(measurements(described), built);
  EXPECT_EQ(described.json().at("SignatureCheck"), true);
  EXPECT_EQ(described.json().at("SigningCertificate").at("IssuerName").at("commonName"),
            "image signer");
  const Outcome pcr = run_eif({"pcr", "--signing-cert", path("cert.pem")});
  EXPECT_EQ(pcr.json().at("PCR8"), built.at("PCR8"));
}

TEST_F(EifCommandTest, BuildReproducesAndWritesTheMetadataItIsGiven) {
  folder_.write("meta.json", as_bytes(R"({"team":"a"})"));
  folder_.write("config", as_bytes("#\n# Linux/x86_64 6.6.79 Kernel Configuration\n"));
  const std::vector<std::string> more{"--name",
                                      "payments",
                                      "--image-version",
                                      "7",
                                      "--metadata",
                                      path("meta.json"),
                                      "--kernel-config",
                                      path("config"),
                                      "--source-date-epoch",
                                      "1700000000",
                                      "--arch",
                                      "aarch64"};
  ASSERT_EQ(build(more).exit, Exit::ok);
  const Bytes first = read_file(path("image.eif"), 1 << 20).value();
  ASSERT_EQ(build(more).exit, Exit::ok);
  EXPECT_EQ(read_file(path("image.eif"), 1 << 20).value(), first);
  const json::object described = run_eif({"describe", path("image.eif")}).json();
  EXPECT_EQ(described.at("ImageName"), "payments");
  EXPECT_EQ(described.at("ImageVersion"), "7");
  const json::object& metadata = described.at("Metadata").as_object();
  EXPECT_EQ(metadata.at("BuildTime"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(metadata.at("OperatingSystem"), "Linux");
  EXPECT_EQ(metadata.at("KernelVersion"), "6.6.79");
  EXPECT_EQ(metadata.at("team"), "a");
}

TEST_F(EifCommandTest, AFailedBuildLeavesNoImage) {
  write_credentials("other.pem", "other-key.pem");
  const Outcome mismatch =
      build({"--signing-cert", path("cert.pem"), "--signing-key", path("other-key.pem")});
  EXPECT_EQ(mismatch.exit, Exit::negative);
  EXPECT_EQ(mismatch.out, "");
  EXPECT_FALSE(std::filesystem::exists(path("image.eif")));
  EXPECT_EQ(build({"--ramdisk", path("absent")}).exit, Exit::environment);
  EXPECT_FALSE(std::filesystem::exists(path("image.eif")));
  EXPECT_EQ(build({"--signing-cert", path("cert.pem")}).exit, Exit::usage);
  EXPECT_EQ(build({"--arch", "riscv64"}).exit, Exit::usage);
}

TEST_F(EifCommandTest, SignReplacesTheSigner) {
  ASSERT_EQ(build_signed().exit, Exit::ok);
  write_credentials("new.pem", "new-key.pem");
  const Outcome outcome = run_eif({"sign", path("image.eif"), "--signing-cert", path("new.pem"),
                                   "--signing-key", path("new-key.pem")});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--signing-cert", path("new.pem")}).exit,
            Exit::ok);
  const Outcome old = run_eif({"verify", path("image.eif"), "--signing-cert", path("cert.pem")});
  EXPECT_EQ(old.exit, Exit::negative);
  EXPECT_EQ(old.text("reason"), "pcr_mismatch");
  EXPECT_EQ(run_eif({"sign", path("image.eif")}).exit, Exit::usage);
}

TEST_F(EifCommandTest, VerifyComparesTheRegistersItIsGiven) {
  const json::object built = measurements(build());
  const std::string pcr0(built.at("PCR0").as_string());
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--pcr", "0=" + pcr0}).exit, Exit::ok);
  const std::string zeros(96, '0');
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--pcr", "0=" + pcr0, "--pcr", "1=" + zeros})
                .text("reason"),
            "pcr_mismatch");
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--pcr", "8=" + zeros}).text("reason"),
            "unsigned");
  for (const std::string& bad : {std::string("0"), "0=" + zeros.substr(32), "32=" + zeros}) {
    EXPECT_EQ(run_eif({"verify", path("image.eif"), "--pcr", bad}).exit, Exit::usage) << bad;
  }
}

TEST_F(EifCommandTest, VerifyJudgesTheCertificateAtTheTimeItIsGiven) {
  write_credentials("cert.pem", "key.pem", "2021-01-01T00:00:00Z");
  ASSERT_EQ(build_signed().exit, Exit::ok);
  EXPECT_EQ(run_eif({"verify", path("image.eif")}).text("reason"), "expired");
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--at", "2020-06-01T00:00:00Z"}).exit, Exit::ok);
  EXPECT_EQ(run_eif({"verify", path("image.eif"), "--at", "2019-06-01T00:00:00Z"}).text("reason"),
            "not_yet_valid");
}

TEST_F(EifCommandTest, ExtractWritesEverySection) {
  ASSERT_EQ(build_signed().exit, Exit::ok);
  const Outcome outcome = run_eif({"extract", path("image.eif"), "--output", path("parts")});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
  EXPECT_EQ(read_text_file(path("parts/kernel"), 100).value(), "kernel");
  EXPECT_EQ(read_text_file(path("parts/cmdline"), 100).value(), "console=ttyS0");
  EXPECT_EQ(read_text_file(path("parts/ramdisk0"), 100).value(), "boot ramdisk");
  EXPECT_EQ(read_text_file(path("parts/ramdisk1"), 100).value(), "application ramdisk");
  EXPECT_TRUE(parse_json(read_text_file(path("parts/metadata.json"), 4096).value(), 4096));
  EXPECT_TRUE(std::filesystem::exists(path("parts/signature.cbor")));
}

TEST_F(EifCommandTest, PcrMeasuresAnyFile) {
  EXPECT_EQ(run_eif({"pcr", "--input", path("kernel")}).text("PCR"),
            to_hex(eif::measure_bytes(as_bytes("kernel"))));
  EXPECT_EQ(run_eif({"pcr", "--input", path("absent")}).exit, Exit::environment);
  EXPECT_EQ(run_eif({"pcr"}).exit, Exit::usage);
}

TEST_F(EifCommandTest, RamdiskMakesFoldersAndKeepsModes) {
  const Outcome outcome =
      run_eif({"ramdisk", "--add", "init=" + path("app") + ":0755", "--add",
               "etc/cofferdam/a=" + path("boot"), "--add", "etc/cofferdam/b=" + path("boot"),
               "--output", path("ramdisk.cpio")});
  ASSERT_EQ(outcome.exit, Exit::ok) << outcome.err;
  const Bytes archive = read_file(path("ramdisk.cpio"), 1 << 20).value();
  EXPECT_EQ(outcome.text("sha384"), to_hex(crypto::sha384(archive)));
  cpio::Reader reader(archive);
  std::vector<std::pair<std::string, std::uint32_t>> found;
  while (const auto entry = reader.next().value()) found.emplace_back(entry->path, entry->mode);
  const std::vector<std::pair<std::string, std::uint32_t>> expected{{"init", 0100755},
                                                                    {"etc", 0040755},
                                                                    {"etc/cofferdam", 0040755},
                                                                    {"etc/cofferdam/a", 0100644},
                                                                    {"etc/cofferdam/b", 0100644}};
  EXPECT_EQ(found, expected);
}

// cmake reads archives with libarchive, which knows this one by its content.
TEST_F(EifCommandTest, RamdiskIsReadByLibarchive) {
  if (!eif::test::run("cmake --version")) GTEST_SKIP() << "no cmake command";
  ASSERT_EQ(run_eif({"ramdisk", "--add", "etc/a=" + path("boot"), "--output", path("r")}).exit,
            Exit::ok);
  EXPECT_EQ(eif::test::run("cmake -E tar tf " + path("r")), "etc\netc/a\n");
  ASSERT_TRUE(eif::test::run("cd " + path("") + " && cmake -E tar xf r"));
  EXPECT_EQ(read_text_file(path("etc/a"), 100).value(), "boot ramdisk");
}

TEST_F(EifCommandTest, RamdiskRefusesPathsThatLeaveTheImage) {
  for (const std::string& bad :
       {std::string("../a"), std::string("/etc/a"), std::string("a/../b")}) {
    EXPECT_EQ(run_eif({"ramdisk", "--add", bad + "=" + path("boot"), "--output", path("r")}).exit,
              Exit::negative)
        << bad;
  }
  EXPECT_EQ(run_eif({"ramdisk", "--add", "init", "--output", path("r")}).exit, Exit::usage);
  EXPECT_EQ(run_eif({"ramdisk", "--add", "a=" + path("absent"), "--output", path("r")}).exit,
            Exit::environment);
}

TEST_F(EifCommandTest, AMissingImageIsTheEnvironment) {
  for (const std::string command : {"describe", "verify"}) {
    const Outcome outcome = run_eif({command, path("absent")});
    EXPECT_EQ(outcome.exit, Exit::environment);
    EXPECT_NE(outcome.err.find("absent"), std::string::npos);
  }
}

TEST_F(EifCommandTest, EveryForeignImageGetsItsVerdict) {
  const auto vectors = eif::test::vectors_folder() / "eif";
  if (!std::filesystem::is_directory(vectors)) GTEST_SKIP() << "no vectors";
  std::size_t refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(vectors)) {
    if (entry.path().extension() != ".eif") continue;
    const auto facts_path = std::filesystem::path(entry.path()).replace_extension(".json");
    const json::value facts = parse_json(read_text_file(facts_path, 65536).value(), 65536).value();
    const bool accept = facts.at("expected").as_string().starts_with("accept");
    const Outcome outcome = run_eif({"verify", entry.path()});
    EXPECT_EQ(outcome.exit, accept ? Exit::ok : Exit::negative) << entry.path();
    EXPECT_EQ(outcome.json().at("valid"), accept) << entry.path();
    refused += accept ? 0 : 1;
  }
  EXPECT_GE(refused, 18u);
}

}  // namespace
}  // namespace cofferdam::cli
