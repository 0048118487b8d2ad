# SPDX-License-Identifier: Apache-2.0
"""The measurements of tools/bench-cloud, which see."""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import cbor2
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/interop"))
from oidc_issuer import AUDIENCE, Issuer  # noqa: E402  # The tests' issuer of tokens.

BIN = Path(os.environ.get("COFFERDAM_BUILD", ROOT / "build/release"))
REGION = "us-east-1"
CONNECTIONS = (1, 16, 128)
VARIANTS = 64  # Different requests of one kind, sent in turn.
ONCE = 1500  # Attested requests: a document is good once.
MANY = 10_000
STARTS = 11
MEASURED = {0: "5a" * 48}


class Process:
    def __init__(self, *command: str | Path, ready_line: bool) -> None:
        self.start = time.monotonic()
        output = subprocess.PIPE if ready_line else subprocess.DEVNULL
        words = [str(word) for word in command]
        self.process = subprocess.Popen(words, stdout=output, stderr=subprocess.DEVNULL)
        self.ready: dict[str, Any] = {}
        if self.process.stdout is not None:
            self.ready = json.loads(self.process.stdout.readline())
        self.seconds_to_ready = time.monotonic() - self.start

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Of user and kernel: what other load on the machine changes least."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


@dataclass(frozen=True)
class Target:
    """A server to measure."""

    name: str
    port: int
    credentials: dict[str, str]
    process: Process

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            config=Config(retries={"total_max_attempts": 1}),
            **self.credentials,
        )


def credentials_of(path: str) -> dict[str, str]:
    keys = json.loads(Path(path).read_text())
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
    }


class Recorder:
    """A client of boto3 whose requests are kept as bytes instead of being sent."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._requests: list[bytes] = []
        client.meta.events.register("before-send.*", self._keep)

    def _keep(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        host = request.url.split("/")[2]
        lines = [f"{request.method} / HTTP/1.1", f"Host: {host}"]
        for name, value in request.headers.items():
            text = value.decode() if isinstance(value, bytes) else value
            if name.lower() not in ("host", "content-length"):
                lines.append(f"{name}: {text}")
        lines += [f"Content-Length: {len(body)}", "", ""]
        self._requests.append("\r\n".join(lines).encode() + body)
        return self._empty_answer(request.url, body)

    @staticmethod
    def _empty_answer(url: str, body: bytes) -> AWSResponse:
        content, kind = b"{}", "application/x-amz-json-1.1"
        if body.startswith(b"Action="):
            action = body.split(b"&")[0].removeprefix(b"Action=")
            content, kind = b"<a><%sResult/></a>" % action, "text/xml"
        answer = AWSResponse(url, 200, {"Content-Type": kind}, None)
        answer._content = content
        return answer

    def record(self, operation: str, **parameters: Any) -> bytes:
        getattr(self.client, operation)(**parameters)
        return self._requests.pop()


@dataclass(frozen=True)
class Figures:
    per_second: float
    p50: float
    p99: float
    cpu: float  # Microseconds of the server for each request.

    def __str__(self) -> str:
        return f"{self.per_second:8.0f}/s {self.p50:8.2f} {self.p99:8.2f} {self.cpu:8.0f}"


def load(
    target: Target, connections: int, seconds: float, requests: list[bytes], *words: str
) -> Figures:
    with tempfile.NamedTemporaryFile() as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "big") + request)
        file.flush()
        command = [BIN / "bench/http_load", target.port, connections, seconds, file.name, *words]
        before = target.process.cpu_seconds()
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, check=True)
    spent = target.process.cpu_seconds() - before
    said = json.loads(done.stdout)
    if said["failures"]:
        sys.exit(f"tools/bench-cloud: {said['failures']} of {said['answers']} requests failed")
    return Figures(said["answers"] / said["seconds"], said["p50_ms"], said["p99_ms"],
                   spent / said["answers"] * 1e6)


# --- The operations both have -----------------------------------------------------------------


def decrypt_requests(target: Target) -> list[bytes]:
    kms = target.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"app": "bench"}
    recorder = Recorder(target.client("kms"))
    blobs = [
        kms.encrypt(KeyId=key, Plaintext=b"%032d" % i, EncryptionContext=context)["CiphertextBlob"]
        for i in range(VARIANTS)
    ]
    return [
        recorder.record("decrypt", CiphertextBlob=blob, EncryptionContext=context)
        for blob in blobs
    ]


def data_key_requests(target: Target) -> list[bytes]:
    key = target.client("kms").create_key()["KeyMetadata"]["KeyId"]
    recorder = Recorder(target.client("kms"))
    return [
        recorder.record(
            "generate_data_key", KeyId=key, KeySpec="AES_256", EncryptionContext={"n": str(i)}
        )
        for i in range(VARIANTS)
    ]


def secret_requests(target: Target) -> list[bytes]:
    secrets, recorder = target.client("secretsmanager"), Recorder(target.client("secretsmanager"))
    for i in range(VARIANTS):
        secrets.create_secret(Name=f"bench/{i}", SecretString="correct horse battery staple")
    return [recorder.record("get_secret_value", SecretId=f"bench/{i}") for i in range(VARIANTS)]


def web_identity_requests(target: Target, issuer: Issuer) -> list[bytes]:
    iam = target.client("iam")
    provider = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=[AUDIENCE], ThumbprintList=["a" * 40]
    )["OpenIDConnectProviderArn"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": {"StringEquals": {f"{issuer.provider}:aud": AUDIENCE}},
        }],
    }
    document = json.dumps(trust)
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    recorder = Recorder(target.client("sts"))
    return [
        recorder.record(
            "assume_role_with_web_identity",
            RoleArn=role, RoleSessionName=f"session-{i}", WebIdentityToken=issuer.token(jti=str(i)),
        )
        for i in range(VARIANTS)
    ]


SHARED: dict[str, Callable[[Target], list[bytes]]] = {
    "Decrypt": decrypt_requests,
    "GenerateDataKey": data_key_requests,
    "GetSecretValue": secret_requests,
}


def compare(ours: Target, theirs: Target, issuer: Issuer, seconds: float) -> None:
    columns = f"{'p50 ms':>8} {'p99 ms':>8} {'CPU us':>8}"
    print(f"{'':29} {'local AWS':>10} {columns} {'moto':>10} {columns}   times by CPU")
    web = {"AssumeRoleWithWebIdentity": lambda target: web_identity_requests(target, issuer)}
    for operation, prepare in {**SHARED, **web}.items():
        requests = {target.name: prepare(target) for target in (ours, theirs)}
        for connections in CONNECTIONS:
            own, other = (
                load(target, connections, seconds, requests[target.name])
                for target in (ours, theirs)
            )
            times = own.per_second / other.per_second
            by_cpu = other.cpu / own.cpu
            print(f"{operation:25} {connections:3} {own} {other} {times:7.1f} {by_cpu:6.1f}",
                  flush=True)


# --- What only the local AWS has --------------------------------------------------------------


class Module:
    """The emulated security module: documents for one recipient's key."""

    def __init__(self, path: Path) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        self._spki = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._stream = self._socket.makefile("rb")

    def document(self) -> bytes:
        members = {"user_data": None, "nonce": os.urandom(16), "public_key": self._spki}
        body = cbor2.dumps({"Attestation": members})
        self._socket.sendall(len(body).to_bytes(4, "big") + body)
        answer = self._stream.read(int.from_bytes(self._stream.read(4), "big"))
        return cbor2.loads(answer)["Attestation"]["document"]


def measured_policy(account: str) -> str:
    measured = {f"kms:RecipientAttestation:PCR{i}": value for i, value in MEASURED.items()}
    everyone = {"Effect": "Allow", "Principal": {"AWS": account}, "Resource": "*"}
    manage = {**everyone, "Action": ["kms:PutKeyPolicy", "kms:Encrypt"]}
    release = {**everyone, "Action": "kms:Decrypt",
               "Condition": {"StringEqualsIgnoreCase": measured}}
    return json.dumps({"Version": "2012-10-17", "Statement": [manage, release]})


def attested_requests(target: Target, module: Module) -> Iterator[bytes]:
    kms, recorder = target.client("kms"), Recorder(target.client("kms"))
    account = target.client("sts").get_caller_identity()["Account"]
    key = kms.create_key(Policy=measured_policy(account))["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    while True:
        recipient = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
                     "AttestationDocument": module.document()}
        yield recorder.record("decrypt", CiphertextBlob=blob, Recipient=recipient)


def measure_attested(target: Target, cloud: Process, folder: Path) -> None:
    path = folder / "nsm.sock"
    pcrs = [word for i, value in MEASURED.items() for word in ("--pcr", f"{i}={value}")]
    command = ["nsm", "serve", "--listen", f"unix:{path}", "--data", cloud.ready["nsmData"], *pcrs]
    with Process(BIN / "apps/cofferdam", *command, ready_line=True):
        requests = attested_requests(target, Module(path))
        for connections in CONNECTIONS:
            once = [next(requests) for _ in range(ONCE)]
            figures = load(target, connections, 60, once, "once")
            print(f"{'Decrypt with recipient':25} {connections:3} {figures}", flush=True)


def start_cloud(data: Path) -> Process:
    words = ["cloud", "--listen", "127.0.0.1:0", "--data", data]
    return Process(BIN / "apps/cofferdam", *words, ready_line=True)


def target_of(cloud: Process) -> Target:
    port = int(cloud.ready["endpoint"].rsplit(":", 1)[1])
    return Target("local AWS", port, credentials_of(cloud.ready["credentials"]), cloud)


def measure_starts(folder: Path) -> None:
    """From exec to the ready line."""
    def median(where: Callable[[int], Path]) -> float:
        times = []
        for i in range(STARTS):
            with start_cloud(where(i)) as cloud:
                times.append(cloud.seconds_to_ready * 1000)
        return statistics.median(times)

    print(f"start in a new folder        {median(lambda i: folder / f'new{i}'):6.1f} ms")
    print(f"start in a folder with state {median(lambda _: folder / 'new0'):6.1f} ms")


def measure_memory(folder: Path) -> None:
    with start_cloud(folder / "many") as cloud:
        target, empty = target_of(cloud), cloud.resident_mib()
        keys = [Recorder(target.client("kms")).record("create_key")] * MANY
        secrets = Recorder(target.client("secretsmanager"))
        named = [
            secrets.record("create_secret", Name=f"many/{i}", SecretString="a secret")
            for i in range(MANY)
        ]
        for what, requests in (("CreateKey", keys), ("CreateSecret", named)):
            print(f"{what:25}  16 {load(target, 16, 600, requests, 'once')}")
        print(f"memory: {empty:.1f} MiB empty, {cloud.resident_mib():.1f} MiB with "
              f"{MANY} keys and {MANY} secrets")
    with start_cloud(folder / "many") as cloud:
        print(f"started again with them: {cloud.seconds_to_ready * 1000:.1f} ms, "
              f"{cloud.resident_mib():.1f} MiB")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start_moto(port: int) -> Process:
    program = Path(sys.executable).parent / "moto_server"
    process = Process(program, "-p", str(port), ready_line=False)
    for _ in range(100):
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/moto-api/")
            return process
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("tools/bench-cloud: moto's server does not start")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-cloud-")))
        measure_starts(folder)
        cloud = stack.enter_context(start_cloud(folder / "aws"))
        ours, port = target_of(cloud), free_port()
        moto = stack.enter_context(start_moto(port))
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        issuer = stack.enter_context(Issuer())
        compare(ours, Target("moto", port, keys, moto), issuer, seconds)
        measure_attested(ours, cloud, folder)
        measure_memory(folder)


main()
