// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace cofferdam {

// Turns off core dumps and attaching by other processes of the same user, and
// ignores SIGPIPE. Every main calls it first.
void harden_process() noexcept;

}  // namespace cofferdam
