// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/byte_view.h"
#include "base/result.h"

// What the first process of a machine must do before anything else works (design §2, step
// 1), and at the end. Everything is tolerant of having been done already: the process backend
// of `cofferdam run` prepares the same things from outside.
namespace cofferdam::agent {

// Whether this process is the first of its PID namespace.
bool is_init() noexcept;

// Mounts /proc, /sys, /dev, /dev/pts, /dev/shm, /run and /tmp where nothing is mounted yet,
// links /dev/fd and the standard streams, opens the console where streams are missing, names
// the host "enclave", loads /nsm.ko where the image has one, and brings up the loopback
// interface. What fails is logged, and fatal only later if it was needed.
void prepare_machine();

// Sets a network interface of this namespace up.
Status bring_up_interface(const char* name);

// Adds `entropy` to the kernel's pool and counts it in full. Errc::unavailable without
// CAP_SYS_ADMIN in the first user namespace.
Status credit_entropy(ByteView entropy);

// Whether this process is the first of the machine itself. The kernel is asked, with a
// request that changes nothing here: it lets only the first PID namespace say what
// Ctrl-Alt-Del does. Inside any other namespace reboot() would kill its first process with a
// signal, and the exit status would be lost.
bool owns_machine() noexcept;

// Ends the machine as AWS's own init does: a restart, which an enclave's hypervisor takes as
// its end. It has no power to switch off, and a first process that returned would leave it
// hanging in a kernel panic. Returns only if the kernel refuses.
void end_machine() noexcept;

}  // namespace cofferdam::agent
