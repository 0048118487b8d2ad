// SPDX-License-Identifier: Apache-2.0
#include "agent/test_support.h"

#include <stdlib.h>

#include <array>

#include "base/encoding.h"
#include "crypto/certificate_builder.h"

namespace cofferdam::agent::test {
namespace {

const Timestamp kNow = parse_rfc3339("2026-03-01T12:00:00Z").value();

constexpr std::array<std::uint8_t, 3> kImagePcrs{0, 1, 2};
Bytes image_pcr(std::uint8_t index) { return Bytes(48, static_cast<std::uint8_t>(index + 1)); }

Bytes make_certificate(const crypto::EcPrivateKey& key) {
  crypto::CertificateSpec spec;
  spec.serial = {0x01};
  spec.issuer = spec.subject = {{"CN", "owner"}};
  spec.not_before = kNow - std::chrono::hours(24);
  spec.not_after = kNow + std::chrono::hours(24 * 365);
  return crypto::build_certificate(spec, key.public_key(), key).value();
}

// The owner's PCR8 where the test wants it in its part of the configuration.
std::string with_pcr8(std::string text, const std::string& pcr8) {
  constexpr std::string_view kMark = "@PCR8@";
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark)) {
    text.replace(at, kMark.size(), pcr8);
  }
  return text;
}

MeasuredConfig make_config(const Owner& owner, const TestEnclave::Setup& setup) {
  const std::string text = R"([enclave]
name = "demo"
minimum_release = 3
pcr8 = ")" + to_hex(owner.pcr8()) +
                           R"("
[nsm]
device = "device:/dev/nsm"
[parent]
control = "vsock:3:9001"
egress = ")" + setup.egress +
                           R"("
[aws]
region = "us-east-1"
ca_roots = "/etc/cofferdam/aws-ca.pem"
[workload]
socket = "/run/workload/agent.sock"
command = ["/app/workload"]
[[secret]]
name = "database-password"
operation = "Decrypt"
key = ")" + std::string(kKeyArn) +
                           R"("
context = { app = "demo" }
[[secret]]
name = "envelope"
operation = "GenerateDataKey"
key = ")" + std::string(kKeyArn) +
                           "\"\n" + with_pcr8(setup.extra_config, to_hex(owner.pcr8()));
  MeasuredConfig out;
  out.config = parse_config(text).value();
  out.files.emplace(std::string(kConfigPath), to_bytes(text));
  for (const auto& [path, content] : setup.files) out.files.emplace(path, to_bytes(content));
  out.digest = config_digest(out.files);
  return out;
}

nsm::Module make_module(const nsm::Authority& authority, const Clock& clock, const Owner& owner,
                        bool debug_mode) {
  nsm::BootState state;
  for (const std::uint8_t index : kImagePcrs) state.pcrs[index] = image_pcr(index);
  state.pcrs[8] = owner.pcr8();
  state.debug_mode = debug_mode;
  return nsm::Module::boot(authority, clock, state).value();
}

}  // namespace

Result<Bytes> InProcessModule::exchange(ByteView request) {
  Bytes answer = module_.handle_bytes(request);
  if (auto asked = nsm::decode_request(request);
      swap_key && asked && std::holds_alternative<nsm::AttestationRequest>(*asked)) {
    std::get<nsm::AttestationRequest>(*asked).public_key = swap_key;
    answer = module_.handle_bytes(nsm::encode(*asked));
  }
  const auto decoded = nsm::decode_response(answer);
  if (decoded && std::holds_alternative<nsm::AttestationResponse>(*decoded)) {
    ++documents;
    if (tamper) {
      nsm::AttestationResponse changed = std::get<nsm::AttestationResponse>(*decoded);
      changed.document = tamper(std::move(changed.document));
      answer = nsm::encode(nsm::Response(std::move(changed)));
    }
  }
  return answer;
}

Task<net::HttpResponse> FakePeer::send(net::HttpRequest request) {
  if (watch) watch(request);
  requests.push_back(request);
  if (down) co_return fail(Errc::unavailable, "nobody is there");
  const auto found = answers.find(request.target);
  if (found == answers.end()) co_return net::error_response(404, "not_found", "");
  co_return found->second(request);
}

void FakePeer::answer(std::string target, unsigned status, std::string_view body) {
  answers[std::move(target)] = [status, text = std::string(body)](const net::HttpRequest&) {
    return net::text_response(status, "application/octet-stream", text);
  };
}

std::vector<std::string> FakePeer::targets() const {
  std::vector<std::string> out;
  for (const auto& request : requests) out.push_back(request.target);
  return out;
}

Status MemoryLog::record(const ledger::Decision& decision) {
  if (broken) return fail(Errc::unavailable, "no space");
  decisions.push_back(decision);
  return {};
}

Owner::Owner()
    : key(crypto::EcPrivateKey::generate(crypto::Curve::p384).value()),
      certificate(make_certificate(key)) {}

Bytes Owner::pcr8() const { return to_bytes(attest::pcr8_of_certificate(certificate)); }

TestEnclave::TestEnclave(const Setup& setup)
    : platform_time(kNow),
      measured(make_config(owner, setup)),
      authority(nsm::Authority::open(folder.path(), platform_time).value()),
      module(make_module(authority, platform_time, owner, setup.debug_mode)),
      verifier(attest::TrustRoot::from_der(authority.root_der()).value()),
      clock([] { return std::chrono::milliseconds(0); }),
      attestor(module, verifier, clock),
      parent(peer, attestor, clock) {
  offer_manifest(signed_manifest(manifest(), owner));
  peer.answer("/v1/ledger", 204, "");
  peer.answer("/v1/heartbeat", 204, "");
  peer.answer("/v1/credentials", 200, R"({"AccessKeyId":"AKIA","SecretAccessKey":"s"})");
}

attest::ReleaseManifest TestEnclave::manifest() const {
  attest::ReleaseManifest out;
  out.name = "demo";
  out.release = 3;
  for (const std::uint8_t index : kImagePcrs) out.pcrs[index] = image_pcr(index);
  out.pcrs[8] = owner.pcr8();
  out.pcrs[16] = to_bytes(expected_pcr16(measured.digest));
  out.not_after = kNow + std::chrono::hours(24);
  return out;
}

Bytes TestEnclave::signed_manifest(const attest::ReleaseManifest& manifest, const Owner& by) const {
  return attest::sign_release_manifest(manifest, by.certificate, by.key).value();
}

void TestEnclave::offer_manifest(ByteView manifest) {
  peer.answer("/v1/release-manifest", 200, as_text(manifest));
}

Boot TestEnclave::boot() { return Boot({module, attestor, clock, parent, console}); }

Result<ValidatedEnclave> TestEnclave::run_boot() {
  Boot boot = this->boot();
  return run(boot.run(measured));
}

}  // namespace cofferdam::agent::test
