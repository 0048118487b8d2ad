// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attest/release_manifest.h"
#include "attest/verifier.h"
#include "base/test_folder.h"
#include "channel/client.h"
#include "channel/identity.h"
#include "channel/server.h"
#include "crypto/certificate_builder.h"
#include "nsm/authority.h"
#include "nsm/module.h"

// For tests, fuzzing and benchmarks only: enclaves with emulated modules under one root.
namespace cofferdam::channel::test {

inline const Timestamp kNow = parse_rfc3339("2026-03-01T12:00:00Z").value();

// Who signs images and manifests.
struct Owner {
  crypto::EcPrivateKey key = crypto::EcPrivateKey::generate(crypto::Curve::p384).value();
  Bytes certificate = make_certificate(key);

  static Bytes make_certificate(const crypto::EcPrivateKey& key) {
    crypto::CertificateSpec spec;
    spec.serial = {0x01};
    spec.issuer = spec.subject = {{"CN", "owner"}};
    spec.not_before = kNow - std::chrono::hours(24);
    spec.not_after = kNow + std::chrono::hours(24 * 365);
    return crypto::build_certificate(spec, key.public_key(), key).value();
  }
};

// The platform under all enclaves of a test.
struct Platform {
  TestFolder folder;
  ManualClock clock{kNow};
  Owner owner;
  nsm::Authority authority = nsm::Authority::open(folder.path(), clock).value();
  attest::Verifier verifier{attest::TrustRoot::from_der(authority.root_der()).value()};

  Judge judge() const { return {.verifier = verifier, .at = clock.now()}; }
};

// One enclave: its measurements differ from another's by `flavour`.
class Enclave final : public Attester {
 public:
  struct Setup {
    std::uint8_t flavour = 1;
    std::uint64_t release = 3;
    bool debug_mode = false;
  };
  explicit Enclave(Platform& platform) : Enclave(platform, Setup()) {}
  Enclave(Platform& platform, Setup setup)
      : platform_(platform), setup_(setup), module_(make_module(platform, setup)) {}

  Result<Bytes> attest(ByteView public_key, ByteView user_data,
                       const std::optional<Bytes>& nonce) override {
    ++documents;
    const nsm::AttestationRequest request{
        .user_data = to_bytes(user_data), .nonce = nonce, .public_key = to_bytes(public_key)};
    return std::get<nsm::AttestationResponse>(module_.handle(request)).document;
  }

  std::unique_ptr<Identity> identity(Role role) {
    return Identity::create({*this, platform_.clock}, role, "demo").value();
  }

  static attest::Pcrs pcrs(const Platform& platform, std::uint8_t flavour) {
    attest::Pcrs out;
    constexpr std::array<std::uint8_t, 3> kImage{0, 1, 2};
    for (const std::uint8_t index : kImage) {
      out[index] = Bytes(48, static_cast<std::uint8_t>(16 * flavour + index));
    }
    out[8] = to_bytes(attest::pcr8_of_certificate(platform.owner.certificate));
    const Bytes fresh(48);
    out[16] = to_bytes(crypto::sha384({fresh, ByteView(&flavour, 1)}));
    return out;
  }

  Bytes manifest() const {
    attest::ReleaseManifest out;
    out.name = "demo";
    out.release = setup_.release;
    out.pcrs = pcrs(platform_, setup_.flavour);
    out.not_after = kNow + std::chrono::hours(24);
    return attest::sign_release_manifest(out, platform_.owner.certificate, platform_.owner.key)
        .value();
  }

  // What somebody who knows this enclave demands.
  PeerPolicy policy() const { return {.pcrs = pcrs(platform_, setup_.flavour)}; }
  // Any release of the same owner and name from this one on.
  PeerPolicy release_policy(std::uint64_t minimum) const {
    PeerPolicy out;
    out.pcrs[8] = pcrs(platform_, setup_.flavour).at(8);
    out.release = ReleasePolicy{.name = "demo", .minimum_release = minimum};
    return out;
  }

  int documents = 0;

 private:
  static nsm::Module make_module(const Platform& platform, Setup setup) {
    nsm::BootState state;
    state.pcrs = pcrs(platform, setup.flavour);
    state.pcrs.erase(16);
    state.debug_mode = setup.debug_mode;
    nsm::Module out = nsm::Module::boot(platform.authority, platform.clock, state).value();
    out.handle(nsm::ExtendPcrRequest{.index = 16, .data = {setup.flavour}});
    out.handle(nsm::LockPcrRequest{.index = 16});
    return out;
  }

  Platform& platform_;
  Setup setup_;
  nsm::Module module_;
};

// A workload and a ledger in memory.
class FakeBackend final : public Backend {
 public:
  Task<Secret> mac_key(std::string client) override {
    const auto found = keys.find(client);
    if (found == keys.end()) co_return fail(Errc::not_found, "no such key");
    co_return Secret::copy_of(found->second);
  }
  Task<void> record(ledger::Decision decision) override {
    if (ledger_broken) co_return fail(Errc::unavailable, "decision_not_recorded", "no space");
    decisions.push_back(std::move(decision));
    co_return Status();
  }
  Task<net::HttpResponse> forward(AdmittedRequest request) override {
    admitted.push_back(std::move(request));
    co_return net::text_response(200, "text/plain", "done");
  }

  // "allow ok", "deny replayed", ...
  std::vector<std::string> verdicts() const {
    std::vector<std::string> out;
    for (const ledger::Decision& one : decisions) {
      out.push_back((one.allowed ? "allow " : "deny ") + one.reason);
    }
    return out;
  }

  std::map<std::string, Bytes> keys;
  std::vector<ledger::Decision> decisions;
  std::vector<AdmittedRequest> admitted;
  bool ledger_broken = false;
};

// A TLS key and certificate without evidence.
inline net::TlsIdentity plain_identity(const crypto::EcPrivateKey& key) {
  crypto::CertificateSpec spec;
  spec.serial = {0x02};
  spec.issuer = spec.subject = {{"CN", "client"}};
  spec.not_before = kNow - std::chrono::hours(24);
  spec.not_after = kNow + std::chrono::hours(24);
  return {.certificate = crypto::build_certificate(spec, key.public_key(), key).value(),
          .key = key.to_pkcs8()};
}

}  // namespace cofferdam::channel::test
