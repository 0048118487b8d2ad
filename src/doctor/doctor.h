// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "doctor/finding.h"
#include "doctor/machine.h"
#include "doctor/need.h"

namespace cofferdam::doctor {

enum class Role : std::uint8_t { parent, laptop };
std::string_view role_name(Role role) noexcept;

// A parent where the machine is an EC2 instance or has the enclave device.
Role guess_role(const Machine& machine);

// Everything that is checked for this role, in a fixed order, each id once. With an image also
// whether the machine is large enough for it.
std::vector<Finding> examine(const Machine& machine, Role role,
                             const std::optional<ImageNeed>& image);

std::size_t count(const std::vector<Finding>& findings, State state);

// For machines: stable, described in docs/doctor.md.
json::object report_json(const std::vector<Finding>& findings, Role role);
// For people.
std::string report_text(const std::vector<Finding>& findings, Role role);

}  // namespace cofferdam::doctor
