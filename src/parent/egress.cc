// SPDX-License-Identifier: Apache-2.0
#include "parent/egress.h"

#include <array>

#include "base/log.h"
#include "net/client_hello.h"
#include "net/deadline.h"
#include "net/message_io.h"

namespace cofferdam::parent {
namespace {

constexpr std::string_view kEstablished = "HTTP/1.1 200 Connection established\r\n\r\n";
constexpr std::size_t kMaxLoggedTarget = 256;
constexpr std::size_t kReadSize = std::size_t{4} * 1024;
// A fatal alert, unrecognized_name (RFC 8446 section 6.2), in a record of TLS 1.2.
constexpr std::array<std::uint8_t, 7> kUnrecognizedName{21, 3, 3, 0, 2, 2, 112};

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
  if (error.reason == "destination_busy") {
    return net::error_response(503, error.reason, error.detail);
  }
  return net::answer_to_bad_request(error);
}

Task<void> refuse(net::Stream& stream, Error error) {
  auto answer = answer_to(error);
  if (!answer) co_return std::unexpected(std::move(error));
  co_return co_await net::refuse(stream, *std::move(answer));
}

// Reads on until `bytes` hold a whole ClientHello.
Task<std::string> read_server_name(net::Stream& stream, Bytes& bytes) {
  net::ClientHelloReader reader;
  std::size_t seen = 0;
  for (;;) {
    if (seen < bytes.size()) {
      COFFERDAM_CO_TRY(const bool complete, reader.put(ByteView(bytes).subspan(seen)));
      if (complete) co_return reader.server_name();
      seen = bytes.size();
    }
    bytes.resize(seen + kReadSize);
    const auto room = std::span(bytes).subspan(seen);
    const auto size = co_await stream.read_some(room);
    bytes.resize(seen + size.value_or(0));
    if (!size) co_return std::unexpected(size.error());
    if (*size == 0) co_return fail(Errc::unavailable, "it ended before its ClientHello");
  }
}

void add(EgressCounts& to, const EgressCounts& more) {
  to.accepted += more.accepted;
  to.denied += more.denied;
  to.failed += more.failed;
  to.bytes.from_a += more.bytes.from_a;
  to.bytes.from_b += more.bytes.from_b;
}

// Counts one connection as open. Outlives the proxy where a frame of its does.
class Place {
 public:
  explicit Place(std::shared_ptr<DestinationCounts> counts) : counts_(std::move(counts)) {
    ++counts_->open;
  }
  Place(Place&&) noexcept = default;
  Place& operator=(Place&&) noexcept = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (counts_) --counts_->open;
  }

  DestinationCounts& counts() const noexcept { return *counts_; }

 private:
  std::shared_ptr<DestinationCounts> counts_;
};

}  // namespace

struct EgressProxy::Tunnel {
  Destination destination;
  std::string name;
  Place place;
  net::Stream upstream;
};

EgressProxy::EgressProxy(boost::asio::any_io_executor executor, AllowList allowed,
                         EgressOptions options)
    : options_(std::move(options)),
      dialer_(executor, options_.dialer),
      server_(std::move(executor), "egress", options_.max_connections,
              [this](net::Stream stream, Connection connection) {
                return serve(std::move(stream), std::move(connection));
              }) {
  set_allowed(std::move(allowed));
}

void EgressProxy::set_allowed(AllowList allowed) {
  std::map<net::TcpAddress, Counts> kept;
  for (const auto& [asked, destination] : allowed.destinations()) {
    const auto found = counts_.find(asked);
    kept[asked] = found != counts_.end() ? found->second : std::make_shared<DestinationCounts>();
  }
  for (const auto& [asked, counts] : counts_) {
    if (!kept.contains(asked)) add(gone_, *counts);
  }
  counts_ = std::move(kept);
  allowed_ = std::move(allowed);
}

EgressCounts EgressProxy::counts() const {
  EgressCounts sum = gone_;
  for (const auto& [asked, counts] : counts_) add(sum, *counts);
  const auto unlisted = denials_.find("destination_not_allowed");
  if (unlisted != denials_.end()) sum.denied += unlisted->second;
  return sum;
}

EgressProxy::PerDestination EgressProxy::per_destination() const {
  return {counts_.begin(), counts_.end()};
}

std::unexpected<Error> EgressProxy::deny(std::string_view reason, const std::string& name,
                                         std::string_view why) {
  ++denials_[reason];
  log::warning("egress: refused " + name + ": " + std::string(why));
  return fail(Errc::denied, reason, std::string(why));
}

Task<void> EgressProxy::serve(net::Stream stream, Connection connection) {
  connection->set_idle(true);
  auto opening = co_await read_opening(stream, options_.header_timeout);
  connection->set_idle(false);
  if (!opening) co_return co_await refuse(stream, std::move(opening).error());

  auto tunnel = co_await open_tunnel(std::move(opening->target));
  if (!tunnel) co_return co_await refuse(stream, std::move(tunnel).error());
  auto greeting = stream.write(as_bytes(kEstablished));
  COFFERDAM_CO_CHECK(co_await with_deadline(options_.header_timeout, std::move(greeting)));

  COFFERDAM_CO_TRY(const Bytes first,
                   co_await first_bytes(stream, *tunnel, std::move(opening->early)));
  auto sending = tunnel->upstream.write(first);
  COFFERDAM_CO_CHECK(co_await with_deadline(options_.connect_timeout, std::move(sending)));
  net::RelayCounts& bytes = tunnel->place.counts().bytes;
  bytes.from_a += first.size();
  co_return co_await net::relay(std::move(stream), std::move(tunnel->upstream), options_.relay,
                                bytes);
}

Task<EgressProxy::Tunnel> EgressProxy::open_tunnel(std::string target) {
  const Destination* const found = allowed_.match(target);
  std::string name = target.substr(0, kMaxLoggedTarget);
  if (found == nullptr) {
    co_return deny("destination_not_allowed", name,
                   "the parent's allow list does not have this destination: start it with "
                   "--allow HOST:PORT");
  }
  const Counts counts = counts_.at(found->asked);
  if (counts->open >= found->max_connections) {
    ++counts->denied;
    co_return deny("destination_busy", name,
                   "it has as many connections as the parent's limit for this destination");
  }
  Tunnel tunnel{
      .destination = *found, .name = std::move(name), .place = Place(counts), .upstream = {}};
  auto upstream = co_await dialer_.connect(tunnel.destination.leads_to, options_.connect_timeout);
  if (!upstream) {
    ++counts->failed;
    log::warning("egress: " + upstream.error().detail);
    co_return fail(Errc::unavailable, "destination_unavailable", upstream.error().detail);
  }
  ++counts->accepted;
  log::debug("egress: opened " + tunnel.name);
  tunnel.upstream = *std::move(upstream);
  co_return tunnel;
}

// What may be passed on before the relay begins: nothing was looked at, or a ClientHello
// that is as it should be.
Task<Bytes> EgressProxy::first_bytes(net::Stream& stream, const Tunnel& tunnel, Bytes early) {
  if (!tunnel.destination.tls) co_return early;
  auto reading = read_server_name(stream, early);
  const auto name = co_await with_deadline(options_.header_timeout, std::move(reading));
  if (name && *name == tunnel.destination.asked.host) co_return early;
  if (!name && name.error().code != Errc::invalid_input) co_return std::unexpected(name.error());

  ++tunnel.place.counts().denied;
  auto alert = stream.write(kUnrecognizedName);
  COFFERDAM_CO_CHECK(co_await with_deadline(options_.header_timeout, std::move(alert)));
  COFFERDAM_CO_CHECK(co_await stream.shutdown_write());
  if (!name && name.error().reason == "no_tls") {
    co_return deny("no_tls", tunnel.name, "expected TLS: mark the destination any if it is not");
  }
  co_return deny("wrong_server_name", tunnel.name,
                 name ? "its TLS names another host" : name.error().detail);
}

}  // namespace cofferdam::parent
