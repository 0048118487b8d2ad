// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "agent/config.h"

// The sections of agent.toml beyond what every enclave needs.
namespace cofferdam::agent {
namespace {

const std::string kHexPcr(96, 'b');
constexpr std::string_view kKey =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

std::string base(std::string_view workload = "") {
  return "[enclave]\nname = \"demo\"\nminimum_release = 3\npcr8 = \"" + kHexPcr +
         "\"\n[nsm]\ndevice = \"unix:/nsm.sock\"\n[parent]\ncontrol = \"unix:/c\"\n"
         "egress = \"unix:/e\"\n[aws]\nregion = \"us-east-1\"\nca_roots = \"/ca.pem\"\n"
         "[workload]\nsocket = \"/run/agent.sock\"\n" +
         std::string(workload) + "[[secret]]\nname = \"root\"\noperation = \"Decrypt\"\nkey = \"" +
         std::string(kKey) + "\"\n";
}

std::string secret(std::string_view operation, std::string_view more) {
  return "[[secret]]\nname = \"more\"\noperation = \"" + std::string(operation) + "\"\n" +
         std::string(more);
}

std::string keyed(std::string_view operation, std::string_view more) {
  return secret(operation, "key = \"" + std::string(kKey) + "\"\n" + std::string(more));
}

void expect_refused(const std::string& toml, std::string_view place) {
  const auto config = parse_config(toml);
  ASSERT_FALSE(config.has_value()) << place;
  EXPECT_EQ(config.error().code, Errc::invalid_input);
  EXPECT_NE(config.error().detail.find(place), std::string::npos) << config.error().detail;
}

Config read(const std::string& toml) {
  auto config = parse_config(toml);
  EXPECT_TRUE(config.has_value()) << config.error().detail;
  return config ? *std::move(config) : Config();
}

TEST(ConfigSectionsTest, ReadsAllFiveOperations) {
  EXPECT_EQ(read(base() + keyed("GenerateDataKey", "")).secrets[1].key_spec, "AES_256");
  EXPECT_EQ(read(base() + keyed("GenerateDataKeyPair", "key_spec = \"ECC_NIST_P256\"\n"))
                .secrets[1]
                .key_spec,
            "ECC_NIST_P256");
  EXPECT_EQ(read(base() + secret("GenerateRandom", "size = 64\n")).secrets[1].random_size, 64u);
  const Config derive = read(base() + keyed("DeriveSharedSecret", "public_key = \"/peer.pem\"\n"));
  EXPECT_EQ(derive.secrets[1].public_key, "/peer.pem");
  EXPECT_EQ(derive.named_files(), (std::vector<std::string>{"/ca.pem", "/peer.pem"}));
}

TEST(ConfigSectionsTest, RefusesParametersThatAnOperationDoesNotTake) {
  expect_refused(base() + keyed("GenerateRandom", ""), "a key nobody knows");
  expect_refused(base() + secret("GenerateRandom", "context = { a = \"b\" }\n"), "nobody knows");
  expect_refused(
      base() + keyed("DeriveSharedSecret", "public_key = \"/p\"\ncontext = { a = \"b\" }\n"),
      "nobody knows");
  expect_refused(base() + keyed("Decrypt", "key_spec = \"AES_256\"\n"), "nobody knows");
  expect_refused(base() + keyed("GenerateDataKeyPair", ""), "key_spec is missing");
  expect_refused(base() + keyed("GenerateDataKeyPair", "key_spec = \"SM2\"\n"), "key_spec");
  expect_refused(base() + secret("GenerateRandom", "size = 1025\n"), "size");
  expect_refused(base() + secret("Encrypt", ""), "operation");
}

TEST(ConfigSectionsTest, ContextsTakeFixedValuesAndEvidence) {
  const Config config = read(base() + keyed("Decrypt",
                                            "context = { app = \"x\", \"cofferdam:pcr8\" = "
                                            "{ evidence = \"pcr8\" } }\n"));
  EXPECT_EQ(config.secrets[1].context.at("app"), "x");
  EXPECT_EQ(config.secrets[1].evidence_context.at("cofferdam:pcr8"), EvidenceValue::pcr8);
  expect_refused(base() + keyed("Decrypt", "context = { a = { evidence = \"pcr4\" } }\n"),
                 "context.a.evidence");
  expect_refused(base() + keyed("Decrypt", "context = { a = { parent = \"x\" } }\n"), "evidence");
}

TEST(ConfigSectionsTest, ReadsHowAWorkloadIsSupervised) {
  const Config config =
      read(base("restart = \"on-failure\"\nmax_restarts = 3\n"
                "stop_grace = \"2s\"\nwatchdog = \"30s\"\nreport_lines = 20\n"));
  EXPECT_EQ(config.workload.restart, RestartPolicy::on_failure);
  EXPECT_EQ(config.workload.max_restarts, 3u);
  EXPECT_EQ(config.workload.stop_grace, std::chrono::seconds(2));
  EXPECT_EQ(config.workload.watchdog, std::chrono::seconds(30));
  EXPECT_EQ(config.workload.report_lines, 20u);
  expect_refused(base("report_lines = 51\n"), "workload.report_lines");
  expect_refused(base("restart = \"sometimes\"\n"), "workload.restart");
  expect_refused(base("watchdog = \"1\"\n"), "workload.watchdog");
  expect_refused(base("stop_grace = \"2h\"\n"), "workload.stop_grace");
}

TEST(ConfigSectionsTest, FilesNameSecretsThatStayTheSame) {
  const Config config =
      read(base() + "[[file]]\nsecret = \"root\"\npath = \"/run/s\"\nuid = 10\nmode = \"0440\"\n");
  EXPECT_EQ(config.files[0].uid, 10u);
  EXPECT_EQ(config.files[0].mode, 0440u);
  const std::string file = "[[file]]\npath = \"/run/s\"\nsecret = ";
  expect_refused(base() + file + "\"other\"\n", "file[0].secret");
  expect_refused(base() + secret("GenerateRandom", "") + file + "\"more\"\n", "new at each");
  expect_refused(base() + file + "\"root\"\nmode = \"4755\"\n", "file[0].mode");
  expect_refused(base() + file + "\"root\"\n" + file + "\"root\"\n", "two files");
}

TEST(ConfigSectionsTest, SealingsNameTheirRoots) {
  const Config config = read(base() + "[[sealing]]\nname = \"s\"\nroots = [\"root\"]\n");
  EXPECT_EQ(config.sealings[0].purpose, "state");
  expect_refused(base() + "[[sealing]]\nname = \"s\"\n", "sealing[0].roots");
  expect_refused(base() + "[[sealing]]\nname = \"s\"\nroots = [\"x\"]\n", "not declared");
}

TEST(ConfigSectionsTest, PolicyFilesAreMeasured) {
  const Config config =
      read(base() + "[policy]\nrego = [\"/a.rego\", \"/b.rego\"]\ndata = \"/d.json\"\n");
  EXPECT_EQ(config.named_files(),
            (std::vector<std::string>{"/ca.pem", "/a.rego", "/b.rego", "/d.json"}));
  expect_refused(base() + "[policy]\n", "policy.rego is missing");
  expect_refused(base() + "[policy]\nrego = [\"a\"]\n", "policy.rego");
}

TEST(ConfigSectionsTest, LocalInterfacesHavePortsOfTheirOwn) {
  const Config config = read(base() + "[serve]\nkms = 8081\nsecrets_agent = 2773\n");
  EXPECT_EQ(config.serve.kms, 8081);
  EXPECT_EQ(config.serve.secrets_agent, 2773);
  EXPECT_FALSE(config.serve.credentials.has_value());
  expect_refused(base() + "[serve]\nkms = 80\ncredentials = 80\n", "one port twice");
  expect_refused(base() + "[serve]\nkms = 65536\n", "serve.kms");
}

std::string channel(std::string_view client) {
  return "[channel]\nlisten = \"vsock:4294967295:9100\"\nforward = \"tcp:127.0.0.1:80\"\n" +
         std::string(client);
}

TEST(ConfigSectionsTest, AChannelNamesItsClientsAndHowEachIsKnown) {
  const std::string client = "[[channel.client]]\nname = \"ops\"\n";
  const std::string enclave = "enclave = { name = \"other\", pcr8 = \"" + kHexPcr +
                              "\", pcrs = { \"0\" = \"" + kHexPcr + "\" } }\n";
  EXPECT_EQ(read(base() + channel(client + "mac_key = \"root\"\n")).channel->clients[0].mac_key,
            "root");
  const Config config = read(base() + channel(client + enclave));
  EXPECT_EQ(config.channel->clients[0].enclave->pcrs.size(), 1u);
  expect_refused(base() + channel(""), "channel.client is missing");
  expect_refused(base() + channel(client), "needs one of");
  expect_refused(base() + channel(client + "mac_key = \"root\"\n" + enclave), "needs one of");
  expect_refused(base() + channel(client + "mac_key = \"nobody\"\n"), "not declared");
  EXPECT_EQ(read(base() + channel(client + "certificate = \"/c.pem\"\n")).named_files().back(),
            "/c.pem");
}

TEST(ConfigSectionsTest, PeersArePinnedByTheirCertificateAtLeast) {
  const std::string peer =
      "[[peer]]\nname = \"vault\"\naddress = \"vault.internal:443\"\n"
      "listen = \"tcp:127.0.0.1:7000\"\n";
  const Config config =
      read(base() + peer + "enclave = { name = \"vault\", pcr8 = \"" + kHexPcr + "\" }\n");
  EXPECT_EQ(config.peers[0].address.host, "vault.internal");
  expect_refused(base() + peer, "peer[0].enclave is missing");
  expect_refused(base() + peer + "enclave = { name = \"vault\" }\n", "enclave.pcr8 is missing");
  expect_refused(
      base() + peer + "enclave = { name = \"vault\", pcr8 = \"" + std::string(96, '0') + "\" }\n",
      "all zero");
}

constexpr std::string_view kIdentity = R"([identity]
broker = "https://broker.example:8443"
audience = "sts.amazonaws.com"
role_arn = "arn:aws:iam::111122223333:role/team/enclave"
)";

std::string identity(std::string_view more = "") {
  return base() + std::string(kIdentity) + std::string(more);
}

TEST(ConfigSectionsTest, ReadsAnIdentityAndItsDefaults) {
  const Config config = read(identity());
  ASSERT_TRUE(config.identity.has_value());
  EXPECT_EQ(config.identity->broker, (net::TcpAddress{"broker.example", 8443}));
  EXPECT_EQ(config.identity->sts, (net::TcpAddress{"sts.us-east-1.amazonaws.com", 443}));
  EXPECT_EQ(config.identity->ca_roots, "/ca.pem");
  EXPECT_EQ(config.identity->session_name, "demo");
  EXPECT_EQ(config.identity->duration, std::chrono::hours(1));
  EXPECT_EQ(config.identity->algorithm, "ES256");
  EXPECT_EQ(config.identity->session_arn(), "arn:aws:sts::111122223333:assumed-role/enclave/demo");
}

TEST(ConfigSectionsTest, ReadsAnIdentityThatSaysEverything) {
  const Config config =
      read(identity("ca_roots = \"/broker.pem\"\nsession_name = \"a@b\"\nduration = \"15m\"\n"
                    "sts_endpoint = \"https://sts.example\"\nalgorithm = \"RS256\"\n"));
  ASSERT_TRUE(config.identity.has_value());
  EXPECT_EQ(config.identity->sts, (net::TcpAddress{"sts.example", 443}));
  EXPECT_EQ(config.identity->session_name, "a@b");
  EXPECT_EQ(config.identity->duration, std::chrono::minutes(15));
  EXPECT_EQ(config.identity->algorithm, "RS256");
  EXPECT_EQ(config.named_files(), (std::vector<std::string>{"/ca.pem", "/broker.pem"}));
}

TEST(ConfigSectionsTest, RefusesAnIdentityThatCannotBe) {
  for (const auto& [more, place] : std::vector<std::pair<std::string, std::string>>{
           {"duration = \"14m\"\n", "identity.duration"},
           {"duration = \"61m\"\n", "identity.duration"},
           {"algorithm = \"none\"\n", "identity.algorithm"},
           {"session_name = \"a\"\n", "identity.session_name"},
           {"session_name = \"a b\"\n", "identity.session_name"},
           {"session_name = \"" + std::string(65, 'a') + "\"\n", "identity.session_name"},
           {"sts_endpoint = \"http://sts.example\"\n", "identity.sts_endpoint"},
           {"sts_endpoint = \"https://sts.example/path\"\n", "identity.sts_endpoint"},
           {"ca_roots = \"ca.pem\"\n", "identity.ca_roots"},
           {"token = \"x\"\n", "nobody knows in [identity]: token"}}) {
    expect_refused(identity(more), place);
  }
}

TEST(ConfigSectionsTest, RefusesAnIdentityWithoutItsParts) {
  const std::string whole = identity();
  for (const char* key : {"broker", "audience", "role_arn"}) {
    std::string without = whole;
    const std::size_t at = without.find(std::string(key) + " = ");
    without.erase(at, without.find('\n', at) + 1 - at);
    expect_refused(without, std::string("identity.") + key);
  }
}

TEST(ConfigSectionsTest, RefusesWhatIsNoRoleOfIam) {
  for (const char* arn :
       {"enclave", "arn:aws:iam::111122223333:user/enclave", "arn:aws:iam::1:role/enclave",
        "arn:aws:iam:us-east-1:111122223333:role/enclave", "arn:aws:sts::111122223333:role/enclave",
        "arn:aws:iam::111122223333:role/", "arn:aws:iam::111122223333:role/a/",
        "arn:aws:iam::111122223333:role/a b", "arn:other:iam::111122223333:role/enclave"}) {
    std::string text = identity();
    const std::string right = "arn:aws:iam::111122223333:role/team/enclave";
    text.replace(text.find(right), right.size(), arn);
    expect_refused(text, "identity.role_arn");
  }
}

}  // namespace
}  // namespace cofferdam::agent
