// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/byte_view.h"
#include "net/task.h"

namespace cofferdam::net {

// A connected stream of bytes, plain or TLS, over vsock, Unix or TCP: the one type that
// everything above sockets works with.
//
// Move-only; owns its socket and closes it when it dies. One reader and one writer may
// wait at the same time. The operations have no deadline of their own: wrap them in
// with_deadline(). The stream and the bytes given to an operation must outlive its task.
// A broken connection is Errc::unavailable.
class Stream {
 public:
  // What a transport implements.
  class Transport {
   public:
    virtual ~Transport() = default;
    virtual Task<std::size_t> read_some(std::span<std::uint8_t> into) = 0;
    virtual Task<void> write(ByteView head, ByteView body) = 0;
    virtual Task<void> shutdown_write() = 0;
    virtual void close() noexcept = 0;
    virtual std::string peer() const = 0;
  };

  Stream() noexcept = default;
  explicit Stream(std::unique_ptr<Transport> transport) noexcept
      : transport_(std::move(transport)) {}

  // False when default-constructed or moved from; then nothing below may be called.
  bool valid() const noexcept { return transport_ != nullptr; }

  // At least one byte, or zero when the peer has ended its side.
  Task<std::size_t> read_some(std::span<std::uint8_t> into) { return transport_->read_some(into); }

  // Everything, first `head`, then `body`.
  Task<void> write(ByteView head, ByteView body = {}) { return transport_->write(head, body); }

  // Ends this side; the peer may go on sending. Over TLS it ends both sides.
  Task<void> shutdown_write() { return transport_->shutdown_write(); }

  // Ends both sides at once. Operations under way fail.
  void close() noexcept { transport_->close(); }

  // The other side's address for people and logs: "127.0.0.1:4711", "vsock:16", or "unix".
  std::string peer() const { return transport_->peer(); }

  Transport& transport() noexcept { return *transport_; }

 private:
  std::unique_ptr<Transport> transport_;
};

}  // namespace cofferdam::net
