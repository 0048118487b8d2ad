# SPDX-License-Identifier: Apache-2.0
"""Decisions in Rego against the Open Policy Agent: its compliance suite, and `opa` itself."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Command

POLICIES = ROOT / "deploy/policies"
SUITE = "opa/swift-opa-rego-compliance-TestData.tar.xz"

# Cases that regorus 0.14.1 answers otherwise than OPA, by their notes (docs/rego.md, "Differences
# from OPA"). A case that it refuses is not among them: that denies.
KNOWN_DIFFERENCES = {
    "refheads/general, set leaf, deep query",
    "strings/count_odd_even_case",
    "virtualdocs/undefined: in array literal",
    "virtualdocs/undefined: in set literal",
    "virtualdocs/undefined: in set coprehension body",
    "virtualdocs/undefined: in array coprehension body",
    "jsonbuiltins/json is_valid not string",
    "inputvalues/loopback undefined",
    "withkeyword/builtin-value: arity-1, input must still be defined",
    "withkeyword/invalidate comprehension cache",
    "numbersrangestep/big int step",
}


@pytest.fixture(scope="session")
def opa() -> Path:
    path = ROOT / "build/interop-opa/opa"
    if not path.exists():
        pytest.skip("no opa: tools/interop builds it where there is go")
    return path


def suite_cases(vectors: Path) -> Iterator[dict[str, Any]]:
    with tarfile.open(vectors / SUITE) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json"):
                stream = archive.extractfile(member)
                assert stream is not None
                loaded = json.load(stream)
                yield from loaded["cases"] if isinstance(loaded, dict) else loaded


def canonical(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


class Case:
    """One case of the suite, as files for the program."""

    def __init__(self, folder: Path, case: dict[str, Any]) -> None:
        self.note: str = case["note"]
        self.wanted: list[Any] = case["want_result"]
        self.arguments = ["--query", case["query"]]
        for index, text in enumerate(case.get("modules") or ["package empty\n"]):
            path = folder / f"module{index}.rego"
            path.write_text(text)
            self.arguments += ["--policy", str(path)]
        for name in ("data", "input"):
            if case.get(name) is not None:
                (folder / name).write_text(json.dumps(case[name]))
                self.arguments += [f"--{name}", str(folder / name)]


def test_the_compliance_suite(cofferdam: Command, vectors: Path, tmp_path: Path) -> None:
    agreed, refused, differing = 0, 0, set()
    for number, case in enumerate(suite_cases(vectors)):
        if "want_result" not in case or "input_term" in case:
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = Case(folder, case)
        done = cofferdam("policy", "eval", "--result", *asked.arguments)
        if not done.stdout:
            refused += 1
            continue
        got = [row.get("bindings", {}) for row in done.json()["result"]]
        if canonical(got) == canonical(asked.wanted or []):
            agreed += 1
        else:
            differing.add(asked.note)
    print(f"{agreed} agree, {refused} are refused, {len(differing)} differ")
    assert agreed > 1200
    assert differing <= KNOWN_DIFFERENCES


def test_the_shipped_policies_pass_their_tests_in_both(cofferdam: Command, opa: Path) -> None:
    ours = cofferdam("policy", "test", POLICIES, "--json").expect(0).json()
    theirs = subprocess.run([opa, "test", "--format=json", POLICIES], capture_output=True, check=True)
    names = {f"{one['package']}.{one['name']}" for one in json.loads(theirs.stdout)}
    assert names == {one["name"] for one in ours["tests"]}


def release_inputs(chosen: random.Random) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    uids, hashes, paths = [0, 7, 1000, "7"], ["aa", "bb"], ["/app/a", "/app/b"]
    for _ in range(60):
        grants = [
            {
                name: chosen.choice(values)
                for name, values in (("uid", uids), ("sha384", hashes), ("executable", paths))
                if chosen.random() < 0.5
            }
            for _ in range(chosen.randrange(3))
        ]
        if grants and chosen.random() < 0.3:
            grants[0]["operations"] = ["Decrypt"]
        peer = {"uid": chosen.choice(uids), "sha384": chosen.choice(hashes), "executable": chosen.choice(paths)}
        if chosen.random() < 0.2:
            del peer[chosen.choice(list(peer))]
        request = {"secret": chosen.choice(["db", "other"]), "operation": chosen.choice(["Decrypt", "Sign"])}
        yield {"secrets": {"db": grants}}, {"request": request, "peer": peer}


def identity_inputs(chosen: random.Random) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    config = {"identity": {"pcr8": "AB", "roles": ["r1", "r2"], "sessionPrefix": "enclave-"}}
    parts = itertools.product(
        ["ab", "AB", "00", None], ["cd", "00", None], ["r1", "r3"], ["enclave-1", "x"], [0, 900, 3600, 3601, "900"]
    )
    for pcr8, pcr0, role, session, duration in chosen.sample(list(parts), 60):
        pcrs = {index: value for index, value in (("8", pcr8), ("0", pcr0)) if value is not None}
        request = {"role": role, "sessionName": session, "duration": duration, "audience": "a"}
        yield config, {"attestation": {"pcrs": pcrs}, "request": request}


@pytest.mark.parametrize(
    ("package", "make"), [("release", release_inputs), ("identity", identity_inputs)]
)
def test_both_decide_alike(package: str, make: Any, cofferdam: Command, opa: Path, tmp_path: Path) -> None:
    policy, rule = POLICIES / f"{package}.rego", f"data.cofferdam.{package}.allow"
    allowed = 0
    for config, asked in make(random.Random(package)):
        (tmp_path / "config.json").write_text(json.dumps(config))
        (tmp_path / "data.json").write_text(json.dumps({"config": config}))
        (tmp_path / "input.json").write_text(json.dumps(asked))
        ours = cofferdam(
            "policy", "eval", "--policy", policy, "--config", tmp_path / "config.json",
            "--input", tmp_path / "input.json", "--query", rule, "--json",
        ).json()
        theirs = subprocess.run(
            [opa, "eval", "-d", policy, "-d", tmp_path / "data.json", "-i", tmp_path / "input.json", "-f", "raw",
             f"[{rule}, [reason | some reason in data.cofferdam.{package}.reasons]]"],
            capture_output=True, check=True,
        )  # fmt: skip
        allow, reasons = json.loads(theirs.stdout)
        assert ours["allow"] == allow, asked
        if not allow:
            assert sorted(ours["reasons"]) == sorted(reasons), asked
        allowed += allow
    assert allowed > 0
