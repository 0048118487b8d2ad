// SPDX-License-Identifier: Apache-2.0
// Signing with keys of KMS, against the local AWS, over TLS and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/serialize.hpp>
#include <memory>
#include <string>
#include <vector>

#include "aws/sigv4.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "base/time.h"
#include "cli/test_run.h"
#include "cloud/server.h"
#include "eif/test_image.h"
#include "net/http_client.h"
#include "net/testing.h"

namespace cofferdam::cli {
namespace {

using test::Outcome;
using testing::HasSubstr;

Outcome run_eif(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eif");
  return test::run(add_eif, std::move(arguments));
}

class KmsSigningTest : public testing::Test {
 protected:
  KmsSigningTest() {
    cloud::ServerOptions options;
    options.listen.port = 0;
    options.data = folder_.path("cloud");
    loop_.call([&] {
      cloud_ = cloud::CloudServer::start(loop_.executor(), clock_, std::move(options)).value();
    });
    unsetenv("AWS_ENDPOINT_URL");
    setenv("AWS_ENDPOINT_URL_KMS", ready("tlsEndpoint").c_str(), 1);
    setenv("AWS_CA_BUNDLE", ready("ca").c_str(), 1);
    become("credentials");
    folder_.write("image.eif", eif::test::assemble(eif::test::small_parts()));
  }
  ~KmsSigningTest() override {
    EXPECT_TRUE(loop_.run(cloud_->drain()).has_value());
    loop_.call([this] { cloud_.reset(); });
    for (const char* name : {"AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE",
                             "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
      unsetenv(name);
    }
  }

  std::string ready(const char* name) const {
    return std::string(cloud_->ready().at(name).as_string());
  }
  std::string path(std::string_view name) const { return folder_.path(name); }
  Bytes image() const { return read_file(path("image.eif"), 1 << 20).value(); }

  // Puts a principal's access key where the command looks.
  void become(const char* principal) const {
    const std::string text = read_text_file(ready(principal), 1 << 16).value();
    const json::object keys = parse_json(text, 1 << 16).value().as_object();
    const auto set = [&](const char* variable, const char* member) {
      setenv(variable, optional_string(keys, member).value().value_or("").c_str(), 1);
    };
    set("AWS_ACCESS_KEY_ID", "AccessKeyId");
    set("AWS_SECRET_ACCESS_KEY", "SecretAccessKey");
    set("AWS_SESSION_TOKEN", "Token");
  }

  // One operation of KMS, by the principal of the environment.
  json::object kms(std::string_view operation, const json::object& body) const {
    net::HttpClientOptions client;
    client.endpoint = net::parse_endpoint("tcp:" + ready("endpoint").substr(7)).value();
    client.host = ready("endpoint").substr(7);
    net::HttpRequest request{
        .method = "POST", .target = "/", .headers = {}, .body = {}, .peer = {}};
    request.headers = {{"Host", client.host},
                       {"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", "TrentService." + std::string(operation)}};
    request.body = to_bytes(std::string_view(json::serialize(body)));
    const aws::Credentials credentials{
        .access_key_id = getenv("AWS_ACCESS_KEY_ID"),
        .secret_access_key = Secret::copy_of(as_bytes(getenv("AWS_SECRET_ACCESS_KEY"))),
        .session_token = ""};
    EXPECT_TRUE(aws::sign_request(request, credentials, {.region = "us-east-1", .service = "kms"},
                                  clock_.now()));
    const auto response = net::http_send_blocking(client, request).value();
    EXPECT_EQ(response.status, 200U) << as_text(response.body);
    return response.body.empty() ? json::object()
                                 : parse_json(as_text(response.body), 1 << 16).value().as_object();
  }
  std::string create_key(std::string_view spec, std::string_view usage = "SIGN_VERIFY") const {
    const json::object made = kms("CreateKey", {{"KeySpec", spec}, {"KeyUsage", usage}});
    return std::string(made.at("KeyMetadata").at("Arn").as_string());
  }

  Outcome certificate(const std::string& key, const std::string& output = "cert.pem") const {
    return run_eif({"certificate", "--signing-key", key, "--subject", "CN=kms", "--output",
                    path(output), "--force"});
  }
  Outcome sign(const std::string& key, std::vector<std::string> more = {}) const {
    more.insert(more.begin(), {"sign", path("image.eif"), "--signing-cert", path("cert.pem"),
                               "--signing-key", key});
    return run_eif(std::move(more));
  }
  Exit verify() const {
    return run_eif({"verify", path("image.eif"), "--signing-cert", path("cert.pem")}).exit;
  }

  SystemClock clock_;
  TestFolder folder_;
  net::testing::Loop loop_;
  std::unique_ptr<cloud::CloudServer> cloud_;
};

TEST_F(KmsSigningTest, SignsWithKeysOfEveryCurve) {
  for (const std::string_view spec : {"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"}) {
    const std::string key = create_key(spec);
    const Outcome made = certificate(key);
    ASSERT_EQ(made.exit, Exit::ok) << made.err;
    const Outcome signed_image = sign(key);
    EXPECT_EQ(signed_image.exit, Exit::ok) << signed_image.err;
    EXPECT_EQ(signed_image.measurement("PCR8"), made.text("PCR8"));
    EXPECT_EQ(verify(), Exit::ok);
  }
}

TEST_F(KmsSigningTest, TheEndpointMayBePlainOnThisMachine) {
  const std::string key = create_key("ECC_NIST_P384");
  setenv("AWS_CA_BUNDLE", path("absent").c_str(), 1);
  setenv("AWS_ENDPOINT_URL_KMS", "https://127.0.0.1:1", 1);
  EXPECT_EQ(run_eif({"certificate", "--signing-key", key, "--subject", "CN=kms", "--output",
                     path("cert.pem"), "--kms-endpoint", ready("endpoint")})
                .exit,
            Exit::ok);
  unsetenv("AWS_ENDPOINT_URL_KMS");
  setenv("AWS_ENDPOINT_URL", ready("endpoint").c_str(), 1);
  EXPECT_EQ(sign(key).exit, Exit::ok);
  EXPECT_EQ(sign(key, {"--kms-endpoint", "http://kms.us-east-1.amazonaws.com"}).exit,
            Exit::negative);
}

TEST_F(KmsSigningTest, BelievesOnlyTheRootsItIsGiven) {
  const std::string key = create_key("ECC_NIST_P384");
  ASSERT_EQ(certificate(key).exit, Exit::ok);
  const auto other = eif::test::make_credentials(crypto::Curve::p384);
  folder_.write("other.pem", as_bytes(other.certificate));
  const Bytes before = image();
  const Outcome refused = sign(key, {"--ca-bundle", path("other.pem")});
  EXPECT_EQ(refused.exit, Exit::negative);
  EXPECT_THAT(refused.err, HasSubstr("[tls_untrusted]"));
  EXPECT_EQ(image(), before);
}

TEST_F(KmsSigningTest, AFailureLeavesTheImageAsItWas) {
  const std::string key = create_key("ECC_NIST_P384");
  ASSERT_EQ(certificate(key).exit, Exit::ok);
  const Bytes before = image();
  const auto names = folder_.names();
  EXPECT_THAT(sign(create_key("ECC_NIST_P384")).err, HasSubstr("not the signing certificate's"));
  EXPECT_EQ(sign(create_key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")).exit, Exit::negative);
  EXPECT_EQ(sign(key.substr(0, key.size() - 1)).exit, Exit::environment) << "no such key";
  EXPECT_THAT(sign("arn:aws:kms:us-east-1:111122223333:alias/release").err, HasSubstr("alias"));

  become("enclaveCredentials");
  const Outcome denied = sign(key);
  EXPECT_EQ(denied.exit, Exit::negative);
  EXPECT_THAT(denied.err, HasSubstr("AccessDeniedException"));
  become("credentials");
  kms("DisableKey", {{"KeyId", key}});
  const Outcome disabled = sign(key);
  EXPECT_EQ(disabled.exit, Exit::negative);
  EXPECT_THAT(disabled.err, HasSubstr("DisabledException"));
  unsetenv("AWS_ACCESS_KEY_ID");
  setenv("AWS_SHARED_CREDENTIALS_FILE", path("absent").c_str(), 1);
  EXPECT_THAT(sign(key).err, HasSubstr("no AWS credentials"));
  unsetenv("AWS_SHARED_CREDENTIALS_FILE");

  EXPECT_EQ(image(), before);
  EXPECT_EQ(folder_.names(), names);
}

}  // namespace
}  // namespace cofferdam::cli
