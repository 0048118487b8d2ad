// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/config.h"
#include "agent/test_support.h"
#include "aws/credentials.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test_folder.h"
#include "base/time.h"
#include "broker_lab.h"
#include "cloud/server.h"
#include "ledger/verifier.h"
#include "net/http.h"
#include "net/stream_server.h"
#include "net/testing.h"
#include "net/testing_relay.h"
#include "nsm/server.h"
#include "parent/parent.h"

// Everything a release passes through, in one process: the local AWS, an emulated module, a
// parent and the agent as its program runs it. They share sockets and files, nothing else.
namespace cofferdam::test {

// A TCP hop between the parent and KMS that can lose one answer.
class LossyHop {
 public:
  LossyHop(boost::asio::any_io_executor executor, net::TcpAddress upstream);

  Result<net::Endpoint> listen() { return server_.listen(net::TcpAddress{"127.0.0.1", 0}); }
  Task<void> drain() { return server_.drain(std::chrono::milliseconds(0)); }

  // What KMS sends next is dropped, and its connection with it.
  void lose_next_answer() { armed_ = true; }
  int answers_lost() const { return answers_lost_; }

 private:
  Task<void> serve(net::Stream near);
  Task<void> pump(net::Stream* from, net::Stream* to, bool answers);

  net::Endpoint upstream_;
  std::atomic<bool> armed_ = false;
  std::atomic<int> answers_lost_ = 0;
  net::StreamServer server_;
};

// nitro-cli's end of the heartbeat.
class HeartbeatListener {
 public:
  explicit HeartbeatListener(boost::asio::any_io_executor executor);

  Result<net::Endpoint> listen(std::string path) {
    return server_.listen(net::UnixAddress{std::move(path)});
  }
  Task<void> drain() { return server_.drain(std::chrono::milliseconds(0)); }
  int connections() const { return connections_; }

 private:
  Task<void> serve(net::Stream stream);

  std::atomic<int> connections_ = 0;
  net::StreamServer server_;
};

// The agent on a thread of its own. Its workload does nothing until it is told to end.
class RunningAgent {
 public:
  RunningAgent(std::filesystem::path root, std::filesystem::path console,
               const std::filesystem::path& lifeline);
  ~RunningAgent();
  RunningAgent(const RunningAgent&) = delete;
  RunningAgent& operator=(const RunningAgent&) = delete;

  bool ended() const { return ended_; }
  // Ends the workload, and so the agent; its exit status.
  int stop();

 private:
  UniqueFd lifeline_;
  std::atomic<bool> ended_ = false;
  int status_ = -1;
  std::thread thread_;
};

class ReleaseLab {
 public:
  static constexpr std::string_view kSecretText = "correct horse battery staple";

  // Whose credentials the enclave uses: those its parent lends, or those of a role that only
  // the release of this image can assume, by way of a broker. The parent then has none to lend.
  enum class Credentials : std::uint8_t { lent, of_a_role };

  explicit ReleaseLab(Credentials credentials = Credentials::lent);
  ~ReleaseLab();
  ReleaseLab(const ReleaseLab&) = delete;
  ReleaseLab& operator=(const ReleaseLab&) = delete;

  // The registers of the enclave: 0, 1, 2, 8 and 16, in hex.
  const std::map<int, std::string>& pcrs() const { return pcrs_; }
  // KMS uses the key for enclaves with these registers only, and for nobody else.
  void lock_key(const std::map<int, std::string>& required);
  // What the parent hands over as this secret's ciphertext, base64.
  void offer(const std::string& name, const std::string& ciphertext);

  // The broker gives tokens for the release of another image from now on.
  void admit_other_release();

  void start_cloud();  // On the same port and with the same state each time.
  void stop_cloud();
  void start_parent();
  void stop_parent();
  // From now on the parent leads connections to KMS through this hop.
  LossyHop& insert_hop();
  // From now on what the agent says goes through this relay: to the parent's control or
  // egress endpoint, or from the parent to KMS. The parent starts anew.
  enum class Place : std::uint8_t { control, egress, kms };
  net::testing::FaultRelay& insert_relay(Place place);
  // From now on the parent leads connections to a KMS of its own, which has the same name
  // and another CA. The relay on the way counts.
  net::testing::FaultRelay& insert_impostor();

  // The image's process.json; without it the command of agent.toml runs as it is.
  void write_process(std::string_view json);
  // The parent hands over this instead of the owner's manifest.
  void spoil_manifest();

  // Boots the agent; false if it ended instead of serving.
  bool start_agent();
  int stop_agent();
  // The same in a process of its own, which ends with the lab.
  bool start_agent_process(const char* program);
  pid_t agent_process() const { return process_; }

  int heartbeats() const { return heartbeat_->connections(); }
  json::object parent_status() const;

  // As the workload.
  net::HttpResponse get(std::string target) const {
    return ask("agent.sock", "GET", std::move(target));
  }
  net::HttpResponse post(std::string target) const {
    return ask("agent.sock", "POST", std::move(target));
  }

  // Decisions on releases, in order: KMS's own, and the agent's as the parent has them.
  std::vector<json::object> kms_decisions() const;
  std::vector<json::object> agent_decisions() const;
  // The agent's on sessions of its role, as the parent has them.
  std::vector<json::object> identity_decisions() const;
  // What an auditor finds in the parent's ledger, which must be one ledger and no more.
  ledger::LedgerVerdict verify_ledger() const;
  // Every line of every log, the agent's console included.
  std::string all_logs() const;

 private:
  json::object kms(std::string_view operation, const json::object& request) const;
  // As the administrator: a query of IAM.
  void iam(std::string_view action, std::map<std::string, std::string> parameters) const;
  void make_role() const;
  Bytes sign_manifest(const attest::ReleaseManifest& manifest) const;
  void store_secret();
  std::string agent_toml() const;
  void write_image();
  void start_module();
  net::testing::FaultRelay& start_relay(net::Endpoint target, net::Endpoint listen);
  bool await_agent(const std::function<bool()>& ended) const;
  net::HttpResponse ask(const std::string& socket, std::string method, std::string target) const;
  std::string kms_address() const { return "127.0.0.1:" + std::to_string(kms_.port); }

  SystemClock clock_;
  TestFolder folder_;
  net::testing::Loop loop_;
  net::TcpAddress kms_{.host = "127.0.0.1", .port = 0};
  std::unique_ptr<cloud::CloudServer> cloud_;
  std::unique_ptr<LossyHop> hop_;
  std::unique_ptr<net::testing::FaultRelay> relay_;
  std::unique_ptr<cloud::CloudServer> impostor_;
  std::string control_socket_ = "control.sock";
  std::string egress_socket_ = "egress.sock";
  std::unique_ptr<HeartbeatListener> heartbeat_;
  std::string kms_leads_to_;
  std::unique_ptr<parent::Parent> parent_;
  std::unique_ptr<BrokerLab> broker_;  // Of a role.
  attest::ReleaseManifest manifest_;

  agent::test::Owner owner_;
  std::string key_arn_;
  std::map<int, std::string> pcrs_;
  std::unique_ptr<nsm::Authority> authority_;
  std::unique_ptr<nsm::Module> module_;
  std::unique_ptr<nsm::Server> nsm_;
  std::unique_ptr<RunningAgent> agent_;
  UniqueFd lifeline_;  // Of the workload of process_.
  pid_t process_ = -1;
};

}  // namespace cofferdam::test
