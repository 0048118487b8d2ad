# SPDX-License-Identifier: Apache-2.0
"""COSE_Sign1 (RFC 9052) with `cbor2` and `cryptography`: read, verify and write."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

COSE_SIGN1_TAG = 18
COORDINATE_SIZES = {"secp256r1": 32, "secp384r1": 48, "secp521r1": 66}
ALGORITHMS = {"secp256r1": -7, "secp384r1": -35, "secp521r1": -36}
HASHES = {-7: hashes.SHA256(), -35: hashes.SHA384(), -36: hashes.SHA512()}


class Refused(Exception):
    """Why a document, a message or a chain is not to be believed."""


def require(condition: object, why: str) -> None:
    if not condition:
        raise Refused(why)


def decode_cbor(raw: bytes) -> Any:
    """One CBOR item and nothing after it."""
    stream = io.BytesIO(raw)
    try:
        item = cbor2.load(stream)
    except Exception as error:
        raise Refused(f"not CBOR: {error}") from error
    require(not stream.read(1), "bytes follow the CBOR item")
    return item


@dataclass(frozen=True)
class CoseSign1:
    protected: bytes
    payload: bytes
    signature: bytes

    @property
    def algorithm(self) -> Any:
        header = decode_cbor(self.protected)
        require(isinstance(header, dict) and set(header) == {1}, "protected header is not {1: alg}")
        return header[1]

    def verify(self, key: ec.EllipticCurvePublicKey) -> None:
        size = COORDINATE_SIZES[key.curve.name]
        require(self.algorithm == ALGORITHMS[key.curve.name], "algorithm and key disagree")
        require(len(self.signature) == 2 * size, "signature has the wrong length")
        r = int.from_bytes(self.signature[:size], "big")
        s = int.from_bytes(self.signature[size:], "big")
        signed = signed_bytes(self.protected, self.payload)
        try:
            key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(HASHES[self.algorithm]))
        except (InvalidSignature, ValueError) as error:
            raise Refused("the COSE signature does not verify") from error


def parse_cose(raw: bytes) -> CoseSign1:
    message = decode_cbor(raw)
    if isinstance(message, cbor2.CBORTag):
        require(message.tag == COSE_SIGN1_TAG, "the tag is not that of COSE_Sign1")
        message, raw = message.value, raw[1:]
    # The lists and maps within a tag come as tuples and frozendicts.
    require(isinstance(message, (list, tuple)) and raw[:1] == b"\x84", "not an array of four")
    protected, unprotected, payload, signature = message
    require(all(isinstance(part, bytes) for part in (protected, payload, signature)), "bad types")
    require(isinstance(unprotected, Mapping) and not unprotected, "unprotected header is not empty")
    return CoseSign1(protected, payload, signature)


def signed_bytes(protected: bytes, payload: bytes) -> bytes:
    return cbor2.dumps(["Signature1", protected, b"", payload])


def sign_cose(payload: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """An untagged message, deterministically encoded."""
    algorithm, size = ALGORITHMS[key.curve.name], COORDINATE_SIZES[key.curve.name]
    protected = cbor2.dumps({1: algorithm})
    der = key.sign(signed_bytes(protected, payload), ec.ECDSA(HASHES[algorithm]))
    signature = b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(der))
    return cbor2.dumps([protected, {}, payload, signature])
