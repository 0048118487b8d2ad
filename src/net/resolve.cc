// SPDX-License-Identifier: Apache-2.0
#include "net/resolve.h"

#include <fcntl.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include "base/file.h"

namespace cofferdam::net {
namespace {

namespace asio = boost::asio;
using Addresses = std::vector<asio::ip::tcp::endpoint>;

constexpr int kMaxLookups = 64;
std::atomic<int> lookups_under_way{0};

// Shared by the caller and the thread; whoever is last frees it. The thread touches
// nothing else, so it may outlive the event loop.
struct Lookup {
  std::string host;
  std::uint16_t port = 0;
  UniqueFd done;  // Closing it wakes the caller.
  int error = 0;
  Addresses addresses;
  std::atomic<bool> ready{false};
};

void collect(const addrinfo* list, Lookup& lookup) {
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    asio::ip::tcp::endpoint address;
    if (each->ai_addrlen > address.capacity()) continue;
    std::memcpy(address.data(), each->ai_addr, each->ai_addrlen);
    address.resize(each->ai_addrlen);
    address.port(lookup.port);
    lookup.addresses.push_back(address);
  }
}

void run(Lookup& lookup) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  lookup.error = getaddrinfo(lookup.host.c_str(), nullptr, &hints, &list);
  if (lookup.error == 0) collect(list, lookup);
  if (list != nullptr) freeaddrinfo(list);
  lookup.ready.store(true, std::memory_order_release);
  lookup.done = UniqueFd();
}

Status start(const std::shared_ptr<Lookup>& lookup) {
  if (lookups_under_way.fetch_add(1) >= kMaxLookups) {
    lookups_under_way.fetch_sub(1);
    return fail(Errc::unavailable, "too many name lookups under way");
  }
  try {
    std::thread([lookup] {
      run(*lookup);
      lookups_under_way.fetch_sub(1);
    }).detach();
  } catch (const std::system_error&) {
    lookups_under_way.fetch_sub(1);
    return fail(Errc::unavailable, "cannot start a thread for a name lookup");
  }
  return {};
}

}  // namespace

Task<Addresses> resolve(std::string host, std::uint16_t port) {
  boost::system::error_code not_literal;
  const auto literal = asio::ip::make_address(host, not_literal);
  if (!not_literal) co_return Addresses{asio::ip::tcp::endpoint(literal, port)};

  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) co_return fail(Errc::unavailable, errno_text(errno));
  const auto executor = co_await asio::this_coro::executor;
  asio::readable_pipe done(executor, ends[0]);
  auto lookup = std::make_shared<Lookup>();
  lookup->host = std::move(host);
  lookup->port = port;
  lookup->done = UniqueFd(ends[1]);
  COFFERDAM_CO_CHECK(start(lookup));

  std::array<char, 1> unused{};
  co_await done.async_read_some(asio::buffer(unused), asio::as_tuple(asio::use_awaitable));
  if (!lookup->ready.load(std::memory_order_acquire)) {
    co_return fail(Errc::unavailable, "the name lookup was cancelled");
  }
  if (lookup->error != 0) co_return fail(Errc::unavailable, gai_strerror(lookup->error));
  if (lookup->addresses.empty()) co_return fail(Errc::unavailable, "the name has no address");
  co_return std::move(lookup->addresses);
}

}  // namespace cofferdam::net
