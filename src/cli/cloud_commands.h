// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace cofferdam::cli {

// cofferdam cloud explain.
void add_cloud_explain(CLI::App& cloud, Exit& exit);

}  // namespace cofferdam::cli
