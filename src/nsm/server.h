// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "nsm/module.h"

namespace cofferdam::nsm {

struct ServerOptions {
  unsigned socket_mode = 0600;  // 0666 for any user, as /dev/nsm has.
  std::size_t max_connections = 32;
  std::chrono::milliseconds frame_timeout = std::chrono::seconds(10);
};

// Serves an emulated module on a Unix socket: each request and each answer is one CBOR
// message after its length (u32, big-endian), any number of them on a connection.
//
// One thread answers one request at a time, in order of arrival, as the driver of the real
// module does. A frame that is not finished within the timeout ends its connection; a
// length above 4096 is answered with InputTooLarge, unread, and ends it too. Further peers
// wait while `max_connections` are open.
//
// Borrows the module, which must outlive it and belongs to the server until stop().
class Server {
 public:
  // Takes over a socket file that nobody listens on any more; one that somebody does, or a
  // file of another kind, is Errc::unavailable.
  static Result<std::unique_ptr<Server>> start(const std::filesystem::path& path, Module& module,
                                               const ServerOptions& options = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Closes every connection, removes the socket file and waits for the thread. Idempotent.
  void stop();

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cofferdam::nsm
