// SPDX-License-Identifier: Apache-2.0
#include "aws/credential_chain.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"

namespace cofferdam::aws {
namespace {

constexpr std::size_t kMaxFileSize = std::size_t{256} * 1024;
constexpr std::size_t kMaxValueSize = 8192;
constexpr std::string_view kBlank = " \t";

constexpr std::string_view kExportHint =
    "; for roles, single sign-on and instances: eval \"$(aws configure export-credentials "
    "--format env)\"";

std::string_view text_of(const char* value) { return value == nullptr ? "" : value; }

// AWS's identifiers, keys and tokens are printable ASCII without blanks.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= kMaxValueSize &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Result<Credentials> make_credentials(std::string_view id, std::string_view secret,
                                     std::string_view token, const std::string& where) {
  if (!is_plain(id) || !is_plain(secret) || (!token.empty() && !is_plain(token))) {
    return fail(Errc::invalid_input, where + " hold characters that no AWS key has");
  }
  return Credentials{.access_key_id = std::string(id),
                     .secret_access_key = Secret::copy_of(as_bytes(secret)),
                     .session_token = std::string(token)};
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The members of a profile that count here, as views into the file.
struct Profile {
  bool found = false;
  std::string_view id;
  std::string_view secret;
  std::string_view token;
};

Status set_member(Profile& out, std::string_view name, std::string_view value,
                  std::set<std::string_view>& seen) {
  if (!seen.insert(name).second) {
    return fail(Errc::invalid_input, "the shared credentials file sets a member twice");
  }
  if (name == "aws_access_key_id") out.id = value;
  if (name == "aws_secret_access_key") out.secret = value;
  if (name == "aws_session_token") out.token = value;
  return {};
}

// "[name]" lines, each followed by "member = value" lines; '#' and ';' begin comments.
Result<Profile> find_profile(std::string_view rest, std::string_view wanted) {
  Profile out;
  std::set<std::string_view> seen;
  bool inside = false;
  while (!rest.empty()) {
    const std::string_view whole = take_line(rest);
    const std::string_view line = trim(whole);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (!line.ends_with(']')) {
        return fail(Errc::invalid_input, "the shared credentials file has a broken [name] line");
      }
      inside = trim(line.substr(1, line.size() - 2)) == wanted;
      if (inside && std::exchange(out.found, true)) {
        return fail(Errc::invalid_input, "the shared credentials file has the profile twice");
      }
      continue;
    }
    const std::size_t equals = line.find('=');
    const bool nested = whole.front() == ' ' || whole.front() == '\t';
    if (!inside || nested || equals == std::string_view::npos) continue;
    COFFERDAM_CHECK(
        set_member(out, trim(line.substr(0, equals)), trim(line.substr(equals + 1)), seen));
  }
  return out;
}

Result<std::filesystem::path> shared_file(const Environment& environment) {
  const std::string_view named = text_of(environment("AWS_SHARED_CREDENTIALS_FILE"));
  if (!named.empty()) return std::filesystem::path(named);
  const std::string_view home = text_of(environment("HOME"));
  if (home.empty()) {
    return fail(Errc::not_found, "no AWS credentials: neither AWS_ACCESS_KEY_ID nor HOME is set");
  }
  return std::filesystem::path(home) / ".aws" / "credentials";
}

}  // namespace

Result<std::optional<Credentials>> read_shared_credentials(const Secret& file,
                                                           std::string_view profile) {
  COFFERDAM_TRY(const Profile found, find_profile(as_text(file.reveal()), profile));
  if (!found.found) return std::nullopt;
  if (found.id.empty() || found.secret.empty()) {
    return fail(Errc::not_found, "the AWS profile " + std::string(profile) +
                                     " has no aws_access_key_id and aws_secret_access_key" +
                                     std::string(kExportHint));
  }
  COFFERDAM_TRY(Credentials out,
                make_credentials(found.id, found.secret, found.token,
                                 "the credentials of AWS profile " + std::string(profile)));
  return out;
}

Result<Credentials> find_credentials(const Environment& environment) {
  const std::string_view id = text_of(environment("AWS_ACCESS_KEY_ID"));
  const std::string_view secret = text_of(environment("AWS_SECRET_ACCESS_KEY"));
  if (!id.empty() && !secret.empty()) {
    return make_credentials(id, secret, text_of(environment("AWS_SESSION_TOKEN")),
                            "the AWS_... variables");
  }
  COFFERDAM_TRY(const auto path, shared_file(environment));
  const std::string_view named = text_of(environment("AWS_PROFILE"));
  const std::string_view profile = named.empty() ? "default" : named;
  const auto file = read_secret_file(path, kMaxFileSize);
  if (!file && file.error().code != Errc::not_found) return std::unexpected(file.error());
  if (file) {
    COFFERDAM_TRY(auto found, read_shared_credentials(*file, profile));
    if (found) return *std::move(found);
  }
  return fail(Errc::not_found, "no AWS credentials: AWS_ACCESS_KEY_ID is not set, and " +
                                   path.string() + " has no profile " + std::string(profile) +
                                   std::string(kExportHint));
}

}  // namespace cofferdam::aws
