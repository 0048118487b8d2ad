// SPDX-License-Identifier: Apache-2.0
#include "agent/gauges.h"

#include <boost/json/serialize.hpp>

#include "base/json.h"

namespace cofferdam::agent {
namespace {

template <class Map>
json::object members(const Map& map) {
  json::object out;
  for (const auto& [name, value] : map) out[name] = value;
  return out;
}

}  // namespace

std::string to_json(const Gauges& gauges) {
  json::object out;
  out["secretAgeSeconds"] = members(gauges.secret_age_seconds);
  out["denials"] = members(gauges.denials);
  out["clockCorrectionMs"] = gauges.clock_correction_ms;
  out["attestationFailures"] = gauges.attestation_failures;
  out["recipientPool"] = gauges.recipient_pool;
  out["workloadRestarts"] = gauges.workload_restarts;
  return json::serialize(out);
}

}  // namespace cofferdam::agent
