// SPDX-License-Identifier: Apache-2.0
#include "nsm/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <thread>
#include <vector>

#include "attest/verifier.h"
#include "base/encoding.h"
#include "base/test_folder.h"
#include "nsm/client.h"
#include "nsm/unix_socket.h"

namespace cofferdam::nsm {
namespace {

namespace fs = std::filesystem;

class ServerTest : public testing::Test {
 protected:
  std::unique_ptr<Server> start(const ServerOptions& options = {}) {
    auto server = Server::start(socket_, module_, options);
    EXPECT_TRUE(server.has_value()) << server.error().detail;
    return server ? *std::move(server) : nullptr;
  }

  std::unique_ptr<Client> connect() {
    auto client = Client::open("unix:" + socket_.string());
    EXPECT_TRUE(client.has_value()) << client.error().detail;
    return client ? *std::move(client) : nullptr;
  }

  TestFolder temporary_;
  fs::path socket_ = temporary_.path() / "nsm.sock";
  SystemClock clock_;
  Authority authority_ = *Authority::open(temporary_.path() / "nsm", clock_);
  Module module_ = *Module::boot(authority_, clock_, {.pcrs = {{0, Bytes(48, 1)}}});
};

// Everything the peer sends until it closes.
Bytes read_to_end(int fd) {
  Bytes out;
  std::array<std::uint8_t, 4096> buffer;
  while (true) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0) return out;
    out.insert(out.end(), buffer.begin(), buffer.begin() + got);
  }
}

TEST_F(ServerTest, EveryOperationWorksThroughTheSocket) {
  const auto server = start();
  const auto client = connect();
  const auto described = client->describe();
  ASSERT_TRUE(described.has_value()) << described.error().detail;
  EXPECT_EQ(described->module_id, module_.identity().module_id());
  EXPECT_EQ(client->describe_pcr(0)->data, Bytes(48, 1));
  const auto extended = client->extend_pcr(16, as_bytes("abc"));
  ASSERT_TRUE(extended.has_value());
  EXPECT_EQ(client->describe_pcr(16)->data, *extended);
  EXPECT_TRUE(client->lock_pcr(16).has_value());
  EXPECT_TRUE(client->describe_pcr(16)->lock);
  EXPECT_TRUE(client->lock_pcrs(18).has_value());
  EXPECT_TRUE(client->describe_pcr(17)->lock);
  EXPECT_EQ(client->random()->size(), 256U);

  const auto document = client->attest({.user_data = {}, .nonce = to_bytes("n"), .public_key = {}});
  ASSERT_TRUE(document.has_value()) << document.error().detail;
  const attest::Verifier verifier(*attest::TrustRoot::from_der(authority_.root_der()));
  attest::Expectations expected;
  expected.at = clock_.now();
  expected.strict = true;
  expected.nonce = to_bytes("n");
  const auto verified = verifier.verify(*document, expected);
  EXPECT_TRUE(verified.has_value()) << verified.error().detail;
}

TEST_F(ServerTest, RefusalsOfTheModuleArriveByName) {
  const auto server = start();
  const auto client = connect();
  const auto read_only = client->extend_pcr(0, as_bytes("x"));
  ASSERT_FALSE(read_only.has_value());
  EXPECT_EQ(read_only.error().code, Errc::denied);
  EXPECT_EQ(read_only.error().reason, "ReadOnlyIndex");
  EXPECT_EQ(client->lock_pcr(0).error().reason, "ReadOnlyIndex");
  EXPECT_EQ(client->describe_pcr(32).error().reason, "InvalidIndex");
  EXPECT_EQ(client->lock_pcrs(33).error().reason, "InvalidIndex");
  EXPECT_EQ(
      client->attest({.user_data = Bytes(1025), .nonce = {}, .public_key = {}}).error().reason,
      "InputTooLarge");
  EXPECT_EQ(client->extend_pcr(16, Bytes(5000)).error().reason, "InputTooLarge");
  EXPECT_TRUE(client->describe().has_value()) << "the connection survives refusals";
}

TEST_F(ServerTest, ManyClientsAtOnceEachGetTheirOwnAnswers) {
  const auto server = start();
  constexpr int kClients = 8;
  constexpr int kRounds = 50;
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  threads.reserve(kClients);
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      const auto client = connect();
      for (int round = 0; client && round < kRounds; ++round) {
        const auto index = static_cast<std::uint16_t>(round % 2 == 0 ? 0 : 16 + i);
        const auto pcr = client->describe_pcr(index);
        if (pcr && pcr->lock == (index == 0)) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, kClients * kRounds);
}

TEST_F(ServerTest, MoreClientsThanPlacesWaitTheirTurn) {
  const auto server = start({.max_connections = 1});
  auto first = connect();
  ASSERT_TRUE(first->describe().has_value());
  std::atomic<bool> served = false;
  std::thread second([&] { served = connect()->describe().has_value(); });
  EXPECT_TRUE(first->describe().has_value());
  first.reset();
  second.join();
  EXPECT_TRUE(served);
}

TEST_F(ServerTest, AnOversizeFrameIsRefusedBeforeItIsRead) {
  const auto server = start();
  const auto fd = connect_unix(socket_);
  ASSERT_TRUE(fd.has_value());
  const Bytes head{0xff, 0xff, 0xff, 0xff};
  ASSERT_EQ(send(fd->get(), head.data(), head.size(), MSG_NOSIGNAL), 4);
  EXPECT_EQ(read_to_end(fd->get()),
            framed(encode(Response(ErrorResponse{.code = ErrorCode::input_too_large}))));
}

TEST_F(ServerTest, RequestsMayArriveByteByByteOrSeveralAtOnce) {
  const auto server = start();
  const auto fd = connect_unix(socket_);
  ASSERT_TRUE(fd.has_value());
  const Bytes request = framed(encode(Request(LockPcrsRequest{.range = 3})));
  const Bytes answer = framed(encode(Response(LockPcrsResponse{})));
  for (const std::uint8_t byte : request) ASSERT_EQ(send(fd->get(), &byte, 1, MSG_NOSIGNAL), 1);
  Bytes received(answer.size());
  ASSERT_EQ(recv(fd->get(), received.data(), received.size(), MSG_WAITALL),
            static_cast<ssize_t>(answer.size()));
  EXPECT_EQ(received, answer);

  Bytes batch;
  Bytes answers;
  for (int i = 0; i < 500; ++i) {
    batch.insert(batch.end(), request.begin(), request.end());
    answers.insert(answers.end(), answer.begin(), answer.end());
  }
  ASSERT_EQ(send(fd->get(), batch.data(), batch.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(batch.size()));
  received.resize(answers.size());
  ASSERT_EQ(recv(fd->get(), received.data(), received.size(), MSG_WAITALL),
            static_cast<ssize_t>(answers.size()));
  EXPECT_EQ(received, answers);
}

TEST_F(ServerTest, AnUnfinishedFrameEndsItsConnectionAndNoOther) {
  const auto server = start({.frame_timeout = std::chrono::milliseconds(50)});
  const auto patient = connect();
  ASSERT_TRUE(patient->describe().has_value());
  const auto fd = connect_unix(socket_);
  ASSERT_TRUE(fd.has_value());
  const std::uint8_t half = 0;
  ASSERT_EQ(send(fd->get(), &half, 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(read_to_end(fd->get()).empty());
  EXPECT_TRUE(patient->describe().has_value()) << "an idle connection has no deadline";
}

TEST_F(ServerTest, StoppingRemovesTheSocketAndFreesTheAddress) {
  auto server = start();
  const auto client = connect();
  ASSERT_TRUE(client->describe().has_value());
  server->stop();
  server->stop();
  EXPECT_FALSE(fs::exists(socket_));
  EXPECT_FALSE(client->describe().has_value());
  server = start();
  EXPECT_TRUE(client->describe().has_value()) << "the client connects again by itself";
}

TEST_F(ServerTest, ASecondServerOnTheSameAddressIsRefused) {
  const auto server = start();
  const auto second = Server::start(socket_, module_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_NE(second.error().detail.find("address in use"), std::string::npos);
  EXPECT_TRUE(connect()->describe().has_value());
}

TEST_F(ServerTest, AStaleSocketIsReplaced) {
  {
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = unix_address(socket_);
    ASSERT_TRUE(address.has_value());
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)), 0);
  }
  ASSERT_TRUE(fs::exists(socket_));
  const auto server = start();
  EXPECT_TRUE(connect()->describe().has_value());
}

TEST_F(ServerTest, AFileOfAnotherKindIsLeftAlone) {
  std::ofstream(socket_) << "precious";
  EXPECT_FALSE(Server::start(socket_, module_).has_value());
  EXPECT_EQ(fs::file_size(socket_), 8U);
}

TEST_F(ServerTest, TheSocketHasTheModeThatWasAskedFor) {
  struct stat info{};
  {
    const auto server = start();
    ASSERT_EQ(stat(socket_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
  }
  const auto server = start({.socket_mode = 0666});
  ASSERT_EQ(stat(socket_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0666U);
}

TEST_F(ServerTest, APathThatNoAddressHoldsIsRefused) {
  EXPECT_EQ(Server::start(temporary_.path() / std::string(120, 'x'), module_).error().code,
            Errc::invalid_input);
  EXPECT_EQ(Server::start("", module_).error().code, Errc::invalid_input);
}

TEST_F(ServerTest, AMissingFolderIsOneClearError) {
  const auto server = Server::start(temporary_.path() / "none" / "nsm.sock", module_);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().code, Errc::not_found);
}

TEST(NsmClientTest, RefusesAddressesItCannotUse) {
  const TestFolder temporary;
  EXPECT_EQ(Client::open("tcp:localhost:1").error().code, Errc::invalid_input);
  EXPECT_EQ(Client::open("").error().code, Errc::invalid_input);
  EXPECT_EQ(Client::open("unix:" + (temporary.path() / "x").string()).error().code,
            Errc::not_found);
  EXPECT_EQ(Client::open("device:" + (temporary.path() / "x").string()).error().code,
            Errc::not_found);
}

TEST(NsmClientTest, AFileThatIsNoSecurityModuleIsAnError) {
  const auto client = Client::open("device:/dev/null");
  ASSERT_TRUE(client.has_value());
  const auto answer = (*client)->describe();
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_EQ(answer.error().reason, "InternalError");
  EXPECT_EQ((*client)->extend_pcr(16, Bytes(5000)).error().reason, "InputTooLarge");
}

// A peer that sends `bytes` to whoever connects and asks.
class FakeModule {
 public:
  FakeModule(const fs::path& path, Bytes bytes) : bytes_(std::move(bytes)) {
    const auto address = unix_address(path);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)),
              0);
    EXPECT_EQ(listen(listener_.get(), 1), 0);
    thread_ = std::thread([this] {
      const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
      if (!peer.valid()) return;
      std::array<std::uint8_t, 4096> request;
      if (recv(peer.get(), request.data(), request.size(), 0) <= 0) return;
      (void)send(peer.get(), bytes_.data(), bytes_.size(), MSG_NOSIGNAL);
    });
  }
  FakeModule(const FakeModule&) = delete;
  FakeModule& operator=(const FakeModule&) = delete;
  ~FakeModule() { thread_.join(); }

 private:
  Bytes bytes_;
  UniqueFd listener_{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::thread thread_;
};

Result<DescribeNsmResponse> describe_with_answer(const Bytes& bytes) {
  const TestFolder temporary;
  const fs::path path = temporary.path() / "s";
  const FakeModule fake(path, bytes);
  COFFERDAM_TRY(const std::unique_ptr<Client> client, Client::open("unix:" + path.string()));
  return client->describe();
}

TEST(NsmClientTest, RefusesAnswersThatLie) {
  EXPECT_EQ(describe_with_answer({0xff, 0xff, 0xff, 0xff}).error().code, Errc::invalid_input)
      << "a length above 12288";
  EXPECT_EQ(describe_with_answer({0, 0, 0, 9, 1}).error().code, Errc::unavailable)
      << "a frame cut short";
  EXPECT_EQ(describe_with_answer({0, 0}).error().code, Errc::unavailable);
  EXPECT_EQ(describe_with_answer({0, 0, 0, 1, 0xff}).error().code, Errc::invalid_input)
      << "no CBOR";
  EXPECT_EQ(describe_with_answer(framed(encode(Response(LockPcrResponse{})))).error().code,
            Errc::invalid_input)
      << "the answer to another question";
  EXPECT_EQ(describe_with_answer(
                framed(encode(Response(ErrorResponse{.code = ErrorCode::internal_error}))))
                .error()
                .reason,
            "InternalError");
}

}  // namespace
}  // namespace cofferdam::nsm
