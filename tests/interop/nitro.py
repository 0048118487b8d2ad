# SPDX-License-Identifier: Apache-2.0
"""A verifier of Nitro attestation documents made of `cbor2` and `cryptography` alone.

It follows AWS's description (aws-nitro-enclaves-nsm-api, docs/attestation_process.md) and
shares nothing with the C++ verifier: another CBOR reader, another X.509 reader, another
implementation of ECDSA. Where both give the same verdict, neither can owe it to a private
misreading of the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from cose import Refused, decode_cbor, parse_cose, require

ES384 = -35
END_OF_TIME = 253_402_300_800_000  # The year 10000 in milliseconds: Python stops there.


def now() -> datetime:
    return datetime.now(timezone.utc)


def common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    require(len(names) == 1, "a subject has exactly one common name")
    return str(names[0].value)


# --- Certificates ---------------------------------------------------------------------------


def load_certificate(der: Any) -> x509.Certificate:
    require(isinstance(der, bytes) and 1 <= len(der) <= 1024, "a certificate is 1 to 1024 bytes")
    return x509.load_der_x509_certificate(der)


def extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    return certificate.extensions.get_extension_for_class(kind).value


def check_issuer(certificate: x509.Certificate, depth: int) -> None:
    constraints = extension(certificate, x509.BasicConstraints)
    require(constraints.ca, "an issuer is not a CA")
    limit = constraints.path_length
    require(limit is None or depth <= limit, "the chain is longer than a path length allows")
    require(extension(certificate, x509.KeyUsage).key_cert_sign, "an issuer may not sign")


def check_leaf(certificate: x509.Certificate) -> None:
    usage = extension(certificate, x509.KeyUsage)
    require(not extension(certificate, x509.BasicConstraints).ca, "the leaf is a CA")
    require(usage.digital_signature, "the leaf may not sign data")
    require(not usage.key_cert_sign, "the leaf may sign certificates")


def check_critical_extensions(certificate: x509.Certificate) -> None:
    for found in certificate.extensions:
        known = isinstance(found.value, (x509.BasicConstraints, x509.KeyUsage))
        constrains = isinstance(found.value, x509.BasicConstraints)
        require(known or not found.critical, "a critical extension is unknown")
        require(found.critical or not constrains, "basic constraints are not critical")


def check_each(certificate: x509.Certificate, at: datetime) -> None:
    check_critical_extensions(certificate)
    valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    require(valid, f"{certificate.subject.rfc4514_string()} is not valid at {at.isoformat()}")
    key = certificate.public_key()
    require(
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp384r1",
        "a key is not on P-384",
    )
    require(
        certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        "a certificate is not signed with ECDSA and SHA-384",
    )


def check_chain(chain: list[x509.Certificate], root: x509.Certificate, at: datetime) -> None:
    """`chain` runs from the root to the leaf."""
    require(chain[0] == root, "the chain does not start at the pinned root")
    for certificate in chain:
        check_each(certificate, at)
    for position, (issuer, issued) in enumerate(zip(chain, chain[1:])):
        check_issuer(issuer, depth=len(chain) - position - 2)
        issued.verify_directly_issued_by(issuer)
    check_leaf(chain[-1])


# --- Documents ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    module_id: str
    timestamp: datetime
    digest: str
    pcrs: dict[int, bytes]
    chain: list[x509.Certificate]  # From the root to the leaf.
    public_key: bytes | None
    user_data: bytes | None
    nonce: bytes | None

    @property
    def leaf(self) -> x509.Certificate:
        return self.chain[-1]

    @property
    def is_debug(self) -> bool:
        return all(not any(self.pcrs.get(index, b"")) for index in range(3))


def check_pcrs(pcrs: Any) -> None:
    require(isinstance(pcrs, dict) and 1 <= len(pcrs) <= 32, "pcrs is not a map of 1 to 32")
    for index, value in pcrs.items():
        require(isinstance(index, int) and 0 <= index < 32, "a PCR index is out of range")
        require(isinstance(value, bytes) and len(value) == 48, "a PCR is not 48 bytes long")


def optional_bytes(payload: dict[Any, Any], name: str) -> bytes | None:
    value = payload.get(name)
    require(value is None or isinstance(value, bytes), f"{name} is not a byte string")
    require(value is None or len(value) <= 1024, f"{name} is too long")
    return value


def parse_payload(raw: bytes) -> Document:
    payload = decode_cbor(raw)
    require(isinstance(payload, dict), "the payload is not a map")
    module_id, timestamp = payload.get("module_id"), payload.get("timestamp")
    require(isinstance(module_id, str) and module_id, "no module_id")
    require(isinstance(timestamp, int) and 0 < timestamp < END_OF_TIME, "no timestamp")
    require(payload.get("digest") == "SHA384", "the digest is not SHA384")
    check_pcrs(payload.get("pcrs"))
    cabundle = payload.get("cabundle")
    require(isinstance(cabundle, (list, tuple)) and len(cabundle) > 0, "no cabundle")
    return Document(
        module_id=module_id,
        timestamp=datetime.fromtimestamp(timestamp / 1000, timezone.utc),
        digest=payload["digest"],
        pcrs=payload["pcrs"],
        chain=[load_certificate(der) for der in [*cabundle, payload.get("certificate")]],
        public_key=optional_bytes(payload, "public_key"),
        user_data=optional_bytes(payload, "user_data"),
        nonce=optional_bytes(payload, "nonce"),
    )


# How `cryptography` says that a certificate is not what it should be. It reads lazily, so
# this may come from any question that is asked of a certificate.
BAD_CERTIFICATE = (
    InvalidSignature,
    TypeError,
    UnsupportedAlgorithm,
    ValueError,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
)


def verify(raw: bytes, root: x509.Certificate, at: datetime) -> Document:
    """The document, if it is one that an enclave under `root` made and that holds at `at`."""
    message = parse_cose(raw)
    require(message.algorithm == ES384, "the algorithm is not ES384")
    try:
        document = parse_payload(message.payload)
        check_chain(document.chain, root, at)
        name = common_name(document.leaf)
    except BAD_CERTIFICATE as error:
        raise Refused(f"a certificate is not good: {error!r}") from error
    key = document.leaf.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    message.verify(key)
    require(name.startswith(document.module_id), "another module's leaf")
    return document
