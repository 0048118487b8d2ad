// SPDX-License-Identifier: Apache-2.0
#include "aws/sts_response.h"

#include <algorithm>
#include <map>
#include <vector>

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxSize = std::size_t{64} * 1024;
constexpr std::size_t kMaxDepth = 8;
constexpr std::string_view kBlank = " \t\r\n";
constexpr std::size_t kMaxErrorCode = 64;
constexpr std::string_view kCredentials =
    "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/";
constexpr std::string_view kAssumedRole =
    "/AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/AssumedRoleUser/";
constexpr std::string_view kError = "/ErrorResponse/Error/";

std::unexpected<Error> malformed() {
  return fail(Errc::invalid_input, "expected the XML of AssumeRoleWithWebIdentity from STS");
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

// Texts directly under the three elements above, as views into the document.
class Reader {
 public:
  explicit Reader(std::string_view xml) : rest_(xml) {}

  Status read() {
    if (rest_.starts_with("<?xml")) {
      const std::size_t end = rest_.find("?>");
      if (end == std::string_view::npos) return malformed();
      rest_.remove_prefix(end + 2);
    }
    while (!rest_.empty()) COFFERDAM_CHECK(step());
    return path_.empty() && seen_root_ ? Status() : malformed();
  }

  Result<std::string_view> text(std::string_view parent, std::string_view name) const {
    const auto found = found_.find(std::string(parent) + std::string(name));
    if (found == found_.end() || found->second.empty()) return malformed();
    return found->second;
  }

 private:
  // Text up to the next tag, and that tag.
  Status step() {
    const std::size_t open = std::min(rest_.find('<'), rest_.size());
    const std::string_view before = rest_.substr(0, open);
    if (path_.empty() && before.find_first_not_of(kBlank) != std::string_view::npos) {
      return malformed();
    }
    rest_.remove_prefix(open);
    if (rest_.empty()) return {};
    const std::size_t close = rest_.find('>');
    if (close == std::string_view::npos) return malformed();
    const std::string_view tag = rest_.substr(1, close - 1);
    rest_.remove_prefix(close + 1);
    if (tag.starts_with('/')) return end_element(tag.substr(1), before);
    return begin_element(tag);
  }

  Status begin_element(std::string_view tag) {
    const bool empty = tag.ends_with('/');
    const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n/"));
    if (!is_name(name) || path_.size() == kMaxDepth) return malformed();
    if (path_.empty() && std::exchange(seen_root_, true)) return malformed();
    if (!empty) path_.push_back(name);
    leaf_ = !empty;
    return {};
  }

  Status end_element(std::string_view name, std::string_view text) {
    if (path_.empty() || path_.back() != name) return malformed();
    const std::string within = parent();
    const bool wanted = within == kCredentials || within == kAssumedRole || within == kError;
    if (std::exchange(leaf_, false) && wanted &&
        !found_.emplace(within + std::string(name), text).second) {
      return malformed();
    }
    path_.pop_back();
    return {};
  }

  std::string parent() const {
    std::string out = "/";
    for (std::size_t i = 0; i + 1 < path_.size(); ++i) out += std::string(path_[i]) + "/";
    return out;
  }

  std::string_view rest_;
  std::vector<std::string_view> path_;
  std::map<std::string, std::string_view> found_;  // By the whole path.
  bool seen_root_ = false;
  bool leaf_ = false;  // Nothing but text since the element began.
};

// None of AWS's values needs an entity.
Result<std::string_view> plain_text(const Reader& reader, std::string_view name,
                                    std::string_view parent = kCredentials) {
  COFFERDAM_TRY(const std::string_view text, reader.text(parent, name));
  const bool plain = std::ranges::all_of(
      text, [](char c) { return c > 0x20 && c < 0x7f && c != '&' && c != '"' && c != '\\'; });
  if (!plain) return malformed();
  return text;
}

Result<Reader> read_document(ByteView xml) {
  if (xml.size() > kMaxSize) return malformed();
  Reader reader(as_text(xml));
  COFFERDAM_CHECK(reader.read());
  return reader;
}

Result<IssuedCredentials> credentials_of(const Reader& reader) {
  IssuedCredentials out;
  COFFERDAM_TRY(out.credentials.access_key_id, plain_text(reader, "AccessKeyId"));
  COFFERDAM_TRY(const std::string_view secret, plain_text(reader, "SecretAccessKey"));
  COFFERDAM_TRY(out.credentials.session_token, plain_text(reader, "SessionToken"));
  COFFERDAM_TRY(const std::string_view expiration, plain_text(reader, "Expiration"));
  COFFERDAM_TRY(out.expires, parse_rfc3339(expiration));
  out.credentials.secret_access_key = Secret::copy_of(as_bytes(secret));
  return out;
}

}  // namespace

Result<IssuedCredentials> parse_web_identity_response(ByteView xml) {
  COFFERDAM_TRY(const Reader reader, read_document(xml));
  return credentials_of(reader);
}

Result<AssumedRole> parse_assumed_role(ByteView xml) {
  COFFERDAM_TRY(const Reader reader, read_document(xml));
  AssumedRole out;
  COFFERDAM_TRY(out.issued, credentials_of(reader));
  COFFERDAM_TRY(out.arn, plain_text(reader, "Arn", kAssumedRole));
  return out;
}

std::string read_sts_error(ByteView xml) {
  const auto reader = read_document(xml);
  if (!reader) return {};
  const auto code = reader->text(kError, "Code");
  if (!code || !is_name(*code) || code->size() > kMaxErrorCode) return {};
  return std::string(*code);
}

}  // namespace cofferdam::aws
