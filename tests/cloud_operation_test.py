#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Operating the local AWS: why a request was denied, what is recorded, faults at SIGHUP, a seed.

Usage: cloud_operation_test.py PATH-TO-COFFERDAM
"""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

COFFERDAM = ""
ACCOUNT = "111122223333"

SEED = """
[[user]]
name = "alice"
access_key = "AKIAIOSFODNN7EXAMPLE"
secret_key_file = "alice.secret"
[user.inline]
own = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}'

[[role]]
name = "reader"
trust = '''{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:user/alice"}, "Action": "sts:AssumeRole"}]}'''
[role.inline]
own = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}'

[[key]]
alias = "alias/app"
id = "12345678-1234-4234-8234-123456789012"

[[secret]]
name = "prod/db"
kms_key = "alias/app"
string_file = "db.secret"
"""
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/12345678-1234-4234-8234-123456789012"
ALICE = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE",
         "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
VALUE = "a-value-that-no-log-may-hold"


def signed(credentials, service, headers, body):
    """The headers with Signature Version 4 (POST /, no query)."""
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = dict(headers, **{"x-amz-date": stamp})
    if "SessionToken" in credentials:
        headers["x-amz-security-token"] = credentials["SessionToken"]
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{headers[name]}" for name in sorted(headers)),
                           "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/us-east-1/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope,
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in scope.split("/") + [text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials['AccessKeyId']}/{scope}, "
        f"SignedHeaders={names}, Signature={key.hex()}")
    return headers


class OperationTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="cofferdam-operation-")
        for name, text in (("seed.toml", SEED), ("alice.secret", ALICE["SecretAccessKey"] + "\n"),
                           ("db.secret", VALUE + "\n"), ("faults", "")):
            self.write(name, text)
        self.process = subprocess.Popen(
            [COFFERDAM, "cloud", "--listen", "127.0.0.1:0", "--data", self.path("data"),
             "--seed", self.path("seed.toml"), "--record", self.path("events"),
             "--fault-file", self.path("faults")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        ready = json.loads(self.process.stdout.readline())
        self.port = int(ready["endpoint"].rsplit(":", 1)[1])
        with open(ready["credentials"], encoding="utf-8") as file:
            self.admin = json.load(file)

    def tearDown(self):
        self.stop()
        self.folder.cleanup()

    def stop(self):
        """The server's standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        errors = self.process.communicate(timeout=20)[1] if self.process.stdout else ""
        self.process.stdout = self.process.stderr = None
        return errors

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def post(self, who, service, headers, body):
        """Status, headers and text of the answer."""
        headers = signed(who, service, {"host": f"127.0.0.1:{self.port}", **headers}, body)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def json_call(self, who, service, operation, members):
        prefix = {"kms": "TrentService", "secretsmanager": "secretsmanager"}[service]
        return self.post(who, service, {"x-amz-target": f"{prefix}.{operation}"},
                         json.dumps(members).encode())

    def query(self, who, service, action, **members):
        version = {"iam": "2010-05-08", "sts": "2011-06-15"}[service]
        form = urllib.parse.urlencode({"Action": action, "Version": version, **members})
        return self.post(who, service, {"content-type": "application/x-www-form-urlencoded"},
                         form.encode())

    def session(self, policy=None):
        members = {"Policy": json.dumps(policy)} if policy else {}
        status, _, text = self.query(ALICE, "sts", "AssumeRole", RoleSessionName="s1",
                                     RoleArn=f"arn:aws:iam::{ACCOUNT}:role/reader", **members)
        self.assertEqual(status, 200, text)
        return {name: text.split(f"<{name}>")[1].split("<")[0]
                for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}

    def events(self):
        with open(self.path("events"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def explain(self, *arguments):
        return subprocess.run([COFFERDAM, "cloud", "explain", *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def test_a_denial_names_the_event_that_explains_it(self):
        status, headers, _ = self.json_call(ALICE, "kms", "DescribeKey", {"KeyId": KEY})
        self.assertEqual(status, 400)
        event = headers["X-Cofferdam-Decision"]
        self.assertEqual(self.events()[-1]["eventID"], event)
        done = self.explain("--record", self.path("events"), "--event", event)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertFalse(json.loads(done.stdout)["allowed"])
        self.assertIn("statements", json.loads(done.stdout))
        done = self.explain("--record", self.path("events"), "--event", "nothing")
        self.assertEqual(done.returncode, 3)
        status, headers, _ = self.json_call(self.admin, "kms", "DescribeKey", {"KeyId": KEY})
        self.assertEqual((status, headers["X-Cofferdam-Decision"]), (200, None))

    def test_events_are_judged_again_with_session_policies_and_grants(self):
        only_list = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]}
        status, headers, _ = self.json_call(self.session(only_list), "kms", "DescribeKey",
                                            {"KeyId": KEY})
        self.assertEqual(status, 400)
        narrowed = headers["X-Cofferdam-Decision"]
        _, headers, _ = self.json_call(ALICE, "kms", "DescribeKey", {"KeyId": KEY})
        denied = headers["X-Cofferdam-Decision"]
        status, _, text = self.json_call(self.admin, "kms", "CreateGrant", {
            "KeyId": KEY, "GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:user/alice",
            "Operations": ["DescribeKey"]})
        self.assertEqual(status, 200, text)
        self.stop()
        judged = ("--record", self.path("events"), "--data", self.path("data"), "--json")
        done = self.explain(*judged, "--event", narrowed)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(json.loads(done.stdout)["layer"], "session_policy")
        done = self.explain(*judged, "--event", denied)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(json.loads(done.stdout)["byGrant"])

    def test_a_request_of_ones_own_asks_trust_policies_too(self):
        self.stop()
        for name, status in (("alice", 0), ("admin", 1)):
            self.write("request.json", json.dumps({
                "principal": f"arn:aws:iam::{ACCOUNT}:user/{name}", "action": "sts:AssumeRole",
                "resource": f"arn:aws:iam::{ACCOUNT}:role/reader"}))
            done = self.explain("--request", self.path("request.json"), "--data", self.path("data"))
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.write("request.json", "{}")
        done = self.explain("--request", self.path("request.json"), "--data", self.path("data"))
        self.assertEqual(done.returncode, 2)

    def test_faults_are_read_again_at_hangup(self):
        self.assertEqual(self.json_call(self.admin, "kms", "ListKeys", {})[0], 200)
        self.write("faults", "kms:ListKeys=error500\n")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.json_call(self.admin, "kms", "ListKeys", {})[0] == 500)
        self.write("faults", "kms:ListKeys=explode\n")  # Changes nothing.
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_log("the faults stay as they were")
        self.assertEqual(self.json_call(self.admin, "kms", "ListKeys", {})[0], 500)
        self.write("faults", "")
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: self.json_call(self.admin, "kms", "ListKeys", {})[0] == 200)

    def wait_for_log(self, text):
        line = self.process.stderr.readline()
        while text not in line:
            self.assertNotEqual(line, "", f"the server never said: {text}")
            line = self.process.stderr.readline()

    def wait_for(self, condition):
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it did not happen")
            time.sleep(0.05)

    def test_secrets_manager_asks_kms_in_events_of_their_own(self):
        status, _, text = self.json_call(self.admin, "secretsmanager", "GetSecretValue",
                                         {"SecretId": "prod/db"})
        self.assertEqual((status, json.loads(text)["SecretString"]), (200, VALUE))
        kms, secrets = self.events()[-2:]
        self.assertEqual((kms["eventSource"], kms["eventName"]), ("kms.amazonaws.com", "Decrypt"))
        self.assertEqual(kms["userIdentity"]["invokedBy"], "secretsmanager.amazonaws.com")
        self.assertEqual(kms["sourceIPAddress"], "secretsmanager.amazonaws.com")
        self.assertIn("SecretARN", kms["requestParameters"]["encryptionContext"])
        self.assertEqual(kms["resources"][0]["ARN"], KEY)
        self.assertEqual(secrets["eventName"], "GetSecretValue")
        self.assertNotIn("invokedBy", secrets["userIdentity"])
        self.assertNotEqual(kms["eventID"], secrets["eventID"])

    def test_answers_of_iam_and_sts_are_recorded_without_their_secrets(self):
        session = self.session()
        elements = self.events()[-1]["responseElements"]
        self.assertEqual(elements["assumedRoleUser"]["arn"],
                         f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/s1")
        self.assertEqual(elements["credentials"]["accessKeyId"], session["AccessKeyId"])
        status, _, text = self.query(self.admin, "iam", "CreateAccessKey", UserName="alice")
        self.assertEqual(status, 200, text)
        key = self.events()[-1]["responseElements"]["accessKey"]
        self.assertEqual((key["userName"], key["status"]), ("alice", "Active"))
        with open(self.path("events"), encoding="utf-8") as file:
            log = file.read()
        secrets = [session["SecretAccessKey"], session["SessionToken"], VALUE,
                   text.split("<SecretAccessKey>")[1].split("<")[0]]
        self.assertEqual([secret for secret in secrets if secret in log], [])

    def test_a_seed_that_differs_stops_the_server_and_keeps_its_secrets(self):
        self.stop()
        self.write("alice.secret", "another-secret-access-key")
        done = subprocess.run(
            [COFFERDAM, "cloud", "--listen", "127.0.0.1:0", "--data", self.path("data"),
             "--seed", self.path("seed.toml")], capture_output=True, text=True, timeout=60,
            check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn("another secret access key", done.stderr)
        self.assertNotIn("another-secret-access-key", done.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    COFFERDAM = sys.argv.pop()
    unittest.main(verbosity=2)
