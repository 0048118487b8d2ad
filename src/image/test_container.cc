// SPDX-License-Identifier: Apache-2.0
#include "image/test_container.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "bytes/test_tar.h"

namespace cofferdam::image {
namespace {

constexpr std::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view kLayerType = "application/vnd.oci.image.layer.v1.tar";

std::string layer_type(Compression compression) {
  const std::string suffix =
      compression == Compression::none ? "" : "+" + std::string(compression_name(compression));
  return std::string(kLayerType) + suffix;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

}  // namespace

Bytes gzip_of(ByteView content) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&stream, content.size()) + 64);
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Bytes zstd_of(ByteView content, int level) {
  Bytes out(ZSTD_compressBound(content.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), level));
  return out;
}

Bytes compress(Compression compression, ByteView content) {
  switch (compression) {
    case Compression::gzip:
      return gzip_of(content);
    case Compression::zstd:
      return zstd_of(content);
    case Compression::none:
      break;
  }
  return to_bytes(content);
}

std::string config_of(const TestImage& image) {
  std::vector<std::string> diff_ids;
  for (const TestLayer& layer : image.layers) {
    diff_ids.push_back(in_quotes(Digest::of(crypto::Hash::sha256, layer.archive).to_string()));
  }
  return R"({"architecture":)" + in_quotes(image.architecture) + R"(,"os":"linux","config":)" +
         image.config + R"(,"rootfs":{"type":"layers","diff_ids":[)" + joined(diff_ids) + "]}}";
}

std::string index_of(const std::vector<std::string>& descriptors) {
  return R"({"schemaVersion":2,"manifests":[)" + joined(descriptors) + "]}";
}

std::string TestFiles::add_blob(std::string_view media_type, ByteView content, crypto::Hash hash,
                                std::string_view more_members) {
  const Digest digest = Digest::of(hash, content);
  files_["blobs/" + digest.algorithm() + "/" + digest.hex()] = to_bytes(content);
  return R"({"mediaType":)" + in_quotes(media_type) + R"(,"digest":)" +
         in_quotes(digest.to_string()) + R"(,"size":)" + std::to_string(content.size()) +
         std::string(more_members) + "}";
}

std::string TestFiles::add_manifest(const TestImage& image) {
  std::vector<std::string> layers;
  for (const TestLayer& layer : image.layers) {
    layers.push_back(
        add_blob(layer_type(layer.compression), compress(layer.compression, layer.archive)));
  }
  const std::string manifest = R"({"schemaVersion":2,"mediaType":)" + in_quotes(kManifestType) +
                               R"(,"config":)" + add_blob(kConfigType, as_bytes(config_of(image))) +
                               R"(,"layers":[)" + joined(layers) + "]}";
  std::string more;
  if (image.platform_in_index) {
    more += R"(,"platform":{"os":"linux","architecture":)" + in_quotes(image.architecture) + "}";
  }
  if (!image.reference.empty()) {
    more += R"(,"annotations":{"org.opencontainers.image.ref.name":)" + in_quotes(image.reference) +
            "}";
  }
  return add_blob(kManifestType, as_bytes(manifest), crypto::Hash::sha256, more);
}

TestFiles TestFiles::oci_layout(const std::vector<TestImage>& images) {
  TestFiles out;
  out.set("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  std::vector<std::string> manifests;
  for (const TestImage& image : images) manifests.push_back(out.add_manifest(image));
  out.set("index.json", index_of(manifests));
  return out;
}

TestFiles TestFiles::docker_archive(const std::vector<TestImage>& images) {
  TestFiles out;
  std::vector<std::string> saved;
  for (const TestImage& image : images) {
    std::vector<std::string> layers;
    for (const TestLayer& layer : image.layers) {
      const Bytes blob = compress(layer.compression, layer.archive);
      const std::string name = Digest::of(crypto::Hash::sha256, blob).hex() + "/layer.tar";
      out[name] = blob;
      layers.push_back(in_quotes(name));
    }
    const std::string config = config_of(image);
    const std::string name = Digest::of(crypto::Hash::sha256, as_bytes(config)).hex() + ".json";
    out.set(name, config);
    const std::string tags =
        image.reference.empty() ? "null" : "[" + in_quotes(image.reference) + "]";
    saved.push_back(R"({"Config":)" + in_quotes(name) + R"(,"RepoTags":)" + tags +
                    R"(,"Layers":[)" + joined(layers) + "]}");
  }
  out.set("manifest.json", "[" + joined(saved) + "]");
  return out;
}

void TestFiles::replace(const std::string& name, std::string_view from, std::string_view to) {
  std::string text(as_text(files_.at(name)));
  const std::size_t at = text.find(from);
  if (at == text.npos) abort();
  text.replace(at, from.size(), to);
  set(name, text);
}

std::vector<std::string> TestFiles::names() const {
  std::vector<std::string> out;
  for (const auto& [name, content] : files_) out.push_back(name);
  return out;
}

Bytes TestFiles::tar() const {
  tar::TestArchive out;
  for (const auto& [name, content] : files_) out.file(name, as_text(content));
  return out.finish();
}

void TestFiles::write_folder(const std::filesystem::path& folder) const {
  for (const auto& [name, content] : files_) write_file(folder / name, content);
}

void write_file(const std::filesystem::path& path, ByteView content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream out(path, std::ios::binary);
  out << as_text(content);
  if (!out.flush()) abort();
}

}  // namespace cofferdam::image
