// SPDX-License-Identifier: Apache-2.0
#include "crypto/certificate_builder.h"

#include <gtest/gtest.h>

#include "crypto/pem.h"
#include "crypto/test_support.h"

namespace cofferdam::crypto {
namespace {

using std::chrono::days;
using test::Workplace;

constexpr Timestamp kNow{std::chrono::sys_days{std::chrono::March / 1 / 2026}};

CertificateSpec ca_spec() {
  CertificateSpec spec;
  spec.serial = Bytes{0x80, 1};
  spec.issuer = {{"C", "US"}, {"CN", "test root"}};
  spec.subject = spec.issuer;
  spec.not_before = kNow;
  spec.not_after = kNow + days(10);
  spec.is_ca = true;
  spec.path_length = 0;
  spec.key_usage = kKeyCertSign | kCrlSign;
  return spec;
}

CertificateSpec server_spec() {
  CertificateSpec spec;
  spec.serial = Bytes{2};
  spec.issuer = ca_spec().subject;
  spec.subject = {{"CN", "localhost"}};
  spec.not_before = kNow;
  spec.not_after = kNow + days(5);
  spec.key_usage = kDigitalSignature;
  spec.server_auth = true;
  spec.dns_names = {"localhost", "kms.us-east-1.amazonaws.com"};
  spec.ip_addresses = {"127.0.0.1", "::1"};
  return spec;
}

class CertificateBuilderTest : public testing::TestWithParam<Curve> {
 protected:
  void SetUp() override {
    if (!workplace_.run("openssl version")) GTEST_SKIP() << "no openssl command";
    save("ca.pem", build_certificate(ca_spec(), ca_.public_key(), ca_).value());
    save("server.pem", build_certificate(server_spec(), server_.public_key(), ca_).value());
  }

  void save(const std::string& name, ByteView der) const {
    workplace_.save(name, as_bytes(pem_encode("CERTIFICATE", der)));
  }

  std::string text_of(const std::string& name) const {
    EXPECT_TRUE(workplace_.run("openssl x509 -noout -text -in " + name)) << workplace_.output();
    return workplace_.output();
  }

  Workplace workplace_;
  EcPrivateKey ca_ = EcPrivateKey::generate(GetParam()).value();
  EcPrivateKey server_ = EcPrivateKey::generate(Curve::p256).value();
  std::string at_ = std::to_string(
      std::chrono::floor<std::chrono::seconds>(kNow + days(1)).time_since_epoch().count());
};

TEST_P(CertificateBuilderTest, OpensslVerifiesTheChainStrictlyForItsPurposeAndNames) {
  for (const std::string name :
       {"-verify_hostname localhost", "-verify_hostname kms.us-east-1.amazonaws.com",
        "-verify_ip 127.0.0.1", "-verify_ip ::1"}) {
    EXPECT_TRUE(workplace_.run("openssl verify -x509_strict -purpose sslserver -attime " + at_ +
                               " " + name + " -CAfile ca.pem server.pem"))
        << workplace_.output();
  }
  EXPECT_FALSE(workplace_.run("openssl verify -attime " + at_ +
                              " -verify_hostname example.com -CAfile ca.pem server.pem"));
  EXPECT_FALSE(workplace_.run("openssl verify -attime 1 -CAfile ca.pem server.pem"));
}

TEST_P(CertificateBuilderTest, OpensslSeesWhatTheSpecificationSays) {
  const std::string ca = text_of("ca.pem");
  for (const std::string line :
       {"CA:TRUE, pathlen:0", "Key Usage: critical\n                Certificate Sign, CRL Sign",
        "Not Before: Mar  1 00:00:00 2026 GMT", "Not After : Mar 11 00:00:00 2026 GMT",
        "Subject Key Identifier", "Issuer: C = US, CN = test root", "Serial Number: 32769"}) {
    EXPECT_NE(ca.find(line), std::string::npos) << line << "\nnot in\n" << ca;
  }
  EXPECT_EQ(ca.find("Authority Key Identifier"), std::string::npos);
  const std::string server = text_of("server.pem");
  for (const std::string line :
       {"CA:FALSE", "TLS Web Server Authentication", "Authority Key Identifier",
        "DNS:localhost, DNS:kms.us-east-1.amazonaws.com, IP Address:127.0.0.1"}) {
    EXPECT_NE(server.find(line), std::string::npos) << line << "\nnot in\n" << server;
  }
}

TEST_P(CertificateBuilderTest, YearsAfter2049UseTheLongForm) {
  CertificateSpec spec = ca_spec();
  spec.not_after = Timestamp(std::chrono::sys_days{std::chrono::January / 2 / 2050});
  save("late.pem", build_certificate(spec, ca_.public_key(), ca_).value());
  EXPECT_NE(text_of("late.pem").find("Not After : Jan  2 00:00:00 2050 GMT"), std::string::npos);
}

TEST_P(CertificateBuilderTest, RefusesNamesAndAddressesItCannotWrite) {
  CertificateSpec spec = server_spec();
  spec.subject = {{"SERIALNUMBER", "1"}};
  EXPECT_FALSE(build_certificate(spec, server_.public_key(), ca_).has_value());
  spec = server_spec();
  spec.ip_addresses = {"localhost"};
  EXPECT_FALSE(build_certificate(spec, server_.public_key(), ca_).has_value());
}

INSTANTIATE_TEST_SUITE_P(EveryCurve, CertificateBuilderTest,
                         testing::Values(Curve::p256, Curve::p384, Curve::p521));

}  // namespace
}  // namespace cofferdam::crypto
