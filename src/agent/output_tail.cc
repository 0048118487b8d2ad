// SPDX-License-Identifier: Apache-2.0
#include "agent/output_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <cerrno>
#include <utility>

#include "agent/reason.h"

namespace cofferdam::agent {
namespace {

namespace asio = boost::asio;

char printable(char c) { return c == '\t' || (c >= 0x20 && c < 0x7f) ? c : '?'; }

// Best effort, as the workload's own write would have been.
void pass_on(int console, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(console, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

void LastLines::add(std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      end_line();
    } else if (open_.size() < kMaxLine && c != '\r') {
      open_.push_back(printable(c));
    }
  }
}

void LastLines::end_line() {
  if (lines_.size() == most_) lines_.erase(lines_.begin());
  lines_.push_back(std::exchange(open_, {}));
}

std::vector<std::string> LastLines::lines() const {
  std::vector<std::string> out = lines_;
  if (!open_.empty()) out.push_back(open_);
  if (out.size() > most_) out.erase(out.begin());
  return out;
}

struct OutputTail::Reader : std::enable_shared_from_this<OutputTail::Reader> {
  Reader(asio::any_io_executor executor, int from, int to, std::size_t most_lines)
      : pipe(std::move(executor), from), console(to), kept(most_lines) {}

  void read() {
    pipe.async_read_some(
        asio::buffer(room),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t size) {
          if (error) return;
          self->take(size);
          self->read();
        });
  }

  void take(std::size_t size) {
    const std::string_view text(room.data(), size);
    pass_on(console, text);
    kept.add(text);
  }

  asio::posix::stream_descriptor pipe;
  int console;
  LastLines kept;
  std::array<char, 4096> room{};
};

Result<OutputTail> OutputTail::create(asio::any_io_executor executor, int console,
                                      std::size_t most_lines) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(Errc::unavailable, reason::kWorkloadNotStarted,
                "the workload: cannot make a pipe for its output: " + errno_text(errno));
  }
  UniqueFd writing(ends[1]);
  auto reader = std::make_shared<Reader>(std::move(executor), ends[0], console, most_lines);
  reader->pipe.non_blocking(true);
  reader->read();
  return OutputTail(std::move(reader), std::move(writing));
}

std::vector<std::string> OutputTail::last_lines() {
  while (true) {
    boost::system::error_code error;
    const std::size_t size = reader_->pipe.read_some(asio::buffer(reader_->room), error);
    if (error || size == 0) break;
    reader_->take(size);
  }
  boost::system::error_code ignored;
  reader_->pipe.close(ignored);
  return reader_->kept.lines();
}

}  // namespace cofferdam::agent
