// SPDX-License-Identifier: Apache-2.0
// The first process of the images of process_enclave_test.cc: says what it sees, then does
// what /mode says. Static and without sanitizers, since nothing else is in its root.
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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

// The heartbeat as nitro-cli expects it.
bool beat() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, "/run/cofferdam/heartbeat.sock", sizeof address.sun_path - 1);
  unsigned char byte = 0xb7;
  return connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
         send(fd, &byte, 1, 0) == 1 && recv(fd, &byte, 1, 0) == 1 && byte == 0xb7;
}

void use_memory(std::size_t size) {
  auto* const at = static_cast<volatile char*>(std::malloc(size));
  for (std::size_t page = 0; at != nullptr && page < size; page += 4096) at[page] = 1;
}

void say_owner(const char* path) {
  struct stat info{};
  if (lstat(path, &info) == 0) std::printf("%s belongs to %u:%u\n", path, info.st_uid, info.st_gid);
}

void say_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    std::printf("cpus: %d\n", CPU_COUNT(&allowed));
  }
}

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
  say_owner("/owned");
  say_cpus();
  std::printf("escape \x1b[31m\n");
  std::fflush(stdout);
  if (std::strcmp(mode, "wait") == 0) {
    std::signal(SIGTERM, on_signal);
    std::printf("waiting\n");
    std::fflush(stdout);
    while (true) pause();
  }
  if (std::strcmp(mode, "heartbeat") == 0) say("heartbeat", beat());
  if (std::strcmp(mode, "memory") == 0) {
    // Not the first process: the kernel spares that one where it can.
    const pid_t eater = fork();
    if (eater == 0) {
      use_memory(std::size_t{512} << 20);
      _exit(0);
    }
    int status = 0;
    waitpid(eater, &status, 0);
    return WIFSIGNALED(status) ? 99 : 0;
  }
  return std::atoi(mode);
}
