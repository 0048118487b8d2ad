// SPDX-License-Identifier: Apache-2.0
#include "cloud/group_commit.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace cofferdam::cloud {

Task<void> GroupCommit::wait() {
  if (!open_) {
    open_ = std::make_shared<Group>(executor_);
    // Behind the requests that are ready now, which so join the group.
    boost::asio::post(executor_, [this] { flush_group(); });
  }
  const std::shared_ptr<Group> group = open_;
  const auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
  [[maybe_unused]] const auto woken = co_await group->done.async_wait(token);
  if (!group->flushed) co_return fail(Errc::unavailable, "the wait for the disk was cut off");
  co_return group->outcome;
}

void GroupCommit::flush_group() {
  const std::shared_ptr<Group> group = std::exchange(open_, nullptr);
  group->outcome = flush_();
  group->flushed = true;
  group->done.cancel();
}

}  // namespace cofferdam::cloud
