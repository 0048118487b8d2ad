// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "channel/messages.h"
#include "channel/proxy_header.h"
#include "channel/request.h"
#include "net/http_codec.h"

namespace {

using namespace cofferdam;

// Whatever stamp() writes for an accepted claim reads as the same claim, and leaves nothing
// of ours behind once it is stripped.
void check_claim(ByteView input) {
  net::RequestDecoder decoder({.max_header_size = 8192, .max_body_size = 8192});
  const auto used = decoder.put(input);
  if (!used || !decoder.done()) return;
  net::HttpRequest request = decoder.take();
  const auto claim = channel::parse_claim(request.headers);
  if (!claim) return;
  const net::TlsExporter exporter{};
  const Bytes canonical = channel::canonical_request(request, *claim, exporter);
  channel::stamp(request, *claim);
  const auto again = channel::parse_claim(request.headers);
  if (!again || channel::canonical_request(request, *again, exporter) != canonical ||
      again->mac != claim->mac) {
    std::abort();
  }
  channel::strip_claim(request.headers);
  if (channel::parse_claim(request.headers)) std::abort();
}

// Accepted messages say the same when they are written again.
void check_messages(std::string_view text) {
  const auto challenge = channel::parse_challenge(text);
  if (challenge &&
      channel::parse_challenge(channel::encode_challenge(*challenge)).value() != *challenge) {
    std::abort();
  }
  const auto answer = channel::parse_attest_answer(text);
  if (!answer) return;
  const auto again = channel::parse_attest_answer(channel::encode_attest_answer(*answer));
  if (!again || again->answer.document != answer->answer.document ||
      again->answer.manifest != answer->answer.manifest || again->challenge != answer->challenge) {
    std::abort();
  }
}

void check_proxy_header(ByteView input) {
  if (input.size() < channel::kProxyPreambleSize) return;
  const ByteView preamble = input.first(channel::kProxyPreambleSize);
  const ByteView rest = input.subspan(channel::kProxyPreambleSize);
  const auto source = channel::parse_proxy_header(preamble, rest);
  if (source && (source->empty() || channel::proxy_header_rest(preamble).value() != rest.size())) {
    std::abort();
  }
}

}  // namespace

// What a stranger sends before anything is known of him.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  check_claim(input);
  check_messages(as_text(input));
  check_proxy_header(input);
  return 0;
}
