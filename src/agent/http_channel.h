// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/http_channel.h"

namespace cofferdam::agent {

// To the parent's control endpoint, or to KMS.
using net::ClientChannel;
using net::HttpChannel;

}  // namespace cofferdam::agent
