// SPDX-License-Identifier: Apache-2.0
#include "image/read_ahead.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace cofferdam::image {
namespace {

constexpr std::size_t kMaxPieces = 4;

}  // namespace

// One queue each way: full pieces to the reader, used buffers back. After the last piece,
// which is empty or an error, the thread ends.
struct ReadAhead::State {
  explicit State(ByteSource& from) : source(from), thread([this] { run(); }) {}

  void run() {
    bool last = false;
    while (!last) {
      auto piece = copy_of(source.next());
      last = !piece || piece->empty();
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return stopped || ready.size() < kMaxPieces; });
      if (stopped) return;
      ready.push_back(std::move(piece));
      changed.notify_all();
    }
  }

  Result<Bytes> copy_of(Result<ByteView> piece) {
    if (!piece) return std::unexpected(std::move(piece).error());
    Bytes out;
    {
      const std::lock_guard lock(mutex);
      if (!used.empty()) {
        out = std::move(used.back());
        used.pop_back();
      }
    }
    out.assign(piece->begin(), piece->end());
    return out;
  }

  ByteSource& source;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Result<Bytes>> ready;
  std::vector<Bytes> used;
  bool stopped = false;
  Bytes current;  // The reader's own.
  std::optional<Error> failure;
  bool ended = false;
  std::thread thread;  // Last: it uses what stands above.
};

ReadAhead::ReadAhead(ByteSource& source) : state_(std::make_unique<State>(source)) {}

ReadAhead::~ReadAhead() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

Result<ByteView> ReadAhead::next() {
  if (state_->failure) return std::unexpected(*state_->failure);
  if (state_->ended) return ByteView();
  std::unique_lock lock(state_->mutex);
  state_->used.push_back(std::move(state_->current));
  state_->changed.wait(lock, [this] { return !state_->ready.empty(); });
  auto piece = std::move(state_->ready.front());
  state_->ready.pop_front();
  state_->changed.notify_all();
  if (!piece) {
    state_->failure = piece.error();
    return std::unexpected(std::move(piece).error());
  }
  state_->current = *std::move(piece);
  state_->ended = state_->current.empty();
  return ByteView(state_->current);
}

}  // namespace cofferdam::image
