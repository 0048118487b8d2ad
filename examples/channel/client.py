#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client of an attested channel in Python, without a line of Cofferdam in the process.

TLS ends in `openssl s_client`, because Python's ssl module cannot export keying material;
`cofferdam attest verify` judges the documents. The rest is docs/channel.md: the bytes that
tie a document to this connection, and those under the MAC of a request.

    client.py unix:PATH|HOST:PORT --root ROOT.pem --pcr 0=HEX --client NAME --mac-key FILE GET /path
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import re
import secrets
import subprocess
import sys
import time

EXPORTER_LABEL = "EXPERIMENTAL-cofferdam-channel-v1"
EVIDENCE_OID = bytes.fromhex("0613" "69f1f4a498d881d2c6fbaaf8aa87c7be9ff600")


def cbor(value: object) -> bytes:
    """Deterministic CBOR of what the channel needs: texts, byte strings, numbers, arrays."""

    def head(major: int, number: int) -> bytes:
        if number < 24:
            return bytes([major << 5 | number])
        size = next(s for s in (1, 2, 4, 8) if number < 1 << 8 * s)
        return bytes([major << 5 | 23 + size.bit_length()]) + number.to_bytes(size, "big")

    if isinstance(value, list):
        return head(4, len(value)) + b"".join(cbor(item) for item in value)
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    assert isinstance(value, int)
    return head(0, value)


class Connection:
    """TLS 1.3 by OpenSSL, and what its handshake has shown."""

    def __init__(self, address: str) -> None:
        place = ["-unix", address[5:]] if address.startswith("unix:") else ["-connect", address]
        self._tls = subprocess.Popen(
            ["openssl", "s_client", *place, "-tls1_3", "-alpn", "http/1.1", "-nocommands",
             "-ign_eof", "-keymatexport", EXPORTER_LABEL, "-keymatexportlen", "32"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        shown = self._read_until(rb"Keying material: ([0-9A-F]{64})\n(?s:.*?)---\n")
        self.exporter = bytes.fromhex(shown[1].decode())
        pem = re.search(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown.string,
                        re.DOTALL)
        if pem is None:
            raise SystemExit("the server shows no certificate")
        public = subprocess.run(["openssl", "x509", "-pubkey", "-noout"], input=pem[0],
                                capture_output=True, check=True).stdout
        self.spki = base64.b64decode(b"".join(public.splitlines()[1:-1]))
        self.certificate = base64.b64decode(b"".join(pem[0].splitlines()[1:-1]))
        self._unread = b""

    def _read_until(self, pattern: bytes) -> re.Match[bytes]:
        data = b""
        while True:
            match = re.search(pattern, data)
            if match:
                return match
            more = self._tls.stdout.read(65536)
            if not more:
                raise SystemExit("the connection ended during the handshake")
            data += more

    def request(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        lines = [f"{method} {target} HTTP/1.1", "Host: enclave", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._tls.stdin.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        data = b""
        while True:
            match = re.search(rb"HTTP/1\.1 (\d+) (?s:.*?)\r\n\r\n", data)
            if match:
                length = re.search(rb"(?i)content-length: (\d+)", match[0])
                size = int(length[1]) if length else 0
                if len(data) >= match.end() + size:
                    return int(match[1]), data[match.end():match.end() + size]
            more = self._tls.stdout.read(65536)
            if not more:
                raise SystemExit("the enclave ended the connection")
            data += more

    def close(self) -> None:
        self._tls.kill()
        self._tls.wait()


def evidence_of(certificate: bytes) -> bytes:
    """The document in our extension: what follows the OID is an OCTET STRING."""
    at = certificate.find(EVIDENCE_OID)
    if at < 0:
        raise SystemExit("the certificate carries no attestation document")
    at += len(EVIDENCE_OID)
    size = certificate[at + 1]
    at += 2
    if size > 0x80:
        octets = size & 0x7F
        size = int.from_bytes(certificate[at:at + octets], "big")
        at += octets
    return certificate[at:at + size]


class Judge:
    def __init__(self, options: argparse.Namespace) -> None:
        self._command = [options.cofferdam, "attest", "verify", "-", "--root", options.root,
                         "--max-age", "10m"]
        for pcr in options.pcr:
            self._command += ["--pcr", pcr]

    def require(self, document: bytes, spki: bytes, binding: list[object], nonce: str = "") -> None:
        """Refuses a document that is not genuine, or is for another key, connection or challenge."""
        command = [*self._command, "--user-data", hashlib.sha384(cbor(binding)).hexdigest()]
        if nonce:
            command += ["--nonce", nonce]
        verdict = subprocess.run(command, input=document, capture_output=True, check=False)
        said = json.loads(verdict.stdout or b"{}")
        if verdict.returncode != 0:
            raise SystemExit(f"refused: {said.get('reason')}: {said.get('detail')}")
        if said["publicKey"] != spki.hex():
            raise SystemExit("refused: key_mismatch")


def verify(connection: Connection, judge: Judge) -> None:
    domain, spki = "cofferdam/channel/v1", connection.spki
    judge.require(evidence_of(connection.certificate), spki, [domain, "certificate", "server", spki])
    challenge = secrets.token_hex(32)
    status, body = connection.request("POST", "/cofferdam/v1/attest",
                                      json.dumps({"challenge": challenge}).encode(), {})
    if status != 200:
        raise SystemExit(f"the enclave answers {status} to the challenge")
    document = base64.b64decode(json.loads(body)["document"])
    judge.require(document, spki, [domain, "challenge", "server", spki, connection.exporter], challenge)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("method")
    parser.add_argument("path")
    parser.add_argument("--root", required=True)
    parser.add_argument("--pcr", action="append", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--mac-key", required=True)
    parser.add_argument("--cofferdam", default="cofferdam")
    options = parser.parse_args()
    with open(options.mac_key, "rb") as file:
        key = file.read()

    connection = Connection(options.address)
    try:
        verify(connection, Judge(options))
        body, request_id = b"", secrets.token_hex(16)
        deadline = int(time.time() * 1000) + 10_000
        canonical = cbor(["cofferdam/request/v1", options.method, options.path,
                          hashlib.sha384(body).digest(), request_id, deadline, options.client,
                          connection.exporter])
        status, answer = connection.request(options.method, options.path, body, {
            "X-Cofferdam-Request-Id": request_id,
            "X-Cofferdam-Deadline": str(deadline),
            "X-Cofferdam-Client": options.client,
            "X-Cofferdam-Mac": hmac.new(key, canonical, hashlib.sha384).hexdigest(),
        })
    finally:
        connection.close()
    sys.stdout.buffer.write(answer)
    return 0 if status < 400 else 1


if __name__ == "__main__":
    sys.exit(main())
