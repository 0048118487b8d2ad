// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "attest/document.h"
#include "base/byte_view.h"
#include "base/result.h"
#include "base/time.h"
#include "nsm/authority.h"
#include "nsm/enclave_chain.h"
#include "nsm/pcr_bank.h"
#include "nsm/protocol.h"

namespace cofferdam::nsm {

// What the platform knows about an enclave when it starts it.
struct BootState {
  attest::Pcrs pcrs = {};   // Measured: 0, 1, 2 and 8; others where wanted.
  bool debug_mode = false;  // PCR0, 1 and 2 become zero.
  std::string region = "us-east-1";
  std::optional<std::string> role_arn = {};  // Of the instance: becomes PCR3.
};

// An emulated Nitro Secure Module of one enclave: the registers, the clock and the signing
// chain of formats.md §2.3 and §3. Its documents differ from AWS's only in their root.
//
// Borrows the authority and the clock, which must outlive it. Not safe for concurrent use:
// nsm::Server serves one request at a time, as the driver of the real module does.
class Module {
 public:
  // The longest user_data, nonce or public_key that a document may carry. AWS's text says
  // 512 for two of them; real documents reach 1024.
  static constexpr std::size_t kMaxFieldSize = 1024;

  // PCR4 is computed from the instance id and PCR3 from the role, unless `state` has them.
  static Result<Module> boot(const Authority& authority, const Clock& clock, BootState state);

  const EnclaveIdentity& identity() const noexcept { return chain_.identity(); }

  Response handle(const Request& request);

  // The same on encoded messages. A request above 4096 bytes is InputTooLarge; one that
  // does not decode is InvalidOperation.
  Bytes handle_bytes(ByteView request);

 private:
  Module(const Clock& clock, EnclaveChain chain, const PcrBank& pcrs)
      : clock_(&clock), chain_(std::move(chain)), pcrs_(pcrs) {}

  Response describe() const;
  Response attest(const AttestationRequest& request);
  Result<Bytes> sign_document(const AttestationRequest& request);

  const Clock* clock_;
  EnclaveChain chain_;
  PcrBank pcrs_;
};

}  // namespace cofferdam::nsm
