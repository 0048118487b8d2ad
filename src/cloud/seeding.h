// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cloud/seed.h"
#include "cloud/service.h"
#include "cloud/store.h"

namespace cofferdam::cloud {

// Brings the store to hold what the seed says. What is there already stays: seeding twice
// changes nothing. Where what is there differs from the seed nothing is written, and
// Errc::invalid_input says what differs. Access keys are made once; their files are written
// anew each time.
Status plant(Store& store, const Seed& seed, const Place& place, Timestamp now);

}  // namespace cofferdam::cloud
