// SPDX-License-Identifier: Apache-2.0
// Transcripts of signing with every kind of key: `cofferdam eif sign`, `sign-request` and
// `certificate`.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/test_folder.h"
#include "cli/pin.h"
#include "cli/test_run.h"
#include "crypto/test_token.h"
#include "eif/reader.h"
#include "eif/test_image.h"

namespace cofferdam::cli {
namespace {

using crypto::Curve;
using crypto::test::TestToken;
using test::Outcome;
using testing::HasSubstr;

Outcome run_eif(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eif");
  return test::run(add_eif, std::move(arguments));
}

class SigningTest : public testing::Test {
 protected:
  SigningTest() {
    folder_.write("image.eif", eif::test::assemble(eif::test::small_parts()));
    write_credentials("cert.pem", "key.pem");
  }

  std::string path(std::string_view name) const { return folder_.path(name); }
  Bytes bytes(std::string_view name) const { return read_file(path(name), 1 << 20).value(); }

  crypto::EcPrivateKey write_credentials(std::string_view certificate, std::string_view key,
                                         Curve curve = Curve::p384,
                                         std::string_view not_after = "2100-01-01T00:00:00Z") {
    auto made = eif::test::make_credentials(curve, not_after);
    folder_.write(certificate, as_bytes(made.certificate));
    folder_.write(key, made.key.to_pem().reveal());
    return std::move(made.key);
  }

  Outcome sign(std::vector<std::string> more) const {
    more.insert(more.begin(), {"sign", path("image.eif")});
    return run_eif(std::move(more));
  }
  Outcome sign_with(const std::string& certificate, const std::string& key) const {
    return sign({"--signing-cert", path(certificate), "--signing-key", path(key)});
  }
  Outcome verify(const std::string& certificate) const {
    return run_eif({"verify", path("image.eif"), "--signing-cert", path(certificate)});
  }
  std::string pcr0() const { return run_eif({"describe", path("image.eif")}).measurement("PCR0"); }

  TestFolder folder_;
};

// Everything of an image that a signature must not touch.
Bytes without_signature(Bytes image) {
  const eif::Image parsed = eif::Image::parse(image).value();
  eif::Header header = parsed.header();
  Bytes out;
  for (std::size_t i = 0; i < parsed.sections().size(); ++i) {
    const eif::Section& section = parsed.sections()[i];
    if (section.type != eif::SectionType::signature) {
      const std::size_t size = eif::kSectionHeaderSize + section.data.size();
      const ByteView whole = parsed.bytes().subspan(section.offset, size);
      out.insert(out.end(), whole.begin(), whole.end());
      continue;
    }
    header.offsets[i] = header.sizes[i] = 0;
    --header.section_count;
  }
  header.crc = 0;
  const Bytes head = header.encode();
  out.insert(out.begin(), head.begin(), head.end());
  return out;
}

TEST_F(SigningTest, KeepsEveryByteThatIsNotTheSignature) {
  const Bytes before = without_signature(bytes("image.eif"));
  ASSERT_EQ(sign_with("cert.pem", "key.pem").exit, Exit::ok);
  const Bytes first = bytes("image.eif");
  EXPECT_EQ(without_signature(first), before);
  write_credentials("long.pem", "long-key.pem", Curve::p521);
  ASSERT_EQ(sign_with("long.pem", "long-key.pem").exit, Exit::ok);
  EXPECT_EQ(without_signature(bytes("image.eif")), before);
  EXPECT_NE(bytes("image.eif"), first);
  EXPECT_EQ(verify("long.pem").exit, Exit::ok);
}

TEST_F(SigningTest, AFailureLeavesTheImageAsItWas) {
  const Bytes before = bytes("image.eif");
  const auto names = folder_.names();
  write_credentials("other.pem", "other-key.pem");
  folder_.write("no-key.pem", as_bytes("no key"));
  const auto names_now = folder_.names();
  EXPECT_NE(names, names_now);
  EXPECT_EQ(sign_with("cert.pem", "other-key.pem").exit, Exit::negative);
  EXPECT_EQ(sign_with("cert.pem", "no-key.pem").exit, Exit::negative);
  EXPECT_EQ(sign_with("no-key.pem", "key.pem").exit, Exit::negative);
  EXPECT_EQ(sign_with("cert.pem", "absent.pem").exit, Exit::environment);
  EXPECT_EQ(sign({"--signing-cert", path("cert.pem"), "--signing-key", "pkcs11:object=key",
                  "--pkcs11-module", path("absent.so")})
                .exit,
            Exit::environment);
  EXPECT_EQ(sign({"--signing-cert", path("cert.pem")}).exit, Exit::usage);
  EXPECT_EQ(sign({"--signing-key", path("key.pem")}).exit, Exit::usage);
  EXPECT_EQ(sign({}).exit, Exit::usage);
  EXPECT_EQ(bytes("image.eif"), before);
  EXPECT_EQ(folder_.names(), names_now);
}

TEST_F(SigningTest, AnExpiredCertificateIsAWarning) {
  write_credentials("old.pem", "old-key.pem", Curve::p384, "2021-01-01T00:00:00Z");
  const Outcome outcome = sign_with("old.pem", "old-key.pem");
  EXPECT_EQ(outcome.exit, Exit::ok);
  EXPECT_THAT(outcome.err, HasSubstr("warning: the signing certificate expired"));
  EXPECT_EQ(verify("old.pem").text("reason"), "expired");
  const Outcome request =
      sign({"--signing-cert", path("old.pem"), "--emit-request", path("request")});
  EXPECT_EQ(request.exit, Exit::ok);
  EXPECT_THAT(request.err, HasSubstr("warning: the signing certificate expired"));
  EXPECT_EQ(sign_with("cert.pem", "key.pem").err, "");
}

// ---- Tokens

class TokenSigningTest : public SigningTest {
 protected:
  void SetUp() override {
    if (!TestToken::available()) GTEST_SKIP() << "softhsm2 is not installed";
    token_.import(write_credentials("cert.pem", "key.pem", Curve::p521), "image key", "01");
    folder_.write("pin", as_bytes(std::string(TestToken::kPin) + "\n"));
  }

  Outcome sign_with_token(const std::string& uri, std::vector<std::string> more) const {
    more.insert(more.end(), {"--signing-cert", path("cert.pem"), "--signing-key", uri,
                             "--pkcs11-module", TestToken::module()});
    return sign(std::move(more));
  }

  TestToken token_;
};

TEST_F(TokenSigningTest, TakesThePinFromAFile) {
  EXPECT_EQ(sign_with_token("pkcs11:object=image%20key", {"--pin-file", path("pin")}).exit,
            Exit::ok);
  EXPECT_EQ(verify("cert.pem").exit, Exit::ok);
  const Outcome outcome = sign({"--signing-cert", path("cert.pem"), "--signing-key",
                                "pkcs11:id=%01?module-path=" + TestToken::module().string() +
                                    "&pin-source=file:" + path("pin")});
  EXPECT_EQ(outcome.exit, Exit::ok) << outcome.err;
}

TEST_F(TokenSigningTest, AFailureLeavesTheImageAsItWas) {
  const Bytes before = bytes("image.eif");
  folder_.write("wrong-pin", as_bytes("999999"));
  token_.import(crypto::EcPrivateKey::generate(Curve::p521).value(), "other", "02");
  const Outcome wrong = sign_with_token("pkcs11:id=%01", {"--pin-file", path("wrong-pin")});
  EXPECT_EQ(wrong.exit, Exit::negative);
  EXPECT_THAT(wrong.err, HasSubstr("the PIN is wrong"));
  EXPECT_EQ(sign_with_token("pkcs11:id=%02", {"--pin-file", path("pin")}).exit, Exit::negative)
      << "not the certificate's key";
  EXPECT_EQ(sign_with_token("pkcs11:id=%03", {"--pin-file", path("pin")}).exit, Exit::environment);
  EXPECT_EQ(sign_with_token("pkcs11:id=%01", {"--pin-file", path("absent")}).exit,
            Exit::environment);
  EXPECT_EQ(sign_with_token("pkcs11:id=%0", {"--pin-file", path("pin")}).exit, Exit::negative);
  std::filesystem::remove_all(token_.workplace().path("tokens"));
  EXPECT_NE(sign_with_token("pkcs11:id=%01", {"--pin-file", path("pin")}).exit, Exit::ok);
  EXPECT_EQ(bytes("image.eif"), before);
}

TEST_F(TokenSigningTest, MakesTheCertificateOfAKeyInAToken) {
  const Outcome made = run_eif({"certificate", "--signing-key", "pkcs11:id=%01", "--pkcs11-module",
                                TestToken::module(), "--pin-file", path("pin"), "--subject",
                                "CN=token", "--output", path("token.pem")});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  folder_.write("cert.pem", bytes("token.pem"));
  EXPECT_EQ(sign_with_token("pkcs11:id=%01", {"--pin-file", path("pin")}).exit, Exit::ok);
  EXPECT_EQ(verify("token.pem").exit, Exit::ok);
}

// ---- Two steps

TEST_F(SigningTest, OpensslSignsARequestOnAnotherMachine) {
  const crypto::test::Workplace offline;
  if (!offline.run("openssl version")) GTEST_SKIP() << "no openssl command";
  const std::vector<std::pair<Curve, std::string>> cases{
      {Curve::p256, "sha256"}, {Curve::p384, "sha384"}, {Curve::p521, "sha512"}};
  for (const auto& [curve, hash] : cases) {
    write_credentials("cert.pem", "key.pem", curve);
    const Outcome emitted = sign({"--signing-cert", path("cert.pem"), "--emit-request",
                                  path("request.json"), "--emit-bytes", path("image.tbs")});
    ASSERT_EQ(emitted.exit, Exit::ok) << emitted.err;
    EXPECT_EQ(emitted.text("Hash"), hash);
    offline.save("key.pem", bytes("key.pem"));
    offline.save("image.tbs", bytes("image.tbs"));
    ASSERT_TRUE(
        offline.run("openssl dgst -" + hash + " -sign key.pem -out signature.der image.tbs"))
        << offline.output();
    folder_.write("signature.der", offline.load("signature.der"));
    const Outcome attached =
        sign({"--signing-cert", path("cert.pem"), "--attach-signature", path("signature.der")});
    EXPECT_EQ(attached.exit, Exit::ok) << attached.err;
    EXPECT_EQ(verify("cert.pem").exit, Exit::ok);
  }
}

TEST_F(SigningTest, CofferdamSignsARequestOnAnotherMachine) {
  ASSERT_EQ(sign({"--signing-cert", path("cert.pem"), "--emit-request", path("request")}).exit,
            Exit::ok);
  const Outcome made = run_eif({"sign-request", path("request"), "--pcr", "0=" + pcr0(),
                                "--signing-key", path("key.pem"), "--output", path("signature")});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  EXPECT_EQ(made.measurement("PCR0"), pcr0());
  const Bytes before = without_signature(bytes("image.eif"));
  EXPECT_EQ(
      sign({"--signing-cert", path("cert.pem"), "--attach-signature", path("signature")}).exit,
      Exit::ok);
  EXPECT_EQ(verify("cert.pem").exit, Exit::ok);
  EXPECT_EQ(without_signature(bytes("image.eif")), before);
}

TEST_F(SigningTest, ASignedImageBringsItsCertificate) {
  EXPECT_THAT(sign({"--emit-request", path("request")}).err, HasSubstr("[unsigned]"));
  ASSERT_EQ(sign_with("cert.pem", "key.pem").exit, Exit::ok);
  ASSERT_EQ(sign({"--emit-request", path("request")}).exit, Exit::ok);
  ASSERT_EQ(run_eif({"sign-request", path("request"), "--pcr", "0=" + pcr0(), "--signing-key",
                     path("key.pem"), "--output", path("signature")})
                .exit,
            Exit::ok);
  EXPECT_EQ(sign({"--attach-signature", path("signature")}).exit, Exit::ok);
  EXPECT_EQ(verify("cert.pem").exit, Exit::ok);
}

TEST_F(SigningTest, SignRequestSignsOnlyWhatIsExpected) {
  ASSERT_EQ(sign({"--signing-cert", path("cert.pem"), "--emit-request", path("request")}).exit,
            Exit::ok);
  write_credentials("other.pem", "other-key.pem");
  const std::string zeros(96, '0');
  const auto refused = [&](const std::string& key, const std::vector<std::string>& pcrs) {
    std::vector<std::string> arguments{"sign-request", path("request"), "--signing-key",
                                       path(key),      "--output",      path("signature")};
    for (const std::string& pcr : pcrs) arguments.insert(arguments.end(), {"--pcr", pcr});
    const Outcome outcome = run_eif(arguments);
    return outcome.exit != Exit::ok && !std::filesystem::exists(path("signature"));
  };
  EXPECT_TRUE(refused("key.pem", {"0=" + zeros}));
  EXPECT_TRUE(refused("key.pem", {"0=" + pcr0(), "1=" + zeros}));
  EXPECT_TRUE(refused("key.pem", {"0=" + pcr0(), "8=" + zeros}));
  EXPECT_TRUE(refused("key.pem", {"0=00"}));
  EXPECT_TRUE(refused("other-key.pem", {"0=" + pcr0()}));
  if (isatty(STDIN_FILENO) == 0) EXPECT_TRUE(refused("key.pem", {}));
  folder_.write("request", as_bytes("{}"));
  EXPECT_TRUE(refused("key.pem", {"0=" + zeros}));
}

TEST_F(SigningTest, RefusesToAttachWhatIsNotForThisImageAndKey) {
  ASSERT_EQ(sign({"--signing-cert", path("cert.pem"), "--emit-request", path("request")}).exit,
            Exit::ok);
  ASSERT_EQ(run_eif({"sign-request", path("request"), "--pcr", "0=" + pcr0(), "--signing-key",
                     path("key.pem"), "--output", path("signature")})
                .exit,
            Exit::ok);
  const Outcome other_key = [&] {
    write_credentials("other.pem", "other-key.pem");
    return sign({"--signing-cert", path("other.pem"), "--attach-signature", path("signature")});
  }();
  EXPECT_THAT(other_key.err, HasSubstr("[bad_signature]"));
  auto parts = eif::test::small_parts();
  parts.back().data = "another ramdisk";
  folder_.write("image.eif", eif::test::assemble(parts));
  const Bytes before = bytes("image.eif");
  const Outcome other_image =
      sign({"--signing-cert", path("cert.pem"), "--attach-signature", path("signature")});
  EXPECT_EQ(other_image.exit, Exit::negative);
  EXPECT_THAT(other_image.err, HasSubstr("another image"));
  EXPECT_EQ(bytes("image.eif"), before);
  EXPECT_EQ(sign({"--attach-signature", path("signature"), "--emit-request", path("r")}).exit,
            Exit::usage);
  EXPECT_EQ(sign({"--attach-signature", path("signature"), "--signing-key", path("key.pem")}).exit,
            Exit::usage);
}

// ---- Certificates

TEST_F(SigningTest, CertificateIsForTheKeyAndSaysWhatItWasTold) {
  const Outcome made = run_eif({"certificate", "--signing-key", path("key.pem"), "--subject",
                                "CN=payments,O=Example\\, Inc.,C=DE", "--not-after",
                                "2099-12-31T23:59:59Z", "--output", path("made.pem")});
  ASSERT_EQ(made.exit, Exit::ok) << made.err;
  EXPECT_EQ(made.text("notAfter"), "2099-12-31T23:59:59Z");
  EXPECT_EQ(run_eif({"pcr", "--signing-cert", path("made.pem")}).text("PCR8"), made.text("PCR8"));
  const auto certificate =
      eif::SigningCertificate::from_pem(as_text(bytes("made.pem"))).value().view;
  const std::vector<std::pair<std::string, std::string>> subject{
      {"commonName", "payments"}, {"organizationName", "Example, Inc."}, {"countryName", "DE"}};
  EXPECT_EQ(certificate.subject, subject);
  ASSERT_EQ(sign_with("made.pem", "key.pem").exit, Exit::ok);
  EXPECT_EQ(verify("made.pem").exit, Exit::ok);

  const crypto::test::Workplace workplace;
  workplace.save("made.pem", bytes("made.pem"));
  if (!workplace.run("openssl version")) GTEST_SKIP() << "no openssl command";
  EXPECT_TRUE(workplace.run("openssl verify -check_ss_sig -CAfile made.pem made.pem"))
      << workplace.output();
}

TEST_F(SigningTest, CertificateReplacesNothingUnasked) {
  const auto make = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"certificate", "--signing-key", path("key.pem"), "--subject", "CN=a",
                               "--output", path("cert.pem")});
    return run_eif(std::move(more)).exit;
  };
  const Bytes before = bytes("cert.pem");
  EXPECT_EQ(make({}), Exit::negative);
  EXPECT_EQ(bytes("cert.pem"), before);
  EXPECT_EQ(make({"--force"}), Exit::ok);
  EXPECT_NE(bytes("cert.pem"), before);
}

TEST_F(SigningTest, CertificateRefusesSubjectsAndTimesThatMakeNoSense) {
  const auto make = [&](const std::string& subject, std::vector<std::string> more) {
    more.insert(more.begin(), {"certificate", "--signing-key", path("key.pem"), "--subject",
                               subject, "--output", path("made.pem")});
    return run_eif(std::move(more)).exit;
  };
  for (const std::string& subject :
       {std::string(), std::string("payments"), std::string("CN="), std::string("cn=a"),
        std::string("CN=a,"), std::string("CN=a,,O=b"), std::string("X=a"),
        std::string("C=Germany"), std::string("C=d3"), std::string("CN=a\nb"),
        std::string("CN=\xff"), "CN=" + std::string(65, 'a')}) {
    EXPECT_NE(make(subject, {}), Exit::ok) << subject;
  }
  EXPECT_EQ(make("CN=a", {"--not-after", "2020-01-01T00:00:00Z"}), Exit::negative);
  EXPECT_EQ(make("CN=a", {"--not-after", "tomorrow"}), Exit::negative);
  EXPECT_EQ(make("CN=a", {"--days", "0"}), Exit::usage);
  EXPECT_EQ(make("CN=a", {"--days", "1", "--not-after", "2099-01-01T00:00:00Z"}), Exit::usage);
  EXPECT_FALSE(std::filesystem::exists(path("made.pem")));
}

// ---- PINs

// What a person types into a terminal, and what the terminal shows.
struct Typed {
  explicit Typed(std::string_view keys) {
    const UniqueFd controller(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_EQ(grantpt(controller.get()), 0);
    EXPECT_EQ(unlockpt(controller.get()), 0);
    const UniqueFd terminal(open(ptsname(controller.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    // Flushed keys would be lost: they are typed once the prompt is there.
    std::thread person([&] {
      std::array<char, 256> buffer{};
      const ssize_t got = read(controller.get(), buffer.data(), buffer.size());
      if (got > 0) shown.append(buffer.data(), static_cast<std::size_t>(got));
      EXPECT_EQ(write(controller.get(), keys.data(), keys.size()),
                static_cast<ssize_t>(keys.size()));
    });
    line = read_hidden_line(terminal.get(), "PIN: ");
    person.join();
    fcntl(controller.get(), F_SETFL, O_NONBLOCK);
    std::array<char, 4096> buffer{};
    const ssize_t got = read(controller.get(), buffer.data(), buffer.size());
    if (got > 0) shown.append(buffer.data(), static_cast<std::size_t>(got));
  }

  std::string text() const { return line ? std::string(as_text(line->reveal())) : "failed"; }

  Result<Secret> line = fail(Errc::internal, "");
  std::string shown;
};

TEST(PinTest, ReadsALineWithoutShowingIt) {
  const Typed typed("271828\r");
  EXPECT_EQ(typed.text(), "271828");
  EXPECT_THAT(typed.shown, HasSubstr("PIN: "));
  EXPECT_THAT(typed.shown, testing::Not(HasSubstr("2")));
  EXPECT_EQ(Typed("12\x7f\x08\x08"
                  "345\n")
                .text(),
            "345");
  EXPECT_EQ(Typed("\n").text(), "");
}

TEST(PinTest, CanBeBrokenOff) {
  EXPECT_EQ(Typed("12\x03").line.error().code, Errc::denied);
  EXPECT_EQ(Typed("12\x04").line.error().code, Errc::denied);
  EXPECT_EQ(Typed(std::string(257, '1')).line.error().code, Errc::invalid_input);
  const UniqueFd none(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(read_hidden_line(none.get(), "PIN: ").error().code, Errc::unavailable);
}

TEST(PinTest, AFileMayEndItsLine) {
  const TestFolder folder;
  for (const std::string_view content : {"1234", "1234\n", "1234\r\n"}) {
    folder.write("pin", as_bytes(content));
    const Result<Secret> pin = pin_source(folder.path("pin"))("token");
    EXPECT_EQ(as_text(pin.value().reveal()), "1234");
  }
  folder.write("pin", as_bytes(" 1234\n\n"));
  EXPECT_EQ(as_text(pin_source(folder.path("pin"))("token").value().reveal()), " 1234\n");
  folder.write("pin", Bytes(257, '1'));
  EXPECT_FALSE(pin_source(folder.path("pin"))("token").has_value());
}

}  // namespace
}  // namespace cofferdam::cli
