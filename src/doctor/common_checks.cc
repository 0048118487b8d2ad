// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "doctor/checks.h"

namespace cofferdam::doctor {

Finding check_clock(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"clock", "Clock"};
  constexpr std::string_view kWhy =
      "requests to AWS are refused when the clock is five minutes off, and certificates are judged "
      "by it; the enclave's own time starts from the hypervisor";
  const auto synchronised = machine.facts().clock_synchronised;
  std::string_view by;
  for (const std::string_view unit :
       {"chronyd.service", "chrony.service", "systemd-timesyncd.service", "ntpd.service"}) {
    if (machine.unit_is_active(unit)) by = unit;
  }
  if (!synchronised) return kSubject.skipped("the kernel does not tell whether it is synchronised");
  if (*synchronised) {
    return kSubject.ok(by.empty() ? "synchronised" : "synchronised, by " + std::string(by));
  }
  if (!by.empty()) {
    return kSubject.warning("not synchronised, although " + std::string(by) + " runs",
                            std::string(kWhy), "chronyc tracking, or timedatectl status");
  }
  return kSubject.warning(
      "not synchronised, and nobody sets it", std::string(kWhy),
      machine.is_ec2() ? "sudo systemctl enable --now chronyd" : "sudo timedatectl set-ntp true");
}

Finding check_locked_memory(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"locked-memory", "Locked memory"};
  constexpr std::uint64_t kEnough = std::uint64_t{1} << 20;
  const auto limit = machine.facts().memory_lock;
  if (!limit) return kSubject.ok("no limit");
  const std::string found = "limit of " + size_text(*limit);
  if (*limit >= kEnough) return kSubject.ok(found);
  return kSubject.warning(found,
                          "secrets live in locked memory, so that they are never swapped to disk; "
                          "beyond the limit they cannot be held",
                          "ulimit -l 8192, or LimitMEMLOCK=8M in the service's unit");
}

Finding check_core_dumps(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"core-dumps", "Core dumps"};
  const auto size = machine.facts().core_size;
  if (size == 0U) return kSubject.ok("off");
  // Our programs turn them off for themselves; others that hold secrets do not.
  return kSubject.ok("on for other programs; ours turn them off for themselves");
}

Finding check_temporary_space(const Machine& machine, const Image& image) {
  constexpr Subject kSubject{"temporary-space", "Temporary space"};
  constexpr std::uint64_t kSmall = std::uint64_t{256} << 20;
  const Facts& facts = machine.facts();
  const std::string found = size_text(facts.temporary_free) + " free in " + facts.temporary_folder;
  // An image is unpacked there, and may be built there first.
  const std::uint64_t needed = image ? 2 * image->size : kSmall;
  if (facts.temporary_free >= needed) return kSubject.ok(found);
  const std::string more = found + (image ? ", the image needs " + size_text(needed) : "");
  const std::string why = "`cofferdam run` unpacks the image there";
  const std::string fix = "free some space, or set TMPDIR to a folder on a larger disk";
  return image ? kSubject.problem(more, why, fix) : kSubject.warning(more, why, fix);
}

}  // namespace cofferdam::doctor
