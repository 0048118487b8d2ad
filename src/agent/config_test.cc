// SPDX-License-Identifier: Apache-2.0
#include "agent/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "base/test_folder.h"
#include "bytes/cbor.h"

namespace cofferdam::agent {
namespace {

const std::string kHexPcr(96, 'a');

std::string good() {
  return R"([enclave]
name = "demo"
minimum_release = 3
pcr8 = ")" +
         kHexPcr + R"("
[nsm]
device = "unix:/run/cofferdam/nsm.sock"
trust_root = "/etc/cofferdam/nsm-root.pem"
[parent]
control = "unix:/run/cofferdam/parent-control.sock"
egress = "vsock:3:9002"
[aws]
region = "us-east-1"
kms_endpoint = "https://127.0.0.1:4566"
ca_roots = "/etc/cofferdam/aws-ca.pem"
[workload]
socket = "/run/workload/agent.sock"
command = ["/app/workload", "--flag"]
[[secret]]
name = "database-password"
operation = "Decrypt"
key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
context = { app = "demo", "cofferdam:purpose" = "database" }
)";
}

// good() with one piece of its text replaced.
std::string with(std::string_view old_text, std::string_view new_text) {
  std::string out = good();
  const std::size_t at = out.find(old_text);
  EXPECT_NE(at, std::string::npos) << old_text;
  return out.replace(at, old_text.size(), new_text);
}

void expect_refused(const std::string& toml, std::string_view place) {
  const auto config = parse_config(toml);
  ASSERT_FALSE(config.has_value()) << place;
  EXPECT_EQ(config.error().code, Errc::invalid_input);
  EXPECT_NE(config.error().detail.find(place), std::string::npos) << config.error().detail;
}

TEST(ConfigTest, ReadsEveryField) {
  const auto config = parse_config(good());
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  EXPECT_EQ(config->name, "demo");
  EXPECT_EQ(config->minimum_release, 3u);
  EXPECT_EQ(to_hex(config->pcr8), kHexPcr);
  EXPECT_FALSE(config->pcr1.has_value());
  EXPECT_EQ(config->nsm_device, "unix:/run/cofferdam/nsm.sock");
  EXPECT_EQ(config->trust_root, "/etc/cofferdam/nsm-root.pem");
  EXPECT_EQ(net::to_string(config->egress), "vsock:3:9002");
  EXPECT_EQ(config->kms_host, "127.0.0.1");
  EXPECT_EQ(config->kms_port, 4566);
  EXPECT_EQ(config->command, (std::vector<std::string>{"/app/workload", "--flag"}));
  const SecretSpec* secret = config->find_secret("database-password");
  ASSERT_NE(secret, nullptr);
  EXPECT_EQ(secret->operation, Operation::decrypt);
  EXPECT_EQ(secret->context.at("cofferdam:purpose"), "database");
  EXPECT_EQ(config->find_secret("other"), nullptr);
}

TEST(ConfigTest, ExpectsTheHeartbeatOfNitroWhereTheParentIsReachedOverVsock) {
  EXPECT_FALSE(parse_config(good())->heartbeat.has_value());
  const std::string unix_control = "\"unix:/run/cofferdam/parent-control.sock\"";
  const auto nitro = parse_config(with(unix_control, "\"vsock:3:9001\""));
  ASSERT_TRUE(nitro.has_value() && nitro->heartbeat.has_value());
  EXPECT_EQ(net::to_string(*nitro->heartbeat), "vsock:3:9000");
  const auto named =
      parse_config(with("[aws]", "heartbeat = \"unix:/run/cofferdam/heartbeat.sock\"\n[aws]"));
  ASSERT_TRUE(named.has_value() && named->heartbeat.has_value());
  EXPECT_EQ(net::to_string(*named->heartbeat), "unix:/run/cofferdam/heartbeat.sock");
  expect_refused(with("[aws]", "heartbeat = \"yes\"\n[aws]"), "parent.heartbeat");
}

TEST(ConfigTest, TheCommandMayBeLeftToTheImage) {
  const auto config = parse_config(with("command = [\"/app/workload\", \"--flag\"]\n", ""));
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  EXPECT_TRUE(config->command.empty());
  expect_refused(with("[\"/app/workload\", \"--flag\"]", "[]"), "workload.command is empty");
}

TEST(ConfigTest, NamesTheEndpointOfTheRegionWhereNoneIsGiven) {
  const auto config = parse_config(with("kms_endpoint = \"https://127.0.0.1:4566\"\n", ""));
  ASSERT_TRUE(config.has_value()) << config.error().detail;
  EXPECT_EQ(config->kms_host, "kms.us-east-1.amazonaws.com");
  EXPECT_EQ(config->kms_port, 443);
}

TEST(ConfigTest, RefusesKeysNobodyKnows) {
  expect_refused("surprise = 1\n" + good(), "surprise");
  expect_refused(with("[nsm]", "[nsm]\ndebug = true"), "debug");
  expect_refused(with("operation =", "alias = \"x\"\noperation ="), "alias");
}

TEST(ConfigTest, RefusesTextThatIsNotToml) {
  for (const char* bad : {"[!]", "!", "[", "[[", "[[!]]", "a.!", "a = {!}", "a = {b.! = 1}", "=",
                          "a =", "a = [", "'", "[a]]"}) {
    expect_refused(bad, "not TOML");
  }
}

TEST(ConfigTest, RefusesWhatAReviewerCannotSee) {
  expect_refused(with("\"demo\"", "\"d\u0435mo\""), "ASCII");  // A Cyrillic letter.
  expect_refused("# \u202e\n" + good(), "ASCII");              // Right to left.
  expect_refused(std::string("# \0\n", 4) + good(), "ASCII");
  const auto escaped = parse_config(with("app = \"demo\"", "app = \"d\\u00e9mo\""));
  ASSERT_TRUE(escaped.has_value()) << escaped.error().detail;
  EXPECT_EQ(escaped->secrets[0].context.at("app"), "d\u00e9mo");
}

TEST(ConfigTest, RefusesRepeatedKeysAndTables) {
  expect_refused(with("name = \"demo\"", "name = \"demo\"\nname = \"demo\""), "not TOML");
  expect_refused(good() + "[nsm]\ndevice = \"device:/dev/nsm\"\n", "not TOML");
}

TEST(ConfigTest, RefusesTwoSecretsOfOneName) {
  const std::string text = good();
  expect_refused(text + text.substr(text.find("[[secret]]")), "two secrets");
}

TEST(ConfigTest, RefusesEachMissingTable) {
  for (const char* table : {"[nsm]", "[parent]", "[aws]", "[workload]"}) {
    // The keys then belong to the table before, where nobody knows them.
    EXPECT_FALSE(parse_config(with(table, "")).has_value()) << table;
  }
  expect_refused("", "enclave is missing");
}

TEST(ConfigTest, RefusesWrongTypes) {
  expect_refused(with("minimum_release = 3", "minimum_release = \"3\""), "not an integer");
  expect_refused(with("minimum_release = 3", "minimum_release = 3.0"), "not an integer");
  expect_refused(with("name = \"demo\"", "name = 7"), "not a string");
  expect_refused(with("[\"/app/workload\", \"--flag\"]", "\"/app/workload\""), "not an array");
  expect_refused(with("\"--flag\"", "7"), "not a string");
  expect_refused(with("app = \"demo\"", "app = 7"), "not a string");
}

TEST(ConfigTest, RefusesValuesOutOfRange) {
  expect_refused(with("minimum_release = 3", "minimum_release = -1"), "negative");
  expect_refused(with(kHexPcr, kHexPcr.substr(1)), "96 hex digits");
  expect_refused(with(kHexPcr, std::string(96, '0')), "all zero");
  expect_refused(with("name = \"demo\"", "name = \"De mo\""), "enclave.name");
  expect_refused(with("unix:/run/cofferdam/nsm.sock", "tcp:host:1"), "nsm.device");
  expect_refused(with("vsock:3:9002", "http://x"), "parent.egress");
  expect_refused(with("/etc/cofferdam/nsm-root.pem", "/etc/../nsm-root.pem"), "nsm.trust_root");
  expect_refused(with("/etc/cofferdam/aws-ca.pem", "etc/aws-ca.pem"), "aws.ca_roots");
  expect_refused(with("https://127.0.0.1:4566", "http://127.0.0.1:4566"), "https");
  expect_refused(with("https://127.0.0.1:4566", "https://127.0.0.1:4566/"), "port");
  expect_refused(with("https://127.0.0.1:4566", "https://127.0.0.1:0"), "port");
  expect_refused(with("https://127.0.0.1:4566", "https://user@host"), "https");
  expect_refused(with("\"/app/workload\"", "\"workload\""), "absolute");
  expect_refused(with("operation = \"Decrypt\"", "operation = \"Encrypt\""), "operation");
  expect_refused(with("app = \"demo\"", "app = \"\""), "context");
  expect_refused(with("/run/workload/agent.sock", "/" + std::string(120, 'x')), "too long");
}

TEST(ConfigTest, RefusesWhateverIsNotAFullKeyArn) {
  const std::string arn =
      "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
  for (const char* bad :
       {"alias/demo", "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-east-1:111122223333:alias/demo",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms:us-east-1:11112222333:key/1234", "arn:aws:kms:us-east-1:111122223333:key/",
        "arn:aws:s3:us-east-1:111122223333:key/1234", "arn:aws:kms:us-east-1:111122223333:key/a:b",
        "arn:aws:kms:us-east-1:111122223333:key/1234*"}) {
    expect_refused(with(arn, bad), "secret[0].key");
  }
}

TEST(ConfigTest, RefusesOversizedInput) {
  expect_refused(std::string(70'000, '#'), "larger");
  std::string many = good();
  const std::string one = many.substr(many.find("[[secret]]"));
  for (int i = 0; i < 64; ++i) many += one;
  EXPECT_FALSE(parse_config(many).has_value());
}

TEST(ConfigTest, EveryTruncationIsRefusedOrStillAWholeConfiguration) {
  const std::string text = good();
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    const auto config = parse_config(std::string_view(text).substr(0, size));
    // Cut between lines after the last mandatory table, the rest may be complete.
    if (config) EXPECT_GT(size, text.find("/run/workload")) << size;
  }
}

class LoadConfigTest : public testing::Test {
 protected:
  LoadConfigTest() {
    std::filesystem::create_directories(root_ / "etc/cofferdam");
    write("agent.toml", good());
    write("nsm-root.pem", "root");
    write("aws-ca.pem", "ca");
  }

  void write(const std::string& name, const std::string& text) {
    std::ofstream(root_ / "etc/cofferdam" / name) << text;
  }

  TestFolder root_;
};

TEST_F(LoadConfigTest, MeasuresEachNamedFile) {
  const auto before = load_config(root_.path());
  ASSERT_TRUE(before.has_value()) << before.error().detail;
  EXPECT_EQ(before->files.size(), 3u);
  EXPECT_EQ(before->text_of("/etc/cofferdam/aws-ca.pem"), "ca");
  for (const char* name : {"agent.toml", "nsm-root.pem", "aws-ca.pem"}) {
    const std::string path = std::string("/etc/cofferdam/") + name;
    write(name, std::string(before->text_of(path)) + "\n");
    const auto after = load_config(root_.path());
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_NE(after->digest, before->digest) << name;
    write(name, std::string(before->text_of(path)));
  }
  EXPECT_EQ(load_config(root_.path())->digest, before->digest);
}

TEST_F(LoadConfigTest, IgnoresFilesNobodyNames) {
  const auto before = load_config(root_.path());
  write("other", "x");
  EXPECT_EQ(load_config(root_.path())->digest, before->digest);
}

TEST_F(LoadConfigTest, RefusesAMissingFile) {
  std::filesystem::remove(root_ / "etc/cofferdam/aws-ca.pem");
  EXPECT_EQ(load_config(root_.path()).error().code, Errc::not_found);
}

TEST_F(LoadConfigTest, RefusesSymbolicLinksInEveryComponent) {
  std::filesystem::rename(root_ / "etc/cofferdam/aws-ca.pem", root_ / "ca");
  std::filesystem::create_symlink("../../ca", root_ / "etc/cofferdam/aws-ca.pem");
  EXPECT_EQ(load_config(root_.path()).error().code, Errc::invalid_input);

  std::filesystem::rename(root_ / "etc", root_ / "elsewhere");
  std::filesystem::create_symlink("elsewhere", root_ / "etc");
  EXPECT_EQ(load_config(root_.path()).error().code, Errc::invalid_input);
}

TEST_F(LoadConfigTest, MeasuresTheProcessWithTheImageAndNotWithTheConfiguration) {
  const auto before = load_config(root_.path());
  write("process.json", "{}");
  EXPECT_EQ(load_config(root_.path())->digest, before->digest);
}

TEST_F(LoadConfigTest, StartsTheConfiguredCommandWhereTheImageSaysNothing) {
  const Config config = parse_config(good()).value();
  const auto spec = load_process_spec(root_.path(), config);
  ASSERT_TRUE(spec.has_value()) << spec.error().detail;
  ProcessSpec expected;
  expected.args = config.command;
  expected.uid = geteuid();
  expected.gid = getegid();
  EXPECT_EQ(*spec, expected);
}

TEST_F(LoadConfigTest, StartsTheImagesOwnCommandUnlessTheConfigurationNamesOne) {
  write("process.json", R"({"root":"/rootfs","args":["server"],"user":{"uid":7}})");
  Config config = parse_config(good()).value();
  EXPECT_EQ(load_process_spec(root_.path(), config)->args, config.command);
  EXPECT_EQ(load_process_spec(root_.path(), config)->uid, 7U);
  config.command.clear();
  EXPECT_EQ(load_process_spec(root_.path(), config)->args, std::vector<std::string>{"server"});
}

TEST_F(LoadConfigTest, RefusesAnImageThatSaysNowhereWhatToStart) {
  Config config = parse_config(good()).value();
  config.command.clear();
  for (const char* text : {"", R"({"root":"/rootfs"})"}) {
    if (*text != '\0') write("process.json", text);
    const auto spec = load_process_spec(root_.path(), config);
    ASSERT_FALSE(spec.has_value());
    EXPECT_EQ(spec.error().code, Errc::invalid_input);
    EXPECT_NE(spec.error().detail.find("[workload] command"), std::string::npos);
  }
  write("process.json", "{");
  EXPECT_EQ(load_process_spec(root_.path(), config).error().code, Errc::invalid_input);
}

TEST(ConfigDigestTest, IsTheDocumentedEncoding) {
  // Shorter paths come first, whatever their letters: deterministic CBOR.
  const std::map<std::string, Bytes> files{{"/a/long/path", {1}}, {"/z", {2, 3}}};
  cbor::Writer out;
  out.array(2).text("cofferdam/config/v1").map(2);
  out.text("/z").bytes(Bytes{2, 3}).text("/a/long/path").bytes(Bytes{1});
  EXPECT_EQ(config_digest(files), crypto::sha384(out.view()));
}

TEST(ConfigDigestTest, IsTheExampleOfTheDocumentation) {
  const Bytes bytes = from_hex("8273636f6666657264616d2f636f6e6669672f7631a1622f7a420203").value();
  EXPECT_EQ(config_digest({{"/z", {2, 3}}}), crypto::sha384(bytes));
}

TEST(ConfigDigestTest, Pcr16IsOneExtensionOfTheZeroRegister) {
  const crypto::Sha384 digest = crypto::sha384(as_bytes("x"));
  Bytes input(48, 0);
  input.insert(input.end(), digest.begin(), digest.end());
  EXPECT_EQ(expected_pcr16(digest), crypto::sha384(input));
}

}  // namespace
}  // namespace cofferdam::agent
