// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

#include "channel/test_support.h"

// Client and enclave share one event loop and one thread here: the rates are of both, with
// the emulated module's signatures.
namespace {

using namespace cofferdam;
namespace asio = boost::asio;

const Bytes kMacKey(32, 0x5a);

struct Lab {
  Lab() {
    backend.keys["bench"] = kMacKey;
    channel::ServerOptions options;
    options.clients = {{.name = "bench", .by_mac = true}};
    const channel::Server::Parts parts{*identity, platform.verifier, platform.clock, backend};
    server = std::make_unique<channel::Server>(io.get_executor(), parts, std::move(options));
    endpoint = server->listen(net::TcpAddress{"127.0.0.1", 0}).value();
  }

  std::unique_ptr<channel::Client> client(bool challenge) {
    channel::Client::Options options;
    options.server = enclave.policy();
    options.challenge = challenge;
    options.route.endpoint = endpoint;
    options.credentials.name = "bench";
    options.credentials.mac_key = Secret::copy_of(kMacKey);
    return channel::Client::create({platform.verifier, platform.clock}, std::move(options)).value();
  }

  void run(Task<void> task) {
    asio::co_spawn(io, std::move(task),
                   [&](const std::exception_ptr& thrown, const Status& status) {
                     if (thrown || !status) std::abort();
                     io.stop();
                   });
    io.restart();
    io.run();
  }

  asio::io_context io{1};
  channel::test::Platform platform;
  channel::test::Enclave enclave{platform};
  std::unique_ptr<channel::Identity> identity = enclave.identity(channel::Role::server);
  channel::test::FakeBackend backend;
  std::unique_ptr<channel::Server> server;
  net::Endpoint endpoint;
};

// A new connection: handshake, both documents verified, one answered challenge.
void attested_handshakes(benchmark::State& state) {
  Lab lab;
  const bool challenge = state.range(0) != 0;
  for (auto _ : state) {
    const auto client = lab.client(challenge);
    lab.run(client->verify());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(attested_handshakes)->ArgName("challenge")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

Task<void> send_requests(channel::Client& client, int count) {
  for (int i = 0; i < count; ++i) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.body.assign(256, 'x');
    COFFERDAM_CO_TRY(const auto response,
                     co_await client.send(std::move(request), std::chrono::seconds(30)));
    if (response.status != 200) co_return fail(Errc::internal, "refused");
  }
  co_return Status();
}

void authenticated_requests(benchmark::State& state) {
  constexpr int kBatch = 100;
  Lab lab;
  const auto client = lab.client(true);
  for (auto _ : state) {
    // The clock of the lab stands still: let earlier ids pass their deadlines.
    lab.platform.clock.set(lab.platform.clock.now() + std::chrono::seconds(31));
    lab.run(send_requests(*client, kBatch));
    lab.backend.admitted.clear();
    lab.backend.decisions.clear();
  }
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(authenticated_requests)->Unit(benchmark::kMillisecond);

}  // namespace
