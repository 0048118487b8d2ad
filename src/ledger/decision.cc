// SPDX-License-Identifier: Apache-2.0
#include "ledger/decision.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json.h"
#include "bytes/cbor.h"
#include "bytes/cbor_text_map.h"
#include "bytes/utf8.h"
#include "crypto/digest.h"

namespace cofferdam::ledger {
namespace {

constexpr mode_t kMode = 0600;
constexpr std::size_t kMaxText = 2048;

// At most kMaxText bytes of it, and no part of a character.
std::string_view clipped(std::string_view text) {
  if (text.size() <= kMaxText) return text;
  std::size_t end = kMaxText;
  const auto inside = [&](char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; };
  for (int back = 0; back < 3 && inside(text[end]); ++back) --end;
  return text.substr(0, end);
}

// A line must parse whatever a peer put into a field.
std::string printable(std::string_view text) {
  std::string out(clipped(text));
  if (is_utf8(out)) return out;
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return out;
}

void set_if(json::object& out, std::string_view name, std::string_view value) {
  if (!value.empty()) out[name] = printable(value);
}

std::unexpected<Error> bad_decision(std::string_view what) {
  return fail(Errc::invalid_input, "a decision " + std::string(what));
}

// nullptr where there is none.
Result<const json::object*> optional_object(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) return bad_decision("whose " + std::string(name) + " are no object");
  return &value->get_object();
}

Status read_pcrs(const json::object& object, std::map<int, std::string>& out) {
  COFFERDAM_TRY(const json::object* const pcrs, optional_object(object, "pcrs"));
  if (pcrs == nullptr) return {};
  for (const auto& [name, value] : *pcrs) {
    int index = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
    if (error != std::errc{} || end != name.data() + name.size() || !value.is_string()) {
      return bad_decision("with a register that is none");
    }
    out.emplace(index, value.get_string());
  }
  return {};
}

Status read_facts(const json::object& object, std::map<std::string, std::string>& out) {
  COFFERDAM_TRY(const json::object* const facts, optional_object(object, "facts"));
  if (facts == nullptr) return {};
  for (const auto& [name, value] : *facts) {
    if (!value.is_string()) return bad_decision("with a fact that is no text");
    out.emplace(name, value.get_string());
  }
  return {};
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

json::object to_json(const Decision& decision) {
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
  set_if(out, "secret", decision.secret);
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
  if (!decision.facts.empty()) {
    json::object facts;
    for (const auto& [name, value] : decision.facts) facts[name] = printable(value);
    out["facts"] = std::move(facts);
  }
  return out;
}

std::string to_json_line(const Decision& decision) { return json::serialize(to_json(decision)); }

Result<Decision> parse_decision(const json::object& object) {
  Decision out;
  COFFERDAM_TRY(const std::string said, required_string(object, "decision"));
  if (said != "allow" && said != "deny") return bad_decision("says neither allow nor deny");
  out.allowed = said == "allow";
  COFFERDAM_TRY(const auto time, optional_string(object, "time"));
  if (time) {
    COFFERDAM_TRY(out.time, parse_rfc3339(*time));
  }
  const std::initializer_list<std::pair<std::string_view, std::string*>> texts{
      {"component", &out.component},
      {"requestId", &out.request_id},
      {"reason", &out.reason},
      {"detail", &out.detail},
      {"operation", &out.operation},
      {"secret", &out.secret},
      {"key", &out.key},
      {"principal", &out.principal},
      {"contextDigest", &out.context_digest},
      {"documentDigest", &out.document_digest},
      {"moduleId", &out.module_id}};
  for (const auto& [name, target] : texts) {
    COFFERDAM_TRY(auto text, optional_string(object, name));
    *target = std::move(text).value_or("");
  }
  COFFERDAM_CHECK(read_pcrs(object, out.pcrs));
  COFFERDAM_CHECK(read_facts(object, out.facts));
  return out;
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
  cbor::Writer out;
  cbor::write_text_map(out, context);
  return to_hex(crypto::sha384(out.view()));
}

}  // namespace cofferdam::ledger
