// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace cofferdam {

// Work that suspends instead of blocking and ends in a Result.
//
// House rules for coroutines: parameters by value (a reference only to something the
// caller keeps alive until the task ends, such as a service); errors are values; every
// wait has a deadline; clean-up lives in destructors; named variables, never a braced
// temporary or a capturing lambda, inside an expression with co_await (GCC 12 destroys
// them twice).
template <class T>
using Task = boost::asio::awaitable<Result<T>>;

}  // namespace cofferdam
