// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"

// What the first process of a machine must do before anything else works (design §2, step
// 1). Everything is tolerant of having been done already: the process backend of
// `cofferdam run` prepares the same things from outside.
namespace cofferdam::agent {

// Whether this process is the first of its PID namespace.
bool is_init() noexcept;

// Mounts /proc, /sys, /dev, /run and /tmp where nothing is mounted yet, opens the console
// where standard streams are missing, loads /nsm.ko where the image has one, and brings up
// the loopback interface. What fails is logged, and fatal only later if it was needed.
void prepare_machine();

// Sets a network interface of this namespace up.
Status bring_up_interface(const char* name);

}  // namespace cofferdam::agent
