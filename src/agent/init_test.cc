// SPDX-License-Identifier: Apache-2.0
#include "agent/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "agent/first_process.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "crypto/random.h"
#include "net/testing.h"

namespace cofferdam::agent {
namespace {

using test::Users;
using ::testing::HasSubstr;
using ::testing::Not;

bool loopback_is_up() {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  return ioctl(any.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

void say(const char* what, bool yes) { std::printf("%s: %s\n", what, yes ? "yes" : "no"); }

// In an empty root, as an initramfs would be.
int prepare_twice(const std::string& root) {
  if (chroot(root.c_str()) != 0 || chdir("/") != 0) return 1;
  say("loopback before", loopback_is_up());
  prepare_machine();
  prepare_machine();
  std::array<char, 64> host{};
  gethostname(host.data(), host.size() - 1);
  std::printf("host %s\n", host.data());
  say("loopback", loopback_is_up());
  struct stat info{};
  for (const char* path : {"/proc/self/status", "/run", "/dev/shm", "/dev/pts/ptmx"}) {
    say(path, stat(path, &info) == 0);
  }
  say("sticky", stat("/tmp", &info) == 0 && (info.st_mode & 07777U) == 01777U);
  std::array<char, 64> target{};
  say("descriptors", readlink("/dev/fd", target.data(), target.size() - 1) > 0 &&
                         std::strcmp(target.data(), "/proc/self/fd") == 0);
  return 0;
}

TEST(InitTest, MakesAnEmptyRootAMachine) {
  const TestFolder folder;
  const auto life =
      test::as_first_process(Users::only_one, [&] { return prepare_twice(folder / ""); });
  if (!life) GTEST_SKIP() << "this machine grants no namespaces to this user";
  EXPECT_EQ(life->status, 0);
  EXPECT_THAT(life->output, HasSubstr("loopback before: no\n"));
  EXPECT_THAT(life->output, HasSubstr("host enclave\n"));
  for (const char* done : {"loopback", "/proc/self/status", "/run", "/dev/shm", "/dev/pts/ptmx",
                           "sticky", "descriptors"}) {
    EXPECT_THAT(life->output, HasSubstr("\n" + std::string(done) + ": yes\n"));
  }
  // Doing it again is no failure; only /dev itself is not for a user namespace to mount.
  EXPECT_THAT(life->output, Not(HasSubstr("cannot mount /proc")));
  EXPECT_THAT(life->output, Not(HasSubstr("cannot make")));
}

// The end of a namespace's first process is its exit status; only a machine is restarted.
TEST(InitTest, DoesNotOwnTheMachineOfANamespace) {
  const auto life = test::as_first_process(Users::only_one,
                                           [] { return is_init() && !owns_machine() ? 11 : 12; });
  if (!life) GTEST_SKIP() << "this machine grants no namespaces to this user";
  EXPECT_EQ(life->status, 11);
}

TEST(InitTest, CountsEntropyOnlyWhereTheKernelAllowsIt) {
  const auto inside = test::as_first_process(Users::only_one, [] {
    const Status counted = credit_entropy(crypto::random_bytes(256));
    return !counted && counted.error().code == Errc::unavailable ? 0 : 1;
  });
  if (inside) EXPECT_EQ(inside->status, 0);
  if (geteuid() != 0) GTEST_SKIP() << "the other half needs root";
  const Status counted = credit_entropy(crypto::random_bytes(256));
  EXPECT_TRUE(counted.has_value()) << counted.error().detail;
}

}  // namespace
}  // namespace cofferdam::agent
