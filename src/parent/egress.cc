// SPDX-License-Identifier: Apache-2.0
#include "parent/egress.h"

#include "base/log.h"
#include "net/deadline.h"
#include "net/message_io.h"
#include "net/socket.h"

namespace cofferdam::parent {
namespace {

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
constexpr std::size_t kMaxLoggedTarget = 256;

struct Opening {
  std::string target;
  Bytes early;  // What came right behind the head; the destination's already.
};

Result<Opening> opening_of(net::RequestDecoder& decoder, const net::InputBuffer& input) {
  if (!decoder.done()) {
    return fail(Errc::invalid_input, "malformed_request", "expected a request without a body");
  }
  net::HttpRequest request = decoder.take();
  if (request.method != "CONNECT") {
    return fail(Errc::denied, "method_not_allowed", "this endpoint speaks CONNECT only");
  }
  if (!request.body.empty()) {
    return fail(Errc::invalid_input, "malformed_request", "CONNECT has no body");
  }
  return Opening{.target = std::move(request.target), .early = to_bytes(input.unread())};
}

Task<Opening> read_opening(net::Stream& stream, std::chrono::milliseconds limit) {
  const net::HttpLimits limits;
  net::InputBuffer input(limits);
  net::RequestDecoder decoder(limits);
  auto head = net::read_head(stream, input, decoder);
  COFFERDAM_CO_CHECK(co_await with_deadline(limit, std::move(head)));
  co_return opening_of(decoder, input);
}

std::optional<net::HttpResponse> answer_to(const Error& error) {
  if (error.reason == "method_not_allowed") {
    auto response = net::error_response(405, error.reason, error.detail);
    response.headers.emplace_back("Allow", "CONNECT");
    return response;
  }
  if (error.reason == "destination_not_allowed") {
    return net::error_response(403, error.reason, error.detail);
  }
  if (error.reason == "destination_unavailable") {
    return net::error_response(502, error.reason, error.detail);
  }
  return net::answer_to_bad_request(error);
}

Task<void> refuse(net::Stream& stream, Error error) {
  auto answer = answer_to(error);
  if (!answer) co_return std::unexpected(std::move(error));
  co_return co_await net::refuse(stream, *std::move(answer));
}

}  // namespace

EgressProxy::EgressProxy(boost::asio::any_io_executor executor, AllowList allowed,
                         EgressOptions options)
    : allowed_(std::move(allowed)),
      options_(options),
      server_(std::move(executor), "egress", options.max_connections,
              [this](net::Stream stream, Connection connection) {
                return serve(std::move(stream), std::move(connection));
              }) {}

Task<void> EgressProxy::serve(net::Stream stream, Connection connection) {
  connection->set_idle(true);
  auto opening = co_await read_opening(stream, options_.header_timeout);
  connection->set_idle(false);
  if (!opening) co_return co_await refuse(stream, std::move(opening).error());

  auto upstream = co_await open_tunnel(std::move(opening->target));
  if (!upstream) co_return co_await refuse(stream, std::move(upstream).error());

  auto greeting = stream.write(as_bytes(kEstablished));
  COFFERDAM_CO_CHECK(co_await with_deadline(options_.header_timeout, std::move(greeting)));
  auto early = upstream->write(opening->early);
  COFFERDAM_CO_CHECK(co_await with_deadline(options_.connect_timeout, std::move(early)));
  counts_.bytes.from_a += opening->early.size();
  co_return co_await net::relay(std::move(stream), *std::move(upstream), options_.relay,
                                counts_.bytes);
}

Task<net::Stream> EgressProxy::open_tunnel(std::string target) {
  const auto destination = allowed_.match(target);
  const std::string name = target.substr(0, kMaxLoggedTarget);
  if (!destination) {
    ++counts_.denied;
    log::warning("egress: refused " + name + ": not on the allow list");
    co_return fail(Errc::denied, "destination_not_allowed",
                   "the parent's allow list does not have this destination: start it with "
                   "--allow HOST:PORT");
  }
  auto upstream = co_await net::connect(*destination, options_.connect_timeout);
  if (!upstream) {
    ++counts_.failed;
    log::warning("egress: " + upstream.error().detail);
    co_return fail(Errc::unavailable, "destination_unavailable", upstream.error().detail);
  }
  ++counts_.accepted;
  log::debug("egress: opened " + name);
  co_return upstream;
}

}  // namespace cofferdam::parent
