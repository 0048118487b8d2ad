# SPDX-License-Identifier: Apache-2.0
# One of each resource of Secrets Manager that the provider has and the local AWS offers.
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

data "aws_iam_policy_document" "secret" {
  statement {
    sid       = "Round${var.round}"
    effect    = "Deny"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/cofferdam-enclave"]
    }
  }
}

resource "aws_kms_key" "secrets" {
  deletion_window_in_days = 7
}

resource "aws_secretsmanager_secret" "database" {
  name                    = "terraform/database"
  description             = "round ${var.round}"
  kms_key_id              = var.round % 2 == 0 ? aws_kms_key.secrets.arn : null
  recovery_window_in_days = 0
  tags = {
    round           = var.round
    "r${var.round}" = "only now"
  }
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id     = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({ password = "of round ${var.round}" })
}

resource "aws_secretsmanager_secret_policy" "database" {
  secret_arn = aws_secretsmanager_secret.database.arn
  policy     = data.aws_iam_policy_document.secret.json
}

resource "aws_secretsmanager_secret" "binary" {
  name                    = "terraform/binary"
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_version" "binary" {
  secret_id      = aws_secretsmanager_secret.binary.id
  secret_binary  = base64encode("bytes")
  version_stages = ["AWSCURRENT", "ROUND${var.round}"]
}

data "aws_secretsmanager_secret_version" "read_back" {
  secret_id  = aws_secretsmanager_secret.database.id
  version_id = aws_secretsmanager_secret_version.database.version_id
}

output "password" {
  value     = jsondecode(data.aws_secretsmanager_secret_version.read_back.secret_string).password
  sensitive = true
}

output "secret" {
  value = aws_secretsmanager_secret.database.arn
}
