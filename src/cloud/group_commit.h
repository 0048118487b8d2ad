// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "net/task.h"

namespace cofferdam::cloud {

// Lets the answers of many requests wait for the disk together. Whoever waits resumes when
// a flush that began after its call has ended, with that flush's outcome: requests that
// arrive while the disk is busy share the next one.
//
// One thread, that of the executor. Must outlive its waiters.
class GroupCommit {
 public:
  // `flush` blocks until everything so far is durable.
  GroupCommit(boost::asio::any_io_executor executor, std::function<Status()> flush)
      : executor_(std::move(executor)), flush_(std::move(flush)) {}
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  Task<void> wait();

 private:
  // Those who wait for one flush: its timer never expires, it is cancelled.
  struct Group {
    explicit Group(const boost::asio::any_io_executor& executor)
        : done(executor, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer done;
    bool flushed = false;
    Status outcome;
  };

  void flush_group();

  boost::asio::any_io_executor executor_;
  std::function<Status()> flush_;
  std::shared_ptr<Group> open_;
};

}  // namespace cofferdam::cloud
