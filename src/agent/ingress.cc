// SPDX-License-Identifier: Apache-2.0
#include "agent/ingress.h"

#include <algorithm>
#include <utility>

#include "agent/reason.h"
#include "channel/evidence_certificate.h"
#include "channel/request.h"
#include "crypto/pem.h"

namespace cofferdam::agent {
namespace {

net::HttpClientOptions workload_options(const ChannelSpec& spec) {
  net::HttpClientOptions out;
  out.endpoint = spec.forward;
  out.request_timeout = spec.max_deadline;
  out.resend = false;  // Admitted once, delivered at most once.
  return out;
}

Result<Bytes> pinned_key(const MeasuredConfig& measured, const ClientSpec& client) {
  const auto der = crypto::pem_decode(measured.text_of(*client.certificate), "CERTIFICATE");
  const auto parts = der ? channel::parse_certificate_parts(*der)
                         : Result<channel::CertificateParts>(std::unexpected(der.error()));
  if (!parts) {
    return fail(Errc::invalid_input, reason::kConfigInvalid,
                "the certificate of client " + client.name + ": " + parts.error().detail);
  }
  return to_bytes(parts->spki);
}

Result<std::vector<channel::DeclaredClient>> declared_clients(const MeasuredConfig& measured) {
  std::vector<channel::DeclaredClient> out;
  for (const ClientSpec& client : measured.config.channel->clients) {
    channel::DeclaredClient one{.name = client.name, .by_mac = client.mac_key.has_value()};
    if (client.certificate) {
      COFFERDAM_TRY(one.spki, pinned_key(measured, client));
    }
    if (client.enclave) one.enclave = peer_policy(*client.enclave);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Ingress::Ingress(Parts parts)
    : parts_(parts), attester_(parts.attestor), workload_(workload_options(spec())) {}

Result<std::unique_ptr<Ingress>> Ingress::create(Parts parts,
                                                 boost::asio::any_io_executor executor) {
  std::unique_ptr<Ingress> out(new Ingress(parts));
  const ChannelSpec& spec = out->spec();
  channel::ServerOptions options;
  COFFERDAM_TRY(options.clients, declared_clients(parts.enclave.evidence().measured()));
  options.max_deadline = spec.max_deadline;
  options.manifest = parts.enclave.signed_manifest();
  options.proxy_protocol = spec.proxy_protocol;
  const channel::Identity::Parts identity_parts{out->attester_, parts.clock};
  COFFERDAM_TRY(out->identity_, channel::Identity::create(identity_parts, channel::Role::server,
                                                          parts.enclave.config().name));
  const channel::Server::Parts server_parts{*out->identity_, parts.verifier, parts.clock, *out};
  out->server_ =
      std::make_unique<channel::Server>(std::move(executor), server_parts, std::move(options));
  return out;
}

Result<net::Endpoint> Ingress::listen() { return server_->listen(spec().listen); }

Task<Secret> Ingress::mac_key(std::string client) {
  if (const auto known = mac_keys_.find(client); known != mac_keys_.end()) {
    co_return known->second.clone();
  }
  const auto declared = std::ranges::find(spec().clients, client, &ClientSpec::name);
  if (declared == spec().clients.end() || !declared->mac_key) {
    co_return fail(Errc::internal, "this client has no MAC key");
  }
  COFFERDAM_CO_TRY(Secret key, co_await parts_.secrets.secret(*declared->mac_key));
  const auto [entry, inserted] = mac_keys_.insert_or_assign(client, std::move(key));
  co_return entry->second.clone();
}

Task<void> Ingress::record(ledger::Decision decision) {
  // Not the registers: the ledger's first entry has them, and this is one for each request.
  decision.module_id = parts_.enclave.evidence().document().document().module_id;
  COFFERDAM_CO_CHECK(parts_.console.record(decision));
  co_return co_await parts_.parent.record(parts_.enclave, decision);
}

Task<net::HttpResponse> Ingress::forward(channel::AdmittedRequest admitted) {
  net::HttpRequest request = std::move(admitted.request);
  channel::RequestClaim claim;
  claim.id = std::move(admitted.id);
  claim.deadline = admitted.deadline;
  claim.client = std::move(admitted.client);
  channel::stamp(request, claim);
  strip_hop_headers(request.headers);
  auto response = co_await workload_.send(std::move(request));
  if (response) {
    strip_hop_headers(response->headers);
    co_return response;
  }
  const bool late = response.error().code == Errc::deadline_exceeded;
  co_return net::error_response(late ? 504 : 502, reason::kWorkloadUnreachable,
                                "the workload does not answer");
}

}  // namespace cofferdam::agent
