// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "attest/verifier.h"
#include "base/time.h"
#include "broker/http_service.h"
#include "net/http_server.h"
#include "net/testing.h"
#include "net/testing_tls.h"

namespace cofferdam::test {

// A broker with its socket, under a CA of its own. It knows no release until it is told of one.
// Verifiers find it by plain HTTP on the same port, which loopback allows.
class BrokerLab {
 public:
  static constexpr const char* kAudience = "sts.amazonaws.com";

  // The loop and the clock outlive it. `nsm_root`: whose documents it believes.
  BrokerLab(net::testing::Loop& loop, const Clock& clock, const std::filesystem::path& folder,
            ByteView nsm_root);
  ~BrokerLab();
  BrokerLab(const BrokerLab&) = delete;
  BrokerLab& operator=(const BrokerLab&) = delete;

  const std::string& ca_pem() const { return authority_.root_pem(); }
  const std::string& address() const { return address_; }  // "127.0.0.1:PORT"
  std::string issuer() const { return "http://" + address_; }

  // Tokens are for the release of this signed manifest and for no other.
  void admit_release(ByteView manifest);

 private:
  void listen();

  net::testing::Loop& loop_;
  const Clock& clock_;
  net::testing::TestAuthority authority_;
  attest::Verifier verifier_;
  broker::SigningKeys keys_;
  policy::ReloadablePolicy policy_;
  std::unique_ptr<ledger::DecisionLog> decisions_;
  broker::Metrics metrics_;
  std::unique_ptr<net::HttpServer> server_;
  std::string address_;
  std::optional<broker::TokenService> tokens_;
  std::optional<broker::HttpService> service_;
};

}  // namespace cofferdam::test
