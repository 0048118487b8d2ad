# SPDX-License-Identifier: Apache-2.0
# One of each resource of KMS that the provider has and the local AWS offers.
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "round" {
  description = "Changing it changes whatever can be changed in place."
  type        = number
}

variable "grantee" {
  description = "ARN of the role that the grant is for."
  type        = string
}

data "aws_caller_identity" "me" {}
data "aws_partition" "current" {}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Round${var.round}"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.me.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "symmetric" {
  description             = "round ${var.round}"
  deletion_window_in_days = 7
  enable_key_rotation     = var.round % 2 == 0
  rotation_period_in_days = var.round % 2 == 0 ? 90 + var.round : null
  policy                  = data.aws_iam_policy_document.key.json
  tags = {
    round           = var.round
    "r${var.round}" = "only now"
  }
}

resource "aws_kms_key" "other" {
  deletion_window_in_days = 7
}

resource "aws_kms_key" "signing" {
  description              = "signs"
  customer_master_key_spec = "ECC_NIST_P384"
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 7
}

resource "aws_kms_key_policy" "signing" {
  key_id = aws_kms_key.signing.id
  policy = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "name" {
  name          = "alias/terraform"
  target_key_id = var.round % 2 == 0 ? aws_kms_key.other.key_id : aws_kms_key.symmetric.key_id
}

resource "aws_kms_grant" "decrypt" {
  name              = "round-${var.round}"
  key_id            = aws_kms_key.symmetric.key_id
  grantee_principal = var.grantee
  operations        = ["Decrypt", "DescribeKey"]
  constraints {
    encryption_context_subset = { app = "terraform" }
  }
}

resource "aws_kms_ciphertext" "sealed" {
  key_id    = aws_kms_key.symmetric.key_id
  plaintext = "correct horse battery staple"
  context   = { app = "terraform" }
}

data "aws_kms_public_key" "signing" {
  key_id = aws_kms_key.signing.arn
}

output "key" {
  value = aws_kms_key.symmetric.arn
}

output "alias" {
  value = aws_kms_alias.name.arn
}
