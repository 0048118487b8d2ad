// SPDX-License-Identifier: Apache-2.0
#include "crypto/pkcs11_uri.h"

#include <gtest/gtest.h>

namespace cofferdam::crypto {
namespace {

TEST(Pkcs11UriTest, ReadsEveryAttribute) {
  const Pkcs11Uri uri = Pkcs11Uri::parse(
                            "pkcs11:token=release%20keys;serial=0123;manufacturer=Maker&Co;"
                            "model=v2;object=image%3Bkey;id=%00%ffA;slot-id=7;type=private"
                            "?module-path=/usr/lib/token.so&pin-source=file:///run/pin")
                            .value();
  EXPECT_EQ(uri.token, "release keys");
  EXPECT_EQ(uri.serial, "0123");
  EXPECT_EQ(uri.manufacturer, "Maker&Co");
  EXPECT_EQ(uri.model, "v2");
  EXPECT_EQ(uri.object, "image;key");
  EXPECT_EQ(uri.id, (Bytes{0x00, 0xff, 'A'}));
  EXPECT_EQ(uri.slot_id, 7U);
  EXPECT_EQ(uri.module_path, "/usr/lib/token.so");
  EXPECT_EQ(uri.pin_source, "/run/pin");
}

TEST(Pkcs11UriTest, WhatIsLeftOutMatchesEverything) {
  EXPECT_EQ(Pkcs11Uri::parse("pkcs11:").value(), Pkcs11Uri());
  EXPECT_EQ(Pkcs11Uri::parse("PKCS11:type=private").value(), Pkcs11Uri());
  EXPECT_EQ(Pkcs11Uri::parse("pkcs11:?pin-source=/run/pin").value().pin_source, "/run/pin");
  EXPECT_EQ(Pkcs11Uri::parse("pkcs11:token=").value().token, "");
}

TEST(Pkcs11UriTest, APinSourceIsAPathOrAFileUri) {
  for (const std::string_view source : {"/run/pin", "file:/run/pin", "file:///run/pin"}) {
    EXPECT_EQ(Pkcs11Uri::parse("pkcs11:?pin-source=" + std::string(source)).value().pin_source,
              "/run/pin");
  }
  for (const std::string_view source :
       {"pin", "file:pin", "file://host/pin", "|/bin/ask", "", "https://host/pin", "/run%00/pin"}) {
    EXPECT_FALSE(Pkcs11Uri::parse("pkcs11:?pin-source=" + std::string(source)).has_value())
        << source;
  }
}

TEST(Pkcs11UriTest, IgnoresUnknownQueryAttributesOnly) {
  EXPECT_EQ(Pkcs11Uri::parse("pkcs11:token=a?x-vendor=1").value().token, "a");
  for (const std::string_view name :
       {"x-vendor", "library-manufacturer", "library-version", "library-description",
        "slot-description", "slot-manufacturer", "Token", "pin-source", "module-path"}) {
    EXPECT_FALSE(Pkcs11Uri::parse("pkcs11:" + std::string(name) + "=/1").has_value()) << name;
  }
}

TEST(Pkcs11UriTest, RefusesAPinInTheUriWithoutRepeatingIt) {
  const auto refused = Pkcs11Uri::parse("pkcs11:token=a?pin-value=31415926");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().detail.find("31415926"), std::string::npos);
  EXPECT_NE(refused.error().detail.find("--pin-file"), std::string::npos);
}

TEST(Pkcs11UriTest, RefusesWhatTheGrammarDoesNotHave) {
  for (const std::string_view text : {"",
                                      "pkcs11",
                                      "pkcs12:token=a",
                                      "token=a",
                                      " pkcs11:token=a",
                                      "pkcs11:token=a ",
                                      "pkcs11:token",
                                      "pkcs11:=a",
                                      "pkcs11:token=a;",
                                      "pkcs11:;token=a",
                                      "pkcs11:token=a;;id=b",
                                      "pkcs11:token=a;token=b",
                                      "pkcs11:token=a;token=a",
                                      "pkcs11:token=a?",
                                      "pkcs11:token=a?module-path=/m&module-path=/m",
                                      "pkcs11:token=a?module-path=/m&",
                                      "pkcs11:token=%",
                                      "pkcs11:token=%4",
                                      "pkcs11:token=%4g",
                                      "pkcs11:token=a b",
                                      "pkcs11:token=a/b",
                                      "pkcs11:token=\xc3\xa9",
                                      "pkcs11:token=a%00b",
                                      "pkcs11:slot-id=",
                                      "pkcs11:slot-id=-1",
                                      "pkcs11:slot-id=1x",
                                      "pkcs11:slot-id=18446744073709551616",
                                      "pkcs11:type=public",
                                      "pkcs11:type=",
                                      "pkcs11:token=a?module-path=token.so",
                                      "pkcs11:token=a?module-name=token",
                                      "pkcs11:token=a#fragment"}) {
    EXPECT_FALSE(Pkcs11Uri::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Pkcs11Uri::parse("pkcs11:token=" + std::string(kMaxPkcs11UriSize, 'a')).has_value());
}

TEST(Pkcs11UriTest, PrintsWhatItReadsAgain) {
  Pkcs11Uri uri;
  EXPECT_EQ(uri.to_string(), "pkcs11:");
  uri.token = "release keys";
  uri.object = "50% ; / \xc3\xa9";
  uri.id = Bytes{0x00, 0x7f, 0xff};
  uri.slot_id = 12;
  uri.module_path = "/usr/lib/a token.so";
  uri.pin_source = "/run/&pin";
  EXPECT_EQ(uri.to_string(),
            "pkcs11:token=release%20keys;object=50%25%20%3b%20%2f%20%c3%a9;id=%00%7f%ff;"
            "slot-id=12?module-path=/usr/lib/a%20token.so&pin-source=/run/%26pin");
  EXPECT_EQ(Pkcs11Uri::parse(uri.to_string()).value(), uri);
}

}  // namespace
}  // namespace cofferdam::crypto
