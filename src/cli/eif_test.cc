// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam eif` and `cofferdam release`, on images of its own and foreign ones.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "bytes/cpio.h"
#include "cli/test_run.h"
#include "eif/reader.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using eif::test::TemporaryFolder;
using test::Outcome;

Outcome run_eif(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eif");
  return test::run(add_eif, std::move(arguments));
}

Outcome run_release(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "release");
  return test::run(add_release, std::move(arguments));
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

  TemporaryFolder folder_;
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

class ReleaseCommandTest : public EifCommandTest {
 protected:
  Outcome create(std::vector<std::string> more, std::string name = "payments",
                 std::string release = "7") const {
    std::vector<std::string> arguments{
        "create",           "--name",        std::move(name),        "--release",
        std::move(release), "--not-after",   "2100-01-01T00:00:00Z", "--signing-cert",
        path("cert.pem"),   "--signing-key", path("key.pem"),        "--output",
        path("manifest")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_release(arguments);
  }
  Outcome create() const { return create({"--image", path("image.eif"), "--pcr16", pcr16_}); }

  std::string pcr16_ = std::string(96, 'a');
};

TEST_F(ReleaseCommandTest, StatesTheMeasurementsOfAnImage) {
  const json::object built = measurements(build_signed());
  const Outcome created = create();
  ASSERT_EQ(created.exit, Exit::ok) << created.err;
  const json::object shown = run_release({"show", path("manifest")}).json();
  EXPECT_EQ(shown.at("name"), "payments");
  EXPECT_EQ(shown.at("release"), 7);
  EXPECT_EQ(shown.at("notAfter"), "2100-01-01T00:00:00Z");
  for (const std::string name : {"PCR0", "PCR1", "PCR2", "PCR8"}) {
    EXPECT_EQ(shown.at("pcrs").at(name), built.at(name));
  }
  EXPECT_EQ(shown.at("pcrs").at("PCR16"), json::value(pcr16_));
  EXPECT_EQ(shown.at("certificate").at("pcr8"), built.at("PCR8"));
}

TEST_F(ReleaseCommandTest, VerifyJudgesWhatItIsGiven) {
  const json::object built = measurements(build_signed());
  ASSERT_EQ(create().exit, Exit::ok);
  const std::string pcr8(built.at("PCR8").as_string());
  const auto verify = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"verify", path("manifest"), "--pcr8", pcr8});
    return run_release(more);
  };
  const Outcome good = verify({"--name", "payments", "--minimum-release", "7"});
  EXPECT_EQ(good.exit, Exit::ok) << good.out;
  EXPECT_EQ(good.json().at("valid"), true);
  EXPECT_EQ(verify({"--minimum-release", "8"}).text("reason"), "release_too_old");
  EXPECT_EQ(verify({"--name", "other"}).text("reason"), "name_mismatch");
  EXPECT_EQ(verify({"--pcr", "16=" + std::string(96, 'b')}).text("reason"), "pcr_mismatch");
  EXPECT_EQ(verify({"--at", "2100-01-01T00:00:01Z"}).text("reason"), "manifest_expired");
  const Outcome stranger =
      run_release({"verify", path("manifest"), "--pcr8", std::string(96, '0')});
  EXPECT_EQ(stranger.exit, Exit::negative);
  EXPECT_EQ(stranger.text("reason"), "manifest_untrusted");
  EXPECT_EQ(run_release({"verify", path("manifest"), "--pcr8", "00"}).exit, Exit::usage);
  EXPECT_EQ(run_release({"verify", path("kernel"), "--pcr8", pcr8}).text("reason"),
            "manifest_malformed");
  EXPECT_EQ(run_release({"verify", path("absent"), "--pcr8", pcr8}).exit, Exit::environment);
}

TEST_F(ReleaseCommandTest, RefusesAnImageThatSomeoneElseSigned) {
  ASSERT_EQ(build_signed().exit, Exit::ok);
  write_credentials("cert.pem", "key.pem");
  EXPECT_EQ(create().exit, Exit::negative);
  ASSERT_EQ(build().exit, Exit::ok);  // Unsigned.
  EXPECT_EQ(create().exit, Exit::negative);
  EXPECT_FALSE(std::filesystem::exists(path("manifest")));
}

// A root folder of an enclave "payments" that takes releases of `pcr8` from 3 on.
void write_root(const std::filesystem::path& root, std::string_view pcr8) {
  const std::string toml =
      "[enclave]\nname = \"payments\"\nminimum_release = 3\npcr8 = \"" + std::string(pcr8) + R"("
[nsm]
device = "device:/dev/nsm"
[parent]
control = "vsock:3:9001"
egress = "vsock:3:9002"
[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/aws-ca.pem"
[workload]
socket = "/run/workload/agent.sock"
command = ["/app/workload"]
)";
  std::filesystem::create_directories(root / "etc/cofferdam");
  ASSERT_TRUE(write_file_atomic(root / "etc/cofferdam/agent.toml", as_bytes(toml)));
  ASSERT_TRUE(write_file_atomic(root / "etc/cofferdam/aws-ca.pem", as_bytes("roots")));
}

TEST_F(ReleaseCommandTest, MeasuresTheConfigurationOfARootFolder) {
  const json::object built = measurements(build_signed());
  write_root(path("root"), std::string(built.at("PCR8").as_string()));
  const Outcome created = create({"--image", path("image.eif"), "--config", path("root")});
  ASSERT_EQ(created.exit, Exit::ok) << created.err;
  const std::string before(created.json().at("pcrs").at("PCR16").as_string());
  ASSERT_TRUE(write_file_atomic(path("root/etc/cofferdam/aws-ca.pem"), as_bytes("other roots")));
  const Outcome changed = create({"--image", path("image.eif"), "--config", path("root")});
  EXPECT_NE(changed.json().at("pcrs").at("PCR16"), json::value(before));
}

TEST_F(ReleaseCommandTest, RefusesWhatTheConfiguredEnclaveWouldRefuse) {
  const json::object built = measurements(build_signed());
  write_root(path("root"), std::string(built.at("PCR8").as_string()));
  const std::vector<std::string> from{"--image", path("image.eif"), "--config", path("root")};
  const auto create_with = [&](std::string name, std::string release) {
    return create(from, std::move(name), std::move(release));
  };
  EXPECT_NE(create_with("other", "7").err.find("name_mismatch"), std::string::npos);
  EXPECT_NE(create_with("payments", "2").err.find("release_too_old"), std::string::npos);
  write_root(path("root"), std::string(96, '1'));
  EXPECT_NE(create(from).err.find("pcr_mismatch"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("manifest")));
}

TEST_F(ReleaseCommandTest, TakesTypedRegisters) {
  const std::string value(96, '1');
  EXPECT_EQ(create({"--pcr", "0=" + value, "--pcr", "1=" + value, "--pcr", "2=" + value, "--pcr16",
                    pcr16_})
                .exit,
            Exit::ok);
  EXPECT_EQ(create({"--pcr", "0=" + value, "--pcr16", pcr16_}).exit, Exit::negative);
  EXPECT_EQ(create({"--pcr16", pcr16_}).exit, Exit::usage);
  EXPECT_EQ(create({"--pcr", "0=" + value}).exit, Exit::usage);
}

}  // namespace
}  // namespace cofferdam::cli
