// SPDX-License-Identifier: Apache-2.0
// Target: cloud::parse_seed, with files that are always there. What it accepts can be planted
// into an empty store, where planting it again changes nothing; what cannot be planted leaves
// the store as it was and is a mistake of the seed, never an internal error.
#include <algorithm>
#include <cstdlib>

#include "cloud/seed.h"
#include "cloud/seeding.h"

namespace {

using namespace cofferdam;

constexpr std::string_view kIdentity =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})";
constexpr std::string_view kResource =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",)"
    R"("Action":"*","Resource":"*"}]})";
constexpr std::string_view kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},)"
    R"("Action":"sts:AssumeRole"}]})";

// The first letter of a file's name says what is in it.
Result<Secret> read_file(const std::filesystem::path& path, std::size_t /*max_size*/) {
  const std::string name = path.filename().string();
  const char kind = name.empty() ? 'x' : name.front();
  std::string_view text = "a-secret-of-forty-characters-or-so-long\n";
  if (kind == 'i') text = kIdentity;
  if (kind == 'r') text = kResource;
  if (kind == 't') text = kTrust;
  if (kind == 'x') return fail(Errc::not_found, "no such file");
  return Secret::copy_of(as_bytes(text));
}

bool is_slow(const cloud::SeedKey& key) { return key.spec->name.starts_with("RSA"); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;
  const cloud::Place place;
  auto seed = cloud::parse_seed(as_text(ByteView(data, size)), "/seed", place.account, read_file);
  if (!seed) {
    if (seed.error().code != Errc::invalid_input) abort();
    return 0;
  }
  if (std::ranges::any_of(seed->keys, is_slow)) return 0;
  for (cloud::SeedIdentity& one : seed->identities) one.credentials.clear();
  const Timestamp now{std::chrono::hours(24 * 20'000)};
  auto store = cloud::Store::open(std::nullopt, Secret(32));
  if (!store) abort();
  const Status first = cloud::plant(*store, *seed, place, now);
  const Status second = cloud::plant(*store, *seed, place, now + std::chrono::hours(1));
  if (first.has_value() != second.has_value()) abort();
  if (!first && first.error().code != Errc::invalid_input) abort();
  return 0;
}
