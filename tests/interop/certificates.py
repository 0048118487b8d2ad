# SPDX-License-Identifier: Apache-2.0
"""Signing certificates, made with `cryptography`."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from aws_oracle_client import Signer

CURVES: dict[str, tuple[ec.EllipticCurve, hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "P-256": (ec.SECP256R1(), hashes.SHA256()),
    "P-384": (ec.SECP384R1(), hashes.SHA384()),
    "P-521": (ec.SECP521R1(), hashes.SHA512()),
}


def make_signer(
    folder: Path,
    curve: str,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> Signer:
    """A key on `curve` and its self-signed certificate, as PEM files in `folder`."""
    parameters, digest = CURVES[curve]
    key = ec.generate_private_key(parameters)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"interop {curve}")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, digest)
    )
    signer = Signer(certificate=folder / f"{curve}.pem", key=folder / f"{curve}.key")
    signer.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    signer.key.write_bytes(pem)
    return signer


def load_pem(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())
