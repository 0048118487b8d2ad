#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The local AWS against a client nobody here wrote: AWS CLI 2 of Debian.

Usage: cloud_aws_cli_test.py PATH-TO-COFFERDAM. Exit status 77 without /usr/bin/aws.
"""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

AWS = "/usr/bin/aws"  # Never a shim of some Python version manager.
SKIPPED = 77
KEY_ROLE = "arn:aws:iam::111122223333:role/cofferdam-enclave"
COFFERDAM = ""


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
    if "Token" in credentials:
        kept["AWS_SESSION_TOKEN"] = credentials["Token"]
    return kept


class Cloud:
    """A running `cofferdam cloud`."""

    def __init__(self, data):
        self.process = subprocess.Popen(
            [COFFERDAM, "cloud", "--listen", "127.0.0.1:0", "--data", data],
            stdout=subprocess.PIPE, text=True)
        self.ready = json.loads(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def credentials(self, which):
        with open(self.ready[which], encoding="utf-8") as file:
            return json.load(file)

    def aws(self, *arguments, who="credentials", tls=False):
        """(exit status, standard output as JSON or None, standard error)"""
        endpoint = self.ready["tlsEndpoint" if tls else "endpoint"]
        command = [AWS, "--endpoint-url", endpoint, "--no-cli-pager", "--output", "json"]
        if tls:
            command += ["--ca-bundle", self.ready["ca"]]
        done = subprocess.run(command + list(arguments), env=environment(self.credentials(who)),
                              capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr

    def must(self, *arguments, **options):
        status, answer, error = self.aws(*arguments, **options)
        if status != 0:
            raise AssertionError(f"aws {' '.join(arguments)}: {error}")
        return answer


def attestation_policy():
    """The admin manages and encrypts; only a measured enclave decrypts."""
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:user/admin"},
         "Action": ["kms:PutKeyPolicy", "kms:GetKeyPolicy", "kms:DescribeKey", "kms:Encrypt"],
         "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": KEY_ROLE}, "Action": "kms:Decrypt",
         "Resource": "*", "Condition": {"StringEqualsIgnoreCase": {
             "kms:RecipientAttestation:PCR0": "5a" * 48}}}]})


class AwsCliTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="cofferdam-aws-cli-")
        cls.cloud = Cloud(cls.folder.name)
        cls.secret = os.path.join(cls.folder.name, "secret.bin")
        with open(cls.secret, "wb") as file:
            file.write(b"correct horse battery staple")

    @classmethod
    def tearDownClass(cls):
        if cls.cloud.process.returncode is None:
            cls.cloud.kill()
        cls.folder.cleanup()

    def encrypt(self, key, **options):
        answer = self.cloud.must("kms", "encrypt", "--key-id", key, "--plaintext",
                                 "fileb://" + self.secret, "--encryption-context", "app=demo",
                                 **options)
        blob = os.path.join(self.folder.name, "blob.bin")
        with open(blob, "wb") as file:
            file.write(base64.b64decode(answer["CiphertextBlob"]))
        return blob

    def decrypt(self, blob, **options):
        return self.cloud.aws("kms", "decrypt", "--ciphertext-blob", "fileb://" + blob,
                              "--encryption-context", "app=demo", **options)

    def last_decision(self):
        with open(self.cloud.ready["decisions"], encoding="utf-8") as file:
            return json.loads(file.readlines()[-1])

    def create_key(self):
        return self.cloud.must("kms", "create-key", "--description", "demo")["KeyMetadata"]["Arn"]

    def test_it_says_who_the_caller_is(self):
        self.assertEqual(self.cloud.must("sts", "get-caller-identity")["Arn"],
                         "arn:aws:iam::111122223333:user/admin")
        session = self.cloud.must("sts", "get-caller-identity", who="enclaveCredentials", tls=True)
        self.assertEqual(session["Arn"],
                         "arn:aws:sts::111122223333:assumed-role/cofferdam-enclave/i-local")

    def test_it_decrypts_where_the_policy_allows(self):
        key = self.create_key()
        status, answer, error = self.decrypt(self.encrypt(key))
        self.assertEqual(status, 0, error)
        self.assertEqual(base64.b64decode(answer["Plaintext"]), b"correct horse battery staple")
        self.assertEqual(answer["KeyId"], key)
        self.assertEqual(self.last_decision()["decision"], "allow")

    def test_it_denies_decryption_outside_an_enclave(self):
        key = self.create_key()
        self.cloud.must("kms", "put-key-policy", "--key-id", key, "--policy-name", "default",
                        "--policy", attestation_policy())
        blob = self.encrypt(key)
        for who in ("credentials", "enclaveCredentials"):
            status, _, error = self.decrypt(blob, who=who)
            self.assertNotEqual(status, 0)
            self.assertIn("(AccessDeniedException) when calling the Decrypt operation", error)
            self.assertIn("is not authorized to perform: kms:Decrypt on resource: " + key, error)
            decision = self.last_decision()
            self.assertEqual((decision["decision"], decision["reason"]), ("deny", "policy_denied"))

    def test_it_shows_and_keeps_the_policy(self):
        key = self.create_key()
        self.cloud.must("kms", "put-key-policy", "--key-id", key, "--policy-name", "default",
                        "--policy", attestation_policy())
        kept = self.cloud.must("kms", "get-key-policy", "--key-id", key, "--policy-name", "default")
        self.assertEqual(kept["Policy"], attestation_policy())

    def test_it_works_over_tls(self):
        key = self.cloud.must("kms", "create-key", tls=True)["KeyMetadata"]["KeyId"]
        self.cloud.must("kms", "create-alias", "--alias-name", "alias/tls", "--target-key-id", key,
                        tls=True)
        status, answer, error = self.decrypt(self.encrypt("alias/tls", tls=True), tls=True)
        self.assertEqual(status, 0, error)
        self.assertEqual(base64.b64decode(answer["Plaintext"]), b"correct horse battery staple")

    def test_it_generates_data_keys(self):
        key = self.create_key()
        answer = self.cloud.must("kms", "generate-data-key", "--key-id", key, "--key-spec",
                                 "AES_256")
        self.assertEqual(len(base64.b64decode(answer["Plaintext"])), 32)

    def test_it_lists_and_describes_keys(self):
        key = self.create_key()
        listed = self.cloud.must("kms", "list-keys")["Keys"]
        self.assertIn(key, [entry["KeyArn"] for entry in listed])
        described = self.cloud.must("kms", "describe-key", "--key-id", key)["KeyMetadata"]
        self.assertEqual(described["KeyState"], "Enabled")
        self.assertEqual(described["Description"], "demo")

    def kms(self, *arguments):
        return self.cloud.must("kms", *arguments)

    def kms_error(self, *arguments):
        status, _, error = self.cloud.aws("kms", *arguments)
        self.assertNotEqual(status, 0, arguments)
        return error

    def new_key(self, spec, usage):
        return self.kms("create-key", "--key-spec", spec, "--key-usage", usage)["KeyMetadata"]["Arn"]

    def file(self, name, base64_text):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(base64.b64decode(base64_text))
        return path

    def test_openssl_verifies_its_signatures(self):
        for spec, algorithm, digest in (("ECC_NIST_P384", "ECDSA_SHA_384", "-sha384"),
                                        ("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", "-sha256")):
            key = self.new_key(spec, "SIGN_VERIFY")
            common = ["--key-id", key, "--message", "fileb://" + self.secret,
                      "--signing-algorithm", algorithm]
            signature = self.file("sig.bin", self.kms("sign", *common)["Signature"])
            spki = self.file("spki.der", self.kms("get-public-key", "--key-id", key)["PublicKey"])
            done = subprocess.run(["openssl", "dgst", digest, "-verify", spki, "-keyform", "DER",
                                   "-signature", signature, self.secret],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.stdout.strip(), "Verified OK", done.stderr)
            self.assertTrue(self.kms("verify", *common, "--signature",
                                     "fileb://" + signature)["SignatureValid"])

    def test_macs(self):
        key = self.new_key("HMAC_256", "GENERATE_VERIFY_MAC")
        common = ["--key-id", key, "--message", "fileb://" + self.secret,
                  "--mac-algorithm", "HMAC_SHA_256"]
        mac = self.file("mac.bin", self.kms("generate-mac", *common)["Mac"])
        self.assertTrue(self.kms("verify-mac", *common, "--mac", "fileb://" + mac)["MacValid"])
        self.assertIn("(KMSInvalidMacException)", self.kms_error(
            "verify-mac", *common, "--mac", "fileb://" + self.secret))

    def test_data_key_pairs_random_bytes_and_re_encryption(self):
        key, other = self.create_key(), self.create_key()
        pair = self.kms("generate-data-key-pair", "--key-id", key, "--key-pair-spec",
                        "ECC_NIST_P256")
        self.assertIn("PrivateKeyPlaintext", pair)
        pair = self.kms("generate-data-key-pair-without-plaintext", "--key-id", key,
                        "--key-pair-spec", "ECC_NIST_P256")
        self.assertNotIn("PrivateKeyPlaintext", pair)
        self.assertNotIn("Plaintext", self.kms(
            "generate-data-key-without-plaintext", "--key-id", key, "--key-spec", "AES_128"))
        random = self.kms("generate-random", "--number-of-bytes", "20")["Plaintext"]
        self.assertEqual(len(base64.b64decode(random)), 20)
        moved = self.kms("re-encrypt", "--ciphertext-blob", "fileb://" + self.encrypt(key),
                         "--source-encryption-context", "app=demo", "--destination-key-id", other,
                         "--destination-encryption-context", "app=demo")
        status, answer, error = self.decrypt(self.file("moved.bin", moved["CiphertextBlob"]))
        self.assertEqual(status, 0, error)
        self.assertEqual(answer["KeyId"], other)

    def test_aliases(self):
        key, other = self.create_key(), self.create_key()
        self.kms("create-alias", "--alias-name", "alias/cli", "--target-key-id", key)
        self.kms("update-alias", "--alias-name", "alias/cli", "--target-key-id", other)
        listed = self.kms("list-aliases", "--key-id", other)["Aliases"]
        self.assertEqual([alias["AliasName"] for alias in listed], ["alias/cli"])
        self.kms("delete-alias", "--alias-name", "alias/cli")
        self.assertIn("(NotFoundException)", self.kms_error("describe-key", "--key-id", "alias/cli"))

    def test_the_life_of_a_key(self):
        key = self.create_key()
        self.kms("update-key-description", "--key-id", key, "--description", "new")
        self.kms("tag-resource", "--key-id", key, "--tags", "TagKey=a,TagValue=b")
        self.assertEqual(len(self.kms("list-resource-tags", "--key-id", key)["Tags"]), 1)
        self.kms("untag-resource", "--key-id", key, "--tag-keys", "a")
        self.assertEqual(self.kms("list-key-policies", "--key-id", key)["PolicyNames"], ["default"])
        self.kms("enable-key-rotation", "--key-id", key)
        self.assertTrue(self.kms("get-key-rotation-status", "--key-id", key)["KeyRotationEnabled"])
        self.kms("disable-key-rotation", "--key-id", key)
        self.kms("disable-key", "--key-id", key)
        self.assertIn("(DisabledException)", self.kms_error(
            "generate-data-key", "--key-id", key, "--key-spec", "AES_256"))
        self.kms("enable-key", "--key-id", key)
        self.kms("schedule-key-deletion", "--key-id", key, "--pending-window-in-days", "7")
        self.assertIn(key + " is pending deletion.", self.kms_error("enable-key", "--key-id", key))
        self.kms("cancel-key-deletion", "--key-id", key)

    def test_grants(self):
        key = self.create_key()
        self.kms("put-key-policy", "--key-id", key, "--policy-name", "default", "--policy",
                 json.dumps({"Version": "2012-10-17", "Statement": {
                     "Effect": "Allow", "Action": "kms:*", "Resource": "*",
                     "Principal": {"AWS": "arn:aws:iam::111122223333:user/admin"}}}))
        blob = self.encrypt(key)
        self.assertNotEqual(self.decrypt(blob, who="enclaveCredentials")[0], 0)
        grant = self.kms("create-grant", "--key-id", key, "--grantee-principal", KEY_ROLE,
                         "--operations", "Decrypt", "--constraints",
                         "EncryptionContextSubset={app=demo}")
        self.assertEqual(self.decrypt(blob, who="enclaveCredentials")[0], 0)
        self.assertEqual(self.kms("list-grants", "--key-id", key)["Grants"][0]["GrantId"],
                         grant["GrantId"])
        self.kms("revoke-grant", "--key-id", key, "--grant-id", grant["GrantId"])
        self.assertNotEqual(self.decrypt(blob, who="enclaveCredentials")[0], 0)
        grant = self.kms("create-grant", "--key-id", key, "--grantee-principal", KEY_ROLE,
                         "--operations", "Decrypt")
        self.kms("retire-grant", "--key-id", key, "--grant-id", grant["GrantId"])
        self.assertEqual(self.kms("list-grants", "--key-id", key)["Grants"], [])

    def test_its_errors_are_understood(self):
        unknown = "01234567-89ab-4def-8123-456789abcdef"
        _, _, error = self.cloud.aws("kms", "describe-key", "--key-id", unknown)
        self.assertIn("(NotFoundException) when calling the DescribeKey operation: Key "
                      f"'arn:aws:kms:us-east-1:111122223333:key/{unknown}' does not exist", error)
        with open(os.path.join(self.folder.name, "junk.bin"), "wb") as file:
            file.write(b"junk")
        _, _, error = self.decrypt(file.name)
        self.assertIn("(InvalidCiphertextException)", error)

    def test_a_second_cloud_on_the_same_folder_or_port_says_so(self):
        port = self.cloud.ready["endpoint"].rsplit(":", 1)[1]
        with tempfile.TemporaryDirectory() as other:
            for arguments in (["--data", self.folder.name, "--listen", "127.0.0.1:0"],
                              ["--data", other, "--listen", "127.0.0.1:" + port]):
                done = subprocess.run([COFFERDAM, "cloud", *arguments], capture_output=True,
                                      text=True, timeout=60, check=False)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.startswith("cofferdam: error: "), done.stderr)
                self.assertIn("in use", done.stderr)


class LifeTest(unittest.TestCase):
    def test_what_was_acknowledged_survives_kill_nine(self):
        with tempfile.TemporaryDirectory(prefix="cofferdam-aws-cli-") as folder:
            cloud = Cloud(folder)
            key = cloud.must("kms", "create-key")["KeyMetadata"]["Arn"]
            cloud.kill()
            cloud = Cloud(folder)
            described = cloud.must("kms", "describe-key", "--key-id", key)
            self.assertEqual(described["KeyMetadata"]["Arn"], key)
            self.assertEqual(cloud.stop(), 0)

    def test_a_temporary_folder_is_gone_after_a_clean_stop(self):
        process = subprocess.Popen([COFFERDAM, "cloud", "--listen", "127.0.0.1:0"],
                                   stdout=subprocess.PIPE, text=True)
        with process.stdout:
            ready = json.loads(process.stdout.readline())
        folder = os.path.dirname(ready["ca"])
        self.assertEqual(os.stat(ready["credentials"]).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=20), 0)
        self.assertFalse(os.path.exists(folder))

    def test_an_idle_connection_does_not_hold_up_the_end(self):
        with tempfile.TemporaryDirectory(prefix="cofferdam-aws-cli-") as folder:
            cloud = Cloud(folder)
            port = int(cloud.ready["endpoint"].rsplit(":", 1)[1])
            with socket.create_connection(("127.0.0.1", port)):
                self.assertEqual(cloud.stop(), 0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not os.access(AWS, os.X_OK):
        print("skipped: there is no " + AWS)
        sys.exit(SKIPPED)
    COFFERDAM = sys.argv.pop()
    unittest.main(verbosity=2)
