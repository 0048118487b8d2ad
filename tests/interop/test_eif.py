# SPDX-License-Identifier: Apache-2.0
"""Images written here are read by AWS's library, and AWS's by `cofferdam eif`."""

from __future__ import annotations

import json
import secrets
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import PrivateFormat

from aws_oracle_client import AwsOracle, Parts, Signer, registers
from certificates import CURVES, make_signer
from programs import Finished

Command = Callable[..., Finished]
CRC_OFFSET = 0x220
HEADER_SIZE = 0x224
METADATA: dict[str, Any] = {
    "ImageName": "interop",
    "ImageVersion": "7",
    "BuildMetadata": {
        "BuildTime": "2026-01-02T03:04:05Z",
        "BuildTool": "aws-oracle",
        "BuildToolVersion": "0.1.0",
        "OperatingSystem": "Linux",
        "KernelVersion": "6.6.79",
    },
    "DockerInfo": {},
    "CustomMetadata": {"team": "interop"},
}


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Random content, of sizes that no block or page divides."""

    def content(name: str, size: int) -> Path:
        (tmp_path / name).write_bytes(secrets.token_bytes(size))
        return tmp_path / name

    ramdisks = [content(f"ramdisk{i}", size) for i, size in enumerate((70_001, 13, 128 * 1024))]
    return Parts(content("kernel", 100_003), "reboot=k panic=30 console=ttyS0", ramdisks)


def build(
    cofferdam: Command, parts: Parts, output: Path, *options: str, signer: Signer | None = None
) -> dict[str, str]:
    words: list[str | Path] = ["--kernel", parts.kernel, "--cmdline", parts.cmdline]
    for ramdisk in parts.ramdisks:
        words += ["--ramdisk", ramdisk]
    if signer:
        words += ["--signing-cert", signer.certificate, "--signing-key", signer.key]
    done = cofferdam("eif", "build", *words, *options, "--output", output)
    return registers(done.expect(0).json()["Measurements"])


def described(cofferdam: Command, image: Path) -> dict[str, Any]:
    found = cofferdam("eif", "describe", image).expect(0).json()
    assert found["Measurements"]["HashAlgorithm"] == "Sha384 { ... }", "as nitro-cli prints it"
    return {**found, "Measurements": registers(found["Measurements"])}


# --- Unsigned images ------------------------------------------------------------------------


def test_aws_reads_our_image_with_the_same_measurements(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    ours = build(cofferdam, parts, tmp_path / "ours.eif", "--name", "interop")
    theirs = oracle.describe(tmp_path / "ours.eif")
    assert theirs["Measurements"] == ours
    assert theirs["CheckCRC"] and not theirs["IsSigned"]
    assert theirs["Metadata"]["ImageName"] == "interop"


def test_we_read_an_image_of_aws_with_the_same_measurements(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    theirs = oracle.build(parts, tmp_path / "theirs.eif", METADATA)
    ours = described(cofferdam, tmp_path / "theirs.eif")
    assert ours["Measurements"] == theirs
    assert ours["CheckCRC"] and not ours["IsSigned"]
    assert (ours["ImageName"], ours["ImageVersion"]) == ("interop", "7")
    assert ours["Metadata"]["KernelVersion"] == "6.6.79"
    cofferdam("eif", "verify", tmp_path / "theirs.eif").expect(0)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64"])
def test_both_builders_write_the_same_bytes(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path, arch: str
) -> None:
    build(cofferdam, parts, tmp_path / "ours.eif", "--arch", arch)
    metadata = oracle.describe(tmp_path / "ours.eif")["Metadata"]
    oracle.build(parts, tmp_path / "theirs.eif", metadata, arm64=arch == "aarch64")
    assert (tmp_path / "ours.eif").read_bytes() == (tmp_path / "theirs.eif").read_bytes()


def test_one_ramdisk_measures_the_same_in_both(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    single = Parts(parts.kernel, parts.cmdline, parts.ramdisks[:1])
    ours = build(cofferdam, single, tmp_path / "ours.eif")
    assert ours == oracle.build(single, tmp_path / "theirs.eif", METADATA)


# --- Signatures -----------------------------------------------------------------------------


def assert_aws_accepts_signature(oracle: AwsOracle, image: Path) -> dict[str, Any]:
    theirs = oracle.describe(image)
    assert theirs["IsSigned"] and theirs["CheckCRC"]
    assert theirs["SignatureVerifies"] is True
    assert theirs["PayloadIsPcr0"] is True
    return theirs


def assert_we_accept_signature(cofferdam: Command, image: Path, signer: Signer) -> dict[str, Any]:
    cofferdam("eif", "verify", image, "--signing-cert", signer.certificate).expect(0)
    ours = described(cofferdam, image)
    assert ours["IsSigned"] and ours["CheckCRC"] and ours["SignatureCheck"]
    return ours


@pytest.mark.parametrize("curve", CURVES)
def test_aws_verifies_what_we_sign_while_building(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path, curve: str
) -> None:
    signer = make_signer(tmp_path, curve)
    ours = build(cofferdam, parts, tmp_path / "ours.eif", signer=signer)
    theirs = assert_aws_accepts_signature(oracle, tmp_path / "ours.eif")
    assert theirs["Measurements"] == ours and "PCR8" in ours


@pytest.mark.parametrize("curve", CURVES)
def test_we_verify_what_aws_signs_while_building(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path, curve: str
) -> None:
    signer = make_signer(tmp_path, curve)
    theirs = oracle.build(parts, tmp_path / "theirs.eif", METADATA, signer)
    ours = assert_we_accept_signature(cofferdam, tmp_path / "theirs.eif", signer)
    assert ours["Measurements"] == theirs and "PCR8" in theirs


@pytest.mark.parametrize("curve", CURVES)
def test_each_signs_what_the_other_built(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path, curve: str
) -> None:
    signer = make_signer(tmp_path, curve)
    build(cofferdam, parts, tmp_path / "ours.eif")
    oracle.sign(tmp_path / "ours.eif", signer)
    assert_we_accept_signature(cofferdam, tmp_path / "ours.eif", signer)

    oracle.build(parts, tmp_path / "theirs.eif", METADATA)
    words = ["--signing-cert", signer.certificate, "--signing-key", signer.key]
    cofferdam("eif", "sign", tmp_path / "theirs.eif", *words).expect(0)
    assert_aws_accepts_signature(oracle, tmp_path / "theirs.eif")


def test_aws_verifies_an_image_we_sign_anew(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    first, second = make_signer(tmp_path, "P-521"), make_signer(tmp_path, "P-256")
    oracle.build(parts, tmp_path / "image.eif", METADATA, first)
    words = ["--signing-cert", second.certificate, "--signing-key", second.key]
    cofferdam("eif", "sign", tmp_path / "image.eif", *words).expect(0)
    theirs = assert_aws_accepts_signature(oracle, tmp_path / "image.eif")
    pcr8 = cofferdam("eif", "pcr", "--signing-cert", second.certificate).expect(0).json()["PCR8"]
    assert theirs["Measurements"]["PCR8"] == pcr8


def test_a_traditional_private_key_signs_for_both(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    signer = make_signer(tmp_path, "P-384", PrivateFormat.TraditionalOpenSSL)
    build(cofferdam, parts, tmp_path / "ours.eif", signer=signer)
    assert_aws_accepts_signature(oracle, tmp_path / "ours.eif")


def test_a_signature_moved_to_another_image_is_refused_by_us_and_not_by_run_enclave(
    cofferdam: Command, oracle: AwsOracle, vectors: Path
) -> None:
    image = vectors / "eif/signed-wrong-pcr0.eif"
    theirs = oracle.describe(image)
    # What nitro-cli checks before it runs an image, and what only describe-eif checks.
    assert theirs["SignatureVerifies"] is True and theirs["PayloadIsPcr0"] is False
    cofferdam("eif", "verify", image).expect(1)


# --- Images that neither wrote --------------------------------------------------------------


def test_both_measure_every_good_image_alike(
    cofferdam: Command, oracle: AwsOracle, vectors: Path
) -> None:
    compared = 0
    for facts in sorted((vectors / "eif").glob("*.json")):
        image = facts.with_suffix(".eif")
        expected = json.loads(facts.read_text())
        if expected["expected"].startswith("reject"):
            continue
        ours = described(cofferdam, image)["Measurements"]
        theirs = oracle.describe(image)["Measurements"]
        assert ours == theirs, image.name
        assert ours == expected["measurements"], image.name
        compared += 1
    assert compared > 0


def test_what_the_crc_of_aws_refuses_we_refuse(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    build(cofferdam, parts, tmp_path / "good.eif")
    good = (tmp_path / "good.eif").read_bytes()
    for offset in (8, CRC_OFFSET, 560, len(good) // 2, len(good) - 1):
        bad = bytearray(good)
        bad[offset] ^= 0x40
        image = tmp_path / "bad.eif"
        image.write_bytes(bad)
        assert not oracle.describe(image)["CheckCRC"], offset
        cofferdam("eif", "verify", image).expect(1)


def header_offsets(image: bytes) -> list[int]:
    """Every byte of the file header that means something, and of each section's header."""
    sections = int.from_bytes(image[0x1A:0x1C], "big")
    tables = [
        base + 8 * i + byte for base in (0x1C, 0x11C) for i in range(sections) for byte in (0, 5, 7)
    ]
    starts = [int.from_bytes(image[0x1C + 8 * i :][:8], "big") for i in range(sections)]
    heads = [start + byte for start in starts for byte in (0, 1, 2, 3, 4, 9, 11)]
    return [*range(0x1C), *tables, 0x1C + 8 * sections, 0x11C + 8 * sections, 0x21C, *heads]


def with_crc(image: bytearray) -> bytes:
    crc = zlib.crc32(image[CRC_OFFSET + 4 :], zlib.crc32(image[:CRC_OFFSET]))
    return bytes(image[:CRC_OFFSET] + crc.to_bytes(4, "big") + image[CRC_OFFSET + 4 :])


def test_what_we_accept_with_a_changed_header_aws_measures_alike(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    """The CRC is right each time: only the meaning of the header decides."""
    build(cofferdam, parts, tmp_path / "good.eif")
    good = (tmp_path / "good.eif").read_bytes()
    assert with_crc(bytearray(good)) == good
    accepted, image = 0, tmp_path / "changed.eif"
    for offset in header_offsets(good):
        changed = bytearray(good)
        changed[offset] ^= 0x01
        image.write_bytes(with_crc(changed))
        if cofferdam("eif", "verify", image).exit_code == 0:
            theirs = oracle.describe(image)
            assert theirs["CheckCRC"], hex(offset)
            assert theirs["Measurements"] == described(cofferdam, image)["Measurements"], hex(
                offset
            )
            accepted += 1
    assert 0 < accepted < len(header_offsets(good)), "some bytes mean nothing, most do"


def test_signing_keeps_the_sections_of_the_image(
    cofferdam: Command, oracle: AwsOracle, parts: Parts, tmp_path: Path
) -> None:
    signer = make_signer(tmp_path, "P-384")
    oracle.build(parts, tmp_path / "plain.eif", METADATA)
    shutil.copy(tmp_path / "plain.eif", tmp_path / "signed.eif")
    words = ["--signing-cert", signer.certificate, "--signing-key", signer.key]
    cofferdam("eif", "sign", tmp_path / "signed.eif", *words).expect(0)
    plain = (tmp_path / "plain.eif").read_bytes()[HEADER_SIZE:]
    assert (tmp_path / "signed.eif").read_bytes()[HEADER_SIZE:].startswith(plain)
