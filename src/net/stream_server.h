// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "net/endpoint.h"
#include "net/socket.h"
#include "net/stream.h"

namespace cofferdam::net {

// What a server knows of one connection besides its bytes.
class ServedConnection {
 public:
  virtual ~ServedConnection() = default;

  // An idle connection, one that owes its peer nothing, is cut off when the server stops.
  virtual void set_idle(bool idle) noexcept = 0;

  // The server is stopping: finish what is under way and return.
  virtual bool stopping() const noexcept = 0;

  // The connection is cut off unless the deadline is lifted within `limit`, as if the server
  // had stopped. Far cheaper than with_deadline(), for waits after whose end there is nothing
  // left to say.
  virtual void set_deadline(std::chrono::milliseconds limit) = 0;
  virtual void lift_deadline() noexcept = 0;
};

// Accepts connections and runs one coroutine for each, on any number of endpoints.
//
// This is the exception barrier: a connection that throws is logged and closed, and the
// others go on. When `max_connections` are open, further ones wait in the backlog; out of
// descriptors, accepting pauses. The executor must run on one thread. What the handler
// uses must live until drain() has returned, or the event loop has been destroyed.
class StreamServer {
 public:
  // Errors that the handler returns are its own affair; they go to the debug log.
  using Handler = std::function<Task<void>(Stream, std::shared_ptr<ServedConnection>)>;

  // `name` is for the log.
  StreamServer(boost::asio::any_io_executor executor, std::string name, std::size_t max_connections,
               Handler handler);
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;
  ~StreamServer();

  // Whom to serve: connections for which it is false are closed at once. By default all.
  void admit(std::function<bool(Stream&)> admission);

  // Starts accepting; returns the endpoint with the actual port.
  Result<Endpoint> listen(const Endpoint& endpoint);
  Endpoint listen(Listener listener);

  // Stops accepting and cuts off idle connections. May be called from any thread.
  void stop();

  // stop(), then waits until every connection has ended; after `grace` it cuts them off.
  Task<void> drain(std::chrono::milliseconds grace);

  std::size_t open_connections() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace cofferdam::net
