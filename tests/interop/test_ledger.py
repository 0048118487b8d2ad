# SPDX-License-Identifier: Apache-2.0
"""`cofferdam audit` on ledgers that Python wrote from docs/ledger.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cose import Refused
from enclave import Enclave
from ledger_lines import Writer, canonical, verify
from local_aws import Cloud
from nitro import x509
from programs import Finished

Command = Callable[..., Finished]
AUTHOR = "Zoë \"the\" auditor\t/ \u0001\u007f €"


def decision(request_id: str, allowed: bool, **more: Any) -> dict[str, Any]:
    said = {"decision": "allow", "reason": "ok"} if allowed else {"decision": "deny"}
    return {"component": "agent", "requestId": request_id, "operation": "Decrypt", **said, **more}


@pytest.fixture(scope="module")
def writer(enclave: Enclave) -> Writer:
    out = Writer(enclave.attest)
    out.append("release", decision("req-1", True, secret="database-password"))
    out.append("release", decision("req-2", False, reason="pcr_mismatch", detail=AUTHOR))
    out.append("channel_request", decision("req-3", True, facts={"peer": "billing"}))
    out.append("closing", {"cause": "exited"})
    return out


@pytest.fixture
def root(cloud: Cloud) -> Path:
    return cloud.nsm_data / "root.pem"


def audit(cofferdam: Command, text: bytes, *words: str | Path) -> Finished:
    return cofferdam("audit", "verify", "-", *words, stdin=text)


def test_a_ledger_written_from_the_documentation_verifies(
    cofferdam: Command, writer: Writer, enclave: Enclave, root: Path
) -> None:
    pcr0 = f"0={enclave.pcrs[0].hex()}"
    said = audit(cofferdam, writer.text(), "--root", root, "--pcr", pcr0, "--json").expect(0).json()
    (ledger,) = said["ledgers"]
    assert ledger["ledger"] == writer.ledger.hex()
    assert (ledger["entries"], ledger["closed"], ledger["problems"]) == (5, True, [])
    assert ledger["moduleId"] == enclave.ready["moduleId"]
    assert canonical(ledger["head"]) == canonical(json.loads(writer.lines[-1])["head"])


def test_both_verifiers_refuse_the_same(cofferdam: Command, writer: Writer, root: Path) -> None:
    pinned = x509.load_pem_x509_certificate(root.read_bytes())
    verify(writer.text(), pinned)
    lines = writer.lines
    for changed in (
        [lines[0], lines[2]],
        [lines[0], lines[2], lines[1]],
        [lines[0], lines[1].replace(b'"allow"', b'"deny"')],
        [lines[0], lines[1].replace(b"req-1", b"req-4")],
        [lines[0], lines[1].replace(b'"kind":', b'"kind": ')],
        lines[1:],
    ):
        text = b"".join(line + b"\n" for line in changed)
        audit(cofferdam, text, "--root", root).expect(1)
        with pytest.raises(Refused):
            verify(text, pinned)


def test_the_timeline_and_the_exports_hold_what_was_written(
    cofferdam: Command, writer: Writer
) -> None:
    shown = cofferdam("audit", "export", "-", stdin=writer.text()).expect(0).stdout
    rows = [json.loads(line) for line in shown.splitlines()]
    assert [row["kind"] for row in rows] == [
        *("genesis", "release", "release", "channel_request", "closing")
    ]
    assert rows[2]["detail"] == AUTHOR
    assert rows[3]["facts"] == {"peer": "billing"}
    words = ["--format", "csv", "--decision", "deny"]
    table = cofferdam("audit", "export", "-", *words, stdin=writer.text()).expect(0).stdout
    (denied,) = csv.DictReader(io.StringIO(table.decode(), newline=""))
    assert (denied["requestId"], denied["detail"]) == ("req-2", AUTHOR)
