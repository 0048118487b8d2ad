// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/secret.h"
#include "process_memory.h"
#include "release_lab.h"

// What stays in the memory of an agent after it has released something: searched from
// outside, byte for byte, while it goes on running.
namespace cofferdam {
namespace {

using test::count_in_memory;
using test::ReleaseLab;

class AgentMemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!count_in_memory(getppid(), as_bytes("x")) && geteuid() != 0) {
      GTEST_SKIP() << "this machine lets nobody look into processes";
    }
    ASSERT_TRUE(lab_.start_agent_process(COFFERDAM_AGENT_IN_FOLDER)) << lab_.all_logs();
  }

  std::size_t copies(ByteView wanted) const {
    const auto out = count_in_memory(lab_.agent_process(), wanted);
    EXPECT_TRUE(out.has_value());
    return out.value_or(999);
  }

  ReleaseLab lab_;
};

TEST_F(AgentMemoryTest, TheSearchFindsWhatIsThere) {
  EXPECT_GT(copies(as_bytes("database-password")), 0U);  // A name of the configuration.
}

TEST_F(AgentMemoryTest, ACachedSecretIsThereOnceHoweverOftenItWasAskedFor) {
  EXPECT_EQ(copies(as_bytes(ReleaseLab::kSecretText)), 0U);
  for (int i = 0; i < 5; ++i) {
    const auto response = lab_.get("/v1/secrets/database-password");
    ASSERT_EQ(response.status, 200U) << as_text(response.body);
    ASSERT_EQ(as_text(response.body), ReleaseLab::kSecretText);
  }
  EXPECT_EQ(copies(as_bytes(ReleaseLab::kSecretText)), 1U);
}

TEST_F(AgentMemoryTest, ADataKeyIsGoneOnceItIsSent) {
  const auto response = lab_.post("/v1/data-keys/envelope");
  ASSERT_EQ(response.status, 200U) << as_text(response.body);
  const auto body = parse_json(as_text(response.body), /*max_size=*/65536);
  ASSERT_TRUE(body.has_value());
  const std::string base64(body->at("key").as_string());
  const auto key = from_base64(base64);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(copies(*key), 0U);
  EXPECT_EQ(copies(as_bytes(base64)), 0U);
}

}  // namespace
}  // namespace cofferdam
