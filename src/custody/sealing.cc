// SPDX-License-Identifier: Apache-2.0
#include "custody/sealing.h"

#include <algorithm>
#include <utility>

#include "bytes/cbor.h"
#include "custody/committed_codec.h"

namespace cofferdam::custody {
namespace {

constexpr std::string_view kDomain = "cofferdam/sealed/v1";
constexpr std::string_view kKeyPurpose = "cofferdam/seal/v1";
constexpr std::size_t kHeaderItems = 6;
constexpr std::size_t kKeySize = sizeof(crypto::Sha384);

std::unexpected<Error> malformed(std::string detail) {
  return fail(Errc::invalid_input, reason::kSealedMalformed, "sealed state: " + std::move(detail));
}

void write_header(cbor::Writer& out, const SealedHeader& header) {
  out.text(kDomain).text(header.enclave).text(header.name).text(header.purpose);
  out.unsigned_integer(header.epoch).unsigned_integer(header.release);
}

Result<std::string> read_name(std::string_view what, const cbor::Item& item) {
  COFFERDAM_TRY(const std::string_view name, item.text());
  COFFERDAM_CHECK(check_name(what, name));
  return std::string(name);
}

Result<SealedHeader> read_header(std::span<const cbor::Item> items) {
  COFFERDAM_TRY(const std::string_view domain, items[0].text());
  if (domain != kDomain) {
    return fail(Errc::invalid_input, "is not of version cofferdam/sealed/v1");
  }
  SealedHeader out;
  COFFERDAM_TRY(out.enclave, read_name("name of the enclave", items[1]));
  COFFERDAM_TRY(out.name, read_name("name of the place", items[2]));
  COFFERDAM_TRY(out.purpose, read_name("purpose", items[3]));
  COFFERDAM_TRY(out.epoch, items[4].unsigned_integer());
  COFFERDAM_TRY(out.release, items[5].unsigned_integer());
  return out;
}

Status check_roots(const std::vector<KeyTree>& roots) {
  const auto& name = [](const KeyTree& tree) -> const std::string& { return tree.enclave(); };
  if (roots.empty() || roots.size() > kMaxSealingRoots ||
      !std::ranges::all_of(roots,
                           [&](const KeyTree& tree) { return name(tree) == name(roots[0]); })) {
    return fail(Errc::invalid_input, "sealing: expected 1 to " + std::to_string(kMaxSealingRoots) +
                                         " roots of one enclave");
  }
  return {};
}

}  // namespace

Result<SealedState> SealedState::decode(ByteView bytes, std::size_t max_state) {
  const auto root = cbor::parse(bytes, format_limits(max_state));
  if (!root) return malformed(root.error().detail);
  const auto items = root->array();
  if (!items || items->size() != kHeaderItems + kCommittedItems) {
    return malformed("expected an array of 9 items");
  }
  auto header = read_header(items->first(kHeaderItems));
  if (!header) return malformed(header.error().detail);
  auto message = read_committed(items->subspan(kHeaderItems), max_state);
  if (!message) return malformed(message.error().detail);
  return SealedState{.header = *std::move(header), .message = *std::move(message)};
}

Bytes SealedState::encode() const {
  cbor::Writer out;
  out.array(kHeaderItems + kCommittedItems);
  write_header(out, header);
  write_committed(out, message);
  return std::move(out).take();
}

Bytes SealedState::encode_header() const {
  cbor::Writer out;
  out.array(kHeaderItems);
  write_header(out, header);
  return std::move(out).take();
}

Sealer::Sealer(std::string enclave, Place place, std::vector<Secret> keys, std::size_t max_state)
    : enclave_(std::move(enclave)),
      place_(std::move(place)),
      keys_(std::move(keys)),
      max_state_(max_state) {}

Result<Sealer> Sealer::create(const std::vector<KeyTree>& roots, Place place,
                              std::size_t max_state) {
  COFFERDAM_CHECK(check_roots(roots));
  COFFERDAM_CHECK(check_name("name of the place", place.name));
  COFFERDAM_CHECK(check_name("purpose", place.purpose));
  std::vector<Secret> keys;
  for (const KeyTree& root : roots) {
    const KeyPath path{.purpose = kKeyPurpose, .label = place.purpose};
    COFFERDAM_TRY(keys.emplace_back(), root.derive_own(path, kKeySize));
  }
  return Sealer(roots.front().enclave(), std::move(place), std::move(keys), max_state);
}

Result<Bytes> Sealer::seal(const Secret& state, std::uint64_t epoch, std::uint64_t release) const {
  if (state.size() > max_state_) {
    return fail(Errc::invalid_input, reason::kTooLarge,
                "state of " + place_.name + ": expected at most " + std::to_string(max_state_) +
                    " bytes, found " + std::to_string(state.size()));
  }
  SealedState out;
  out.header = {.enclave = enclave_,
                .name = place_.name,
                .purpose = place_.purpose,
                .epoch = epoch,
                .release = release};
  COFFERDAM_TRY(out.message, commit_and_seal(keys_.front(), state, out.encode_header()));
  return out.encode();
}

Status Sealer::check_place(const SealedHeader& found) const {
  if (found.enclave == enclave_ && found.name == place_.name && found.purpose == place_.purpose) {
    return {};
  }
  return fail(Errc::denied, reason::kWrongSubject,
              "sealed state: expected state of enclave " + enclave_ + ", place " + place_.name +
                  ", purpose " + place_.purpose + "; it is of another");
}

Result<Unsealed> Sealer::unseal(ByteView sealed, std::uint64_t minimum_epoch) const {
  COFFERDAM_TRY(SealedState found, SealedState::decode(sealed, max_state_));
  COFFERDAM_CHECK(check_place(found.header));
  const Bytes header = found.encode_header();
  const auto key = std::ranges::find_if(
      keys_, [&](const Secret& one) { return is_committed_to(found.message, one, header); });
  if (key == keys_.end()) {
    return fail(Errc::unauthenticated, reason::kKeyNotCommitted,
                "state of " + place_.name + " is not sealed under any of the " +
                    std::to_string(keys_.size()) + " roots, or was changed");
  }
  auto state = open_committed(found.message, *key, header);
  if (!state) return wrap("state of " + place_.name, std::move(state).error());
  if (found.header.epoch < minimum_epoch) {
    return fail(Errc::denied, reason::kRolledBack,
                "state of " + place_.name + ": expected epoch " + std::to_string(minimum_epoch) +
                    " or later, found " + std::to_string(found.header.epoch));
  }
  return Unsealed{.state = *std::move(state),
                  .header = std::move(found.header),
                  .by_current_root = key == keys_.begin()};
}

Result<Bytes> Sealer::reseal(ByteView sealed, std::uint64_t minimum_epoch, std::uint64_t epoch,
                             std::uint64_t release) const {
  COFFERDAM_TRY(const Unsealed old, unseal(sealed, minimum_epoch));
  if (epoch < old.header.epoch) {
    return fail(Errc::invalid_input, reason::kRolledBack,
                "resealing " + place_.name + ": expected epoch " +
                    std::to_string(old.header.epoch) + " or later, found " + std::to_string(epoch));
  }
  return seal(old.state, epoch, release);
}

}  // namespace cofferdam::custody
