// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "cloud/kms_store.h"
#include "cloud/store.h"

// For the tests of what the local AWS keeps.
namespace cofferdam::cloud::test {

inline constexpr const char* kDatabase = "state.sqlite";

inline Secret master_key(std::uint8_t fill = 7) {
  Secret key(32);
  for (auto& byte : key.reveal_mut()) byte = fill;
  return key;
}

inline KeyRecord key_record(const std::string& id) {
  KeyRecord key;
  key.id = id;
  key.arn = "arn:aws:kms:us-east-1:111122223333:key/" + id;
  key.account = "111122223333";
  key.description = "a key";
  key.created = Timestamp(std::chrono::milliseconds(1'700'000'000'123));
  key.policy = "{}";
  return key;
}

inline Secret material(std::string_view text) { return Secret::copy_of(as_bytes(text)); }

inline Store open_in_memory() {
  auto store = Store::open(std::nullopt, master_key());
  EXPECT_TRUE(store.has_value());
  return *std::move(store);
}

}  // namespace cofferdam::cloud::test
