// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace cofferdam::cloud {

// The AWS managed policies that permissions of the local services are commonly built on:
// "arn:aws:iam::aws:policy/AdministratorAccess" and a few more, reduced to the services
// that are here.
struct AwsManagedPolicy {
  std::string_view arn;
  std::string_view id;
  std::string_view description;
  std::string_view document;
};

std::span<const AwsManagedPolicy> aws_managed_policies() noexcept;
const AwsManagedPolicy* find_aws_managed_policy(std::string_view arn) noexcept;

}  // namespace cofferdam::cloud
