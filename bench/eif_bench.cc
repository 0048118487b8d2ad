// SPDX-License-Identifier: Apache-2.0
// Building, measuring and signing an image, beside plain SHA-384 over as many bytes. The
// counter `bytes_per_second` is of the image; the ratios to BM_PlainSha384 are the figures
// that travel between machines. PCR0 and PCR2 overlap, so a core that hashes one stream at a
// time cannot exceed 0.5 on an image that is mostly its second ramdisk.
//
// COFFERDAM_BENCH_MB is the size of the image in MiB (128). The last line says how much
// memory the process ever used: it must not grow with the size.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "crypto/certificate_builder.h"
#include "crypto/digest.h"
#include "crypto/ec.h"
#include "crypto/pem.h"
#include "eif/crc32.h"
#include "eif/output_file.h"
#include "eif/reader.h"
#include "eif/section_source.h"
#include "eif/signature.h"
#include "eif/writer.h"
#include "image/ramdisk.h"
#include "image/rootfs.h"

namespace cofferdam::eif {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kKernelSize = 8 * kMiB;
constexpr std::size_t kBootSize = kMiB;
constexpr std::size_t kFilesPerFolder = 64;

std::size_t image_size() {
  const char* text = std::getenv("COFFERDAM_BENCH_MB");
  return (text == nullptr ? 128 : std::strtoul(text, nullptr, 10)) * kMiB;
}

std::size_t application_size() { return image_size() - kKernelSize - kBootSize; }

Bytes pattern(std::size_t size, std::uint32_t state = 1) {
  Bytes out(size);
  for (std::uint8_t& byte : out) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return out;
}

// The parts of an image in a folder of their own, made once: as files, and the application
// as a tree of files of a megabyte as well.
class Workspace {
 public:
  Workspace() {
    std::string name = (std::filesystem::temp_directory_path() / "cofferdam-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    write("kernel", kKernelSize);
    write("boot", kBootSize);
    write_tree();
    write_application();
    if (!build_image(spec(), image())) std::abort();
  }
  ~Workspace() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  BuildSpec spec() const { return spec_with({"boot", "application"}); }
  BuildSpec spec_with(const std::vector<std::string>& ramdisks) const {
    std::vector<std::filesystem::path> paths;
    for (const std::string& name : ramdisks) paths.push_back(folder_ / name);
    return {.kernel = folder_ / "kernel",
            .cmdline = "console=ttyS0",
            .ramdisks = open_files(paths).value(),
            .metadata = "{}"};
  }
  std::filesystem::path tree() const { return folder_ / "tree"; }
  std::filesystem::path image() const { return folder_ / "image.eif"; }
  std::filesystem::path output() const { return folder_ / "output.eif"; }

 private:
  void write(const std::string& name, std::size_t size) const {
    if (!write_file_atomic(folder_ / name, pattern(size))) std::abort();
  }
  void write_tree() const {
    const Bytes content = pattern(kMiB);
    for (std::size_t i = 0; i < application_size() / kMiB; ++i) {
      const std::filesystem::path folder =
          tree() / ("folder" + std::to_string(i / kFilesPerFolder));
      std::filesystem::create_directories(folder);
      if (!write_file_atomic(folder / ("file" + std::to_string(i)), content)) std::abort();
    }
  }
  void write_application() const {
    const auto tree = image::read_rootfs(this->tree(), image::Owner{}).value();
    auto ramdisk = image::TreeRamdisk::make(tree).value();
    auto out = OutputFile::create(folder_ / "application").value();
    if (!ramdisk.write_to([&out](ByteView piece) { return out.append(piece); })) std::abort();
    if (!out.commit()) std::abort();
  }

  std::filesystem::path folder_;
};

const Workspace& workspace() {
  static const Workspace instance;
  return instance;
}

void count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(image_size()));
}

// The image in pieces, as everything here reads it.
void read_image(const ByteSink& sink) {
  if (!FileSource::open(workspace().image()).value().write_to(sink)) std::abort();
}

void BM_PlainSha384(benchmark::State& state) {
  for (auto _ : state) {
    crypto::Sha384Stream hash;
    read_image([&hash](ByteView piece) -> Status {
      hash.update(piece);
      return {};
    });
    benchmark::DoNotOptimize(hash.finish());
  }
  count(state);
}
BENCHMARK(BM_PlainSha384)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void BM_Crc32(benchmark::State& state) {
  for (auto _ : state) {
    Crc32 crc;
    read_image([&crc](ByteView piece) -> Status {
      crc.update(piece);
      return {};
    });
    benchmark::DoNotOptimize(crc.value());
  }
  count(state);
}
BENCHMARK(BM_Crc32)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void BM_MeasureImage(benchmark::State& state) {
  for (auto _ : state) {
    const Image image = Image::open(workspace().image()).value();
    benchmark::DoNotOptimize(image.measure().value());
  }
  count(state);
}
BENCHMARK(BM_MeasureImage)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

void BM_BuildImage(benchmark::State& state) {
  for (auto _ : state) {
    if (!build_image(workspace().spec(), workspace().output())) {
      state.SkipWithError("the build failed");
      return;
    }
  }
  count(state);
}
BENCHMARK(BM_BuildImage)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

// From a folder, without the application's ramdisk ever being a file.
void BM_BuildImageFromFolder(benchmark::State& state) {
  for (auto _ : state) {
    const auto tree = image::read_rootfs(workspace().tree(), image::Owner{}).value();
    BuildSpec spec = workspace().spec_with({"boot"});
    spec.ramdisks.push_back(
        std::make_unique<image::TreeRamdisk>(image::TreeRamdisk::make(tree).value()));
    if (!build_image(std::move(spec), workspace().output())) {
      state.SkipWithError("the build failed");
      return;
    }
  }
  count(state);
}
BENCHMARK(BM_BuildImageFromFolder)
    ->Unit(benchmark::kMillisecond)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

Signer make_signer() {
  crypto::EcPrivateKey key = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  crypto::CertificateSpec spec;
  spec.serial = {1};
  spec.issuer = spec.subject = {{"CN", "image signer"}};
  spec.not_before = parse_rfc3339("2020-01-01T00:00:00Z").value();
  spec.not_after = parse_rfc3339("2100-01-01T00:00:00Z").value();
  const Bytes der = crypto::build_certificate(spec, key.public_key(), key).value();
  return Signer::make(crypto::pem_encode("CERTIFICATE", der), std::move(key)).value();
}

void BM_SignImage(benchmark::State& state) {
  const Signer signer = make_signer();
  for (auto _ : state) {
    if (!sign_image(workspace().image(), signer)) {
      state.SkipWithError("signing failed");
      return;
    }
  }
  count(state);
}
BENCHMARK(BM_SignImage)->Unit(benchmark::kMillisecond)->MeasureProcessCPUTime()->UseRealTime();

}  // namespace
}  // namespace cofferdam::eif

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  static_cast<void>(cofferdam::eif::workspace());
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  std::cout << "peak memory: " << used.ru_maxrss / 1024 << " MiB\n";
  return 0;
}
