// SPDX-License-Identifier: Apache-2.0
#include "agent/sealing_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/reason.h"

namespace cofferdam::agent {
namespace {

// The most that still fits into what the parent keeps, once sealed.
constexpr std::size_t kMaxState = kMaxStateSize - std::size_t{16} * 1024;

}  // namespace

Result<const SealingSpec*> SealingService::find(std::string_view place) const {
  const auto& sealings = parts_.enclave.config().sealings;
  const auto spec = std::ranges::find(sealings, place, &SealingSpec::name);
  if (spec != sealings.end()) return &*spec;
  return fail(Errc::not_found, reason::kNoSuchSealing,
              "the measured configuration has no such [[sealing]]");
}

Task<custody::KeyTree> SealingService::tree(std::string root) {
  COFFERDAM_CO_TRY(Secret secret, co_await parts_.secrets.secret(std::move(root)));
  co_return custody::KeyTree::create(std::move(secret), parts_.enclave.config().name);
}

Task<custody::Sealer> SealingService::sealer(std::string place) {
  COFFERDAM_CO_TRY(const SealingSpec* spec, find(place));
  std::vector<custody::KeyTree> roots;
  for (const std::string& name : spec->roots) {
    COFFERDAM_CO_TRY(custody::KeyTree root, co_await tree(name));
    roots.push_back(std::move(root));
  }
  custody::Sealer::Place where{.name = spec->name, .purpose = spec->purpose};
  co_return custody::Sealer::create(roots, std::move(where), kMaxState);
}

// The place's name is part of the purpose, so that two places share no key.
Task<Secret> SealingService::derive(std::string place, std::string label, std::size_t size) {
  COFFERDAM_CO_TRY(const SealingSpec* spec, find(place));
  COFFERDAM_CO_TRY(const custody::KeyTree root, co_await tree(spec->roots.front()));
  const std::string purpose = spec->name + "/" + spec->purpose;
  const custody::KeyPath path{.purpose = purpose, .label = label, .context = {}};
  co_return root.derive(path, size);
}

Task<Bytes> SealingService::seal(std::string place, Secret state, std::uint64_t epoch) {
  COFFERDAM_CO_TRY(const custody::Sealer with, co_await sealer(std::move(place)));
  co_return with.seal(state, epoch, parts_.enclave.manifest().release);
}

Task<custody::Unsealed> SealingService::unseal(std::string place, Bytes sealed,
                                               std::uint64_t minimum_epoch) {
  COFFERDAM_CO_TRY(const custody::Sealer with, co_await sealer(std::move(place)));
  co_return with.unseal(sealed, minimum_epoch);
}

Task<Bytes> SealingService::reseal(std::string place, Bytes sealed, std::uint64_t minimum_epoch,
                                   std::uint64_t epoch) {
  COFFERDAM_CO_TRY(const custody::Sealer with, co_await sealer(std::move(place)));
  co_return with.reseal(sealed, minimum_epoch, epoch, parts_.enclave.manifest().release);
}

Task<void> SealingService::store(std::string place, Secret state, std::uint64_t epoch) {
  COFFERDAM_CO_TRY(Bytes sealed, co_await seal(place, std::move(state), epoch));
  co_return co_await parts_.parent.keep_state(parts_.enclave, std::move(place), std::move(sealed));
}

Task<custody::Unsealed> SealingService::load(std::string place, std::uint64_t minimum_epoch) {
  COFFERDAM_CO_TRY(const custody::Sealer with, co_await sealer(place));
  COFFERDAM_CO_TRY(const Bytes sealed,
                   co_await parts_.parent.state(parts_.enclave, std::move(place)));
  co_return with.unseal(sealed, minimum_epoch);
}

}  // namespace cofferdam::agent
