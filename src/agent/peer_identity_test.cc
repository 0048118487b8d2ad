// SPDX-License-Identifier: Apache-2.0
#include "agent/peer_identity.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "agent/local_server.h"
#include "base/file.h"
#include "base/test_folder.h"
#include "crypto/digest.h"
#include "net/http_client.h"
#include "net/testing.h"

namespace cofferdam::agent {
namespace {

Task<net::HttpResponse> remember(Caller* seen, Caller caller) {
  *seen = std::move(caller);
  co_return net::HttpResponse();
}

class PeerIdentityTest : public testing::Test {
 protected:
  // One request to a server of ours, from this very process.
  Caller seen_over(const net::Endpoint& endpoint) {
    Caller seen;
    const LocalHandler handler = [&seen](net::HttpRequest, Caller caller) {
      return remember(&seen, std::move(caller));
    };
    net::testing::Loop loop;
    std::optional<LocalServer> server;
    const net::Endpoint ready = loop.call([&] {
      server.emplace(loop.executor(), &identifier_, std::size_t{1024}, handler);
      return server->listen(endpoint).value();
    });
    net::HttpClientOptions options;
    options.endpoint = ready;
    options.host = "localhost";
    net::HttpClient client(options);
    net::HttpRequest request;
    request.method = "GET";
    request.target = "/";
    EXPECT_TRUE(loop.run(client.send(std::move(request))).has_value());
    EXPECT_TRUE(loop.run(server->drain(std::chrono::seconds(2))).has_value());
    return seen;
  }

  static std::string own_executable() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
  }

  void expect_to_be_us(const Caller& seen) {
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->uid, getuid());
    EXPECT_EQ(seen->gid, getgid());
    EXPECT_EQ(seen->pid, getpid());
    EXPECT_EQ(seen->executable, own_executable());
    const Bytes program = read_file(own_executable(), std::size_t{1} << 30).value();
    ASSERT_TRUE(seen->sha384.has_value());
    EXPECT_EQ(*seen->sha384, crypto::sha384(program));
  }

  TestFolder folder_;
  PeerIdentifier identifier_;
};

TEST_F(PeerIdentityTest, NamesTheProcessOfAUnixSocket) {
  expect_to_be_us(seen_over(net::UnixAddress{(folder_.path() / "socket").string()}));
}

TEST_F(PeerIdentityTest, NamesTheProcessOfALoopbackConnection) {
  expect_to_be_us(seen_over(net::TcpAddress{"127.0.0.1", 0}));
}

TEST_F(PeerIdentityTest, ReadsAnExecutableOnce) {
  seen_over(net::TcpAddress{"127.0.0.1", 0});
  expect_to_be_us(seen_over(net::UnixAddress{(folder_.path() / "socket").string()}));
  EXPECT_EQ(identifier_.digests_made(), 1u);
}

TEST_F(PeerIdentityTest, SaysNothingOfWhatItDoesNotKnow) {
  net::PeerIdentity nobody;
  net::testing::Loop loop;
  auto identified = loop.run(identifier_.identify(nobody, nullptr));
  ASSERT_TRUE(identified.has_value());
  EXPECT_FALSE(identified->has_value());
}

TEST_F(PeerIdentityTest, LeavesOutTheDigestOfAnExecutableThatIsTooLarge) {
  PeerIdentifier::Options options;
  options.max_executable = 1024;
  identifier_ = PeerIdentifier(options);
  const Caller seen = seen_over(net::TcpAddress{"127.0.0.1", 0});
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->executable, own_executable());
  EXPECT_FALSE(seen->sha384.has_value());
}

TEST_F(PeerIdentityTest, NamesExecutablesAsTheWorkloadSeesThem) {
  PeerIdentifier::Options options;
  options.root = std::filesystem::path(own_executable()).parent_path().string();
  identifier_ = PeerIdentifier(options);
  const Caller seen = seen_over(net::TcpAddress{"127.0.0.1", 0});
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->executable, "/" + std::filesystem::path(own_executable()).filename().string());
}

TEST_F(PeerIdentityTest, NamesOnlyTheUserWhereTwoProcessesHaveTheConnection) {
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  net::testing::Loop loop;
  // The connection is made first and the process that shares it then, so the peer is looked
  // at by hand instead of by a server.
  auto listener = loop.call([&] {
    return net::Listener::open(loop.executor(), net::TcpAddress{"127.0.0.1", 0}).value();
  });
  auto client = loop.run(net::connect(listener.endpoint(), std::chrono::seconds(5)));
  ASSERT_TRUE(client.has_value());
  auto accepted = loop.run(listener.accept());
  ASSERT_TRUE(accepted.has_value());
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    close(pipe_ends[1]);
    _exit(read(pipe_ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  auto identified = loop.run(identifier_.identify(net::peer_identity(*accepted), nullptr));
  close(pipe_ends[1]);
  waitpid(child, nullptr, 0);
  close(pipe_ends[0]);
  ASSERT_TRUE(identified.has_value() && identified->has_value());
  EXPECT_EQ((*identified)->uid, getuid());
  EXPECT_FALSE((*identified)->pid.has_value());
  EXPECT_FALSE((*identified)->executable.has_value());
  loop.call([&] {
    listener.close();
    client->close();
    accepted->close();
  });
}

TEST_F(PeerIdentityTest, SaysNothingOfAProcessThatHasEnded) {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  net::PeerIdentity peer;
  peer.process = {.pid = child, .uid = 7, .gid = 8};
  net::testing::Loop loop;
  auto identified = loop.run(identifier_.identify(peer, nullptr));
  waitpid(child, nullptr, 0);
  ASSERT_TRUE(identified.has_value() && identified->has_value());
  EXPECT_EQ((*identified)->uid, 7u);
  EXPECT_FALSE((*identified)->executable.has_value());
}

}  // namespace
}  // namespace cofferdam::agent
