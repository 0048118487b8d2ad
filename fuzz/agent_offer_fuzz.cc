// SPDX-License-Identifier: Apache-2.0
#include <boost/json/serialize.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "agent/offer.h"
#include "base/encoding.h"
#include "base/json.h"

namespace {

using namespace cofferdam;

std::string encode(const agent::Offer& offer) {
  json::object out;
  out["ciphertext"] = to_base64(offer.ciphertext);
  if (offer.key_id) out["keyId"] = *offer.key_id;
  if (offer.encryption_context) {
    json::object context;
    for (const auto& [name, value] : *offer.encryption_context) context[name] = value;
    out["encryptionContext"] = std::move(context);
  }
  return json::serialize(out);
}

}  // namespace

// An accepted offer is within its limits, and says the same when it is written again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto offer = agent::parse_offer(ByteView(data, size));
  if (!offer) return 0;
  if (offer->ciphertext.empty() || offer->ciphertext.size() > agent::kMaxEnvelopeSize) {
    std::abort();
  }
  const auto again = agent::parse_offer(as_bytes(encode(*offer)));
  // Escapes may make a text longer when it is written again, up to the limit on the whole.
  if (!again && encode(*offer).size() <= agent::kMaxOfferSize) std::abort();
  if (again && (again->ciphertext != offer->ciphertext || again->key_id != offer->key_id ||
                again->encryption_context != offer->encryption_context)) {
    std::abort();
  }
  return 0;
}
