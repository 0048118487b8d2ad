// SPDX-License-Identifier: Apache-2.0
#include "cloud/data_folder.h"

#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/random.h"

namespace cofferdam::cloud {
namespace {

namespace fs = std::filesystem;

Result<fs::path> make_temporary_folder() {
  std::error_code ignored;
  std::string pattern = (fs::temp_directory_path(ignored) / "cofferdam-cloud-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return fail(Errc::unavailable, "cannot make a temporary folder: " + errno_text(errno));
  }
  return fs::path(pattern);
}

Secret random_secret(std::size_t size) {
  Secret secret(size);
  crypto::random_bytes(secret.reveal_mut());
  return secret;
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::optional<fs::path>& path) {
  if (!path) {
    COFFERDAM_TRY(fs::path temporary, make_temporary_folder());
    return DataFolder(std::move(temporary), /*temporary=*/true);
  }
  std::error_code failed;
  fs::path absolute = fs::absolute(*path, failed).lexically_normal();
  if (failed) return fail(Errc::unavailable, path->string() + ": " + failed.message());
  COFFERDAM_CHECK(make_private_folder(absolute));
  return DataFolder(std::move(absolute), /*temporary=*/false);
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}

DataFolder::~DataFolder() {
  std::error_code ignored;
  if (temporary_) fs::remove_all(path_, ignored);
}

std::optional<fs::path> DataFolder::database() const {
  if (temporary_) return std::nullopt;
  return path_ / "state.sqlite";
}

Result<Secret> DataFolder::master_key() const {
  const std::optional<fs::path> state = database();
  if (!state) return random_secret(crypto::kAeadKeySize);
  const fs::path file = path_ / "master.key";
  auto key = read_secret_file(file, crypto::kAeadKeySize);
  if (key) return key;
  if (key.error().code != Errc::not_found) return key;
  std::error_code ignored;
  if (fs::exists(*state, ignored)) {
    return fail(Errc::not_found, file.string() + " is missing, and " + state->string() +
                                     " cannot be read without it: restore it, or start with an "
                                     "empty folder");
  }
  Secret made = random_secret(crypto::kAeadKeySize);
  COFFERDAM_CHECK(write_file_atomic(file, made.reveal(), 0600));
  return made;
}

}  // namespace cofferdam::cloud
