// SPDX-License-Identifier: Apache-2.0
#include "nsm/client.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "base/file.h"
#include "bytes/byte_reader.h"
#include "nsm/unix_socket.h"

namespace cofferdam::nsm {
namespace {

std::unexpected<Error> refused(ErrorCode code) {
  return fail(Errc::denied, error_name(code),
              "the security module answered " + std::string(error_name(code)));
}

// The argument of the driver's only command (Linux, include/uapi/linux/nsm.h).
struct RawMessage {
  iovec request;
  iovec response;
};
constexpr unsigned long kNsmRaw = _IOWR(0x0A, 0, RawMessage);
static_assert(kNsmRaw == 0xC0200A00);

class DeviceClient final : public Client {
 public:
  static Result<std::unique_ptr<Client>> open(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd.valid()) {
      const int code = errno;
      return fail(code == ENOENT ? Errc::not_found : Errc::unavailable,
                  "cannot open " + path + ": " + errno_text(code) +
                      "; outside a Nitro enclave use unix:PATH of `cofferdam nsm serve`");
    }
    return std::unique_ptr<Client>(new DeviceClient(std::move(fd)));
  }

  Result<Bytes> exchange(ByteView request) override {
    if (request.size() > kMaxRequestSize) return refused(ErrorCode::input_too_large);
    Bytes question = to_bytes(request);
    Bytes answer(kMaxResponseSize);
    RawMessage message{.request = {.iov_base = question.data(), .iov_len = question.size()},
                       .response = {.iov_base = answer.data(), .iov_len = answer.size()}};
    if (ioctl(fd_.get(), kNsmRaw, &message) != 0) {
      const int code = errno;
      if (code == EMSGSIZE) return refused(ErrorCode::input_too_large);
      return fail(Errc::unavailable, error_name(ErrorCode::internal_error),
                  "the driver of the security module failed: " + errno_text(code));
    }
    answer.resize(std::min(answer.size(), message.response.iov_len));
    return answer;
  }

 private:
  explicit DeviceClient(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

std::unexpected<Error> lost(std::string_view what, int code) {
  if (code == EAGAIN || code == EWOULDBLOCK) {
    return fail(Errc::deadline_exceeded,
                "the security module did not " + std::string(what) + " within ten seconds");
  }
  return fail(Errc::unavailable, "lost the connection to the security module: " +
                                     (code == 0 ? "closed by the peer" : errno_text(code)));
}

Status send_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return lost("take the request", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

Status receive_all(int fd, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    // Other threads of this client have to wait: that is what its lock is for.
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
    const ssize_t got = recv(fd, out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return lost("answer", errno);
    if (got == 0) return lost("answer", 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return {};
}

// Connects when needed. After any failure the stream may be out of step, so the connection
// is dropped and the next exchange makes a new one.
class UnixClient final : public Client {
 public:
  static Result<std::unique_ptr<Client>> open(const std::string& path) {
    COFFERDAM_TRY(UniqueFd fd, connect_unix(path));
    return std::unique_ptr<Client>(new UnixClient(path, std::move(fd)));
  }

  Result<Bytes> exchange(ByteView request) override {
    if (request.size() > kMaxRequestSize) return refused(ErrorCode::input_too_large);
    const std::scoped_lock one_at_a_time(mutex_);
    if (!fd_.valid()) {
      COFFERDAM_TRY(fd_, connect_unix(path_));
    }
    Result<Bytes> answer = converse(request);
    if (!answer) fd_ = UniqueFd();
    return answer;
  }

 private:
  UnixClient(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<Bytes> converse(ByteView request) const {
    COFFERDAM_CHECK(send_all(fd_.get(), framed(request)));
    std::array<std::uint8_t, kFrameHeadSize> head{};
    COFFERDAM_CHECK(receive_all(fd_.get(), head));
    COFFERDAM_TRY(const std::uint32_t size, ByteReader(head).u32());
    if (size > kMaxResponseSize) {
      return fail(Errc::invalid_input, "the security module announced an answer of " +
                                           std::to_string(size) + " bytes; the limit is " +
                                           std::to_string(kMaxResponseSize));
    }
    Bytes answer(size);
    COFFERDAM_CHECK(receive_all(fd_.get(), answer));
    return answer;
  }

  std::string path_;
  std::mutex mutex_;
  UniqueFd fd_;
};

// Sends `request` and expects the answer to the same operation.
template <class Answer>
Result<Answer> ask(Client& client, const Request& request) {
  COFFERDAM_TRY(const Bytes bytes, client.exchange(encode(request)));
  COFFERDAM_TRY(Response response, decode_response(bytes));
  if (const auto* error = std::get_if<ErrorResponse>(&response)) return refused(error->code);
  if (auto* answer = std::get_if<Answer>(&response)) return std::move(*answer);
  return fail(Errc::invalid_input, "the security module answered another operation");
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(std::string_view where) {
  constexpr std::string_view kDevice = "device:";
  constexpr std::string_view kUnix = "unix:";
  if (where.starts_with(kDevice)) {
    return DeviceClient::open(std::string(where.substr(kDevice.size())));
  }
  if (where.starts_with(kUnix)) return UnixClient::open(std::string(where.substr(kUnix.size())));
  return fail(Errc::invalid_input,
              "expected device:/dev/nsm or unix:PATH as the security module's address");
}

Result<Bytes> Client::attest(const AttestationRequest& request) {
  COFFERDAM_TRY(AttestationResponse answer, ask<AttestationResponse>(*this, request));
  return std::move(answer.document);
}

Result<DescribePcrResponse> Client::describe_pcr(std::uint16_t index) {
  return ask<DescribePcrResponse>(*this, DescribePcrRequest{.index = index});
}

Result<Bytes> Client::extend_pcr(std::uint16_t index, ByteView data) {
  COFFERDAM_TRY(
      ExtendPcrResponse answer,
      ask<ExtendPcrResponse>(*this, ExtendPcrRequest{.index = index, .data = to_bytes(data)}));
  return std::move(answer.data);
}

Status Client::lock_pcr(std::uint16_t index) {
  COFFERDAM_CHECK(ask<LockPcrResponse>(*this, LockPcrRequest{.index = index}));
  return {};
}

Status Client::lock_pcrs(std::uint16_t range) {
  COFFERDAM_CHECK(ask<LockPcrsResponse>(*this, LockPcrsRequest{.range = range}));
  return {};
}

Result<DescribeNsmResponse> Client::describe() {
  return ask<DescribeNsmResponse>(*this, DescribeNsmRequest{});
}

Result<Bytes> Client::random() {
  COFFERDAM_TRY(GetRandomResponse answer, ask<GetRandomResponse>(*this, GetRandomRequest{}));
  if (answer.random.empty()) {
    return fail(Errc::invalid_input, "the security module answered with no random bytes");
  }
  return std::move(answer.random);
}

}  // namespace cofferdam::nsm
