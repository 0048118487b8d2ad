#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The local Secrets Manager against AWS CLI 2 of Debian.

Usage: cloud_secrets_cli_test.py PATH-TO-COFFERDAM. Exit status 77 without /usr/bin/aws.
"""

import json
import os
import sys
import tempfile
import unittest

import cloud_aws_cli_test
from cloud_aws_cli_test import AWS, SKIPPED, Cloud

LAMBDA = "arn:aws:lambda:us-east-1:111122223333:function:rotate"


class SecretsCliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cofferdam-secrets-cli-")
        cls.cloud = Cloud(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        if cls.cloud.process.returncode is None:
            cls.cloud.kill()
        cls.folder.cleanup()

    def sm(self, *arguments, **options):
        return self.cloud.must("secretsmanager", *arguments, **options)

    def error(self, *arguments, **options):
        status, _, error = self.cloud.aws("secretsmanager", *arguments, **options)
        self.assertNotEqual(status, 0)
        return error

    def create(self, name, value="hunter2", *more):
        return self.sm("create-secret", "--name", name, "--secret-string", value, *more)["ARN"]

    def value(self, secret, *more):
        return self.sm("get-secret-value", "--secret-id", secret, *more)["SecretString"]

    def test_the_life_of_a_secret(self):
        arn = self.create("life", '{"user":"a","password":"b"}', "--description", "mine",
                          "--tags", "Key=team,Value=blue")
        self.assertEqual(json.loads(self.value(arn))["password"], "b")
        self.sm("put-secret-value", "--secret-id", "life", "--secret-string", "two")
        self.assertEqual(self.value("life"), "two")
        self.assertIn("password", self.value("life", "--version-stage", "AWSPREVIOUS"))
        self.sm("update-secret", "--secret-id", "life", "--description", "yours")
        described = self.sm("describe-secret", "--secret-id", "life")
        self.assertEqual(described["Description"], "yours")
        self.assertEqual(described["Tags"], [{"Key": "team", "Value": "blue"}])
        self.assertEqual(len(described["VersionIdsToStages"]), 2)
        self.sm("delete-secret", "--secret-id", "life", "--recovery-window-in-days", "7")
        self.assertIn("(InvalidRequestException) when calling the GetSecretValue operation: You "
                      "can't perform this operation on the secret because it was marked for "
                      "deletion.", self.error("get-secret-value", "--secret-id", "life"))
        self.sm("restore-secret", "--secret-id", "life")
        self.assertEqual(self.value("life"), "two")

    def test_binary_values_from_a_file(self):
        path = os.path.join(self.folder.name, "value.bin")
        with open(path, "wb") as file:
            file.write(bytes(range(256)))
        self.sm("create-secret", "--name", "binary", "--secret-binary", "fileb://" + path)
        self.assertEqual(self.sm("get-secret-value", "--secret-id", "binary")["SecretBinary"][:8],
                         "AAECAwQF")

    def test_lists_and_batches(self):
        for name in ("list/a", "list/b", "list/c"):
            self.create(name, name)
        listed = self.sm("list-secrets", "--filters", "Key=name,Values=list/", "--page-size", "1")
        self.assertEqual([s["Name"] for s in listed["SecretList"]], ["list/a", "list/b", "list/c"])
        versions = self.sm("list-secret-version-ids", "--secret-id", "list/a")["Versions"]
        self.assertEqual(versions[0]["KmsKeyIds"], ["DefaultEncryptionKey"])
        self.assertEqual(
            self.sm("get-random-password", "--password-length", "20", "--exclude-punctuation")
            ["RandomPassword"].isalnum(), True)

    def test_a_rotation_by_hand(self):
        self.create("rotated", "old")
        old = self.sm("get-secret-value", "--secret-id", "rotated")["VersionId"]
        new = self.sm("rotate-secret", "--secret-id", "rotated", "--rotation-lambda-arn", LAMBDA,
                      "--rotation-rules", "AutomaticallyAfterDays=30")["VersionId"]
        self.sm("put-secret-value", "--secret-id", "rotated", "--client-request-token", new,
                "--secret-string", "new", "--version-stages", "AWSPENDING")
        self.assertEqual(self.value("rotated"), "old")
        self.sm("update-secret-version-stage", "--secret-id", "rotated", "--version-stage",
                "AWSCURRENT", "--move-to-version-id", new, "--remove-from-version-id", old)
        self.assertEqual(self.value("rotated"), "new")
        self.assertTrue(self.sm("describe-secret", "--secret-id", "rotated")["RotationEnabled"])
        self.sm("cancel-rotate-secret", "--secret-id", "rotated")

    def test_policies(self):
        self.create("shared")
        self.assertIn("(AccessDeniedException)", self.error(
            "get-secret-value", "--secret-id", "shared", who="enclaveCredentials"))
        policy = json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
            "Principal": {"AWS": cloud_aws_cli_test.KEY_ROLE}}})
        self.assertTrue(self.sm("validate-resource-policy", "--secret-id", "shared",
                                "--resource-policy", policy)["PolicyValidationPassed"])
        self.sm("put-resource-policy", "--secret-id", "shared", "--resource-policy", policy,
                "--block-public-policy")
        self.assertEqual(self.value("shared"), "hunter2")
        got = self.sm("get-secret-value", "--secret-id", "shared", who="enclaveCredentials",
                      tls=True)
        self.assertEqual(got["SecretString"], "hunter2")
        self.assertEqual(self.sm("get-resource-policy", "--secret-id", "shared")["ResourcePolicy"],
                         policy)
        self.sm("delete-resource-policy", "--secret-id", "shared")
        self.sm("tag-resource", "--secret-id", "shared", "--tags", "Key=a,Value=b")
        self.sm("untag-resource", "--secret-id", "shared", "--tag-keys", "a")

    def test_errors_are_understood(self):
        self.assertIn("(ResourceNotFoundException) when calling the GetSecretValue operation: "
                      "Secrets Manager can't find the specified secret.",
                      self.error("get-secret-value", "--secret-id", "nothing"))
        self.create("twice")
        self.assertIn("(ResourceExistsException) when calling the CreateSecret operation: The "
                      "operation failed because the secret twice already exists.",
                      self.error("create-secret", "--name", "twice", "--secret-string", "x"))


class SecretsLifeTest(unittest.TestCase):
    def test_what_was_acknowledged_survives_kill_nine(self):
        with tempfile.TemporaryDirectory(prefix="cofferdam-secrets-cli-") as folder:
            cloud = Cloud(folder)
            cloud.must("secretsmanager", "create-secret", "--name", "s", "--secret-string", "one")
            cloud.must("secretsmanager", "put-secret-value", "--secret-id", "s",
                       "--secret-string", "two")
            cloud.kill()
            cloud = Cloud(folder)
            for stage, value in (("AWSCURRENT", "two"), ("AWSPREVIOUS", "one")):
                got = cloud.must("secretsmanager", "get-secret-value", "--secret-id", "s",
                                 "--version-stage", stage)
                self.assertEqual(got["SecretString"], value)
            self.assertEqual(cloud.stop(), 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not os.access(AWS, os.X_OK):
        print("skipped: there is no " + AWS)
        sys.exit(SKIPPED)
    cloud_aws_cli_test.COFFERDAM = sys.argv.pop()
    unittest.main(verbosity=2)
