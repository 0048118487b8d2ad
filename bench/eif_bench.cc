// SPDX-License-Identifier: Apache-2.0
// Building and measuring an image, beside plain SHA-384 over the same bytes. The counter
// `bytes_per_second` is of the image; the ratios to BM_PlainSha384 are the figures that
// travel between machines. PCR0 and PCR2 overlap, so one thread alone cannot exceed 0.5 on
// an image that is mostly its second ramdisk.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "crypto/digest.h"
#include "eif/crc32.h"
#include "eif/reader.h"
#include "eif/writer.h"

namespace cofferdam::eif {
namespace {

constexpr std::size_t kKernelSize = std::size_t{8} << 20;
constexpr std::size_t kBootSize = std::size_t{1} << 20;
constexpr std::size_t kApplicationSize = std::size_t{119} << 20;
constexpr std::size_t kTotal = kKernelSize + kBootSize + kApplicationSize;

Bytes pattern(std::size_t size) {
  Bytes out(size);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : out) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return out;
}

// The parts of an image of 128 MiB in a folder of their own, made once.
class Workspace {
 public:
  Workspace() {
    std::string name = (std::filesystem::temp_directory_path() / "cofferdam-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    kernel_ = write("kernel", kKernelSize);
    ramdisks_ = {write("boot", kBootSize), write("application", kApplicationSize)};
    if (!build_image(spec(), image())) std::abort();
  }
  ~Workspace() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  BuildSpec spec() const {
    return {.kernel = kernel_,
            .cmdline = "console=ttyS0",
            .ramdisks = open_files(ramdisks_).value(),
            .metadata = "{}"};
  }
  std::filesystem::path image() const { return folder_ / "image.eif"; }
  std::filesystem::path output() const { return folder_ / "output.eif"; }

 private:
  std::filesystem::path write(const char* name, std::size_t size) const {
    if (!write_file_atomic(folder_ / name, pattern(size))) std::abort();
    return folder_ / name;
  }

  std::filesystem::path folder_;
  std::filesystem::path kernel_;
  std::vector<std::filesystem::path> ramdisks_;
};

const Workspace& workspace() {
  static const Workspace instance;
  return instance;
}

void count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kTotal));
}

void BM_PlainSha384(benchmark::State& state) {
  const MappedFile file = MappedFile::open(workspace().image()).value();
  for (auto _ : state) benchmark::DoNotOptimize(crypto::sha384(file.view()));
  count(state);
}
BENCHMARK(BM_PlainSha384)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_Crc32(benchmark::State& state) {
  const MappedFile file = MappedFile::open(workspace().image()).value();
  for (auto _ : state) {
    Crc32 crc;
    crc.update(file.view());
    benchmark::DoNotOptimize(crc.value());
  }
  count(state);
}
BENCHMARK(BM_Crc32)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_MeasureImage(benchmark::State& state) {
  for (auto _ : state) {
    const Image image = Image::open(workspace().image()).value();
    benchmark::DoNotOptimize(image.measure().value());
  }
  count(state);
}
BENCHMARK(BM_MeasureImage)->Unit(benchmark::kMillisecond)->UseRealTime();

void BM_BuildImage(benchmark::State& state) {
  for (auto _ : state) {
    if (!build_image(workspace().spec(), workspace().output())) {
      state.SkipWithError("the build failed");
      return;
    }
  }
  count(state);
}
BENCHMARK(BM_BuildImage)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace cofferdam::eif
