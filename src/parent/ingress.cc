// SPDX-License-Identifier: Apache-2.0
#include "parent/ingress.h"

#include "base/log.h"
#include "net/deadline.h"
#include "net/proxy_protocol.h"
#include "net/socket.h"
#include "parent/allow_list.h"

namespace cofferdam::parent {
namespace {

constexpr std::string_view kConnections = "connections=";

Status read_mark(std::string_view mark, IngressRule& out) {
  if (mark == "proxy") {
    out.proxy_header = true;
    return {};
  }
  if (!mark.starts_with(kConnections)) {
    return fail(Errc::invalid_input, "expected proxy or connections=N behind the comma");
  }
  COFFERDAM_TRY(out.max_connections, parse_connection_limit(mark.substr(kConnections.size())));
  return {};
}

}  // namespace

Result<IngressRule> parse_ingress_rule(std::string_view text) {
  std::size_t comma = text.find(',');
  const std::string_view where = text.substr(0, comma);
  const std::size_t equals = where.find('=');
  if (equals == std::string_view::npos) {
    return fail(Errc::invalid_input, "expected LISTEN=TARGET with two endpoints");
  }
  IngressRule out;
  COFFERDAM_TRY(out.listen, net::parse_endpoint(where.substr(0, equals)));
  COFFERDAM_TRY(out.target, net::parse_endpoint(where.substr(equals + 1)));
  while (comma != std::string_view::npos) {
    const std::size_t next = text.find(',', comma + 1);
    COFFERDAM_CHECK(read_mark(text.substr(comma + 1, next - comma - 1), out));
    comma = next;
  }
  return out;
}

Ingress::Ingress(boost::asio::any_io_executor executor, IngressRule rule, IngressOptions options)
    : rule_(std::move(rule)),
      options_(options),
      server_(std::move(executor), "ingress", rule_.max_connections,
              [this](net::Stream stream, const std::shared_ptr<net::ServedConnection>&) {
                return serve(std::move(stream));
              }) {}

Task<void> Ingress::serve(net::Stream stream) {
  auto enclave = co_await net::connect(rule_.target, options_.connect_timeout);
  if (!enclave) {
    ++counts_.failed;
    log::warning("ingress: " + enclave.error().detail);
    co_return std::unexpected(std::move(enclave).error());
  }
  ++counts_.accepted;
  if (rule_.proxy_header) {
    const Bytes header = net::proxy_header(net::tcp_ends(stream));
    auto sending = enclave->write(header);
    COFFERDAM_CO_CHECK(co_await with_deadline(options_.connect_timeout, std::move(sending)));
  }
  co_return co_await net::relay(std::move(stream), *std::move(enclave), options_.relay,
                                counts_.bytes);
}

}  // namespace cofferdam::parent
