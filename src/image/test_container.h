// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/test_folder.h"
#include "image/decompress.h"
#include "image/digest.h"

// Container images for tests, made in memory so that a test can spoil any part of them.
namespace cofferdam::image {

Bytes gzip_of(ByteView content);
Bytes zstd_of(ByteView content, int level = 3);
Bytes compress(Compression compression, ByteView content);

struct TestLayer {
  Bytes archive;  // A tar archive: see bytes/test_tar.h.
  Compression compression = Compression::none;
};

struct TestImage {
  std::vector<TestLayer> layers;
  std::string config = R"({"Cmd":["/app"]})";  // The member "config".
  std::string architecture = "amd64";
  std::string reference = {};      // Of OCI, or a docker name.
  bool platform_in_index = false;  // In the descriptor, as BuildKit writes it.
};

// The files of an archive by name.
class TestFiles {
 public:
  // An OCI image layout with these images.
  static TestFiles oci_layout(const std::vector<TestImage>& images);
  // What `docker save` wrote until version 24.
  static TestFiles docker_archive(const std::vector<TestImage>& images);

  Bytes& operator[](const std::string& name) { return files_[name]; }
  bool contains(const std::string& name) const { return files_.contains(name); }
  void erase(const std::string& name) { files_.erase(name); }
  void set(const std::string& name, std::string_view text) { files_[name] = to_bytes(text); }
  // Replaces text in a file that holds it.
  void replace(const std::string& name, std::string_view from, std::string_view to);
  void merge(const TestFiles& other) { files_.insert(other.files_.begin(), other.files_.end()); }
  // Puts a blob under its digest and returns a descriptor of it.
  std::string add_blob(std::string_view media_type, ByteView content,
                       crypto::Hash hash = crypto::Hash::sha256,
                       std::string_view more_members = "");
  // Names of the blobs, those of layers and documents.
  std::vector<std::string> names() const;

  Bytes tar() const;
  void write_folder(const std::filesystem::path& folder) const;

 private:
  std::string add_manifest(const TestImage& image);

  std::map<std::string, Bytes> files_;
};

// An index.json with these descriptors.
std::string index_of(const std::vector<std::string>& descriptors);

// A configuration of an image whose unpacked layers have these digests.
std::string config_of(const TestImage& image);

void write_file(const std::filesystem::path& path, ByteView content);

}  // namespace cofferdam::image
