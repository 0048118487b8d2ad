// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "doctor/checks.h"

namespace cofferdam::doctor {
namespace {

// Families of which no size, or not every size, can start enclaves. Source: "What is Nitro
// Enclaves?", Requirements, in the AWS Nitro Enclaves user guide. New families are the rule:
// what is not listed is taken to be able.
constexpr std::array<std::string_view, 12> kUnable{"a1", "g4ad", "g5g", "m7i-flex", "r7iz",  "t2",
                                                   "t3", "t3a",  "t4g", "trn1",     "trn1n", "vt1"};

std::string_view family_of(std::string_view type) { return type.substr(0, type.find('.')); }

bool is_unable(std::string_view type) {
  const std::string_view family = family_of(type);
  return std::ranges::find(kUnable, family) != kUnable.end() || family.starts_with("mac") ||
         family.starts_with("hpc") || family.starts_with("u-") ||
         type.find(".metal") != std::string_view::npos;
}

bool is_arm(const Machine& machine) { return machine.facts().arch == "aarch64"; }

const std::string& blobs_folder() {
  static const std::string folder = "/usr/share/nitro_enclaves/blobs";
  return folder;
}

}  // namespace

Finding check_instance(const Machine& machine, const Image& image) {
  constexpr Subject kSubject{"instance-type", "Instance type"};
  constexpr std::string_view kLarger =
      "stop the instance and change its type, for example to m6i.xlarge or m6g.large";
  if (machine.text("/sys/class/dmi/id/sys_vendor").value_or("") != "Amazon EC2") {
    return kSubject.problem("this is no EC2 instance", "only EC2 instances can start enclaves",
                            "run `cofferdam doctor --role laptop` here; images run with "
                            "`cofferdam run`, on emulated hardware");
  }
  const std::string type = machine.text("/sys/class/dmi/id/product_name").value_or("unknown");
  const std::size_t cpus = machine.online_cpus().size();
  const std::string found = type + ", " + std::to_string(cpus) + " CPUs online";
  if (is_unable(type)) {
    return kSubject.problem(found, "instances of this type cannot start enclaves",
                            std::string(kLarger));
  }
  if (image && (image->arch == eif::Arch::aarch64) != is_arm(machine)) {
    return kSubject.problem(
        found + ", and the image is for " + std::string(eif::arch_name(image->arch)),
        "an enclave runs on its parent's processor",
        "build the image for this architecture, or change the instance type");
  }
  // CPUs given to enclaves are offline for the parent, and still present.
  const std::size_t present =
      parse_cpu_list(machine.text("/sys/devices/system/cpu/present").value_or(""))
          .value_or(CpuSet{})
          .size();
  if (std::max(present, cpus) < (is_arm(machine) ? 2U : 4U)) {
    return kSubject.problem(found,
                            "an enclave takes a whole core and leaves one: 4 vCPUs on Intel and "
                            "AMD, 2 on Graviton",
                            std::string(kLarger));
  }
  return kSubject.ok(found);
}

Finding check_device(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"enclave-device", "Enclave device"};
  constexpr std::string_view kDevice = "/dev/nitro_enclaves";
  if (!machine.exists(kDevice)) {
    return kSubject.problem(
        "/dev/nitro_enclaves does not exist",
        "the instance was started without enclave support, or the module is not loaded",
        "sudo modprobe nitro_enclaves; aws ec2 run-instances ... --enclave-options Enabled=true "
        "(if the module finds no device: a new instance)");
  }
  if (!machine.may_use(kDevice)) {
    return kSubject.problem(
        "/dev/nitro_enclaves is there, but " + machine.facts().user + " may not use it",
        "starting an enclave opens this device",
        "sudo usermod -aG ne " + machine.facts().user + "; log in again");
  }
  return kSubject.ok("/dev/nitro_enclaves, and " + machine.facts().user + " may use it");
}

Finding check_module(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"enclave-module", "Kernel module"};
  if (machine.exists("/sys/module/nitro_enclaves")) return kSubject.ok("nitro_enclaves is loaded");
  return kSubject.problem("nitro_enclaves is not loaded", "it provides /dev/nitro_enclaves",
                          "sudo modprobe nitro_enclaves (part of Linux from 5.10 on)");
}

Finding check_group(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"group-ne", "Group ne"};
  const Facts& facts = machine.facts();
  if (facts.uid == 0) return kSubject.ok("root needs no group");
  const bool member = std::ranges::find(facts.groups, "ne") != facts.groups.end();
  if (member) return kSubject.ok(facts.user + " is a member");
  return kSubject.problem(facts.user + " is not a member of the group ne",
                          "nitro-cli's device, logs and run folder belong to it",
                          "sudo usermod -aG ne " + facts.user + "; log in again");
}

Finding check_nitro_cli(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"nitro-cli", "nitro-cli"};
  if (const auto& version = machine.facts().nitro_cli) return kSubject.ok(*version);
  return kSubject.problem("nitro-cli is not in PATH",
                          "`cofferdam run --backend nitro` starts enclaves through it",
                          "Amazon Linux 2023: sudo dnf install aws-nitro-enclaves-cli");
}

Finding check_blobs(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"nitro-cli-blobs", "Enclave kernel"};
  const std::string kernel = is_arm(machine) ? "Image" : "bzImage";
  std::string missing;
  for (const std::string& name :
       {kernel, std::string("init"), std::string("nsm.ko"), std::string("cmdline")}) {
    if (machine.exists(blobs_folder() + "/" + name)) continue;
    missing += (missing.empty() ? "" : ", ") + name;
  }
  if (missing.empty()) return kSubject.ok("kernel, init, nsm.ko and cmdline in " + blobs_folder());
  return kSubject.warning(
      blobs_folder() + " lacks " + missing,
      "`cofferdam eif build` takes kernel, command line and nsm.ko from there; running an image "
      "that is already built does not need them",
      "Amazon Linux 2023: sudo dnf install aws-nitro-enclaves-cli-devel");
}

Finding check_vsock(const Machine& machine, const Image&) {
  constexpr Subject kSubject{"vsock", "vsock"};
  if (!machine.exists("/dev/vsock")) {
    return kSubject.problem("/dev/vsock does not exist", "it is the only way into an enclave",
                            "sudo modprobe vsock");
  }
  // The host's side of other virtual machines claims the same addresses.
  if (machine.exists("/sys/module/vhost_vsock")) {
    return kSubject.warning("/dev/vsock, with vhost_vsock loaded beside it",
                            "vhost_vsock serves virtual machines of this host; connections to an "
                            "enclave may then go nowhere",
                            "sudo modprobe -r vhost_vsock");
  }
  return kSubject.ok("/dev/vsock");
}

Finding check_hop_limit(const Machine&, const Image&) {
  constexpr Subject kSubject{"imds-hop-limit", "IMDS hop limit"};
  return kSubject.skipped(
      "cannot be seen from here. cofferdam-parent in a container needs a limit of 2: aws ec2 "
      "modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id ID");
}

}  // namespace cofferdam::doctor
