// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "crypto/ec.h"
#include "crypto/test_support.h"

// For tests only.
namespace cofferdam::crypto::test {

// Debian's software token (softhsm2), with its files in a folder of this test. Its
// configuration is found through the environment, so one at a time per process.
class TestToken {
 public:
  static constexpr std::string_view kPin = "271828";
  static constexpr std::string_view kSoPin = "314159";

  explicit TestToken(const std::string& label = "release keys") : label_(label) {
    std::filesystem::create_directory(workplace_.path("tokens"));
    workplace_.save("softhsm2.conf",
                    as_bytes("directories.tokendir = " + workplace_.path("tokens").string() +
                             "\nobjectstore.backend = file\nlog.level = ERROR\n"));
    setenv("SOFTHSM2_CONF", workplace_.path("softhsm2.conf").c_str(), /*overwrite=*/1);
    if (available()) add_token(label_);
  }
  ~TestToken() { unsetenv("SOFTHSM2_CONF"); }
  TestToken(const TestToken&) = delete;
  TestToken& operator=(const TestToken&) = delete;

  static std::filesystem::path module() { return "/usr/lib/softhsm/libsofthsm2.so"; }
  static bool available() {
    return std::filesystem::exists(module()) && std::filesystem::exists("/usr/bin/softhsm2-util");
  }

  void add_token(const std::string& label) const {
    run("--init-token --free --label '" + label + "' --so-pin " + std::string(kSoPin) + " --pin " +
        std::string(kPin));
  }

  // Both halves of the key become objects with this label and CKA_ID.
  void import(const EcPrivateKey& key, const std::string& object, const std::string& id) const {
    workplace_.save("import.pem", key.to_pem().reveal());
    run("--import import.pem --token '" + label_ + "' --label '" + object + "' --id " + id +
        " --pin " + std::string(kPin));
    std::filesystem::remove(workplace_.path("import.pem"));
  }

  const Workplace& workplace() const { return workplace_; }

 private:
  void run(const std::string& arguments) const {
    EXPECT_TRUE(workplace_.run("softhsm2-util " + arguments)) << workplace_.output();
  }

  std::string label_;
  Workplace workplace_;
};

}  // namespace cofferdam::crypto::test
