// SPDX-License-Identifier: Apache-2.0
#include "net/client_hello.h"

#include <gtest/gtest.h>

#include <array>

#include "net/deadline.h"
#include "net/socket.h"
#include "net/testing.h"
#include "net/testing_tls.h"
#include "net/tls.h"

namespace cofferdam::net {
namespace {

using namespace std::chrono_literals;
using testing::TestAuthority;

Task<Bytes> first_bytes(Stream& stream) {
  std::array<std::uint8_t, 16384> room{};
  auto reading = stream.read_some(room);
  COFFERDAM_CO_TRY(const std::size_t size, co_await with_deadline(20s, std::move(reading)));
  co_return Bytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
}

// What AWS-LC's client begins with.
Bytes real_hello(const std::string& name) {
  const TestAuthority authority;
  const ManualClock clock(TestAuthority::kNow);
  const auto context = TlsClientContext::create(authority.root_pem(), clock).value();
  boost::asio::io_context io(1);
  auto [client, server] = stream_pair(io.get_executor()).value();
  boost::asio::co_spawn(io, tls_connect(std::move(client), context, name),
                        [](const std::exception_ptr&, const Result<Stream>&) {});
  return testing::run(io, first_bytes(server)).value();
}

void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

Bytes u16(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

Bytes prefixed(const Bytes& content) {
  Bytes out = u16(content.size());
  append(out, content);
  return out;
}

Bytes extension(std::size_t type, const Bytes& content) {
  Bytes out = u16(type);
  append(out, prefixed(content));
  return out;
}

Bytes server_name(std::string_view name, std::uint8_t type = 0) {
  Bytes entry{type};
  append(entry, prefixed(to_bytes(name)));
  return extension(0, prefixed(entry));
}

// A ClientHello of our own, so that every field can be wrong.
Bytes message(const Bytes& extensions, ByteView behind = {}) {
  Bytes body{3, 3};
  body.resize(body.size() + 32);
  append(body, Bytes{0, 0, 2, 0x13, 0x01, 1, 0});
  append(body, prefixed(extensions));
  append(body, behind);
  Bytes out{1, 0};
  append(out, prefixed(body));
  return out;
}

Bytes in_records(const Bytes& content, std::size_t record_size) {
  Bytes out;
  for (std::size_t at = 0; at < content.size(); at += record_size) {
    const auto part = ByteView(content).subspan(at, std::min(record_size, content.size() - at));
    append(out, Bytes{22, 3, 1});
    append(out, u16(part.size()));
    append(out, part);
  }
  return out;
}

// The name, "?" where more is needed, "!" with the reason where it is refused.
std::string read(const Bytes& input, std::size_t step) {
  ClientHelloReader reader;
  for (std::size_t at = 0; at < input.size(); at += step) {
    const auto part = ByteView(input).subspan(at, std::min(step, input.size() - at));
    const auto complete = reader.put(part);
    if (!complete) return "!" + std::string(complete.error().reason);
    if (*complete) return at + step >= input.size() ? reader.server_name() : "early";
  }
  return "?";
}

std::string read(const Bytes& input) { return read(input, input.size()); }

TEST(ClientHelloTest, FindsTheNameARealClientAsksFor) {
  const Bytes hello = real_hello("Service.test");
  EXPECT_EQ(read(hello), "service.test");
  EXPECT_EQ(read(hello, 1), "service.test");
}

TEST(ClientHelloTest, AClientThatWantsAnAddressNamesNobody) {
  EXPECT_EQ(read(real_hello("127.0.0.1")), "");
}

TEST(ClientHelloTest, ReadsAcrossRecordsOfAnySize) {
  const Bytes hello = message(server_name("a.example"));
  for (std::size_t size = 1; size <= hello.size(); ++size) {
    EXPECT_EQ(read(in_records(hello, size), 3), "a.example") << size;
  }
}

TEST(ClientHelloTest, NeedsAllOfIt) {
  const Bytes hello = in_records(message(server_name("a.example")), 10);
  for (std::size_t size = 1; size < hello.size(); ++size) {
    EXPECT_EQ(read(Bytes(hello.begin(), hello.begin() + static_cast<std::ptrdiff_t>(size))), "?");
  }
}

TEST(ClientHelloTest, OtherProtocolsAreNoTls) {
  EXPECT_EQ(read(to_bytes("GET / HTTP/1.1\r\n")), "!no_tls");
  EXPECT_EQ(read(to_bytes("SSH-2.0-x")), "!no_tls");
  EXPECT_EQ(read({22, 2, 0, 0, 1, 1}), "!no_tls");
  EXPECT_EQ(read({23, 3, 1, 0, 1, 1}), "!no_tls");
  EXPECT_EQ(read({22, 3, 1, 0, 4, 2, 0, 0, 0}), "!no_tls");  // ServerHello
}

TEST(ClientHelloTest, RefusesTwoNames) {
  Bytes twice = server_name("a.example");
  append(twice, server_name("b.example"));
  EXPECT_EQ(read(in_records(message(twice), 16384)), "!");
  Bytes two_entries{0};
  append(two_entries, prefixed(to_bytes("a.example")));
  append(two_entries, Bytes{0});
  append(two_entries, prefixed(to_bytes("b.example")));
  EXPECT_EQ(read(in_records(message(extension(0, prefixed(two_entries))), 16384)), "!");
}

TEST(ClientHelloTest, RefusesNamesThatAreNone) {
  for (const std::string_view name : {"", "a b", "a/b", "a:1", "[::1]", "a\n", "\x80"}) {
    EXPECT_EQ(read(in_records(message(server_name(name)), 16384)), "!") << name;
  }
  EXPECT_EQ(read(in_records(message(server_name("a.example", 1)), 16384)), "!");
}

TEST(ClientHelloTest, RefusesBytesLeftOver) {
  const Bytes hello = message(server_name("a.example"));
  Bytes behind = in_records(hello, 16384);
  behind.push_back(20);
  EXPECT_EQ(read(behind), "!");
  Bytes inside = hello;
  inside.push_back(0);
  EXPECT_EQ(read(in_records(inside, 16384)), "!");
  EXPECT_EQ(read(in_records(message(server_name("a.example"), Bytes{0}), 16384)), "!");
  Bytes in_list = server_name("a.example");
  append(in_list, Bytes{0});
  EXPECT_EQ(read(in_records(message(in_list), 16384)), "!");
}

TEST(ClientHelloTest, RefusesWhatIsTooLong) {
  EXPECT_EQ(read({22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff}), "!");
  EXPECT_EQ(read({22, 3, 1, 0x40, 0x01, 1}), "!");
  EXPECT_EQ(read({22, 3, 1, 0, 0}), "!");
  EXPECT_EQ(read(in_records(message(Bytes(40'000, 0)), 16384)), "!");
}

}  // namespace
}  // namespace cofferdam::net
