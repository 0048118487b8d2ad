// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "doctor/checks.h"

namespace cofferdam::doctor {
namespace {

// Why the kernel gives this user no user namespace, and what to do about it.
std::string cure_for_namespaces(const Machine& machine) {
  if (machine.number("/proc/sys/kernel/unprivileged_userns_clone") == 0U) {
    return "sudo sysctl -w kernel.unprivileged_userns_clone=1";
  }
  if (machine.number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1U) {
    return "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (machine.number("/proc/sys/user/max_user_namespaces") == 0U) {
    return "sudo sysctl -w user.max_user_namespaces=10000";
  }
  return "run as root (sudo cofferdam run ...); in a container, allow user namespaces in its "
         "security profile";
}

// Whether the file of subordinate ids has a line for the user.
bool has_ids(const Machine& machine, std::string_view file) {
  const std::string text = "\n" + machine.text(file).value_or("");
  return text.find("\n" + machine.facts().user + ":") != std::string::npos ||
         text.find("\n" + std::to_string(machine.facts().uid) + ":") != std::string::npos;
}

// "0::/user.slice/..." of /proc/self/cgroup, which cgroup v2 writes.
std::optional<std::string> own_cgroup(const Machine& machine) {
  const std::string text = "\n" + machine.text("/proc/self/cgroup").value_or("");
  constexpr std::string_view kStart = "\n0::";
  const std::size_t at = text.find(kStart);
  if (at == std::string::npos) return std::nullopt;
  const std::string path = text.substr(at + kStart.size());
  return "/sys/fs/cgroup" + path.substr(0, path.find('\n'));
}

}  // namespace

Finding check_user_namespaces(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"user-namespaces", "User namespaces"};
  const auto allowed = machine.facts().user_namespaces;
  if (!allowed) return kSubject.skipped("could not be tried");
  if (*allowed) return kSubject.ok("allowed");
  if (machine.facts().uid == 0) {
    return kSubject.warning("not allowed, but root needs none",
                            "`cofferdam run` keeps an image apart with them",
                            cure_for_namespaces(machine));
  }
  return kSubject.problem("not allowed for " + machine.facts().user,
                          "without root, `cofferdam run` keeps an image apart with them",
                          cure_for_namespaces(machine));
}

Finding check_subordinate_ids(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"subordinate-ids", "Subordinate ids"};
  const std::string& user = machine.facts().user;
  if (machine.facts().uid == 0) return kSubject.ok("root needs none");
  constexpr std::string_view kWhy =
      "without them an image has one user: files of others look like nobody's, and a workload "
      "with a USER of its own does not start";
  if (!has_ids(machine, "/etc/subuid") || !has_ids(machine, "/etc/subgid")) {
    return kSubject.warning(
        "none for " + user, std::string(kWhy),
        "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user);
  }
  if (!machine.exists("/usr/bin/newuidmap") || !machine.exists("/usr/bin/newgidmap")) {
    return kSubject.warning("newuidmap and newgidmap are not installed", std::string(kWhy),
                            "Debian, Ubuntu: sudo apt install uidmap");
  }
  return kSubject.ok("some for " + user);
}

Finding check_cgroup(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"cgroup", "Control groups"};
  constexpr std::string_view kWhy = "`cofferdam run --memory` is the limit of a control group";
  const bool root = machine.facts().uid == 0;
  if (!machine.exists("/sys/fs/cgroup/cgroup.controllers")) {
    if (root && machine.exists("/sys/fs/cgroup/memory/cgroup.procs")) {
      return kSubject.ok("the memory controller of version 1, as root");
    }
    return kSubject.warning(
        "no cgroup v2", std::string(kWhy),
        "boot with systemd.unified_cgroup_hierarchy=1, or run without --memory");
  }
  if (root) return kSubject.ok("cgroup v2, as root");
  const auto own = own_cgroup(machine);
  if (own && machine.may_use(*own + "/cgroup.procs")) return kSubject.ok("cgroup v2, delegated");
  return kSubject.warning("cgroup v2, but " + machine.facts().user + " may not make groups here",
                          std::string(kWhy),
                          "systemd-run --user --scope -p Delegate=yes cofferdam run ...");
}

Finding check_kvm(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"kvm", "KVM"};
  if (!machine.exists("/dev/kvm")) {
    return kSubject.skipped("no /dev/kvm; only virtual machines would need it");
  }
  if (machine.may_use("/dev/kvm")) return kSubject.ok("/dev/kvm");
  return kSubject.skipped("/dev/kvm is there, but not for " + machine.facts().user +
                          "; only virtual machines would need it");
}

Finding check_ports(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"local-port", "Local port"};
  if (machine.facts().busy_ports.empty()) return kSubject.ok("127.0.0.1:4566 is free");
  return kSubject.warning("127.0.0.1:4566 is in use", "`cofferdam cloud` listens there by default",
                          "cofferdam cloud --listen 127.0.0.1:PORT, or end the other program");
}

}  // namespace cofferdam::doctor
