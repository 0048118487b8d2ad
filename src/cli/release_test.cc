// SPDX-License-Identifier: Apache-2.0
// Transcripts of `cofferdam release`, and the history that its numbers are kept in.
#include <gtest/gtest.h>

#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/config.h"
#include "attest/release_manifest.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "bytes/cpio.h"
#include "cli/release_history.h"
#include "cli/test_run.h"
#include "crypto/pem.h"
#include "eif/image_files.h"
#include "eif/reader.h"
#include "eif/report.h"
#include "eif/signature.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;

Outcome run_release(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "release");
  return test::run(add_release, std::move(arguments));
}

class ReleaseCommandTest : public testing::Test {
 protected:
  ReleaseCommandTest() {
    folder_.write("kernel", as_bytes("kernel"));
    folder_.write("boot", as_bytes("boot ramdisk"));
    folder_.write("app", as_bytes("application ramdisk"));
    write_credentials("cert.pem", "key.pem");
  }

  std::string path(std::string_view name) const { return folder_.path(name); }

  void write_credentials(std::string_view certificate, std::string_view key) const {
    const auto made = eif::test::make_credentials(crypto::Curve::p384);
    folder_.write(certificate, as_bytes(made.certificate));
    folder_.write(key, made.key.to_pem().reveal());
  }

  // An image of the files in the folder; its measurements as `eif build` prints them.
  json::object build(const std::optional<eif::Signer>& signer = {}) const {
    const auto content = [this](std::string_view name) {
      return read_text_file(path(name), 65536).value();
    };
    const std::string kernel = content("kernel");
    const std::string boot = content("boot");
    const std::string app = content("app");
    const std::vector<eif::test::Part> parts{{eif::SectionType::kernel, kernel},
                                             {eif::SectionType::cmdline, "console=ttyS0"},
                                             {eif::SectionType::metadata, "{}"},
                                             {eif::SectionType::ramdisk, boot},
                                             {eif::SectionType::ramdisk, app}};
    const Bytes bytes = signer ? eif::test::signed_by(*signer, parts) : eif::test::assemble(parts);
    folder_.write("image.eif", bytes);
    return eif::measurements_json(eif::Image::parse(bytes)->measure().value());
  }
  json::object build_signed() const {
    return build(eif::Signer::load(path("cert.pem"), path("key.pem")).value());
  }

  Outcome create(std::vector<std::string> more, std::string name = "payments",
                 std::string release = "7") const {
    std::vector<std::string> arguments{
        "create",           "--name",        std::move(name),        "--release",
        std::move(release), "--not-after",   "2100-01-01T00:00:00Z", "--signing-cert",
        path("cert.pem"),   "--signing-key", path("key.pem")};
    if (std::ranges::find(more, "--output") == more.end()) {
      more.insert(more.end(), {"--output", path("manifest")});
    }
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_release(arguments);
  }
  Outcome create() const { return create({"--image", path("image.eif"), "--pcr16", pcr16_}); }

  // Release `number` with typed registers, and what else is asked.
  Outcome create_number(std::string number, std::vector<std::string> more) const {
    const std::string one(96, '1');
    more.insert(more.end(),
                {"--pcr", "0=" + one, "--pcr", "1=" + one, "--pcr", "2=" + one, "--pcr16", pcr16_});
    return create(std::move(more), "payments", std::move(number));
  }

  std::string pcr16_ = std::string(96, 'a');
  TestFolder folder_;
};

TEST_F(ReleaseCommandTest, StatesTheMeasurementsOfAnImage) {
  const json::object built = build_signed();
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
  const json::object built = build_signed();
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
  build_signed();
  write_credentials("cert.pem", "key.pem");
  EXPECT_EQ(create().exit, Exit::negative);
  build();  // Unsigned.
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
  const json::object built = build_signed();
  write_root(path("root"), std::string(built.at("PCR8").as_string()));
  const Outcome created = create({"--image", path("image.eif"), "--config", path("root")});
  ASSERT_EQ(created.exit, Exit::ok) << created.err;
  const std::string before(created.json().at("pcrs").at("PCR16").as_string());
  ASSERT_TRUE(write_file_atomic(path("root/etc/cofferdam/aws-ca.pem"), as_bytes("other roots")));
  const Outcome changed = create({"--image", path("image.eif"), "--config", path("root")});
  EXPECT_NE(changed.json().at("pcrs").at("PCR16"), json::value(before));
}

TEST_F(ReleaseCommandTest, RefusesWhatTheConfiguredEnclaveWouldRefuse) {
  const json::object built = build_signed();
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

// ---- the configuration inside the image

class ReleaseOfImageTest : public ReleaseCommandTest {
 protected:
  // An image whose second ramdisk holds the configuration, once PCR8 is known.
  void build_with_config() const {
    const Bytes der =
        crypto::pem_decode(read_text_file(path("cert.pem"), 8192).value(), "CERTIFICATE").value();
    write_root(path("root"), to_hex(attest::pcr8_of_certificate(der)));
    pack_root();
    build_signed();
  }

  void pack_root() const {
    const Bytes toml = read_file(path("root/etc/cofferdam/agent.toml"), 65536).value();
    const Bytes roots = read_file(path("root/etc/cofferdam/aws-ca.pem"), 65536).value();
    const std::vector<cpio::Entry> entries{
        {.path = "etc", .mode = cpio::kDirectory | 0755},
        {.path = "etc/cofferdam", .mode = cpio::kDirectory | 0755},
        {.path = "etc/cofferdam/agent.toml", .mode = cpio::kRegularFile | 0644, .content = toml},
        {.path = "etc/cofferdam/aws-ca.pem", .mode = cpio::kRegularFile | 0644, .content = roots}};
    folder_.write("app", cpio::make_cpio(entries).value());
    const std::vector<cpio::Entry> boot{{.path = "dev", .mode = cpio::kDirectory | 0755}};
    folder_.write("boot", cpio::make_cpio(boot).value());
  }
};

TEST_F(ReleaseOfImageTest, TheConfigurationIsTakenFromTheImage) {
  build_with_config();
  const Outcome alone = create({"--image", path("image.eif")});
  ASSERT_EQ(alone.exit, Exit::ok) << alone.err;
  const auto config = agent::load_config(path("root"));
  EXPECT_EQ(alone.json().at("pcrs").at("PCR16").as_string(),
            to_hex(agent::expected_pcr16(config->digest)));
  for (const std::string folder : {"root", "root/etc/cofferdam"}) {
    const Outcome beside = create({"--image", path("image.eif"), "--config", path(folder)});
    EXPECT_EQ(beside.exit, Exit::ok) << beside.err;
    EXPECT_EQ(beside.json().at("pcrs"), alone.json().at("pcrs"));
  }
}

TEST_F(ReleaseOfImageTest, RefusesAConfigurationThatIsNotTheImages) {
  build_with_config();
  ASSERT_TRUE(write_file_atomic(path("root/etc/cofferdam/aws-ca.pem"), as_bytes("other roots")));
  const Outcome other = create({"--image", path("image.eif"), "--config", path("root")});
  EXPECT_EQ(other.exit, Exit::negative);
  EXPECT_NE(other.err.find("not the configuration inside the image"), std::string::npos);
}

TEST_F(ReleaseOfImageTest, SaysWhatToDoWhereTheImageDoesNotTell) {
  build_signed();  // Ramdisks that are no archives.
  const Outcome outcome = create({"--image", path("image.eif")});
  EXPECT_EQ(outcome.exit, Exit::negative);
  EXPECT_NE(outcome.err.find("hint: give --config"), std::string::npos) << outcome.err;
}

TEST_F(ReleaseOfImageTest, VerifyTellsWhetherAManifestIsOfAnImage) {
  build_with_config();
  ASSERT_EQ(create({"--image", path("image.eif")}).exit, Exit::ok);
  const auto verify = [&] {
    return run_release({"verify", path("manifest"), "--image", path("image.eif")});
  };
  const Outcome good = verify();
  EXPECT_EQ(good.exit, Exit::ok) << good.out;
  EXPECT_EQ(good.json().at("compared"), parse_json("[0,1,2,8,16]", 64).value());
  EXPECT_EQ(run_release({"verify", path("manifest"), "--signing-cert", path("cert.pem")}).exit,
            Exit::ok);
  // Another configuration in the image: PCR0 and PCR2 move first.
  ASSERT_TRUE(write_file_atomic(path("root/etc/cofferdam/aws-ca.pem"), as_bytes("other roots")));
  pack_root();
  build_signed();
  EXPECT_EQ(verify().text("reason"), "pcr_mismatch");
  build();
  EXPECT_EQ(verify().text("reason"), "unsigned");
}

TEST_F(ReleaseOfImageTest, APathThroughALinkIsNotFollowedInAnImage) {
  const std::vector<cpio::Entry> entries{
      {.path = "etc", .mode = cpio::kSymlink | 0777, .content = as_bytes("other")},
      {.path = "etc/file", .mode = cpio::kRegularFile | 0644, .content = as_bytes("x")}};
  const Bytes archive = cpio::make_cpio(entries).value();
  std::vector<eif::test::Part> parts = eif::test::small_parts();
  parts[3].data = parts[4].data = as_text(archive);
  const Bytes bytes = eif::test::assemble(parts);
  const eif::Image image = eif::Image::parse(bytes).value();
  EXPECT_EQ(eif::image_file(image, "/etc/file", 100).error().code, Errc::invalid_input);
  EXPECT_EQ(eif::image_file(image, "/etc", 100).error().code, Errc::invalid_input);
  EXPECT_EQ(eif::image_file(image, "/absent", 100).error().code, Errc::not_found);
}

TEST_F(ReleaseOfImageTest, ALaterRamdiskReplacesAFile) {
  const auto archive = [](std::string_view content) {
    const std::vector<cpio::Entry> entries{
        {.path = "file", .mode = cpio::kRegularFile | 0644, .content = as_bytes(content)}};
    return cpio::make_cpio(entries).value();
  };
  const Bytes first = archive("first");
  const Bytes second = archive("second");
  std::vector<eif::test::Part> parts = eif::test::small_parts();
  parts[3].data = as_text(first);
  parts[4].data = as_text(second);
  const Bytes bytes = eif::test::assemble(parts);
  const eif::Image image = eif::Image::parse(bytes).value();
  EXPECT_EQ(as_text(eif::image_file(image, "/file", 6).value()), "second");
  EXPECT_EQ(eif::image_file(image, "/file", 5).error().code, Errc::invalid_input);
}

TEST_F(ReleaseOfImageTest, AFileOfSeveralNamesIsFoundUnderEach) {
  const std::vector<cpio::Entry> entries{
      {.path = "one", .mode = cpio::kRegularFile | 0644, .content = as_bytes("content")},
      {.path = "two", .mode = cpio::kRegularFile | 0644, .hard_link = "one"}};
  const Bytes archive = cpio::make_cpio(entries).value();
  std::vector<eif::test::Part> parts = eif::test::small_parts();
  parts[3].data = parts[4].data = as_text(archive);
  const Bytes bytes = eif::test::assemble(parts);
  const eif::Image image = eif::Image::parse(bytes).value();
  EXPECT_EQ(as_text(eif::image_file(image, "/one", 100).value()), "content");
  EXPECT_EQ(as_text(eif::image_file(image, "/two", 100).value()), "content");
}

// ---- numbers that only grow

TEST_F(ReleaseCommandTest, ThePreviousReleaseMustBeLowerAndOfTheSameNameAndSigner) {
  ASSERT_EQ(create_number("7", {"--output", path("seven")}).exit, Exit::ok);
  const std::vector<std::string> after{"--previous", path("seven")};
  const Outcome same = create_number("7", after);
  EXPECT_EQ(same.exit, Exit::negative);
  EXPECT_NE(same.err.find("release_not_newer"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("manifest")));
  const Outcome next = create_number("next", after);
  ASSERT_EQ(next.exit, Exit::ok) << next.err;
  EXPECT_EQ(next.json().at("release"), 8);
  EXPECT_NE(create({"--image", path("image.eif"), "--pcr16", pcr16_, "--previous", path("seven")},
                   "other", "9")
                .exit,
            Exit::ok);
  write_credentials("cert.pem", "key.pem");
  EXPECT_NE(create_number("9", after).err.find("manifest_untrusted"), std::string::npos);
}

TEST_F(ReleaseCommandTest, NextNeedsSomethingToCountFrom) {
  EXPECT_EQ(create_number("next", {}).exit, Exit::usage);
  EXPECT_EQ(create_number("seven", {}).exit, Exit::usage);
}

TEST_F(ReleaseCommandTest, AHistoryCountsAndKeepsEveryManifest) {
  const std::vector<std::string> into{"--history", path("releases.jsonl")};
  for (int number = 1; number <= 3; ++number) {
    const Outcome made = create_number("next", into);
    ASSERT_EQ(made.exit, Exit::ok) << made.err;
    EXPECT_EQ(made.json().at("release"), number);
  }
  EXPECT_EQ(create_number("3", into).exit, Exit::negative);
  EXPECT_EQ(create_number("10", into).exit, Exit::ok);
  EXPECT_EQ(create_number("next", into).json().at("release"), 11);
  const std::string text = read_text_file(path("releases.jsonl"), 1 << 20).value();
  EXPECT_EQ(std::ranges::count(text, '\n'), 5);
}

TEST_F(ReleaseCommandTest, ANumberStaysTakenWhenItsOutputCannotBeWritten) {
  const std::vector<std::string> lost{"--history", path("releases.jsonl"), "--output",
                                      path("absent/manifest")};
  const Outcome failed = create_number("next", lost);
  EXPECT_EQ(failed.exit, Exit::environment);
  EXPECT_NE(failed.err.find("release 1 is taken"), std::string::npos) << failed.err;
  EXPECT_EQ(create_number("1", {"--history", path("releases.jsonl")}).exit, Exit::negative);
  EXPECT_EQ(create_number("next", {"--history", path("releases.jsonl")}).json().at("release"), 2);
}

TEST_F(ReleaseCommandTest, ARefusedReleaseLeavesNoTraceInTheHistory) {
  EXPECT_EQ(create({"--pcr", "0=" + std::string(96, '1'), "--pcr16", pcr16_, "--history",
                    path("releases.jsonl")})
                .exit,
            Exit::negative);
  EXPECT_FALSE(std::filesystem::exists(path("releases.jsonl")));
}

TEST_F(ReleaseCommandTest, WhatACrashLeavesBesideTheHistoryIsNotRead) {
  const std::vector<std::string> into{"--history", path("releases.jsonl")};
  ASSERT_EQ(create_number("4", into).exit, Exit::ok);
  folder_.write("releases.jsonl.tmp-1-0", as_bytes("{\"name\":\"paym"));  // Cut short.
  EXPECT_EQ(create_number("next", into).json().at("release"), 5);
}

TEST_F(ReleaseCommandTest, ADamagedHistoryIsRefusedByLine) {
  const std::vector<std::string> into{"--history", path("releases.jsonl")};
  ASSERT_EQ(create_number("1", into).exit, Exit::ok);
  ASSERT_EQ(create_number("2", into).exit, Exit::ok);
  const std::string good = read_text_file(path("releases.jsonl"), 1 << 20).value();
  const std::string first = good.substr(0, good.find('\n') + 1);
  const auto refused = [&](const std::string& text) {
    folder_.write("releases.jsonl", as_bytes(text));
    const auto opened = ReleaseHistory::open(path("releases.jsonl"));
    return opened ? std::string() : opened.error().detail;
  };
  EXPECT_EQ(refused(good), "");
  EXPECT_NE(refused(first + first).find("line 2"), std::string::npos);
  EXPECT_NE(refused(good.substr(0, good.size() - 20)).find("line 2"), std::string::npos);
  std::string renumbered = good;
  renumbered.replace(renumbered.find("\"release\":1"), 11, "\"release\":0");
  EXPECT_NE(refused(renumbered).find("line 1"), std::string::npos);
}

TEST_F(ReleaseCommandTest, TwoRunsAtOnceTakeTwoNumbers) {
  ASSERT_EQ(create_number("1", {"--output", path("one")}).exit, Exit::ok);
  const auto credentials = eif::test::make_credentials(crypto::Curve::p256);
  const Bytes der = crypto::pem_decode(credentials.certificate, "CERTIFICATE").value();
  std::mutex mutex;
  std::set<std::uint64_t> taken;
  const auto take = [&] {
    auto history = ReleaseHistory::open(path("shared.jsonl"));
    attest::ReleaseManifest manifest;
    manifest.name = "payments";
    manifest.release = history->latest("payments").value_or(0) + 1;
    for (const std::uint8_t index : std::initializer_list<std::uint8_t>{0, 1, 2, 16})
      manifest.pcrs[index] = Bytes(48, 1);
    const crypto::Sha384 pcr8 = attest::pcr8_of_certificate(der);
    manifest.pcrs[8] = Bytes(pcr8.begin(), pcr8.end());
    const Bytes bytes = attest::sign_release_manifest(manifest, der, credentials.key).value();
    ASSERT_TRUE(history->append(bytes).has_value());
    const std::lock_guard lock(mutex);
    taken.insert(manifest.release);
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back(take);
  }
  EXPECT_EQ(taken.size(), 8U);
  EXPECT_EQ(ReleaseHistory::open(path("shared.jsonl"))->latest("payments"), 8U);
}

TEST_F(ReleaseCommandTest, AnOutputOfAHigherReleaseOrOfSomethingElseStays) {
  ASSERT_EQ(create_number("7", {}).exit, Exit::ok);
  EXPECT_NE(create_number("6", {}).err.find("release_not_newer"), std::string::npos);
  EXPECT_EQ(create_number("8", {}).exit, Exit::ok);
  EXPECT_NE(create_number("9", {"--output", path("kernel")}).err.find("output_in_use"),
            std::string::npos);
  EXPECT_EQ(read_text_file(path("kernel"), 100).value(), "kernel");
}

TEST_F(ReleaseCommandTest, WhatIsMadeIsWhatAnEnclaveAccepts) {
  ASSERT_EQ(create_number("7", {"--history", path("releases.jsonl")}).exit, Exit::ok);
  const Bytes bytes = read_file(path("manifest"), attest::kMaxManifestSize).value();
  const Bytes der =
      crypto::pem_decode(read_text_file(path("cert.pem"), 8192).value(), "CERTIFICATE").value();
  attest::Pcrs document;  // As an attestation document of that enclave states them.
  for (const std::uint8_t index : std::initializer_list<std::uint8_t>{0, 1, 2})
    document[index] = Bytes(48, 0x11);
  const crypto::Sha384 pcr8 = attest::pcr8_of_certificate(der);
  document[8] = Bytes(pcr8.begin(), pcr8.end());
  document[16] = Bytes(48, 0xaa);
  const attest::ManifestExpectations expected{.name = "payments", .minimum_release = 7, .at = {}};
  EXPECT_TRUE(attest::verify_release_manifest(bytes, document, expected).has_value());
}

TEST_F(ReleaseCommandTest, VerifyNeedsToKnowWhomToTrust) {
  ASSERT_EQ(create_number("7", {}).exit, Exit::ok);
  EXPECT_EQ(run_release({"verify", path("manifest")}).exit, Exit::usage);
  EXPECT_EQ(run_release({"show", path("manifest"), "--json"}).exit, Exit::ok);
}

}  // namespace
}  // namespace cofferdam::cli
