// SPDX-License-Identifier: Apache-2.0
#include "cloud/seeding.h"

#include "cloud/identities.h"

namespace cofferdam::cloud {

std::unexpected<Error> seed_differs(std::string_view what, std::string_view member) {
  return fail(Errc::invalid_input, "the seed and the folder differ: " + std::string(what) +
                                       " has another " + std::string(member));
}

Status plant(Store& store, const Seed& seed, const Place& place, Timestamp now) {
  COFFERDAM_CHECK(store.atomically([&]() -> Status {
    COFFERDAM_CHECK(plant_iam(store, seed, now));
    for (const SeedKey& key : seed.keys) COFFERDAM_CHECK(plant_key(store, key, place, now));
    for (const SeedSecret& secret : seed.secrets) {
      COFFERDAM_CHECK(plant_secret(store, secret, place, now));
    }
    return {};
  }));
  for (const SeedIdentity& one : seed.identities) {
    if (one.credentials.empty()) continue;
    COFFERDAM_CHECK(export_credentials(store, one.identity.arn(), one.credentials));
  }
  return {};
}

}  // namespace cofferdam::cloud
