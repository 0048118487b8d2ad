# SPDX-License-Identifier: Apache-2.0
"""Tokens of cofferdam-broker: asked for with Python's CBOR and signatures, verified with
`cryptography` by what discovery says, and taken to the local STS by the AWS CLI."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from enclave import Enclave
from local_aws import REGION, Cloud
from programs import Service

ROLE = "arn:aws:iam::111122223333:role/attested"
AUDIENCE = "sts.amazonaws.com"
ROOT = Path(__file__).resolve().parents[2]
POLICY = ROOT / "deploy/policies/identity.rego"
OIDC_CLIENT = ROOT / "build/interop-oidc/oidc_client"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture(scope="module")
def broker(program: Path, folder: Path, cloud: Cloud, enclave: Enclave) -> Iterator[str]:
    """The issuer's URL."""
    path = program.parent / "cofferdam-broker"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    config = folder / "identity.json"
    config.write_text(json.dumps({"identity": {
        "pcr8": enclave.pcrs[8].hex(), "roles": [ROLE], "sessionPrefix": "enclave-"}}))
    url = f"http://127.0.0.1:{free_port()}"
    with Service(
        path, "--issuer", url, "--listen", "tcp:" + url.removeprefix("http://"),
        "--data", folder / "broker", "--root", cloud.nsm_root, "--unknown-releases", "policy",
        "--audience", AUDIENCE, "--policy", POLICY, "--policy-data", config,
        log=folder / "broker.log",
    ) as service:
        assert service.ready["issuer"] == url
        yield url


def application(
    url: str, enclave: Enclave, algorithm: str = "ES256", session: str = "enclave-1"
) -> dict[str, Any]:
    challenge = unpadded(fetch(url + "/v1/challenge", {})[1]["challenge"])
    key = ec.generate_private_key(ec.SECP384R1())
    spki = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    binding = ["cofferdam/token/v1", AUDIENCE, ROLE, session, 900, algorithm]
    digest = hashlib.sha384(cbor2.dumps(binding, canonical=True)).digest()
    proof = key.sign(
        cbor2.dumps(["cofferdam/token-proof/v1", challenge, digest], canonical=True),
        ec.ECDSA(hashes.SHA384()))
    document = enclave.attest(nonce=challenge, public_key=spki, user_data=digest)
    return {
        "document": base64.b64encode(document).decode(), "audience": AUDIENCE, "role": ROLE,
        "sessionName": session, "durationSeconds": 900, "algorithm": algorithm,
        "proof": base64.b64encode(proof).decode(),
    }


def verified(url: str, token: str) -> dict[str, Any]:
    """The claims, checked with the keys that discovery leads to."""
    status, discovery = fetch(url + "/.well-known/openid-configuration")
    assert status == 200 and discovery["issuer"] == url
    keys = fetch(discovery["jwks_uri"])[1]["keys"]
    head, payload, signature = token.split(".")
    header = json.loads(unpadded(head))
    assert header["alg"] in discovery["id_token_signing_alg_values_supported"]
    (jwk,) = [key for key in keys if key["kid"] == header["kid"]]
    number = {name: int.from_bytes(unpadded(jwk[name])) for name in ("x", "y", "n", "e")
              if name in jwk}
    message, raw = f"{head}.{payload}".encode(), unpadded(signature)
    if header["alg"] == "ES256":
        public = ec.EllipticCurvePublicNumbers(number["x"], number["y"], ec.SECP256R1())
        r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
        public.public_key().verify(
            encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    else:
        rsa.RSAPublicNumbers(number["e"], number["n"]).public_key().verify(
            raw, message, padding.PKCS1v15(), hashes.SHA256())
    return json.loads(unpadded(payload))


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_token_verifies_by_what_discovery_says(
    broker: str, enclave: Enclave, algorithm: str
) -> None:
    status, answer = fetch(broker + "/v1/token", application(broker, enclave, algorithm))
    assert status == 200, answer
    claims = verified(broker, answer["token"])
    assert claims["iss"] == broker and claims["aud"] == AUDIENCE
    assert claims["cofferdam"]["pcrs"]["8"] == enclave.pcrs[8].hex()
    assert 0 < claims["exp"] - claims["iat"] <= 900


def test_go_oidc_verifies_tokens_for_its_audience_only(broker: str, enclave: Enclave) -> None:
    if not OIDC_CLIENT.exists():
        pytest.skip(f"{OIDC_CLIENT} is not built: tools/interop does it where there is Go")

    def judged(audience: str, token: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([OIDC_CLIENT, broker, audience, token], capture_output=True,
                              timeout=60, check=False)

    token = fetch(broker + "/v1/token", application(broker, enclave))[1]["token"]
    done = judged(AUDIENCE, token)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == verified(broker, token)
    assert judged("vault.example.com", token).returncode == 1
    head, payload, signature = token.split(".")
    changed = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert judged(AUDIENCE, f"{head}.{payload}.{changed}").returncode == 1


def test_a_replay_and_a_policy_that_says_no(broker: str, enclave: Enclave) -> None:
    body = application(broker, enclave)
    assert fetch(broker + "/v1/token", body)[0] == 200
    status, answer = fetch(broker + "/v1/token", body)
    assert (status, answer["error"]) == (403, "challenge_unknown")
    status, answer = fetch(
        broker + "/v1/token", application(broker, enclave, session="laptop-1"))
    assert (status, answer["error"]) == (403, "policy_denied")


def test_the_aws_cli_takes_the_role_and_reads_a_secret(
    broker: str, cloud: Cloud, enclave: Enclave
) -> None:
    if shutil.which("aws") is None:
        pytest.skip("there is no aws")
    iam = cloud.client("iam")
    iam.create_open_id_connect_provider(Url=broker, ClientIDList=[AUDIENCE])
    name = broker.removeprefix("http://")
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{name}"},
        "Condition": {"StringEquals": {
            f"{name}:aud": AUDIENCE, "aws:RequestTag/pcr8": enclave.pcrs[8].hex()}}}]}
    iam.create_role(RoleName="attested", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="attested", PolicyName="use", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "kms:Decrypt"],
            "Resource": "*"}]}))
    cloud.client("secretsmanager").create_secret(Name="behind-the-role", SecretString="opened")
    token = fetch(broker + "/v1/token", application(broker, enclave))[1]["token"]

    def aws(*words: str, **environment: str) -> dict[str, Any]:
        base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_DEFAULT_REGION": REGION}
        done = subprocess.run(
            ["aws", "--endpoint-url", cloud.ready["endpoint"], "--output", "json", *words],
            env=base | environment, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    session = aws("sts", "assume-role-with-web-identity", "--role-arn", ROLE,
                  "--role-session-name", "enclave-1", "--web-identity-token", token,
                  "--no-sign-request")["Credentials"]
    secret = aws("secretsmanager", "get-secret-value", "--secret-id", "behind-the-role",
                 AWS_ACCESS_KEY_ID=session["AccessKeyId"],
                 AWS_SECRET_ACCESS_KEY=session["SecretAccessKey"],
                 AWS_SESSION_TOKEN=session["SessionToken"])
    assert secret["SecretString"] == "opened"
