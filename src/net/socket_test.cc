// SPDX-License-Identifier: Apache-2.0
#include "net/socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netdb.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "base/test_folder.h"
#include "net/deadline.h"
#include "net/socket_transport.h"
#include "net/testing.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::run;

Task<std::string> greet(Listener& listener) {
  const Endpoint endpoint = listener.endpoint();
  COFFERDAM_CO_TRY(auto client, co_await connect(endpoint, 5s));
  auto accepting = listener.accept();
  COFFERDAM_CO_TRY(auto server, co_await with_deadline(5s, std::move(accepting)));
  const std::string hello = "hello, ";
  const std::string world = "world";
  COFFERDAM_CO_CHECK(co_await client.write(as_bytes(hello), as_bytes(world)));
  COFFERDAM_CO_CHECK(co_await client.shutdown_write());
  std::string received;
  std::array<std::uint8_t, 64> room{};
  for (;;) {
    auto reading = server.read_some(room);
    COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(5s, std::move(reading)));
    if (size == 0) co_return received;
    received += as_text(ByteView(room).first(size));
  }
}

Listener open(boost::asio::io_context& io, const std::string& endpoint) {
  return Listener::open(io.get_executor(), parse_endpoint(endpoint).value()).value();
}

TEST(SocketTest, TalksOverTcp) {
  boost::asio::io_context io(1);
  Listener listener = open(io, "tcp:127.0.0.1:0");
  EXPECT_NE(std::get<TcpAddress>(listener.endpoint()).port, 0);
  EXPECT_EQ(run(io, greet(listener)).value(), "hello, world");
}

TEST(SocketTest, TalksOverUnix) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  Listener listener = open(io, "unix:" + (folder / "a.sock").string());
  EXPECT_EQ(run(io, greet(listener)).value(), "hello, world");
}

TEST(SocketTest, FindsANameAndTriesAllItsAddresses) {
  addrinfo* found = nullptr;
  if (getaddrinfo("localhost", nullptr, nullptr, &found) != 0) {
    GTEST_SKIP() << "this machine knows no localhost";
  }
  freeaddrinfo(found);
  boost::asio::io_context io(1);
  Listener listener = open(io, "tcp:127.0.0.1:0");
  const auto port = std::get<TcpAddress>(listener.endpoint()).port;
  const Endpoint by_name = TcpAddress{.host = "localhost", .port = port};  // Perhaps ::1 first.
  EXPECT_TRUE(run(io, connect(by_name, 5s)).has_value());
}

TEST(SocketTest, AnUnknownNameIsUnavailable) {
  boost::asio::io_context io(1);
  const Endpoint nowhere = TcpAddress{.host = "no-such-host.invalid", .port = 1};
  const auto stream = run(io, connect(nowhere, 20s));
  ASSERT_FALSE(stream.has_value());
  EXPECT_THAT(stream.error().detail, HasSubstr("cannot connect to tcp:no-such-host.invalid:1"));
}

TEST(SocketTest, AConnectionWithoutListenerSaysWhere) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  const Endpoint nobody = UnixAddress{.path = (folder / "nobody.sock").string()};
  const auto stream = run(io, connect(nobody, 5s));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().code, Errc::unavailable);
  EXPECT_THAT(stream.error().detail, HasSubstr("nobody.sock: No such file or directory"));
}

TEST(SocketTest, APortInUseIsUnavailableWithAdvice) {
  boost::asio::io_context io(1);
  Listener first = open(io, "tcp:127.0.0.1:0");
  const auto second = Listener::open(io.get_executor(), first.endpoint());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_THAT(second.error().detail, HasSubstr("in use"));
}

TEST(SocketTest, AUnixSocketInUseIsNotReplaced) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  Listener first = open(io, "unix:" + (folder / "a.sock").string());
  EXPECT_FALSE(Listener::open(io.get_executor(), first.endpoint()).has_value());
  ASSERT_TRUE(run(io, first.accept()).has_value());  // The second one looked whether we live.
  EXPECT_EQ(run(io, greet(first)).value(), "hello, world");
}

TEST(SocketTest, AStaleUnixSocketIsReplaced) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  const std::string path = folder / "a.sock";
  const std::string left_over = folder / "b.sock";
  Listener crashed = open(io, "unix:" + path);
  std::filesystem::rename(path, left_over);  // Keeps close() from removing it.
  crashed.close();
  std::filesystem::rename(left_over, path);
  Listener again = open(io, "unix:" + path);
  EXPECT_EQ(run(io, greet(again)).value(), "hello, world");
}

TEST(SocketTest, AFileThatIsNoSocketIsNotReplaced) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  const std::string path = folder / "precious";
  std::ofstream(path) << "data";
  EXPECT_FALSE(Listener::open(io.get_executor(), UnixAddress{.path = path}).has_value());
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

TEST(SocketTest, AUnixSocketIsPrivateAndGoesWithItsListener) {
  boost::asio::io_context io(1);
  const TestFolder folder;
  const std::string path = folder / "a.sock";
  {
    const Listener listener = open(io, "unix:" + path);
    struct stat status{};
    ASSERT_EQ(stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SocketTest, DescriptorsStayInThisProcess) {
  boost::asio::io_context io(1);
  auto pair = stream_pair(io.get_executor()).value();
  EXPECT_EQ(fcntl(plain_socket(pair.first)->native_handle(), F_GETFD), FD_CLOEXEC);
}

TEST(SocketTest, AcceptFailsAfterClose) {
  boost::asio::io_context io(1);
  Listener listener = open(io, "tcp:127.0.0.1:0");
  listener.close();
  EXPECT_TRUE(listener.closed());
  EXPECT_FALSE(run(io, listener.accept()).has_value());
}

}  // namespace
}  // namespace cofferdam::net
