// SPDX-License-Identifier: Apache-2.0
#include "agent/heartbeat.h"

#include <array>
#include <utility>

#include "agent/reason.h"
#include "net/deadline.h"
#include "net/socket.h"

namespace cofferdam::agent {
namespace {

constexpr std::array<std::uint8_t, 1> kHeartbeat{0xb7};

Task<void> exchange(net::Endpoint endpoint, std::chrono::milliseconds limit) {
  COFFERDAM_CO_TRY(net::Stream stream, co_await net::connect(std::move(endpoint), limit));
  COFFERDAM_CO_CHECK(co_await stream.write(kHeartbeat));
  std::array<std::uint8_t, 1> answer{};
  COFFERDAM_CO_TRY(const std::size_t size, co_await stream.read_some(answer));
  if (size != 1 || answer != kHeartbeat) {
    co_return fail(Errc::unavailable, "expected the byte 0xb7 back, found " +
                                          std::string(size == 0 ? "the end" : "another one"));
  }
  co_return Status();
}

Task<void> exchange_in_time(std::optional<net::Endpoint> endpoint,
                            std::chrono::milliseconds limit) {
  if (!endpoint) co_return Status();
  const std::string where = net::to_string(*endpoint);
  auto work = exchange(*std::move(endpoint), limit);
  const Status done = co_await with_deadline(limit, std::move(work));
  if (done) co_return Status();
  co_return fail(done.error().code, reason::kHeartbeatFailed,
                 "the heartbeat at " + where + ": " + done.error().detail);
}

}  // namespace

Task<void> send_heartbeat(const ValidatedEnclave& enclave, std::chrono::milliseconds limit) {
  return exchange_in_time(enclave.config().heartbeat, limit);
}

}  // namespace cofferdam::agent
