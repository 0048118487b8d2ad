// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

#include "net/http_client.h"
#include "net/http_server.h"
#include "net/relay.h"
#include "net/socket.h"

namespace {

using namespace cofferdam;
namespace asio = boost::asio;

// Client and server share one event loop and one thread here: the rate is of both.
Task<net::HttpResponse> answer(net::HttpRequest request) {
  co_return net::json_response(200, as_text(request.body));
}

Task<void> send_requests(net::HttpClient& client, int count) {
  for (int i = 0; i < count; ++i) {
    net::HttpRequest request;
    request.method = "POST";
    request.target = "/";
    request.body.assign(256, 'x');
    COFFERDAM_CO_TRY(const auto response, co_await client.send(std::move(request)));
    benchmark::DoNotOptimize(response.status);
  }
  co_return Status();
}

void run(asio::io_context& io, Task<void> task) {
  asio::co_spawn(io, std::move(task), [&](const std::exception_ptr& thrown, const Status& status) {
    if (thrown || !status) std::abort();
    io.stop();
  });
  io.restart();
  io.run();
}

void http_requests_on_a_kept_connection(benchmark::State& state) {
  constexpr int kBatch = 100;
  asio::io_context io(1);
  net::HttpServer server(io.get_executor(), {}, answer);
  net::HttpClientOptions options;
  options.endpoint = server.listen(net::TcpAddress{"127.0.0.1", 0}).value();
  net::HttpClient client(options);
  for (auto _ : state) run(io, send_requests(client, kBatch));
  state.SetItemsProcessed(state.iterations() * kBatch);
}
BENCHMARK(http_requests_on_a_kept_connection)->Unit(benchmark::kMillisecond);

Task<void> write_block(net::Stream& stream, const Bytes& block) {
  co_return co_await stream.write(block);
}

Task<void> read_block(net::Stream& stream, std::size_t size, std::span<std::uint8_t> room) {
  while (size > 0) {
    COFFERDAM_CO_TRY(const std::size_t more, co_await stream.read_some(room));
    if (more == 0) co_return fail(Errc::unavailable, "ended");
    size -= std::min(size, more);
  }
  co_return Status();
}

// A writer, the relay and a reader on one thread: two copies more than the relay's own.
void relay_throughput(benchmark::State& state) {
  const Bytes block(std::size_t{4} * 1024 * 1024, 'x');
  Bytes room(std::size_t{64} * 1024);
  asio::io_context io(1);
  auto [a, a_end] = net::stream_pair(io.get_executor()).value();
  auto [b, b_end] = net::stream_pair(io.get_executor()).value();
  net::RelayCounts counts;
  asio::co_spawn(io, net::relay(std::move(a_end), std::move(b_end), {}, counts), asio::detached);
  for (auto _ : state) {
    asio::co_spawn(io, write_block(a, block), asio::detached);
    run(io, read_block(b, block.size(), room));
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(counts.from_a));
}
BENCHMARK(relay_throughput)->Unit(benchmark::kMillisecond);

}  // namespace
