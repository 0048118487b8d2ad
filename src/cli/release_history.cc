// SPDX-License-Identifier: Apache-2.0
#include "cli/release_history.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "attest/release_manifest.h"
#include "base/encoding.h"
#include "base/json.h"

namespace cofferdam::cli {
namespace {

constexpr std::size_t kMaxHistorySize = std::size_t{64} << 20;
constexpr std::size_t kMaxLineSize = std::size_t{64} * 1024;

// A manifest whose signature is that of the certificate inside. Whose that is, and whether it
// has expired, is not judged: a history outlives keys.
Result<attest::ReleaseManifest> read_manifest(ByteView bytes) {
  COFFERDAM_TRY(const attest::UnverifiedManifest stated, attest::parse_release_manifest(bytes));
  const crypto::Sha384 pcr8 = attest::pcr8_of_certificate(stated.certificate);
  attest::Pcrs pcrs = stated.manifest.pcrs;
  pcrs.insert_or_assign(8, Bytes(pcr8.begin(), pcr8.end()));
  return attest::verify_release_manifest(bytes, pcrs,
                                         {.name = stated.manifest.name,
                                          .minimum_release = stated.manifest.release,
                                          .at = stated.manifest.not_after});
}

std::string line_of(const attest::ReleaseManifest& manifest, ByteView bytes) {
  return boost::json::serialize(json::object{{"name", manifest.name},
                                             {"release", manifest.release},
                                             {"manifest", to_base64(bytes)}}) +
         "\n";
}

Result<Bytes> manifest_in(std::string_view line) {
  COFFERDAM_TRY(const json::value value, parse_json(line, kMaxLineSize));
  if (!value.is_object()) return fail(Errc::invalid_input, "expected a JSON object");
  COFFERDAM_TRY(const std::string text, required_string(value.get_object(), "manifest"));
  return from_base64(text);
}

}  // namespace

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

Result<ReleaseHistory> ReleaseHistory::open(const std::filesystem::path& path) {
  COFFERDAM_TRY(UniqueFd lock, lock_folder(folder_of(path)));
  ReleaseHistory out(path, std::move(lock));
  auto text = read_text_file(path, kMaxHistorySize);
  if (!text && text.error().code == Errc::not_found) return out;
  if (!text) return std::unexpected(text.error());
  out.text_ = *std::move(text);
  std::string_view rest = out.text_;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (const Status read = out.read_line(rest.substr(0, end)); !read) {
      return wrap(path.string() + ", line " + std::to_string(number), read.error());
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

Status ReleaseHistory::read_line(std::string_view line) {
  COFFERDAM_TRY(const Bytes bytes, manifest_in(line));
  COFFERDAM_TRY(const attest::ReleaseManifest manifest, read_manifest(bytes));
  if (line_of(manifest, bytes) != std::string(line) + "\n") {
    return fail(Errc::invalid_input, "the line does not say what its manifest says");
  }
  if (latest(manifest.name) >= std::optional(manifest.release)) {
    return fail(Errc::invalid_input, "release numbers that do not grow");
  }
  latest_.insert_or_assign(manifest.name, manifest.release);
  return {};
}

std::optional<std::uint64_t> ReleaseHistory::latest(std::string_view name) const {
  const auto found = latest_.find(name);
  if (found == latest_.end()) return std::nullopt;
  return found->second;
}

Status ReleaseHistory::append(ByteView bytes) {
  COFFERDAM_TRY(const attest::ReleaseManifest manifest, read_manifest(bytes));
  if (const auto last = latest(manifest.name); last && *last >= manifest.release) {
    return fail(Errc::denied, kReleaseNotNewer,
                path_.string() + " already has release " + std::to_string(*last) + " of " +
                    manifest.name + ": expected a greater number");
  }
  if (!text_.empty() && !text_.ends_with('\n')) text_ += '\n';
  text_ += line_of(manifest, bytes);
  COFFERDAM_CHECK(write_file_atomic(path_, as_bytes(text_)));
  latest_.insert_or_assign(manifest.name, manifest.release);
  return {};
}

}  // namespace cofferdam::cli
