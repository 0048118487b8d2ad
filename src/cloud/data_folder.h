// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "base/secret.h"

namespace cofferdam::cloud {

// Where a local AWS keeps its files (docs/cloud.md lists them), private to its user. Either
// a folder of the operator's, which is kept, or a temporary one, which is removed together
// with everything in it when this object dies.
class DataFolder {
 public:
  // Makes the folder where it is missing. A temporary one without a path.
  static Result<DataFolder> open(const std::optional<std::filesystem::path>& path);

  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&&) = delete;
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  ~DataFolder();

  std::filesystem::path ca() const { return path_ / "ca.pem"; }
  std::filesystem::path nsm() const { return path_ / "nsm"; }
  std::filesystem::path credentials() const { return path_ / "credentials.json"; }
  std::filesystem::path enclave_credentials() const { return path_ / "enclave-credentials.json"; }
  std::filesystem::path decisions() const { return path_ / "decisions.jsonl"; }

  // The database; nothing for a temporary folder, whose state stays in memory.
  std::optional<std::filesystem::path> database() const;

  // The key that seals the database's secrets: master.key, mode 0600, made before there is
  // a database. Errc::not_found when the database is there and its key is not.
  Result<Secret> master_key() const;

 private:
  DataFolder(std::filesystem::path path, bool temporary)
      : path_(std::move(path)), temporary_(temporary) {}

  std::filesystem::path path_;
  bool temporary_;
};

}  // namespace cofferdam::cloud
