// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/boot.h"
#include "agent/config.h"
#include "agent/http_channel.h"
#include "attest/release_manifest.h"
#include "base/test_folder.h"
#include "crypto/ec.h"
#include "ledger/decision.h"
#include "nsm/authority.h"
#include "nsm/module.h"

// Shared by the tests of this folder: an enclave with a real module, a real signing
// certificate and a parent that says what the test wants.
namespace cofferdam::agent::test {

template <class T>
boost::asio::awaitable<void> keep_result(Task<T> task, std::optional<Result<T>>* out) {
  out->emplace(co_await std::move(task));
}

// Runs tasks at the same time, to the end of each, on an event loop of their own.
template <class T>
std::vector<Result<T>> run_all(std::vector<Task<T>> tasks) {
  boost::asio::io_context loop(1);
  std::vector<std::optional<Result<T>>> ended(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    boost::asio::co_spawn(loop, keep_result(std::move(tasks[i]), &ended[i]),
                          [](const std::exception_ptr& bug) {
                            if (bug) std::rethrow_exception(bug);
                          });
  }
  loop.run();
  std::vector<Result<T>> out;
  for (auto& one : ended) out.push_back(std::move(one).value());
  return out;
}

template <class T>
Result<T> run(Task<T> task) {
  std::vector<Task<T>> one;
  one.push_back(std::move(task));
  return std::move(run_all(std::move(one)).front());
}

// A module in this process, behind the interface of the one in the kernel.
class InProcessModule final : public nsm::Client {
 public:
  explicit InProcessModule(nsm::Module module) : module_(std::move(module)) {}
  Result<Bytes> exchange(ByteView request) override;

  // Replaces the document in the answers from now on.
  std::function<Bytes(Bytes)> tamper;
  // Asks the module for a document with this public key instead of the agent's.
  std::optional<Bytes> swap_key;
  int documents = 0;

 private:
  nsm::Module module_;
};

// A peer that answers by target and remembers what it was asked, in order.
class FakePeer final : public HttpChannel {
 public:
  using Answer = std::function<net::HttpResponse(const net::HttpRequest&)>;

  Task<net::HttpResponse> send(net::HttpRequest request) override;

  void answer(std::string target, unsigned status, std::string_view body);
  std::vector<std::string> targets() const;

  std::map<std::string, Answer> answers;  // Others get 404.
  std::vector<net::HttpRequest> requests;
  // Called at each request, before it is answered.
  std::function<void(const net::HttpRequest&)> watch;
  bool down = false;
};

class MemoryLog final : public ledger::DecisionLog {
 public:
  Status record(const ledger::Decision& decision) override;

  std::vector<ledger::Decision> decisions;
  bool broken = false;
};

// Who signs images and manifests.
struct Owner {
  Owner();
  Bytes pcr8() const;

  crypto::EcPrivateKey key;
  Bytes certificate;
};

// One enclave up to the point where the agent starts.
struct TestEnclave {
  struct Setup {
    bool debug_mode = false;
    std::string extra_config;  // Appended to agent.toml; @PCR8@ is the owner's.
    std::map<std::string, std::string> files = {};  // That it names, by path.
    std::string egress = "vsock:3:9002";
  };
  TestEnclave() : TestEnclave(Setup()) {}
  explicit TestEnclave(const Setup& setup);

  attest::ReleaseManifest manifest() const;  // As it should be.
  Bytes signed_manifest(const attest::ReleaseManifest& manifest, const Owner& by) const;
  void offer_manifest(ByteView manifest);

  Boot boot();
  Result<ValidatedEnclave> run_boot();

  TestFolder folder;
  ManualClock platform_time;  // What the module stamps.
  Owner owner;
  MeasuredConfig measured;
  nsm::Authority authority;
  InProcessModule module;
  attest::Verifier verifier;
  EnclaveClock clock;
  SelfAttestor attestor;
  FakePeer peer;
  Parent parent;
  MemoryLog console;
};

inline constexpr std::string_view kKeyArn =
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

}  // namespace cofferdam::agent::test
