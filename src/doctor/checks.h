// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "doctor/finding.h"
#include "doctor/machine.h"
#include "doctor/need.h"

// For this folder only: the checks, one function for each finding. docs/doctor.md lists them.
namespace cofferdam::doctor {

using Image = std::optional<ImageNeed>;
using Check = Finding (*)(const Machine&, const Image&);

// parent_checks.cc, and parent_resources.cc for what is reserved.
Finding check_instance(const Machine& machine, const Image& image);
Finding check_device(const Machine& machine, const Image& image);
Finding check_module(const Machine& machine, const Image& image);
Finding check_group(const Machine& machine, const Image& image);
Finding check_nitro_cli(const Machine& machine, const Image& image);
Finding check_blobs(const Machine& machine, const Image& image);
Finding check_vsock(const Machine& machine, const Image& image);
Finding check_hop_limit(const Machine& machine, const Image& image);
Finding check_allocator(const Machine& machine, const Image& image);
Finding check_allocator_service(const Machine& machine, const Image& image);
Finding check_huge_pages(const Machine& machine, const Image& image);
Finding check_cpu_pool(const Machine& machine, const Image& image);

// common_checks.cc
Finding check_clock(const Machine& machine, const Image& image);
Finding check_locked_memory(const Machine& machine, const Image& image);
Finding check_core_dumps(const Machine& machine, const Image& image);
Finding check_temporary_space(const Machine& machine, const Image& image);

// laptop_checks.cc
Finding check_user_namespaces(const Machine& machine, const Image& image);
Finding check_subordinate_ids(const Machine& machine, const Image& image);
Finding check_cgroup(const Machine& machine, const Image& image);
Finding check_kvm(const Machine& machine, const Image& image);
Finding check_ports(const Machine& machine, const Image& image);

}  // namespace cofferdam::doctor
