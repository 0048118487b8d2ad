// SPDX-License-Identifier: Apache-2.0
#include "cli/pin.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/file.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxPinSize = 256;

constexpr std::uint8_t kInterrupt = 0x03;  // Ctrl-C
constexpr std::uint8_t kEnd = 0x04;        // Ctrl-D
constexpr std::uint8_t kBackspace = 0x08;
constexpr std::uint8_t kDelete = 0x7f;

// A terminal that shows nothing and hands over every key at once, for as long as this lives.
// Keys that would end the program come as characters, so that it cannot end in this state.
class HiddenInput {
 public:
  explicit HiddenInput(int terminal) : terminal_(terminal) {
    if (tcgetattr(terminal_, &before_) != 0) return;
    termios hidden = before_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG);
    hidden.c_cc[VMIN] = 1;
    hidden.c_cc[VTIME] = 0;
    active_ = tcsetattr(terminal_, TCSAFLUSH, &hidden) == 0;
  }
  ~HiddenInput() {
    if (active_) tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

  bool active() const noexcept { return active_; }

 private:
  int terminal_;
  termios before_{};
  bool active_ = false;
};

void show(int terminal, std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = write(terminal, text.data(), text.size());
}

// The next key; the end of the input is Ctrl-D.
std::uint8_t read_key(int terminal) {
  std::uint8_t key = 0;
  ssize_t got = 0;
  do {
    got = read(terminal, &key, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1 ? key : kEnd;
}

Result<Secret> read_keys(int terminal) {
  Secret buffer(kMaxPinSize);
  std::size_t size = 0;
  while (true) {
    const std::uint8_t key = read_key(terminal);
    if (key == '\n' || key == '\r') return std::move(buffer).truncated(size);
    if (key == kInterrupt || key == kEnd) return fail(Errc::denied, "no PIN was typed");
    if (key == kBackspace || key == kDelete) {
      size -= std::min<std::size_t>(size, 1);
    } else if (size == kMaxPinSize) {
      return fail(Errc::invalid_input, "the PIN is longer than 256 octets");
    } else {
      buffer.reveal_mut()[size++] = key;
    }
  }
}

Result<Secret> read_pin_file(const std::filesystem::path& file) {
  COFFERDAM_TRY(Secret content, read_secret_file(file, kMaxPinSize));
  const std::string_view text = as_text(content.reveal());
  std::size_t size = text.size();
  if (text.ends_with("\r\n")) {
    size -= 2;
  } else if (text.ends_with('\n')) {
    size -= 1;
  }
  return std::move(content).truncated(size);
}

// What a token calls itself, fit for a terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

Result<Secret> ask(std::string_view token) {
  const UniqueFd terminal(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (isatty(STDIN_FILENO) == 0 || !terminal.valid()) {
    return fail(Errc::denied,
                "the token wants a PIN and there is no terminal to ask at: give --pin-file, or "
                "pin-source in the URI");
  }
  return read_hidden_line(terminal.get(), "PIN of token \"" + printable(token) + "\": ");
}

}  // namespace

crypto::PinSource pin_source(std::filesystem::path file) {
  if (file.empty()) return ask;
  return [file = std::move(file)](std::string_view) { return read_pin_file(file); };
}

Result<Secret> read_hidden_line(int terminal, std::string_view prompt) {
  const HiddenInput hidden(terminal);
  if (!hidden.active()) return fail(Errc::unavailable, "the terminal cannot hide what is typed");
  show(terminal, prompt);
  auto line = read_keys(terminal);
  show(terminal, "\n");
  return line;
}

}  // namespace cofferdam::cli
