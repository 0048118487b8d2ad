// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>

#include "base/test_folder.h"
#include "net/task.h"

// For tests only.
namespace cofferdam::net::testing {

// Runs one task to its end on an event loop of the caller.
template <class T>
Result<T> run(boost::asio::io_context& io, Task<T> task) {
  std::optional<Result<T>> result;
  boost::asio::co_spawn(io, std::move(task),
                        [&](const std::exception_ptr& thrown, Result<T> value) {
                          if (thrown) std::rethrow_exception(thrown);
                          result = std::move(value);
                          io.stop();
                        });
  io.restart();
  io.run();
  return std::move(result).value();
}

// An event loop on a thread of its own, for servers under test.
class Loop {
 public:
  Loop() : thread_([this] { io_.run(); }) {}
  ~Loop() {
    io_.stop();
    thread_.join();
  }

  boost::asio::any_io_executor executor() { return io_.get_executor(); }

  // Runs `function` on the loop and waits for it.
  template <class Function>
  auto call(Function function) {
    return boost::asio::post(io_, boost::asio::use_future(std::move(function))).get();
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return boost::asio::co_spawn(io_, std::move(task), boost::asio::use_future).get();
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_ =
      boost::asio::make_work_guard(io_);
  std::thread thread_;
};

}  // namespace cofferdam::net::testing
