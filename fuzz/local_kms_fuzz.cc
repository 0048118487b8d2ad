// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/local_kms.h"

namespace {

using namespace cofferdam;
using agent::Operation;

constexpr std::string_view kArn = "arn:aws:kms:us-east-1:111122223333:key/1";

agent::SecretSpec spec(Operation operation, std::string key_spec) {
  agent::SecretSpec out;
  out.name = "declared";
  out.operation = operation;
  if (operation != Operation::generate_random) out.key_arn = kArn;
  out.key_spec = std::move(key_spec);
  out.random_size = 32;
  return out;
}

void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

// The first line is the X-Amz-Target, the rest the body. A request that some declaration
// allows has its operation, its context and its key, and nothing else gets through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<agent::SecretSpec> kSpecs{
      spec(Operation::decrypt, ""), spec(Operation::generate_data_key, "AES_256"),
      spec(Operation::generate_data_key_pair, "RSA_2048"), spec(Operation::generate_random, ""),
      spec(Operation::derive_shared_secret, "")};
  std::vector<agent::DeclaredCall> declared;
  for (const agent::SecretSpec& one : kSpecs) {
    agent::DeclaredCall call{.spec = &one, .context = {}, .peer_key = Bytes{1, 2, 3}};
    if (one.operation == Operation::decrypt) call.context = {{"app", "demo"}};
    declared.push_back(std::move(call));
  }
  const std::string_view input = as_text(ByteView(data, size));
  const std::size_t line = input.find('\n');
  if (line == input.npos) return 0;
  const auto request = agent::LocalKmsRequest::parse(input.substr(0, line), input.substr(line + 1));
  if (!request) return 0;
  const auto found = agent::find_declared(*request, declared);
  if (!found) return 0;
  demand((*found)->spec->operation == request->operation);
  demand((*found)->context == request->context);
  demand(!request->key_id || *request->key_id == kArn || *request->key_id == "1");
  demand(request->operation != Operation::decrypt || !request->input.empty());
  demand(request->operation != Operation::derive_shared_secret ||
         request->input == (*found)->peer_key);
  return 0;
}
