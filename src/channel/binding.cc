// SPDX-License-Identifier: Apache-2.0
#include "channel/binding.h"

#include "bytes/cbor.h"

namespace cofferdam::channel {

std::string_view role_name(Role role) noexcept {
  return role == Role::server ? "server" : "client";
}

crypto::Sha384 certificate_binding(Role role, ByteView spki) {
  cbor::Writer out;
  out.array(4).text(kBindingDomain).text("certificate").text(role_name(role)).bytes(spki);
  return crypto::sha384(out.view());
}

crypto::Sha384 challenge_binding(Role role, ByteView spki, const net::TlsExporter& exporter) {
  cbor::Writer out;
  out.array(5).text(kBindingDomain).text("challenge").text(role_name(role)).bytes(spki);
  out.bytes(exporter);
  return crypto::sha384(out.view());
}

}  // namespace cofferdam::channel
