// SPDX-License-Identifier: Apache-2.0
#include "ledger/decision.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "bytes/cbor.h"
#include "bytes/utf8.h"
#include "crypto/digest.h"

namespace cofferdam::ledger {
namespace {

constexpr mode_t kMode = 0600;

// A line must parse whatever a peer put into a field.
std::string printable(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string out = text;
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return out;
}

void set_if(json::object& out, std::string_view name, const std::string& value) {
  if (!value.empty()) out[name] = printable(value);
}

class FileDecisionLog final : public DecisionLog {
 public:
  FileDecisionLog(UniqueFd fd, std::filesystem::path path, bool torn, Syncing syncing)
      : fd_(std::move(fd)), path_(std::move(path)), torn_(torn), syncing_(syncing) {}

  Status record(const Decision& decision) override {
    // An end of line first, where a crash or a full disk left half a line behind.
    const std::string line = (torn_ ? "\n" : "") + to_json_line(decision) + "\n";
    ssize_t put = -1;
    do {
      put = write(fd_.get(), line.data(), line.size());
    } while (put < 0 && errno == EINTR);
    if (put < 0) return failed("write to", errno);
    torn_ = std::cmp_less(put, line.size());
    if (torn_) return failed("write a whole line to", ENOSPC);
    return syncing_ == Syncing::every_record ? sync() : Status();
  }

  Status sync() override {
    if (fdatasync(fd_.get()) != 0) return failed("sync", errno);
    return {};
  }

 private:
  std::unexpected<Error> failed(const std::string& what, int code) const {
    return fail(Errc::unavailable, "cannot " + what + " the decision log " + path_.string() + ": " +
                                       errno_text(code) + "; nothing is released");
  }

  UniqueFd fd_;
  std::filesystem::path path_;
  bool torn_;
  Syncing syncing_;
};

class DiscardingDecisionLog final : public DecisionLog {
 public:
  Status record(const Decision&) override { return {}; }
};

// Makes a new file's name survive a power cut, as fdatasync makes its lines.
void sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) fsync(fd.get());
}

// Whether the file has content that does not end with an end of line.
bool ends_torn(int fd, off_t size) {
  char last = '\n';
  return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

std::string to_json_line(const Decision& decision) {
  json::object out;
  if (decision.time == Timestamp{}) {
    out["time"] = nullptr;
  } else {
    out["time"] = format_rfc3339(decision.time);
  }
  out["component"] = printable(decision.component);
  out["requestId"] = printable(decision.request_id);
  out["decision"] = decision.allowed ? "allow" : "deny";
  out["reason"] = printable(decision.reason);
  set_if(out, "detail", decision.detail);
  set_if(out, "operation", decision.operation);
  set_if(out, "key", decision.key);
  set_if(out, "principal", decision.principal);
  set_if(out, "contextDigest", decision.context_digest);
  set_if(out, "documentDigest", decision.document_digest);
  set_if(out, "moduleId", decision.module_id);
  if (!decision.pcrs.empty()) {
    json::object pcrs;
    for (const auto& [index, value] : decision.pcrs) pcrs[std::to_string(index)] = printable(value);
    out["pcrs"] = std::move(pcrs);
  }
  return json::serialize(out);
}

Result<std::unique_ptr<DecisionLog>> open_decision_log(const std::filesystem::path& path,
                                                       Syncing syncing) {
  const auto failed = [&](const std::string& cause) {
    return fail(Errc::unavailable, "cannot open the decision log " + path.string() + ": " + cause);
  };
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, kMode));
  if (!fd.valid()) return failed(errno_text(errno));
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return failed(errno_text(errno));
  if (!S_ISREG(info.st_mode)) return failed("not a regular file");
  sync_folder_of(path);
  const bool torn = ends_torn(fd.get(), info.st_size);
  return std::make_unique<FileDecisionLog>(std::move(fd), path, torn, syncing);
}

std::unique_ptr<DecisionLog> discard_decisions() {
  return std::make_unique<DiscardingDecisionLog>();
}

std::string context_digest(const std::map<std::string, std::string>& context) {
  if (context.empty()) return {};
  // Deterministic CBOR sorts by the encoding, where a shorter text comes first.
  std::vector<std::pair<std::string_view, std::string_view>> pairs(context.begin(), context.end());
  std::ranges::sort(pairs, {},
                    [](const auto& pair) { return std::pair(pair.first.size(), pair.first); });
  cbor::Writer out;
  out.map(pairs.size());
  for (const auto& [key, value] : pairs) out.text(key).text(value);
  return to_hex(crypto::sha384(out.view()));
}

}  // namespace cofferdam::ledger
