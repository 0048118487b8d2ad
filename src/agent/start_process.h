// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/process_spec.h"
#include "base/result.h"

namespace cofferdam::agent {

// The variables a workload gets: those of the image, PATH and HOME where the image has none,
// and COFFERDAM_SOCKET, which is always ours.
std::vector<std::string> complete_environment(std::vector<std::string> env,
                                              std::string_view socket);

// Starts `spec.args` as the process that `spec` describes, and returns once the program has
// taken over.
//
// The process has a session of its own, default signals, /dev/null as standard input,
// `output` (or our own streams where it is negative) as standard output and error, and
// nothing else that is open here. Where `spec.root` is not
// "/", it lives in a mount namespace of its own with that folder as its root, or merely has
// its root changed where the kernel grants no namespace. Groups, group and user are taken in
// this order, after the working folder was made and entered, as container runtimes do. The
// environment is `spec.env` and nothing else.
//
// The program is looked up as execvp() would, in the PATH of `spec.env`, inside the root;
// text without "#!" is not handed to a shell. no_new_privs is left off, because it would
// switch off the file capabilities and set-user-id bits the image was built with, and what
// they could be used against is the workload's own image. What nobody gets is the right to
// read other processes or to change the kernel (CAP_SYS_PTRACE, CAP_SYS_MODULE,
// CAP_SYS_RAWIO, CAP_BPF, CAP_PERFMON): the bounding set is without them, as in containers.
//
// May be called with several threads: between fork and exec the child only makes system
// calls. Failures are Errc::unavailable and name the step and the system's text; reasons
// are `workload_not_started` and `user_not_mapped`.
Result<pid_t> start_process(const ProcessSpec& spec, int output = -1);

// `what` failed because the user namespace does not map an id: `user_not_mapped`, with what
// to do about it.
[[nodiscard]] std::unexpected<Error> not_mapped(const std::string& what);

}  // namespace cofferdam::agent
