// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "agent/secret_service.h"
#include "custody/sealing.h"

namespace cofferdam::agent {

// State that the workload keeps outside the enclave, under [[sealing]] of the measured
// configuration. `place` is the name of such an entry; its roots are secrets that KMS
// releases to this enclave, fetched when they are first needed.
//
// Old state is detected as far as `minimum_epoch` is fresh: the caller has it from
// something that the parent cannot move back (custody/epoch_anchor.h). Zero accepts any.
//
// Reasons: `no_such_sealing`, those of SecretService::secret(), of custody::Sealer, and of
// Parent's state. For one thread. Borrows everything in Parts.
class SealingService {
 public:
  struct Parts {
    const ValidatedEnclave& enclave;
    SecretService& secrets;
    Parent& parent;
  };
  explicit SealingService(Parts parts) : parts_(parts) {}

  // A key of this place for the workload's own use: the same label and size give the same key
  // after a restart and in a later release, as long as the first root stays. 16 to 1024
  // bytes. The keys that seal state are none of these.
  Task<Secret> derive(std::string place, std::string label, std::size_t size);

  Task<Bytes> seal(std::string place, Secret state, std::uint64_t epoch);
  Task<custody::Unsealed> unseal(std::string place, Bytes sealed, std::uint64_t minimum_epoch);
  // The same state under the first root, by this release, with a new epoch.
  Task<Bytes> reseal(std::string place, Bytes sealed, std::uint64_t minimum_epoch,
                     std::uint64_t epoch);

  // The same with the bytes kept by the parent, one state for each place. store() has
  // succeeded when the parent says that it is on disk; load() is Errc::not_found, reason
  // `state_missing`, where it says that there is none.
  Task<void> store(std::string place, Secret state, std::uint64_t epoch);
  Task<custody::Unsealed> load(std::string place, std::uint64_t minimum_epoch);

 private:
  Result<const SealingSpec*> find(std::string_view place) const;
  Task<custody::KeyTree> tree(std::string root);
  Task<custody::Sealer> sealer(std::string place);

  Parts parts_;
};

}  // namespace cofferdam::agent
