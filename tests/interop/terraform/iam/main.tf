# SPDX-License-Identifier: Apache-2.0
# One of each resource of IAM that the provider has and the local AWS offers.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "round" {
  description = "Changing it changes whatever can be changed in place."
  type        = number
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.broker.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "broker.example.com:aud"
      values   = ["sts.amazonaws.com", "round-${var.round}"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [data.aws_caller_identity.me.arn]
    }
  }
}

data "aws_iam_policy_document" "permissions" {
  statement {
    sid       = "Round${var.round}"
    actions   = ["kms:Decrypt", "secretsmanager:GetSecretValue"]
    resources = ["*"]
  }
}

resource "aws_iam_openid_connect_provider" "broker" {
  url             = "https://broker.example.com"
  client_id_list  = var.round % 2 == 0 ? ["sts.amazonaws.com", "second"] : ["sts.amazonaws.com"]
  thumbprint_list = [var.round % 2 == 0 ? "9e99a48a9960b14926bb7f3b02e22da2b0ab7280" : "cf23df2207d99a74fbe169e3eba035e633b65d94"]
  tags            = { round = var.round }
}

resource "aws_iam_role" "workload" {
  name                 = "terraform-workload"
  description          = "round ${var.round}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600 * var.round
  permissions_boundary = aws_iam_policy.managed.arn
  tags = {
    round           = var.round
    "r${var.round}" = "only now"
  }
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.workload.id
  policy = data.aws_iam_policy_document.permissions.json
}

resource "aws_iam_policy" "managed" {
  name        = "terraform-managed"
  description = "cannot be changed"
  policy      = data.aws_iam_policy_document.permissions.json
  tags        = { round = var.round }
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.workload.name
  policy_arn = aws_iam_policy.managed.arn
}

resource "aws_iam_user" "person" {
  name = "terraform-person"
  tags = { round = var.round }
}

resource "aws_iam_user_policy" "inline" {
  name   = "inline"
  user   = aws_iam_user.person.name
  policy = data.aws_iam_policy_document.permissions.json
}

resource "aws_iam_user_policy_attachment" "managed" {
  user       = aws_iam_user.person.name
  policy_arn = aws_iam_policy.managed.arn
}

resource "aws_iam_access_key" "person" {
  user   = aws_iam_user.person.name
  status = var.round % 2 == 0 ? "Inactive" : "Active"
}

output "role" {
  value = aws_iam_role.workload.name
}
