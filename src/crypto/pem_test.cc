// SPDX-License-Identifier: Apache-2.0
#include "crypto/pem.h"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::crypto {
namespace {

TEST(PemTest, DecodesWhatItEncoded) {
  for (const std::size_t size : {1U, 47U, 48U, 49U, 1000U}) {
    const Bytes der(size, 0x30);
    const std::string pem = pem_encode("CERTIFICATE", der);
    EXPECT_EQ(pem_decode(pem, "CERTIFICATE").value(), der);
    for (std::size_t at = 0, line = 0; at < pem.size(); ++at) {
      line = pem[at] == '\n' ? 0 : line + 1;
      ASSERT_LE(line, 64U);
    }
  }
}

TEST(PemTest, FindsEveryBlockAmongOtherTextAndLabels) {
  const std::string text = "subject=x\n" + pem_encode("CERTIFICATE", Bytes{1}) + "between\n" +
                           pem_encode("EC PARAMETERS", Bytes{9}) +
                           pem_encode("CERTIFICATE", Bytes{2});
  EXPECT_EQ(pem_decode_all(text, "CERTIFICATE").value(), (std::vector<Bytes>{{1}, {2}}));
  EXPECT_EQ(pem_decode(text, "EC PARAMETERS").value(), Bytes{9});
  EXPECT_FALSE(pem_decode(text, "CERTIFICATE").has_value()) << "two blocks";
}

TEST(PemTest, AcceptsTheLineEndsOfOtherSystems) {
  EXPECT_EQ(pem_decode("-----BEGIN X-----\r\nAQID\r\n-----END X-----\r\n", "X").value(),
            (Bytes{1, 2, 3}));
}

TEST(PemTest, RefusesBrokenBlocks) {
  for (const std::string_view bad :
       {"", "AQID", "-----BEGIN X-----\nAQID\n", "-----BEGIN X-----\nAQID\n-----END Y-----\n",
        "-----BEGIN X-----\nAQI\n-----END X-----\n", "-----BEGIN X-----\n-----END X-----\n",
        "-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END X-----\n",
        "-----BEGIN X-----\nAQID\n-----BEGIN X-----\nAQID\n-----END X-----\n",
        "-----BEGIN Y-----\nAQID\n-----END Y-----\n"}) {
    EXPECT_FALSE(pem_decode_all(bad, "X").has_value()) << bad;
  }
}

}  // namespace
}  // namespace cofferdam::crypto
