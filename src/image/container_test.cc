// SPDX-License-Identifier: Apache-2.0
#include "image/container.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "bytes/test_tar.h"
#include "image/reason.h"
#include "image/test_container.h"

namespace cofferdam::image {
namespace {

using tar::TestArchive;

TestImage small_image(Compression compression = Compression::gzip) {
  return {.layers = {{.archive = TestArchive().file("app", "old").file("lib/x", "x").finish(),
                      .compression = compression},
                     {.archive = TestArchive().file("app", "new").file("lib/.wh.x", "").finish(),
                      .compression = compression}}};
}

TestImage image_with(std::string_view content, std::string reference = "",
                     std::string architecture = "amd64") {
  return {.layers = {{.archive = TestArchive().file("app", content).finish()}},
          .architecture = std::move(architecture),
          .reference = std::move(reference)};
}

class ContainerTest : public testing::Test {
 protected:
  Result<ContainerImage> read(const TestFiles& files, ContainerSelection selection = {},
                              const ContainerLimits& limits = {}) {
    const std::filesystem::path path = folder_.path() / "image.tar";
    write_file(path, files.tar());
    selection.spool = folder_.path();
    return read_container(path, selection, limits);
  }

  Result<ContainerImage> read_folder(const TestFiles& files) {
    const std::filesystem::path path = folder_.path() / "layout";
    std::filesystem::remove_all(path);
    files.write_folder(path);
    return read_container(path,
                          {.arch = {}, .reference = {}, .spool = folder_.path(), .progress = {}});
  }

  std::string_view reason_of(const TestFiles& files, const ContainerSelection& selection = {},
                             const ContainerLimits& limits = {}) {
    const auto image = read(files, selection, limits);
    detail_ = image ? "" : image.error().detail;
    return image ? "accepted" : image.error().reason;
  }

  static std::string content(const Result<ContainerImage>& image, std::string_view path) {
    if (!image) return image.error().detail;
    const Node* node = image->tree.find(path);
    if (node == nullptr) return "(missing)";
    const auto bytes = image->tree.read(*node, 1'000'000);
    return bytes ? std::string(as_text(*bytes)) : bytes.error().detail;
  }

  static ContainerSelection named(std::string reference) {
    return {.arch = {}, .reference = std::move(reference), .spool = {}, .progress = {}};
  }
  static ContainerSelection on(eif::Arch arch) {
    return {.arch = arch, .reference = {}, .spool = {}, .progress = {}};
  }

  TestFolder folder_;
  std::string detail_;
};

TEST_F(ContainerTest, ReadsEveryFormOfAnImage) {
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    const TestImage image = small_image(compression);
    const TestFiles layout = TestFiles::oci_layout({image});
    const TestFiles saved = TestFiles::docker_archive({image});
    const auto check = [](const Result<ContainerImage>& result) {
      ASSERT_TRUE(result.has_value()) << result.error().detail;
      EXPECT_EQ(content(result, "app"), "new");
      EXPECT_EQ(content(result, "lib/x"), "(missing)");
      EXPECT_EQ(result->tree.size(), 2u) << "app, lib";
      EXPECT_EQ(result->arch, eif::Arch::x86_64);
      EXPECT_EQ(result->config.cmd, std::vector<std::string>{"/app"});
    };
    check(read(layout));
    check(read_folder(layout));
    check(read(saved));
    check(read_folder(saved));
  }
}

TEST_F(ContainerTest, NamesTheImageTheSameInEveryForm) {
  TestImage image = small_image();
  image.reference = "example.com/app:v1";
  const std::string id = Digest::of(crypto::Hash::sha256, as_bytes(config_of(image))).to_string();
  for (const auto& files : {TestFiles::oci_layout({image}), TestFiles::docker_archive({image})}) {
    const auto found = read(files);
    ASSERT_TRUE(found.has_value()) << found.error().detail;
    EXPECT_EQ(found->reference, "example.com/app:v1");
    EXPECT_EQ(found->config_digest, id);
  }
}

TEST_F(ContainerTest, ReadsTheConfiguration) {
  TestImage image = small_image();
  image.config = R"({"Entrypoint":["/bin/sh","-c"],"Cmd":null,"Env":["A=1","B=x\ny=z"],
    "WorkingDir":"/srv","User":"app:staff","StopSignal":"SIGINT","Unknown":{"a":[1]}})";
  const auto read_back = read(TestFiles::oci_layout({image}));
  ASSERT_TRUE(read_back.has_value()) << read_back.error().detail;
  const ContainerConfig& config = read_back->config;
  EXPECT_EQ(config.entrypoint, (std::vector<std::string>{"/bin/sh", "-c"}));
  EXPECT_FALSE(config.cmd.has_value());
  EXPECT_EQ(config.env, (std::vector<std::string>{"A=1", "B=x\ny=z"}));
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.user, "app:staff");
  EXPECT_EQ(config.stop_signal, "SIGINT");
}

TEST_F(ContainerTest, RefusesAConfigurationOfOtherTypes) {
  for (const char* config :
       {R"({"Entrypoint":"/app"})", R"({"Cmd":[1]})", R"({"Cmd":{}})", R"({"Env":["A"]})",
        R"({"Env":["=1"]})", R"({"Env":["A=\u0000"]})", R"({"Cmd":["a\u0000b"]})",
        R"({"WorkingDir":1})", R"({"User":0})", R"({"User":"a","User":"b"})",
        R"({"StopSignal":15})", R"([])", R"("x")"}) {
    TestImage image = small_image();
    image.config = config;
    EXPECT_EQ(reason_of(TestFiles::oci_layout({image})), "malformed") << config;
    EXPECT_EQ(reason_of(TestFiles::docker_archive({image})), "malformed") << config;
  }
}

TEST_F(ContainerTest, EveryChangedBlobIsNoticed) {
  for (const Compression compression : {Compression::none, Compression::gzip, Compression::zstd}) {
    const TestFiles layout = TestFiles::oci_layout({small_image(compression)});
    for (const std::string& name : layout.names()) {
      if (!name.starts_with("blobs/")) continue;
      for (const bool at_end : {false, true}) {
        TestFiles changed = layout;
        Bytes& blob = changed[name];
        blob[at_end ? blob.size() - 1 : blob.size() / 2] ^= 0x01;
        EXPECT_EQ(reason_of(changed), "digest_mismatch") << name << ": " << detail_;
      }
      TestFiles longer = layout;
      longer[name].push_back(0);
      EXPECT_EQ(reason_of(longer), "digest_mismatch") << name;
      TestFiles missing = layout;
      missing.erase(name);
      EXPECT_EQ(reason_of(missing), "missing_blob") << name;
    }
  }
}

TEST_F(ContainerTest, EveryChangedFileOfADockerArchiveIsNoticed) {
  const TestFiles saved = TestFiles::docker_archive({small_image(Compression::none)});
  for (const std::string& name : saved.names()) {
    TestFiles missing = saved;
    missing.erase(name);
    EXPECT_NE(reason_of(missing), "accepted") << name;
    if (name == "manifest.json") continue;
    TestFiles changed = saved;
    changed[name][changed[name].size() / 2] ^= 0x01;
    EXPECT_EQ(reason_of(changed), "digest_mismatch") << name << ": " << detail_;
  }
}

TEST_F(ContainerTest, UnpackedLayersMustBeThoseOfTheConfiguration) {
  TestImage image = small_image();
  // A manifest that puts this image's configuration on another one's layers.
  image.layers[0].archive = TestArchive().file("app", "evil").finish();
  const std::string config = config_of(small_image());
  TestFiles spoiled;
  spoiled.set("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  std::string layers;
  for (const TestLayer& layer : image.layers) {
    layers +=
        (layers.empty() ? "" : ",") +
        spoiled.add_blob("application/vnd.oci.image.layer.v1.tar+gzip", gzip_of(layer.archive));
  }
  const std::string manifest =
      R"({"schemaVersion":2,"config":)" +
      spoiled.add_blob("application/vnd.oci.image.config.v1+json", as_bytes(config)) +
      R"(,"layers":[)" + layers + "]}";
  spoiled.set("index.json", index_of({spoiled.add_blob("application/vnd.oci.image.manifest.v1+json",
                                                       as_bytes(manifest))}));
  EXPECT_EQ(reason_of(spoiled), "digest_mismatch");
}

TEST_F(ContainerTest, EveryTruncationOfAnArchiveIsNoticed) {
  const Bytes archive = TestFiles::oci_layout({small_image()}).tar();
  const std::filesystem::path path = folder_.path() / "cut.tar";
  for (std::size_t size = 0; size < archive.size(); size += 512) {
    write_file(path, ByteView(archive).first(size));
    const auto image = read_container(path, {});
    ASSERT_FALSE(image.has_value()) << size;
    EXPECT_EQ(image.error().reason, "truncated") << size << ": " << image.error().detail;
  }
}

// A layout whose only image has these members in its manifest.
TestFiles with_manifest(TestFiles& files, std::string_view manifest) {
  files.set(
      "index.json",
      index_of({files.add_blob("application/vnd.oci.image.manifest.v1+json", as_bytes(manifest))}));
  return files;
}

TEST_F(ContainerTest, RefusesDocumentsThatAreNone) {
  const TestFiles good = TestFiles::oci_layout({small_image()});
  const auto with = [&good](const std::string& name, std::string_view text) {
    TestFiles files = good;
    files.set(name, text);
    return files;
  };
  EXPECT_EQ(reason_of(with("oci-layout", "{}")), "malformed");
  EXPECT_EQ(reason_of(with("oci-layout", R"({"imageLayoutVersion":"2.0.0"})")), "unsupported");
  EXPECT_EQ(reason_of(with("index.json", "")), "malformed");
  EXPECT_EQ(reason_of(with("index.json", "[]")), "malformed");
  EXPECT_EQ(reason_of(with("index.json", R"({"schemaVersion":1,"manifests":[]})")), "unsupported");
  EXPECT_EQ(reason_of(with("index.json", R"({"schemaVersion":2,"manifests":[]})")), "malformed");
  EXPECT_EQ(reason_of(with("index.json", R"({"schemaVersion":2,"manifests":[{}]})")), "malformed");
  EXPECT_EQ(reason_of(with("index.json", R"({"schemaVersion":2,"manifests":[],"layers":[]})")),
            "malformed");
  EXPECT_EQ(reason_of(with("index.json", std::string(100, ' ')), {},
                      {.tree = {}, .max_layers = 1, .max_json_size = 99}),
            "too_large");
  TestFiles no_index = good;
  no_index.erase("index.json");
  EXPECT_EQ(reason_of(no_index), "missing_blob");
  EXPECT_EQ(reason_of(TestFiles()), "malformed");
}

TEST_F(ContainerTest, RefusesDescriptorsThatLie) {
  const TestFiles good = TestFiles::oci_layout({small_image()});
  const auto with = [&good](std::string_view from, std::string_view to) {
    TestFiles files = good;
    files.replace("index.json", from, to);
    return files;
  };
  EXPECT_EQ(reason_of(with(R"("size":)", R"("size":1)")), "digest_mismatch");
  EXPECT_EQ(reason_of(with(R"("size":)", R"("size":-)")), "malformed");
  EXPECT_EQ(reason_of(with(R"("size":)", R"("sice":)")), "malformed");
  EXPECT_EQ(reason_of(with("sha256:", "md5:")), "unsupported");
  EXPECT_EQ(reason_of(with("sha256:", "sha512:")), "malformed");
  EXPECT_EQ(reason_of(with("sha256:", "sha256:0")), "malformed");
  EXPECT_EQ(reason_of(with("sha256:", "sha256")), "malformed");
  EXPECT_EQ(reason_of(with("sha256:", "sha256:../")), "malformed");
  EXPECT_EQ(reason_of(with("image.manifest", "image.index")), "malformed");
  EXPECT_EQ(reason_of(with("image.manifest", "image.something")), "unsupported");
}

TEST_F(ContainerTest, RefusesArtifactsAndForeignLayers) {
  const std::string config = config_of(image_with("x"));
  const auto refused = [&](std::string_view config_type, std::string_view layer_type,
                           std::string_view layer_members, std::string_view manifest_members) {
    TestFiles files;
    files.set("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
    const std::string manifest = R"({"schemaVersion":2,"config":)" +
                                 files.add_blob(config_type, as_bytes(config)) + R"(,"layers":[)" +
                                 files.add_blob(layer_type, image_with("x").layers[0].archive,
                                                crypto::Hash::sha256, layer_members) +
                                 "]" + std::string(manifest_members) + "}";
    return reason_of(with_manifest(files, manifest));
  };
  constexpr std::string_view kConfig = "application/vnd.oci.image.config.v1+json";
  constexpr std::string_view kLayer = "application/vnd.oci.image.layer.v1.tar";
  EXPECT_EQ(refused(kConfig, kLayer, "", ""), "accepted") << detail_;
  EXPECT_EQ(refused("application/vnd.docker.container.image.v1+json",
                    "application/vnd.docker.image.rootfs.diff.tar", "", ""),
            "accepted")
      << detail_;
  EXPECT_EQ(refused("application/vnd.oci.empty.v1+json", kLayer, "", ""), "unsupported");
  EXPECT_EQ(refused(kConfig, kLayer, "", R"(,"artifactType":"application/x")"), "unsupported");
  EXPECT_EQ(refused(kConfig, kLayer, R"(,"urls":["https://example.com/layer"])", ""),
            "unsupported");
  EXPECT_EQ(refused(kConfig, "application/vnd.oci.image.layer.nondistributable.v1.tar", "", ""),
            "unsupported");
  EXPECT_EQ(refused(kConfig, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "", ""),
            "unsupported");
  EXPECT_EQ(refused(kConfig, "application/vnd.dev.cosign.simplesigning.v1+json", "", ""),
            "unsupported");
  EXPECT_EQ(refused(kConfig, "application/vnd.oci.image.layer.v1.tar+gzip", "", ""), "malformed")
      << "the bytes are plain";
  EXPECT_EQ(refused(kConfig, kLayer, "", R"(,"mediaType":"application/x")"), "malformed");
  EXPECT_EQ(refused(kConfig, kLayer, "", R"(,"manifests":[])"), "malformed");
}

TEST_F(ContainerTest, ChecksBlobsWithSha512) {
  TestFiles files;
  files.set("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  const TestImage image = image_with("content");
  const auto hash = crypto::Hash::sha512;
  const std::string layer =
      files.add_blob("application/vnd.oci.image.layer.v1.tar", image.layers[0].archive, hash);
  const std::string manifest =
      R"({"schemaVersion":2,"config":)" +
      files.add_blob("application/vnd.oci.image.config.v1+json", as_bytes(config_of(image)), hash) +
      R"(,"layers":[)" + layer + "]}";
  with_manifest(files, manifest);
  EXPECT_EQ(content(read(files), "app"), "content");
  for (const std::string& name : files.names()) {
    if (!name.starts_with("blobs/sha512/")) continue;
    TestFiles changed = files;
    changed[name].back() ^= 1;
    EXPECT_EQ(reason_of(changed), "digest_mismatch") << name;
  }
}

TEST_F(ContainerTest, TheNumberOfLayersMustAgree) {
  TestImage image = small_image();
  TestFiles files = TestFiles::docker_archive({image});
  const std::string name = Digest::of(crypto::Hash::sha256, gzip_of(image.layers[1].archive)).hex();
  files.replace("manifest.json", ",\"" + name + "/layer.tar\"", "");
  EXPECT_EQ(reason_of(files), "malformed");
  EXPECT_EQ(reason_of(TestFiles::oci_layout({image}), {}, {.tree = {}, .max_layers = 1}),
            "too_large");
}

TEST_F(ContainerTest, ChoosesByName) {
  const TestFiles layout =
      TestFiles::oci_layout({image_with("1", "v1"), image_with("2", "example.com/app:v2")});
  EXPECT_EQ(reason_of(layout), "ambiguous_image");
  EXPECT_NE(detail_.find("v1"), detail_.npos) << detail_;
  EXPECT_NE(detail_.find("example.com/app:v2"), detail_.npos) << detail_;
  EXPECT_EQ(content(read(layout, named("v1")), "app"), "1");
  EXPECT_EQ(content(read(layout, named("example.com/app:v2")), "app"), "2");
  EXPECT_EQ(reason_of(layout, named("v3")), "no_such_image");
}

TEST_F(ContainerTest, ChoosesByNameInADockerArchive) {
  const TestFiles saved =
      TestFiles::docker_archive({image_with("1", "app:latest"), image_with("2", "me/app:v2")});
  EXPECT_EQ(reason_of(saved), "ambiguous_image");
  EXPECT_EQ(content(read(saved, named("app")), "app"), "1");
  EXPECT_EQ(content(read(saved, named("docker.io/library/app:latest")), "app"), "1");
  EXPECT_EQ(content(read(saved, named("docker.io/me/app:v2")), "app"), "2");
  EXPECT_EQ(reason_of(saved, named("me/app")), "no_such_image");
}

TEST_F(ContainerTest, OneImageUnderTwoNamesIsOneImage) {
  const TestFiles layout =
      TestFiles::oci_layout({image_with("1", "v1"), image_with("1", "latest")});
  EXPECT_EQ(content(read(layout), "app"), "1");
  EXPECT_EQ(content(read(layout, named("latest")), "app"), "1");
}

TEST_F(ContainerTest, ChoosesByArchitecture) {
  for (const bool platform_in_index : {false, true}) {
    TestImage intel = image_with("intel", "v1", "amd64");
    TestImage arm = image_with("arm", "v1", "arm64");
    TestImage other = image_with("other", "v1", "riscv64");
    for (TestImage* image : {&intel, &arm, &other}) image->platform_in_index = platform_in_index;
    const TestFiles layout = TestFiles::oci_layout({intel, arm, other});
    EXPECT_EQ(reason_of(layout), "ambiguous_image");
    EXPECT_EQ(content(read(layout, on(eif::Arch::x86_64)), "app"), "intel");
    const auto chosen = read(layout, on(eif::Arch::aarch64));
    EXPECT_EQ(content(chosen, "app"), "arm");
    EXPECT_EQ(chosen->arch, eif::Arch::aarch64);
    EXPECT_EQ(reason_of(TestFiles::oci_layout({other})), "no_such_platform");
    EXPECT_EQ(reason_of(TestFiles::oci_layout({arm}), on(eif::Arch::x86_64)), "no_such_platform");
    EXPECT_EQ(reason_of(TestFiles::docker_archive({arm}), on(eif::Arch::x86_64)),
              "no_such_platform");
  }
}

TEST_F(ContainerTest, TheConfigurationHasTheLastWordOnTheArchitecture) {
  TestImage image = image_with("x", "v1", "arm64");
  image.platform_in_index = true;
  TestFiles layout = TestFiles::oci_layout({image});
  layout.replace("index.json", "arm64", "amd64");
  EXPECT_EQ(reason_of(layout), "no_such_platform");
}

// An index below the one of the layout, with `depth` more between them.
TestFiles nested(const std::vector<std::string>& descriptors, TestFiles files, unsigned depth) {
  std::string index = index_of(descriptors);
  for (unsigned i = 0; i < depth; ++i) {
    index = index_of({files.add_blob("application/vnd.oci.image.index.v1+json", as_bytes(index))});
  }
  files.set("index.json", index);
  return files;
}

TEST_F(ContainerTest, FollowsNestedIndexesToABound) {
  TestFiles files = TestFiles::oci_layout({image_with("x")});
  const std::string text(as_text(files["index.json"]));
  const std::size_t begin = text.find('[') + 1;
  const std::string descriptor = text.substr(begin, text.rfind(']') - begin);
  EXPECT_EQ(content(read(nested({descriptor}, files, 1)), "app"), "x");
  EXPECT_EQ(content(read(nested({descriptor}, files, 3)), "app"), "x");
  EXPECT_EQ(reason_of(nested({descriptor}, files, 4)), "too_large");
}

TEST_F(ContainerTest, PassesOverWhatSaysSomethingAboutAnImage) {
  TestImage image = image_with("x");
  image.platform_in_index = true;
  TestFiles files = TestFiles::oci_layout({image});
  const std::string text(as_text(files["index.json"]));
  const std::size_t begin = text.find('[') + 1;
  const std::string descriptor = text.substr(begin, text.rfind(']') - begin);
  const std::string attestation = files.add_blob(
      "application/vnd.oci.image.manifest.v1+json", as_bytes("{}"), crypto::Hash::sha256,
      R"(,"platform":{"os":"unknown","architecture":"unknown"},)"
      R"("annotations":{"vnd.docker.reference.type":"attestation-manifest"})");
  const std::string artifact =
      files.add_blob("application/vnd.oci.image.manifest.v1+json", as_bytes("[]"),
                     crypto::Hash::sha256, R"(,"artifactType":"application/vnd.example")");
  const std::string unknown = files.add_blob("application/vnd.example", as_bytes("?"));
  files.set("index.json", index_of({attestation, artifact, descriptor, unknown}));
  EXPECT_EQ(content(read(files), "app"), "x");
  files.set("index.json", index_of({attestation, artifact, unknown}));
  EXPECT_EQ(reason_of(files), "unsupported");
}

TEST_F(ContainerTest, TakesTheVariantThatRunsEverywhere) {
  TestImage base = image_with("base");
  TestImage newer = image_with("newer");
  base.platform_in_index = newer.platform_in_index = true;
  TestFiles files = TestFiles::oci_layout({newer, base});
  files.replace("index.json", R"("architecture":"amd64")",
                R"("architecture":"amd64","variant":"v3")");
  EXPECT_EQ(content(read(files), "app"), "base");
}

TEST_F(ContainerTest, PrefersTheLayoutWhereDockerWritesBoth) {
  TestFiles both = TestFiles::oci_layout({image_with("oci", "v1")});
  both.merge(TestFiles::docker_archive({image_with("saved", "app:v2")}));
  EXPECT_EQ(content(read(both), "app"), "oci");
  EXPECT_EQ(content(read(both, named("v1")), "app"), "oci");
  EXPECT_EQ(content(read(both, named("app:v2")), "app"), "saved");
}

TEST_F(ContainerTest, FollowsTheLinksOfADockerArchive) {
  const TestImage image = image_with("content");
  TestFiles files = TestFiles::docker_archive({image});
  const std::string layer =
      Digest::of(crypto::Hash::sha256, image.layers[0].archive).hex() + "/layer.tar";
  const Bytes content_of_layer = files[layer];
  files.erase(layer);
  const auto with_link = [&](const std::string& target) {
    TestArchive archive;
    for (const std::string& name : files.names()) archive.file(name, as_text(files[name]));
    archive.file("layers/1", as_text(content_of_layer)).symlink(layer, target);
    write_file(folder_.path() / "linked.tar", archive.finish());
    return read_container(folder_.path() / "linked.tar", {});
  };
  EXPECT_EQ(content(with_link("../layers/1"), "app"), "content");
  EXPECT_EQ(with_link("layer.tar").error().reason, "path_through_link");
  EXPECT_EQ(with_link("../../etc/passwd").error().reason, "path_through_link");
  EXPECT_EQ(with_link("/etc/passwd").error().reason, "path_through_link");
  EXPECT_EQ(with_link("../absent").error().reason, "missing_blob");
}

TEST_F(ContainerTest, RefusesANameThatOccursTwice) {
  TestArchive archive;
  archive.file("manifest.json", "[]").file("./manifest.json", "[]");
  write_file(folder_.path() / "twice.tar", archive.finish());
  EXPECT_EQ(read_container(folder_.path() / "twice.tar", {}).error().reason, "duplicate_entry");
}

TEST_F(ContainerTest, AFolderIsNotLeftThroughLinks) {
  const TestFiles layout = TestFiles::oci_layout({small_image()});
  const std::filesystem::path path = folder_.path() / "layout";
  layout.write_folder(path);
  std::filesystem::rename(path / "blobs", folder_.path() / "blobs");
  std::filesystem::create_directory_symlink("../blobs", path / "blobs");
  const auto image = read_container(path, {});
  ASSERT_FALSE(image.has_value());
  EXPECT_EQ(image.error().code, Errc::invalid_input);
}

TEST_F(ContainerTest, AManifestCannotNameFilesOutside) {
  for (const char* name : {"../secret", "/etc/passwd", "a/../../secret"}) {
    TestFiles saved = TestFiles::docker_archive({image_with("x")});
    saved.set("manifest.json", R"([{"Config":")" + std::string(name) + R"(","Layers":[]}])");
    EXPECT_FALSE(read(saved).has_value()) << name;
    EXPECT_FALSE(read_folder(saved).has_value()) << name;
  }
}

TEST_F(ContainerTest, RefusesArchivesItCannotReadAtAnyPlace) {
  const Bytes archive = TestFiles::oci_layout({small_image()}).tar();
  for (const Compression compression : {Compression::gzip, Compression::zstd}) {
    write_file(folder_.path() / "whole", compress(compression, archive));
    EXPECT_EQ(read_container(folder_.path() / "whole", {}).error().reason, "unsupported");
  }
  const std::filesystem::path pipe = folder_.path() / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(read_container(pipe, {}).error().code, Errc::unavailable);
  EXPECT_EQ(read_container(folder_.path() / "absent", {}).error().code, Errc::not_found);
}

TEST_F(ContainerTest, RefusesBombs) {
  const TestImage image{
      .layers = {{.archive = TestArchive().file("zeros", std::string(80'000'000, '\0')).finish(),
                  .compression = Compression::zstd}}};
  ContainerLimits limits;
  EXPECT_EQ(reason_of(TestFiles::oci_layout({image})), "too_large");
  EXPECT_EQ(reason_of(TestFiles::docker_archive({image})), "too_large");
  limits.max_expansion = 100'000;
  EXPECT_EQ(reason_of(TestFiles::oci_layout({image}), {}, limits), "accepted") << detail_;
  limits.max_layer_size = 1'000'000;
  EXPECT_EQ(reason_of(TestFiles::oci_layout({image}), {}, limits), "too_large");
  limits.max_layer_size = 100'000'000;
  limits.tree.max_content_size = 1'000'000;
  EXPECT_EQ(reason_of(TestFiles::oci_layout({image}), {}, limits), "too_large");
}

TEST_F(ContainerTest, KeepsItsSpoolWhereItIsTold) {
  const std::filesystem::path path = folder_.path() / "image.tar";
  write_file(path, TestFiles::oci_layout({small_image()}).tar());
  ContainerSelection selection;
  selection.spool = folder_.path() / "absent";
  const auto refused = read_container(path, selection);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().detail.find("absent"), std::string::npos);
}

TEST_F(ContainerTest, NoticesAnInputThatChangesLater) {
  const std::filesystem::path path = folder_.path() / "image.tar";
  write_file(path, TestFiles::oci_layout({small_image(Compression::none)}).tar());
  const auto image = read_container(path, {});
  ASSERT_TRUE(image.has_value()) << image.error().detail;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) + 1);
  EXPECT_EQ(image->tree.read(*image->tree.find("app"), 100).error().code, Errc::unavailable);
}

TEST_F(ContainerTest, TellsHowFarItIs) {
  ContainerSelection selection;
  std::uint64_t last = 0;
  bool grows = true;
  selection.progress = [&](std::uint64_t done) {
    grows = grows && done >= last;
    last = done;
  };
  const TestImage image = small_image();
  std::uint64_t layers = 0;
  for (const TestLayer& layer : image.layers) layers += gzip_of(layer.archive).size();
  ASSERT_TRUE(read(TestFiles::oci_layout({image}), selection).has_value());
  EXPECT_TRUE(grows);
  EXPECT_EQ(last, layers);
}

}  // namespace
}  // namespace cofferdam::image
