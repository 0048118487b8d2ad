// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "policy/document.h"
#include "policy/kms.h"

// What the tests of this folder share: one account, one key, a few requesters.
namespace cofferdam::policy::testing_support {

inline constexpr std::string_view kKeyArn =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
inline constexpr std::string_view kAlice = "arn:aws:iam::111122223333:user/alice";
inline constexpr std::string_view kRole = "arn:aws:iam::111122223333:role/enclave";
inline constexpr std::string_view kSession =
    "arn:aws:sts::111122223333:assumed-role/enclave/i-local";
inline constexpr std::string_view kRoot = "arn:aws:iam::111122223333:root";
inline constexpr std::string_view kStranger = "arn:aws:iam::444455556666:user/mallory";

// Single quotes become double ones, so that policies read as JSON in a test.
inline std::string json_text(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '\'') c = '"';
  }
  return out;
}

inline std::string statement(std::string_view members) {
  return json_text("{'Version':'2012-10-17','Statement':[{" + std::string(members) + "}]}");
}

inline AttachedPolicy attached(PolicyKind kind, std::string_view text,
                               std::string name = "default") {
  return {.name = std::move(name), .document = parse_document(json_text(text), kind).value()};
}

inline AttachedPolicy key_policy(std::string_view text) { return attached(PolicyKind::key, text); }

inline AttachedPolicy identity_policy(std::string_view text) {
  return attached(PolicyKind::identity, text, "inline");
}

inline Principal principal(std::string_view arn) { return principal_from_arn(arn).value(); }

inline CallerCircumstances circumstances() {
  return {.source_ip = "203.0.113.7",
          .secure_transport = true,
          .user_agent = "test",
          .now = parse_rfc3339("2026-01-31T09:05:00Z").value()};
}

inline KmsCall decrypt_call() {
  KmsCall call;
  call.operation = "Decrypt";
  call.key_arn = kKeyArn;
  return call;
}

inline Request decrypt(std::string_view arn, const KmsCall& call = decrypt_call()) {
  return kms_request(principal(arn), call, circumstances());
}

}  // namespace cofferdam::policy::testing_support
