// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/file.h"

namespace cofferdam {

// A private folder for one test, gone with everything in it at the end. Its path is short
// enough for names of Unix sockets. Ends the program where no folder can be made.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "cofferdam-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TestFolder(TestFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TestFolder& operator=(TestFolder&&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const noexcept { return path_; }
  // NOLINTNEXTLINE(google-explicit-constructor): a test means the path wherever it says the folder.
  operator const std::filesystem::path&() const noexcept { return path_; }
  std::filesystem::path path(const std::filesystem::path& name) const { return path_ / name; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  // Writes a file and gives its path.
  std::filesystem::path write(std::string_view name, ByteView content, unsigned mode = 0644) const {
    if (!write_file_atomic(path_ / name, content, mode)) std::abort();
    return path_ / name;
  }

  // What is in it, in order.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      out.push_back(entry.path().filename().string());
    }
    std::ranges::sort(out);
    return out;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace cofferdam
