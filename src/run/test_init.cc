// SPDX-License-Identifier: Apache-2.0
// The first process of the images of process_enclave_test.cc: says what it sees, then does
// what /mode says. Static and without sanitizers, since nothing else is in its root.
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool exists(const char* path) {
  struct stat info{};
  return stat(path, &info) == 0;
}

void say(const char* what, bool yes) { std::printf("%s: %s\n", what, yes ? "yes" : "no"); }

void on_signal(int) { _exit(9); }

}  // namespace

int main() {
  char mode[32] = {};
  if (std::FILE* file = std::fopen("/mode", "re")) {
    if (std::fgets(mode, sizeof mode, file) == nullptr) mode[0] = '\0';
    std::fclose(file);
  }
  char host[64] = {};
  gethostname(host, sizeof host - 1);
  say("first process", getpid() == 1);
  say("host name is enclave", std::strcmp(host, "enclave") == 0);
  say("module socket", exists("/run/cofferdam/nsm.sock"));
  say("null device", exists("/dev/null"));
  say("files of the host", exists("/etc/passwd") || exists("/usr"));
  say("other interfaces", if_nametoindex("eth0") != 0 || if_nametoindex("lo") != 1);
  std::printf("escape \x1b[31m\n");
  std::fflush(stdout);
  if (std::strcmp(mode, "wait") == 0) {
    std::signal(SIGTERM, on_signal);
    std::printf("waiting\n");
    std::fflush(stdout);
    while (true) pause();
  }
  return std::atoi(mode);
}
