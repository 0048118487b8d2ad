// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/seed.h"
#include "cloud/service.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

// Brings the store to hold what the seed says. What is there already stays: seeding twice
// changes nothing. Where what is there differs from the seed nothing is written, and
// Errc::invalid_input says what differs. Two things are set anew each time, for nothing else
// can change them: organizations, and the files with access keys. The values of secrets are
// looked at only when a secret is made: from then on they are its users'.
Status plant(Store& store, const Seed& seed, const Place& place, Timestamp now);

// The parts of it, inside one transaction: seeding_iam.cc and seeding_resources.cc.
Status plant_iam(Store& store, const Seed& seed, Timestamp now);
Status plant_key(Store& store, const SeedKey& wanted, const Place& place, Timestamp now);
Status plant_secret(Store& store, const SeedSecret& wanted, const Place& place, Timestamp now);

[[nodiscard]] std::unexpected<Error> seed_differs(std::string_view what, std::string_view member);

}  // namespace cofferdam::cloud
