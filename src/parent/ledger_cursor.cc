// SPDX-License-Identifier: Apache-2.0
#include "parent/ledger_cursor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

namespace cofferdam::parent {
namespace {

constexpr std::size_t kTail = 1024;  // Has a signature of the last entry in it.
constexpr std::size_t kMaxPlaceFile = 1024;
constexpr unsigned kPrivate = 0600;

}  // namespace

LedgerCursor::LedgerCursor(std::filesystem::path ledger)
    : ledger_(std::move(ledger)), file_(ledger_) {
  file_ += ".forwarded";
}

Result<LedgerBatch> LedgerCursor::next() {
  restore();
  const UniqueFd fd(open(ledger_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return fail(Errc::unavailable, ledger_.string() + ": " + errno_text(errno));
  }
  LedgerBatch out;
  COFFERDAM_TRY(out.file_size, find_place(fd.get()));
  COFFERDAM_TRY(out.text, read_at(fd.get(), place_.offset, kMaxBatch));
  const bool full = out.text.size() == kMaxBatch;
  out.text.resize(out.text.rfind('\n') + 1);  // npos + 1 is 0.
  if (full && out.text.empty()) {
    return fail(Errc::invalid_input, ledger_.string() + ": the line at byte " +
                                         std::to_string(place_.offset) +
                                         " is too long for a ledger; repair the file");
  }
  out.lines = static_cast<std::uint64_t>(std::ranges::count(out.text, '\n'));
  out.end = place_.offset + out.text.size();
  return out;
}

Status LedgerCursor::advance(const LedgerBatch& batch) {
  const std::size_t size = std::min(kTail, batch.text.size());
  const auto tail = as_bytes(batch.text).last(size);
  place_ = {.offset = batch.end, .tail_size = size, .tail = crypto::sha256(tail)};
  const json::object place{
      {"offset", place_.offset}, {"tailSize", place_.tail_size}, {"tail", to_hex(place_.tail)}};
  const std::string text = json::serialize(place) + "\n";
  return write_file_atomic(file_, as_bytes(text), kPrivate);
}

void LedgerCursor::restore() {
  if (restored_) return;
  restored_ = true;
  auto place = read_place();
  if (place) {
    place_ = *place;
  } else if (place.error().code != Errc::not_found) {
    log::warning("ledger: everything is forwarded anew: " + file_.string() + ": " +
                 place.error().detail);
  }
}

Result<LedgerCursor::Place> LedgerCursor::read_place() const {
  COFFERDAM_TRY(const std::string text, read_text_file(file_, kMaxPlaceFile));
  COFFERDAM_TRY(const json::value value, parse_json(text, kMaxPlaceFile));
  const auto* const object = value.if_object();
  if (object == nullptr) return fail(Errc::invalid_input, "expected a JSON object");
  COFFERDAM_TRY(const auto offset, optional_integer(*object, "offset"));
  COFFERDAM_TRY(const auto tail_size, optional_integer(*object, "tailSize"));
  COFFERDAM_TRY(const std::string hex, required_string(*object, "tail"));
  COFFERDAM_TRY(const Bytes tail, from_hex(hex));
  Place out;
  if (!offset || !tail_size || *tail_size < 1 || *tail_size > static_cast<int>(kTail) ||
      *offset < *tail_size || tail.size() != out.tail.size()) {
    return fail(Errc::invalid_input, "expected what a parent wrote there");
  }
  out.offset = static_cast<std::uint64_t>(*offset);
  out.tail_size = static_cast<std::size_t>(*tail_size);
  std::ranges::copy(tail, out.tail.begin());
  return out;
}

// The file's size, after a look at whether this is still the file of before.
Result<std::uint64_t> LedgerCursor::find_place(int fd) {
  struct stat info{};
  if (fstat(fd, &info) != 0) {
    return fail(Errc::unavailable, ledger_.string() + ": " + errno_text(errno));
  }
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (place_.offset == 0) return size;
  if (place_.offset <= size) {
    COFFERDAM_TRY(const std::string tail,
                  read_at(fd, place_.offset - place_.tail_size, place_.tail_size));
    if (crypto::sha256(as_bytes(tail)) == place_.tail) return size;
  }
  log::warning("ledger: " + ledger_.string() + " is not the file that was forwarded up to byte " +
               std::to_string(place_.offset) + ": it is forwarded from its start");
  place_ = {};
  return size;
}

// What is there, where that is less than `size`.
Result<std::string> LedgerCursor::read_at(int fd, std::uint64_t offset, std::size_t size) const {
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        pread(fd, out.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(Errc::unavailable, ledger_.string() + ": " + errno_text(errno));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

}  // namespace cofferdam::parent
