// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "bytes/tar.h"

namespace cofferdam::tar {

// Writes archives for tests, good ones and such as nobody should write.
class TestArchive {
 public:
  // An entry as a ustar header with pax records where it needs them: for long names, large
  // numbers and attributes. `content` must be empty but for files.
  TestArchive& add(const Entry& entry, std::string_view content = {});
  TestArchive& file(std::string path, std::string_view content, std::uint32_t mode = 0644);
  TestArchive& directory(std::string path, std::uint32_t mode = 0755);
  TestArchive& symlink(std::string path, std::string target);
  TestArchive& hard_link(std::string path, std::string target);
  // A device or a FIFO.
  TestArchive& special(std::string path, Type type, std::uint32_t major, std::uint32_t minor);

  // A pax header: 'x' for the next entry, 'g' for all that follow.
  TestArchive& pax(const std::vector<std::pair<std::string, std::string>>& records,
                   char type = 'x');
  // A block as given, and its padded content.
  TestArchive& raw(Bytes header, std::string_view content = {});

  // What has been written so far, with the two blocks of the end or without.
  Bytes finish() const;
  const Bytes& unfinished() const { return bytes_; }

 private:
  Bytes bytes_;
};

struct TestHeader {
  std::string name;
  char type = '0';
  std::uint64_t size = 0;
  std::string target = {};
  std::uint32_t mode = 0644;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::int64_t mtime = 0;
  std::uint64_t device_major = 0;
  std::uint64_t device_minor = 0;
};

// A ustar header with its checksum.
Bytes make_header(const TestHeader& header);
// Sets the checksum of a changed header.
void seal(Bytes& header);
// Writes over a field of a header, and seals it.
Bytes with_field(Bytes header, std::size_t offset, std::string_view bytes);

}  // namespace cofferdam::tar
