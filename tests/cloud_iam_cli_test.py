#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""IAM and STS of the local AWS against AWS CLI 2 of Debian.

Usage: cloud_iam_cli_test.py PATH-TO-COFFERDAM. Exit status 77 without /usr/bin/aws.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

AWS = "/usr/bin/aws"  # Never a shim of some Python version manager.
SKIPPED = 77
ACCOUNT = "111122223333"
COFFERDAM = ""


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


TRUST = policy(Action="sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})


def environment(credentials):
    """Nothing of the user's AWS configuration, only these credentials."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    kept.update(
        AWS_ACCESS_KEY_ID=credentials["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=credentials["SecretAccessKey"],
        AWS_DEFAULT_REGION="us-east-1",
        AWS_CONFIG_FILE="/dev/null",
        AWS_SHARED_CREDENTIALS_FILE="/dev/null",
        AWS_EC2_METADATA_DISABLED="true",
    )
    if "SessionToken" in credentials:
        kept["AWS_SESSION_TOKEN"] = credentials["SessionToken"]
    return kept


class IamTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cofferdam-iam-cli-")
        self.process = subprocess.Popen(
            [COFFERDAM, "cloud", "--listen", "127.0.0.1:0", "--data", self.folder.name],
            stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())
        with open(self.ready["credentials"], encoding="utf-8") as file:
            self.admin = json.load(file)

    def tearDown(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)
        self.process.stdout.close()
        self.folder.cleanup()

    def run_aws(self, who, *arguments):
        return subprocess.run(
            [AWS, "--endpoint-url", self.ready["endpoint"], "--no-cli-pager", "--output", "json",
             *arguments], env=environment(who), capture_output=True, text=True, timeout=60,
            check=False)

    def aws(self, *arguments, who=None):
        done = self.run_aws(who or self.admin, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def iam(self, *arguments, who=None):
        return self.aws("iam", *arguments, who=who)

    def error(self, *arguments, who=None):
        done = self.run_aws(who or self.admin, *arguments)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def test_users_and_their_keys(self):
        user = self.iam("create-user", "--user-name", "bob", "--path", "/team/",
                        "--tags", "Key=team,Value=blue")["User"]
        self.assertEqual(user["Arn"], f"arn:aws:iam::{ACCOUNT}:user/team/bob")
        self.assertEqual(user["Tags"], [{"Key": "team", "Value": "blue"}])
        key = self.iam("create-access-key", "--user-name", "bob")["AccessKey"]
        self.assertEqual(len(key["SecretAccessKey"]), 40)
        self.assertEqual(self.aws("sts", "get-caller-identity", who=key)["Arn"], user["Arn"])
        used = self.iam("get-access-key-last-used", "--access-key-id", key["AccessKeyId"])
        self.assertEqual(used["AccessKeyLastUsed"]["ServiceName"], "sts")
        self.iam("update-access-key", "--user-name", "bob", "--access-key-id", key["AccessKeyId"],
                 "--status", "Inactive")
        self.assertIn("(InvalidClientTokenId)", self.error("sts", "get-caller-identity", who=key))
        names = [user["UserName"] for user in self.iam("list-users", "--page-size", "1")["Users"]]
        self.assertEqual(names, ["admin", "bob"])
        self.assertIn("(DeleteConflict)", self.error("iam", "delete-user", "--user-name", "bob"))
        self.iam("delete-access-key", "--user-name", "bob", "--access-key-id", key["AccessKeyId"])
        self.iam("delete-user", "--user-name", "bob")
        self.assertIn("(NoSuchEntity) when calling the GetUser operation: The user with name bob "
                      "cannot be found.", self.error("iam", "get-user", "--user-name", "bob"))

    def test_roles_and_inline_policies(self):
        role = self.iam("create-role", "--role-name", "r", "--assume-role-policy-document", TRUST,
                        "--description", "of a test")["Role"]
        self.assertEqual(role["AssumeRolePolicyDocument"], json.loads(TRUST))
        document = policy(Action="kms:*", Resource="*")
        self.iam("put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
                 document)
        shown = self.iam("get-role-policy", "--role-name", "r", "--policy-name", "p")
        self.assertEqual(shown["PolicyDocument"], json.loads(document))
        self.assertEqual(self.iam("list-role-policies", "--role-name", "r")["PolicyNames"], ["p"])
        self.iam("update-role", "--role-name", "r", "--max-session-duration", "7200")
        self.assertEqual(self.iam("get-role", "--role-name", "r")["Role"]["MaxSessionDuration"],
                         7200)
        self.iam("tag-role", "--role-name", "r", "--tags", "Key=a,Value=b")
        self.assertEqual(len(self.iam("list-role-tags", "--role-name", "r")["Tags"]), 1)
        self.assertIn("(MalformedPolicyDocument)", self.error(
            "iam", "update-assume-role-policy", "--role-name", "r", "--policy-document", "{}"))
        self.iam("delete-role-policy", "--role-name", "r", "--policy-name", "p")
        self.iam("delete-role", "--role-name", "r")

    def test_managed_policies(self):
        made = self.iam("create-policy", "--policy-name", "p", "--policy-document",
                        policy(Action="kms:*", Resource="*"))["Policy"]
        arn = made["Arn"]
        self.iam("create-policy-version", "--policy-arn", arn, "--policy-document",
                 policy(Action="kms:List*", Resource="*"), "--set-as-default")
        self.assertEqual(self.iam("get-policy", "--policy-arn", arn)["Policy"]["DefaultVersionId"],
                         "v2")
        version = self.iam("get-policy-version", "--policy-arn", arn, "--version-id", "v2")
        self.assertEqual(version["PolicyVersion"]["Document"]["Statement"][0]["Action"],
                         "kms:List*")
        self.iam("create-role", "--role-name", "r", "--assume-role-policy-document", TRUST)
        self.iam("attach-role-policy", "--role-name", "r", "--policy-arn", arn)
        attached = self.iam("list-attached-role-policies", "--role-name", "r")
        self.assertEqual(attached["AttachedPolicies"], [{"PolicyName": "p", "PolicyArn": arn}])
        self.assertIn("(DeleteConflict)", self.error("iam", "delete-policy", "--policy-arn", arn))
        local = self.iam("list-policies", "--scope", "Local", "--only-attached")["Policies"]
        self.assertEqual([one["PolicyName"] for one in local], ["p"])
        self.iam("detach-role-policy", "--role-name", "r", "--policy-arn", arn)
        self.iam("delete-policy-version", "--policy-arn", arn, "--version-id", "v1")
        self.iam("delete-policy", "--policy-arn", arn)

    def test_assumed_roles(self):
        self.iam("create-role", "--role-name", "r", "--assume-role-policy-document", TRUST)
        self.iam("put-role-policy", "--role-name", "r", "--policy-name", "p", "--policy-document",
                 policy(Action="iam:*", Resource="*"))
        answer = self.aws("sts", "assume-role", "--role-arn", f"arn:aws:iam::{ACCOUNT}:role/r",
                          "--role-session-name", "s1", "--policy",
                          policy(Action="iam:Get*", Resource="*"))
        self.assertEqual(answer["AssumedRoleUser"]["Arn"],
                         f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s1")
        session = answer["Credentials"]
        self.iam("get-role", "--role-name", "r", who=session)
        self.assertIn("because no session policy allows the iam:ListRoles action",
                      self.error("iam", "list-roles", who=session))
        self.assertIn("(AccessDenied) when calling the AssumeRole operation", self.error(
            "sts", "assume-role", "--role-arn",
            f"arn:aws:iam::{ACCOUNT}:role/cofferdam-enclave", "--role-session-name", "s1"))
        short = self.aws("sts", "get-session-token")["Credentials"]
        self.aws("kms", "list-keys", who=short)
        info = self.aws("sts", "get-access-key-info", "--access-key-id", short["AccessKeyId"])
        self.assertEqual(info["Account"], ACCOUNT)

    def test_oidc_providers(self):
        arn = self.iam("create-open-id-connect-provider", "--url", "https://token.example.com",
                       "--client-id-list", "one", "--thumbprint-list",
                       "a" * 40)["OpenIDConnectProviderArn"]
        provider = self.iam("get-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
        self.assertEqual(provider["ClientIDList"], ["one"])
        self.iam("delete-open-id-connect-provider", "--open-id-connect-provider-arn", arn)
        self.assertIn("(InvalidIdentityToken)", self.error(
            "sts", "assume-role-with-web-identity", "--role-arn", f"arn:aws:iam::{ACCOUNT}:role/r",
            "--role-session-name", "s1", "--web-identity-token", "a.b.c"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not os.access(AWS, os.X_OK):
        print("skipped: there is no " + AWS)
        sys.exit(SKIPPED)
    COFFERDAM = sys.argv.pop()
    unittest.main(verbosity=2)
