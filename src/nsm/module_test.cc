// SPDX-License-Identifier: Apache-2.0
#include "nsm/module.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>

#include "attest/document.h"
#include "attest/reason.h"
#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "crypto/digest.h"
#include "crypto/pem.h"

namespace cofferdam::nsm {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp kLaunch{std::chrono::sys_days{std::chrono::May / 17 / 2026} + hours(9) +
                            std::chrono::milliseconds(250)};

class ModuleTest : public testing::Test {
 protected:
  Module boot(BootState state = {}) {
    auto module = Module::boot(authority_, clock_, std::move(state));
    EXPECT_TRUE(module.has_value());
    return *std::move(module);
  }

  static Bytes attest(Module& module, const AttestationRequest& request = {}) {
    Response response = module.handle(request);
    EXPECT_TRUE(std::holds_alternative<AttestationResponse>(response));
    return std::get<AttestationResponse>(std::move(response)).document;
  }

  attest::Expectations strict_now() const {
    attest::Expectations expected;
    expected.at = clock_.now();
    expected.strict = true;
    return expected;
  }

  static attest::Document parsed(const Bytes& document) {
    auto signed_document = attest::parse_document(document);
    EXPECT_TRUE(signed_document.has_value()) << signed_document.error().detail;
    return std::move(signed_document->document);
  }

  static ErrorCode error_of(const Response& response) {
    const auto* error = std::get_if<ErrorResponse>(&response);
    return error == nullptr ? ErrorCode::success : error->code;
  }

  TestFolder temporary_;
  ManualClock clock_{kLaunch};
  Authority authority_ = *Authority::open(temporary_.path() / "nsm", clock_);
  attest::Verifier verifier_{*attest::TrustRoot::from_der(authority_.root_der())};
};

attest::Pcrs measured() {
  return {{0, Bytes(48, 1)}, {1, Bytes(48, 2)}, {2, Bytes(48, 3)}, {8, Bytes(48, 8)}};
}

TEST_F(ModuleTest, DocumentsPassTheStrictVerifierUnderTheirOwnRoot) {
  Module module = boot({.pcrs = measured()});
  const Bytes document = attest(
      module,
      {.user_data = to_bytes("data"), .nonce = to_bytes("once"), .public_key = Bytes(294, 7)});
  attest::Expectations expected = strict_now();
  expected.pcrs = measured();
  expected.nonce = to_bytes("once");
  expected.user_data = to_bytes("data");
  const auto verified = verifier_.verify(document, expected);
  ASSERT_TRUE(verified.has_value()) << verified.error().reason << ": " << verified.error().detail;
  EXPECT_TRUE(verified->inconsistencies().empty());
  EXPECT_EQ(verified->region(), "us-east-1");
  EXPECT_EQ(verified->instance_id(), authority_.instance_id());
  EXPECT_EQ(verified->document().module_id, module.identity().module_id());
  EXPECT_EQ(verified->document().timestamp, kLaunch);
  EXPECT_EQ(verified->document().public_key, Bytes(294, 7));
}

TEST_F(ModuleTest, DocumentsAreRefusedUnderTheRootOfAws) {
  Module module = boot({.pcrs = measured()});
  const attest::Verifier aws(attest::TrustRoot::aws());
  const auto verdict = aws.verify(attest(module), strict_now());
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().reason, attest::reason::kUntrustedRoot);
}

TEST_F(ModuleTest, DocumentsHaveTheShapeOfRealOnes) {
  Module module = boot({.pcrs = measured()});
  const Bytes document = attest(module);
  // An untagged array of four, ES384 protected, nothing unprotected, a payload with a
  // two-octet length that is a map of indefinite length whose first key is module_id.
  EXPECT_EQ(to_hex(ByteView(document).first(8)), "8444a1013822a059");
  EXPECT_EQ(to_hex(ByteView(document).subspan(10, 11)), "bf696d6f64756c655f6964");
  const attest::Document fields = parsed(document);
  EXPECT_EQ(fields.digest, "SHA384");
  EXPECT_EQ(fields.cabundle.size(), 4U);
  EXPECT_EQ(fields.cabundle[0], to_bytes(authority_.root_der()));
  EXPECT_EQ(fields.pcrs.size(), 16U);
  EXPECT_FALSE(fields.public_key || fields.user_data || fields.nonce);
  EXPECT_NE(as_text(document).find("\x6apublic_key\xf6\x69user_data\xf6\x65nonce\xf6\xff"),
            std::string_view::npos)
      << "absent optional fields are null, in this order, at the end";
}

TEST_F(ModuleTest, TheModuleIdTellsTheInstanceAndTheLaunchTime) {
  const Module module = boot();
  const std::string id = module.identity().module_id();
  EXPECT_EQ(id.substr(0, 19), authority_.instance_id());
  EXPECT_EQ(id.substr(19, 4), "-enc");
  const auto launch = from_hex(id.substr(23, 12));
  ASSERT_TRUE(launch.has_value());
  std::int64_t milliseconds = 0;
  for (const std::uint8_t byte : *launch) milliseconds = milliseconds << 8 | byte;
  EXPECT_EQ(milliseconds, kLaunch.time_since_epoch().count());
  EXPECT_EQ(id.size(), 39U);
}

TEST_F(ModuleTest, TwoEnclavesOfOneMomentHaveDifferentIds) {
  EXPECT_NE(boot().identity().enclave_id, boot().identity().enclave_id);
}

TEST_F(ModuleTest, ThePlatformSetsPcr4AndWithARolePcr3) {
  constexpr std::array<std::uint8_t, 48> kZero{};
  const std::string role = "arn:aws:iam::111122223333:role/demo";
  BootState state{.pcrs = measured()};
  state.role_arn = role;
  Module module = boot(std::move(state));
  const attest::Document with_role = parsed(attest(module));
  EXPECT_EQ(with_role.pcrs.at(3), to_bytes(crypto::sha384({kZero, as_bytes(role)})));
  EXPECT_EQ(with_role.pcrs.at(4),
            to_bytes(crypto::sha384({kZero, as_bytes(authority_.instance_id())})));

  Module plain = boot({.pcrs = measured()});
  EXPECT_EQ(parsed(attest(plain)).pcrs.at(3), Bytes(48));
}

TEST_F(ModuleTest, ADebugEnclaveIsRefusedUnlessAllowed) {
  Module module = boot({.pcrs = measured(), .debug_mode = true});
  const Bytes document = attest(module);
  const attest::Document fields = parsed(document);
  EXPECT_TRUE(attest::is_debug(fields.pcrs));
  EXPECT_EQ(fields.pcrs.at(8), Bytes(48, 8));
  EXPECT_NE(fields.pcrs.at(4), Bytes(48));

  attest::Expectations expected = strict_now();
  EXPECT_EQ(verifier_.verify(document, expected).error().reason, attest::reason::kDebugMode);
  expected.allow_debug = true;
  EXPECT_TRUE(verifier_.verify(document, expected).has_value());
}

TEST_F(ModuleTest, AnExtendedRegisterAppearsOnceItIsLocked) {
  Module module = boot({.pcrs = measured()});
  const Response extended =
      module.handle(ExtendPcrRequest{.index = 16, .data = to_bytes("config")});
  const Bytes value = std::get<ExtendPcrResponse>(extended).data;
  EXPECT_FALSE(parsed(attest(module)).pcrs.contains(16));
  EXPECT_TRUE(std::holds_alternative<LockPcrResponse>(module.handle(LockPcrRequest{.index = 16})));
  const Bytes document = attest(module);
  EXPECT_EQ(parsed(document).pcrs.at(16), value);
  EXPECT_TRUE(verifier_.verify(document, strict_now()).has_value());
}

TEST_F(ModuleTest, EveryRegisterMayBeLocked) {
  Module module = boot({.pcrs = measured()});
  EXPECT_TRUE(
      std::holds_alternative<LockPcrsResponse>(module.handle(LockPcrsRequest{.range = 32})));
  const Bytes document = attest(module);
  EXPECT_EQ(parsed(document).pcrs.size(), 32U);
  EXPECT_TRUE(verifier_.verify(document, strict_now()).has_value());
}

TEST_F(ModuleTest, RefusalsCarryTheCodeOfTheRealModule) {
  Module module = boot();
  EXPECT_EQ(error_of(module.handle(DescribePcrRequest{.index = 32})), ErrorCode::invalid_index);
  EXPECT_EQ(error_of(module.handle(ExtendPcrRequest{.index = 32})), ErrorCode::invalid_index);
  EXPECT_EQ(error_of(module.handle(LockPcrRequest{.index = 65535})), ErrorCode::invalid_index);
  EXPECT_EQ(error_of(module.handle(LockPcrsRequest{.range = 33})), ErrorCode::invalid_index);
  EXPECT_EQ(error_of(module.handle(ExtendPcrRequest{.index = 0})), ErrorCode::read_only_index);
  EXPECT_EQ(error_of(module.handle(LockPcrRequest{.index = 15})), ErrorCode::read_only_index);
}

TEST_F(ModuleTest, FieldsOfADocumentReach1024BytesAndNoMore) {
  Module module = boot({.pcrs = measured()});
  const Bytes document =
      attest(module, {.user_data = Bytes(1024), .nonce = Bytes(1024), .public_key = Bytes(1024)});
  EXPECT_TRUE(verifier_.verify(document, strict_now()).has_value());
  AttestationRequest over;
  for (auto* field : {&over.user_data, &over.nonce, &over.public_key}) {
    over = {};
    *field = Bytes(1025);
    EXPECT_EQ(error_of(module.handle(over)), ErrorCode::input_too_large);
  }
}

TEST_F(ModuleTest, TheLargestAnswerFitsTheResponseBuffer) {
  Module module = boot({.pcrs = measured()});
  module.handle(LockPcrsRequest{.range = 32});
  const Bytes request = encode(Request(AttestationRequest{
      .user_data = Bytes(1024), .nonce = Bytes(1024), .public_key = Bytes(1024)}));
  ASSERT_LE(request.size(), kMaxRequestSize);
  EXPECT_LE(module.handle_bytes(request).size(), kMaxResponseSize);
}

TEST_F(ModuleTest, DescribesItself) {
  Module module = boot();
  const auto described = std::get<DescribeNsmResponse>(module.handle(DescribeNsmRequest{}));
  EXPECT_EQ(described.module_id, module.identity().module_id());
  EXPECT_EQ(described.max_pcrs, 32);
  EXPECT_EQ(described.locked_pcrs.size(), 16U);
  EXPECT_EQ(described.digest, "SHA384");
}

TEST_F(ModuleTest, GivesFreshRandomBytes) {
  Module module = boot();
  const auto first = std::get<GetRandomResponse>(module.handle(GetRandomRequest{}));
  const auto second = std::get<GetRandomResponse>(module.handle(GetRandomRequest{}));
  EXPECT_EQ(first.random.size(), 256U);
  EXPECT_NE(first.random, second.random);
}

TEST_F(ModuleTest, AnswersBytesThatDoNotDecode) {
  Module module = boot();
  const auto code = [&](ByteView request) {
    const auto response = decode_response(module.handle_bytes(request));
    EXPECT_TRUE(response.has_value());
    return error_of(*response);
  };
  EXPECT_EQ(code({}), ErrorCode::invalid_operation);
  EXPECT_EQ(code(as_bytes("\x66Unlock")), ErrorCode::invalid_operation);
  EXPECT_EQ(code(Bytes(4096, 0xff)), ErrorCode::invalid_operation);
  EXPECT_EQ(code(Bytes(4097)), ErrorCode::input_too_large);
}

TEST_F(ModuleTest, AnyOneByteChangeOfADocumentIsRefused) {
  Module module = boot({.pcrs = measured()});
  const Bytes document = attest(module);
  // Every offset is the business of the verifier's own tests; here a sample shows that the
  // module signs what it sends.
  for (std::size_t at = 0; at < document.size(); at += 97) {
    Bytes changed = document;
    changed[at] ^= 1;
    EXPECT_FALSE(verifier_.verify(changed, strict_now()).has_value()) << at;
  }
}

TEST_F(ModuleTest, TheLeafIsKeptWhileFreshAndIssuedAgainBeforeItEnds) {
  Module module = boot({.pcrs = measured()});
  const Bytes first = parsed(attest(module)).certificate;
  clock_.set(kLaunch + hours(2));
  EXPECT_EQ(parsed(attest(module)).certificate, first);
  clock_.set(kLaunch + hours(2) + minutes(45));
  const Bytes document = attest(module);
  EXPECT_NE(parsed(document).certificate, first);
  EXPECT_TRUE(verifier_.verify(document, strict_now()).has_value());
}

TEST_F(ModuleTest, DocumentsOfAMonthStayValidAtEveryHour) {
  Module module = boot({.pcrs = measured()});
  for (int hour = 0; hour <= 24 * 31; hour += 7) {
    clock_.set(kLaunch + hours(hour));
    const auto verdict = verifier_.verify(attest(module), strict_now());
    ASSERT_TRUE(verdict.has_value())
        << "hour " << hour << ": " << verdict.error().reason << ": " << verdict.error().detail;
    // A document made at the end of a leaf's service can be used for half an hour.
    attest::Expectations later = strict_now();
    later.at += minutes(29);
    ASSERT_TRUE(verifier_.verify(attest(module), later).has_value()) << "hour " << hour;
  }
}

TEST_F(ModuleTest, AClockSetBackGivesAValidDocumentToo) {
  Module module = boot({.pcrs = measured()});
  clock_.set(kLaunch + hours(5));
  attest(module);
  clock_.set(kLaunch + minutes(1));
  EXPECT_TRUE(verifier_.verify(attest(module), strict_now()).has_value());
}

// The rest asks openssl, which nobody here wrote.
class OpensslTest : public ModuleTest {
 protected:
  void SetUp() override {
    run("openssl version");
    if (status_ != 0) GTEST_SKIP() << "no openssl command";
    Module module = boot({.pcrs = measured()});
    const attest::Document document = parsed(attest(module));
    serial_ = to_hex(module.identity().enclave_id) + "00000000";
    save("root", document.cabundle[0]);
    save("regional", document.cabundle[1]);
    save("zonal", document.cabundle[2]);
    save("instance", document.cabundle[3]);
    save("leaf", document.certificate);
  }

  void save(const std::string& name, ByteView der) {
    std::ofstream(temporary_.path() / (name + ".pem")) << crypto::pem_encode("CERTIFICATE", der);
  }

  // Standard output and error of a command run in the folder of the certificates.
  std::string run(const std::string& command) {
    const std::string in_folder =
        "cd '" + temporary_.path().string() + "' && (" + command + ") >out 2>&1";
    status_ = std::system(in_folder.c_str());  // NOLINT(cert-env33-c): a fixed command
    return read_text_file(temporary_.path() / "out", 1 << 20).value_or("");
  }

  int status_ = 0;
  std::string serial_;
};

TEST_F(OpensslTest, VerifiesTheChain) {
  const std::string at =
      std::to_string(std::chrono::floor<seconds>(kLaunch).time_since_epoch().count());
  run("cat regional.pem zonal.pem instance.pem >bundle.pem");
  const std::string out =
      run("openssl verify -attime " + at + " -CAfile root.pem -untrusted bundle.pem leaf.pem");
  EXPECT_EQ(status_, 0) << out;
  // AWS's leaves carry no key identifiers, which -x509_strict demands; its CAs do.
  const std::string strict = run("openssl verify -x509_strict -attime " + at +
                                 " -CAfile root.pem -untrusted bundle.pem instance.pem");
  EXPECT_EQ(status_, 0) << strict;
  const std::string without =
      run("openssl verify -attime " + at + " -CAfile root.pem -untrusted regional.pem leaf.pem");
  EXPECT_NE(status_, 0) << without;
}

TEST_F(OpensslTest, SeesTheFieldsOfTheRealHierarchy) {
  struct Expected {
    std::string name;
    std::vector<std::string> lines;
  };
  const std::string instance = authority_.instance_id();
  for (const Expected& expected : std::vector<Expected>{
           {"root",
            {"CN = aws.nitro-enclaves", "CA:TRUE\n",
             "Digital Signature, Certificate Sign, CRL Sign", "ASN1 OID: secp384r1"}},
           {"regional", {".us-east-1.aws.nitro-enclaves", "CA:TRUE, pathlen:2"}},
           {"zonal", {".zonal.us-east-1.aws.nitro-enclaves", "CA:TRUE, pathlen:1"}},
           {"instance",
            {"CN = " + instance + ".us-east-1.aws.nitro-enclaves", "CA:TRUE, pathlen:0",
             "Key Usage: critical\n                Certificate Sign\n"}},
           {"leaf",
            {"CN = " + instance + "-enc", "CA:FALSE",
             "Key Usage: \n                Digital Signature, Non Repudiation\n",
             "Not Before: May 17 08:59:57 2026 GMT", "Not After : May 17 12:00:00 2026 GMT",
             "ecdsa-with-SHA384"}},
       }) {
    const std::string text = run("openssl x509 -in " + expected.name + ".pem -noout -text");
    ASSERT_EQ(status_, 0) << text;
    for (const std::string& line : expected.lines) {
      EXPECT_NE(text.find(line), std::string::npos) << line << "\nnot in\n" << text;
    }
  }
}

TEST_F(OpensslTest, SeesTheEnclaveAndTheTimeInTheSerialOfTheLeaf) {
  const auto unix_seconds = std::chrono::floor<seconds>(kLaunch).time_since_epoch().count();
  std::string out = run("openssl x509 -in leaf.pem -noout -serial");
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::array<std::uint8_t, 4> tail{};
  for (int i = 0; i < 4; ++i) {
    tail[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(unix_seconds >> (24 - 8 * i));
  }
  EXPECT_EQ(out, "serial=" + serial_ + to_hex(tail) + "\n");
}

}  // namespace
}  // namespace cofferdam::nsm
