// SPDX-License-Identifier: Apache-2.0
#include "cloud/aws_managed_policies.h"

#include <algorithm>
#include <array>

namespace cofferdam::cloud {
namespace {

constexpr std::array kPolicies{
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/AdministratorAccess",
        .id = "ANPAIWMBCKSKIEE64ZLYK",
        .description = "Provides full access to AWS services and resources.",
        .document =
            R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})"},
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/AWSDenyAll",
        .id = "ANPAZKAPJZG4P43IUQ5E5",
        .description = "Deny all access.",
        .document =
            R"({"Version":"2012-10-17","Statement":[{"Sid":"DenyAll","Effect":"Deny","Action":["*"],"Resource":"*"}]})"},
    AwsManagedPolicy{.arn = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser",
                     .id = "ANPAJNPP7PPPPMJRV2SA4",
                     .description = "Provides access to AWS Key Management Service (KMS).",
                     .document =
                         R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[)"
                         R"("kms:CreateAlias","kms:CreateKey","kms:DeleteAlias","kms:Describe*",)"
                         R"("kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource",)"
                         R"("kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],)"
                         R"("Resource":"*"}]})"},
    AwsManagedPolicy{.arn = "arn:aws:iam::aws:policy/IAMFullAccess",
                     .id = "ANPAI7XKCFMBPM3QQRRVQ",
                     .description = "Provides full access to IAM via the AWS Management Console.",
                     .document =
                         R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[)"
                         R"("iam:*","organizations:DescribeAccount",)"
                         R"("organizations:DescribeOrganization",)"
                         R"("organizations:DescribeOrganizationalUnit",)"
                         R"("organizations:DescribePolicy","organizations:ListChildren",)"
                         R"("organizations:ListParents","organizations:ListPoliciesForTarget",)"
                         R"("organizations:ListRoots","organizations:ListPolicies",)"
                         R"("organizations:ListTargetsForPolicy"],"Resource":"*"}]})"},
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess",
        .id = "ANPAJKSO7NDY4T57MWDSQ",
        .description = "Provides read only access to IAM via the AWS Management Console.",
        .document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[)"
                    R"("iam:GenerateCredentialReport","iam:GenerateServiceLastAccessedDetails",)"
                    R"("iam:Get*","iam:List*","iam:SimulateCustomPolicy",)"
                    R"("iam:SimulatePrincipalPolicy"],"Resource":"*"}]})"},
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/PowerUserAccess",
        .id = "ANPAJYRXTHIB4FOVS3ZXS",
        .description = "Provides full access to AWS services and resources, but does not allow "
                       "management of Users and groups.",
        .document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":[)"
                    R"("iam:*","organizations:*","account:*"],"Resource":"*"},)"
                    R"({"Effect":"Allow","Action":["iam:CreateServiceLinkedRole",)"
                    R"("iam:DeleteServiceLinkedRole","iam:ListRoles",)"
                    R"("organizations:DescribeOrganization","account:ListRegions",)"
                    R"("account:GetAccountInformation"],"Resource":"*"}]})"},
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/ReadOnlyAccess",
        .id = "ANPAILL3HVNFSB6DCOWYQ",
        .description = "Provides read-only access to AWS services and resources.",
        .document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[)"
                    R"("iam:Generate*","iam:Get*","iam:List*","iam:Simulate*","kms:Describe*",)"
                    R"("kms:Get*","kms:List*","secretsmanager:Describe*",)"
                    R"("secretsmanager:GetResourcePolicy","secretsmanager:List*",)"
                    R"("sts:GetAccessKeyInfo","sts:GetCallerIdentity","sts:GetSessionToken"],)"
                    R"("Resource":"*"}]})"},
    AwsManagedPolicy{
        .arn = "arn:aws:iam::aws:policy/SecretsManagerReadWrite",
        .id = "ANPAI3VG7CI5BIQZQ6G2E",
        .description = "Provides read/write access to AWS Secrets Manager via the AWS Management "
                       "Console.",
        .document = R"({"Version":"2012-10-17","Statement":[{"Sid":"BasePermissions",)"
                    R"("Effect":"Allow","Action":["secretsmanager:*","kms:DescribeKey",)"
                    R"("kms:ListAliases","kms:ListKeys"],"Resource":"*"}]})"},
};

}  // namespace

std::span<const AwsManagedPolicy> aws_managed_policies() noexcept { return kPolicies; }

const AwsManagedPolicy* find_aws_managed_policy(std::string_view arn) noexcept {
  const auto* found = std::ranges::find(kPolicies, arn, &AwsManagedPolicy::arn);
  return found == kPolicies.end() ? nullptr : found;
}

}  // namespace cofferdam::cloud
