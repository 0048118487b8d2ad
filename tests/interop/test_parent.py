# SPDX-License-Identifier: Apache-2.0
"""cofferdam-parent as Python's HTTP client and boto3's proxy support know such servers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ProxyConnectionError

from ledger_lines import Writer
from local_aws import REGION, Cloud
from programs import Service

MANIFEST = bytes(range(256))
OFFER = {"ciphertext": "AQID", "encryptionContext": {"app": "interop"}}
CREDENTIALS = {"AccessKeyId": "AKIAINTEROP", "SecretAccessKey": "secret", "Token": "token"}
AWS_KMS = f"kms.{REGION}.amazonaws.com"
LIMIT_SECONDS = 10


@dataclass(frozen=True)
class Parent:
    control: tuple[str, int]
    egress: tuple[str, int]
    ledger: Path

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        with closing(HTTPConnection(*self.control, timeout=LIMIT_SECONDS)) as connection:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            return answer.status, answer.headers.get_content_type(), answer.read()

    def connect(self, target: str) -> tuple[socket.socket, HTTPResponse]:
        """A tunnel, if the status is 200."""
        tunnel = socket.create_connection(self.egress, timeout=LIMIT_SECONDS)
        tunnel.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = HTTPResponse(tunnel, method="CONNECT")
        answer.begin()
        return tunnel, answer


class EchoServer:
    """Sends back what it got once the peer has finished sending."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as received:
                peer.sendall(received.read())

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def echo() -> Iterator[EchoServer]:
    server = EchoServer()
    yield server
    server.close()


def address(endpoint: str) -> tuple[str, int]:
    scheme, host, port = endpoint.split(":")
    assert scheme == "tcp"
    return host, int(port)


@pytest.fixture(scope="module")
def parent(program: Path, folder: Path, cloud: Cloud, echo: EchoServer) -> Iterator[Parent]:
    (folder / "manifest").write_bytes(MANIFEST)
    (folder / "offer.json").write_text(json.dumps(OFFER))
    (folder / "credentials.json").write_text(json.dumps(CREDENTIALS))
    kms = cloud.ready["tlsEndpoint"].removeprefix("https://")
    ledger = folder / "parent-ledger.jsonl"
    service = Service(
        *(program.with_name("cofferdam-parent"), "--control", "tcp:127.0.0.1:0"),
        *("--egress", "tcp:127.0.0.1:0", "--allow", kms, "--allow", f"{AWS_KMS}:443={kms}"),
        *("--allow", f"echo.example:7=127.0.0.1:{echo.port}", "--ledger", ledger),
        *("--release-manifest", folder / "manifest", "--offer", f"a={folder / 'offer.json'}"),
        *("--credentials", folder / "credentials.json"),
        log=folder / "parent.log",
    )
    with service:
        control, egress = (address(service.ready[name]) for name in ("control", "egress"))
        yield Parent(control, egress, ledger)


# --- Control --------------------------------------------------------------------------------


def test_the_manifest_is_handed_over_as_it_is(parent: Parent) -> None:
    answer = parent.ask("GET", "/v1/release-manifest")
    assert answer == (200, "application/octet-stream", MANIFEST)


@pytest.mark.parametrize(
    ("path", "content"), [("/v1/ciphertexts/a", OFFER), ("/v1/credentials", CREDENTIALS)]
)
def test_offers_and_credentials_are_json(parent: Parent, path: str, content: Any) -> None:
    status, kind, body = parent.ask("GET", path)
    assert (status, kind, json.loads(body)) == (200, "application/json", content)


def ledger_line() -> bytes:
    """The parent judges no signatures and no documents: that is for whoever verifies."""
    return Writer(lambda **_: b"a document").lines[0]


def test_a_ledger_line_is_stored_as_it_is_before_it_is_acknowledged(parent: Parent) -> None:
    line = ledger_line()
    status, _, body = parent.ask("POST", "/v1/ledger", line)
    assert (status, body) == (204, b"")
    assert parent.ledger.read_bytes().splitlines()[-1] == line


def test_a_heartbeat_is_acknowledged(parent: Parent) -> None:
    assert parent.ask("POST", "/v1/heartbeat")[0] == 204


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/ciphertexts/b", 404),
        ("GET", "/v1/ciphertexts/../credentials", 404),
        ("GET", "/", 404),
        ("DELETE", "/v1/credentials", 405),
    ],
)
def test_what_is_not_offered_is_refused_in_json(
    parent: Parent, method: str, path: str, status: int
) -> None:
    found, kind, body = parent.ask(method, path)
    assert (found, kind) == (status, "application/json")
    assert "error" in json.loads(body)


@pytest.mark.parametrize("change", [b"", b"[]", b"{", b"\xff", b" ", b"\n"])
def test_what_is_no_ledger_line_is_refused(parent: Parent, change: bytes) -> None:
    before = parent.ledger.read_bytes()
    for body in (change, ledger_line() + change if change else b""):
        assert parent.ask("POST", "/v1/ledger", body)[0] == 400
    assert parent.ledger.read_bytes() == before


# --- Egress ---------------------------------------------------------------------------------


def proxied(cloud: Cloud, parent: Parent, endpoint: str | None = None) -> Any:
    proxy = f"http://{parent.egress[0]}:{parent.egress[1]}"
    return cloud.client("kms", tls=True, proxy=proxy, endpoint=endpoint)


def test_boto3_reaches_the_allowed_destination(cloud: Cloud, parent: Parent) -> None:
    kms = proxied(cloud, parent)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=bytes(4096))["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == bytes(4096)


def test_boto3_reaches_the_local_kms_under_the_name_of_aws(cloud: Cloud, parent: Parent) -> None:
    assert proxied(cloud, parent, f"https://{AWS_KMS}").create_key()["KeyMetadata"]["Enabled"]


def test_boto3_reaches_nothing_else(cloud: Cloud, parent: Parent) -> None:
    port = cloud.ready["tlsEndpoint"].rsplit(":", 1)[1]
    for endpoint in (f"https://localhost:{port}", "https://127.0.0.1:1"):
        with pytest.raises(ProxyConnectionError):
            proxied(cloud, parent, endpoint).list_keys()


def test_a_refused_destination_is_named_in_json(parent: Parent) -> None:
    tunnel, answer = parent.connect("kms.us-west-2.amazonaws.com:443")
    with tunnel:
        assert answer.status == 403
        assert json.loads(answer.read())["error"] == "destination_not_allowed"


def test_a_tunnel_carries_everything_past_a_half_close(parent: Parent) -> None:
    sent = b"0123456789abcdef" * 65536
    tunnel, answer = parent.connect("echo.example:7")
    assert answer.status == 200
    with tunnel, tunnel.makefile("rb") as received:
        tunnel.sendall(sent)
        tunnel.shutdown(socket.SHUT_WR)
        assert received.read() == sent
