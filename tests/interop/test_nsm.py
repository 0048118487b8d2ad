# SPDX-License-Identifier: Apache-2.0
"""The emulated module understands AWS's requests; AWS's code understands its answers."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

import nitro
from aws_oracle_client import AwsOracle
from certificates import load_pem
from enclave import Enclave
from local_aws import Cloud
from nsm_wire import NsmError

Message = dict[str, Any]
ZERO = bytes(48)


def describe(index: int) -> Message:
    return {"DescribePCR": {"index": index}}


def extend(index: int, data: bytes) -> Message:
    return {"ExtendPCR": {"index": index, "data": list(data)}}


def lock(index: int) -> Message:
    return {"LockPCR": {"index": index}}


def lock_below(end: int) -> Message:
    return {"LockPCRs": {"range": end}}


def attestation(**members: bytes) -> Message:
    names = ("user_data", "nonce", "public_key")
    return {"Attestation": {n: list(members[n]) if n in members else None for n in names}}


@pytest.fixture
def own_enclave(start_enclave: Callable[..., Enclave]) -> Enclave:
    """One whose registers a test may change."""
    return start_enclave({0: secrets.token_bytes(48)})


def test_every_operation_in_aws_encoding(oracle: AwsOracle, own_enclave: Enclave) -> None:
    requests = ["DescribeNSM", "GetRandom", describe(0), extend(16, b"a"), describe(16)]
    requests += [lock(16), describe(16), lock_below(20), describe(19)]
    answers = oracle.exchange(own_enclave.socket, requests)
    module, random, pcr0, extended, open16, locked, locked16, range_locked, locked19 = answers
    extension = list(hashlib.sha384(ZERO + b"a").digest())
    assert module["DescribeNSM"]["module_id"] == own_enclave.ready["moduleId"]
    assert module["DescribeNSM"]["locked_pcrs"] == list(range(16))
    assert (module["DescribeNSM"]["max_pcrs"], module["DescribeNSM"]["digest"]) == (32, "SHA384")
    assert len(random["GetRandom"]["random"]) == 256
    assert pcr0 == {"DescribePCR": {"lock": True, "data": list(own_enclave.pcrs[0])}}
    assert extended == {"ExtendPCR": {"data": extension}}
    assert open16 == {"DescribePCR": {"lock": False, "data": extension}}
    assert locked16 == {"DescribePCR": {"lock": True, "data": extension}}
    assert (locked, range_locked) == ("LockPCR", "LockPCRs")
    assert locked19 == {"DescribePCR": {"lock": True, "data": list(ZERO)}}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (describe(32), "InvalidIndex"),
        (extend(0, b"a"), "ReadOnlyIndex"),
        (lock(3), "ReadOnlyIndex"),
        (lock_below(33), "InvalidIndex"),
        (extend(16, bytes(4100)), "InputTooLarge"),
        (attestation(nonce=bytes(1025)), "InputTooLarge"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_every_error_has_the_code_of_aws(
    oracle: AwsOracle, enclave: Enclave, request_: Any, code: str
) -> None:
    assert oracle.exchange(enclave.socket, [request_]) == [{"Error": code}]


def test_the_module_refuses_what_it_does_not_know(enclave: Enclave) -> None:
    unknown: list[Any] = ["Describe", {"DescribePCR": {}}, {"DescribePCR": {"index": "0"}}, [1]]
    for request in [*unknown, None]:
        with enclave.module() as module, pytest.raises(NsmError, match="InvalidOperation"):
            module.call(request)


def test_aws_reads_an_issued_document(
    oracle: AwsOracle, enclave: Enclave, cloud: Cloud, tmp_path: Path
) -> None:
    nonce, key = secrets.token_bytes(1024), secrets.token_bytes(1024)
    (answer,) = oracle.exchange(enclave.socket, [attestation(nonce=nonce, public_key=key)])
    raw = bytes(answer["Attestation"]["document"])
    (tmp_path / "document").write_bytes(raw)
    theirs = oracle.read_document(tmp_path / "document").expect(0).json()
    root: x509.Certificate = load_pem(cloud.nsm_root)
    timestamp = nitro.verify(raw, root, nitro.now()).timestamp.timestamp()
    assert (bytes(theirs["nonce"]), bytes(theirs["public_key"])) == (nonce, key)
    assert theirs["user_data"] is None
    assert theirs["module_id"] == enclave.ready["moduleId"]
    assert bytes(theirs["pcrs"]["8"]) == enclave.pcrs[8]
    assert theirs["timestamp"] == round(timestamp * 1000)


def test_aws_reads_every_real_document_as_our_reader_does(
    oracle: AwsOracle, cofferdam: Callable[..., Any], vectors: Path
) -> None:
    checked = 0
    for path in sorted((vectors / "attestation").glob("*.bin"))[::4]:
        if json.loads(path.with_suffix(".json").read_text())["pcr_field"] != "pcrs":
            continue
        theirs = oracle.read_document(path).expect(0).json()
        ours = cofferdam("attest", "show", path).expect(0).json()
        pcrs = {f"PCR{index}": bytes(value).hex() for index, value in theirs["pcrs"].items()}
        assert (ours["moduleId"], ours["pcrs"]) == (theirs["module_id"], pcrs), path.name
        for name, member in (("userData", "user_data"), ("nonce", "nonce")):
            value = theirs[member]
            assert ours[name] == (None if value is None else bytes(value).hex()), path.name
        checked += 1
    assert checked > 0
