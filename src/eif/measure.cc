// SPDX-License-Identifier: Apache-2.0
#include "eif/measure.h"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace cofferdam::eif {
namespace {

// Small enough for the cache, large enough that handing it over costs nothing.
constexpr std::size_t kPiece = std::size_t{512} * 1024;

crypto::Sha384 extend_zero(const crypto::Sha384& digest) {
  return crypto::sha384({crypto::Sha384{}, digest});
}

}  // namespace

crypto::Sha384 measure_bytes(ByteView content) { return extend_zero(crypto::sha384(content)); }

// A second thread that does one job at a time.
class ImageDigest::Lane {
 public:
  Lane() : thread_([this] { run(); }) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  ~Lane() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void start(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      job_ = std::move(job);
    }
    changed_.notify_all();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !job_; });
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return job_ || closing_; });
      if (!job_) return;
      lock.unlock();
      job_();
      lock.lock();
      job_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;
  bool closing_ = false;
  std::thread thread_;  // Last: it uses the others.
};

ImageDigest::ImageDigest() = default;
ImageDigest::ImageDigest(ImageDigest&&) noexcept = default;
ImageDigest& ImageDigest::operator=(ImageDigest&&) noexcept = default;
ImageDigest::~ImageDigest() = default;

void ImageDigest::frame(ByteView bytes) { crc_.update(bytes); }

void ImageDigest::section(SectionType type) {
  type_ = type;
  if (type != SectionType::ramdisk) return;
  if (++ramdisks_ == 2) boot_ = image_;
}

void ImageDigest::content(ByteView bytes) {
  const bool measured = type_ != SectionType::metadata && type_ != SectionType::signature;
  const bool application = type_ == SectionType::ramdisk && ramdisks_ > 1;
  while (!bytes.empty()) {
    const ByteView piece = bytes.first(std::min(bytes.size(), kPiece));
    bytes = bytes.subspan(piece.size());
    const auto aside = [this, piece, application] {
      crc_.update(piece);
      if (application) application_.update(piece);
    };
    const bool parallel = measured && piece.size() == kPiece;
    if (parallel && lane_ == nullptr) lane_ = std::make_unique<Lane>();
    if (parallel) {
      lane_->start(aside);
    } else {
      aside();
    }
    if (measured) image_.update(piece);
    if (measured && boot_ && !application) boot_->update(piece);
    if (parallel) lane_->wait();
  }
}

Measurements ImageDigest::finish() {
  crypto::Sha384Stream boot = boot_ ? *std::move(boot_) : image_;
  return {.pcr0 = extend_zero(image_.finish()),
          .pcr1 = extend_zero(boot.finish()),
          .pcr2 = extend_zero(application_.finish()),
          .pcr8 = {}};
}

}  // namespace cofferdam::eif
