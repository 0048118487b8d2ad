# SPDX-License-Identifier: Apache-2.0
"""Ledgers as docs/ledger.md describes them, written and verified with Python alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import cbor2
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

import nitro
from cose import parse_cose, require

Object = dict[str, Any]
COORDINATE = 32


def canonical(value: Any) -> bytes:
    """RFC 8785, for what a ledger may hold: ASCII names, integers below 2^53, text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def ledger_id(spki: bytes) -> bytes:
    return hashlib.sha256(b"cofferdam/ledger/id/v1\0" + spki).digest()


def user_data(ledger: bytes) -> bytes:
    return hashlib.sha384(cbor2.dumps(["cofferdam/ledger/v1", ledger])).digest()


def entry_hash(entry: Object) -> str:
    return hashlib.sha384(b"cofferdam/ledger/entry/v1\0" + canonical(entry)).hexdigest()


def head_message(head: Object) -> bytes:
    unsigned = {name: value for name, value in head.items() if name != "signature"}
    return b"cofferdam/ledger/head/v1\0" + canonical(unsigned)


def rfc3339(when: datetime) -> str:
    milliseconds = when.microsecond // 1000
    return when.strftime("%Y-%m-%dT%H:%M:%S") + (f".{milliseconds:03}Z" if milliseconds else "Z")


@dataclass
class Writer:
    """What an agent does; `attest` is its security module."""

    attest: Callable[..., bytes]
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    lines: list[bytes] = field(default_factory=list)
    previous: str = bytes(48).hex()

    def __post_init__(self) -> None:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        spki = self.key.public_key().public_bytes(serialization.Encoding.DER, form)
        self.ledger = ledger_id(spki)
        document = self.attest(public_key=spki, user_data=user_data(self.ledger))
        self.append("genesis", {"document": base64.b64encode(document).decode()})

    def append(self, kind: str, record: Object) -> None:
        entry = {
            "kind": kind,
            "ledger": self.ledger.hex(),
            "previous": self.previous,
            "record": record,
            "sequence": len(self.lines),
            "time": rfc3339(datetime.now(timezone.utc)),
        }
        head = {
            "hash": entry_hash(entry),
            "ledger": entry["ledger"],
            "size": len(self.lines) + 1,
            "time": entry["time"],
        }
        r, s = decode_dss_signature(self.key.sign(head_message(head), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(COORDINATE, "big") + s.to_bytes(COORDINATE, "big")
        head["signature"] = base64.b64encode(signature).decode()
        self.previous = head["hash"]
        self.lines.append(canonical({"entry": entry, "head": head}))

    def text(self) -> bytes:
        return b"".join(line + b"\n" for line in self.lines)


def verify(text: bytes, root: x509.Certificate) -> tuple[nitro.Document, list[Object]]:
    """The enclave and the entries of a file that holds one ledger; Refused for any other."""
    lines = [json.loads(line) for line in text.splitlines()]
    genesis = lines[0]["entry"]
    require(genesis["kind"] == "genesis", "the first line is no genesis")
    raw = base64.b64decode(genesis["record"]["document"], validate=True)
    made = nitro.parse_payload(parse_cose(raw).payload).timestamp
    document = nitro.verify(raw, root, made)
    spki = document.public_key or b""
    ledger = ledger_id(spki)
    require(document.user_data == user_data(ledger), "the document is not for a ledger")
    key = serialization.load_der_public_key(spki)
    require(isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1", "the key")
    assert isinstance(key, ec.EllipticCurvePublicKey)
    previous = bytes(48).hex()
    for sequence, (line, as_written) in enumerate(zip(lines, text.splitlines())):
        require(canonical(line) == as_written, "a line is not canonical")
        entry, head = line["entry"], line["head"]
        require((entry["sequence"], entry["previous"]) == (sequence, previous), "the chain")
        require(entry["ledger"] == head["ledger"] == ledger.hex(), "another ledger")
        require(head["size"] == sequence + 1 and head["time"] == entry["time"], "the head")
        require(head["hash"] == entry_hash(entry), "the hash")
        check_signature(head, key)
        previous = head["hash"]
    return document, [line["entry"] for line in lines]


def check_signature(head: Object, key: ec.EllipticCurvePublicKey) -> None:
    signature = base64.b64decode(head["signature"], validate=True)
    require(len(signature) == 2 * COORDINATE, "the signature's length")
    r = int.from_bytes(signature[:COORDINATE], "big")
    s = int.from_bytes(signature[COORDINATE:], "big")
    try:
        key.verify(encode_dss_signature(r, s), head_message(head), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        require(False, "the signature")
