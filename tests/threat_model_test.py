#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each row of the tables of docs/threat-model.md names tests, and each of them exists.

A name is `Suite.Test`, `Suite`, a path of this repository, or the end of one: `.Test` and `Test`
belong to the suite named before them, and `Begin…` is the beginning of a name.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = ("## What each may try, and what stops it", "## Attacks and the tests named after them")
DEFINED = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")
FEWEST_ROWS = 16


def defined_tests() -> set[tuple[str, str]]:
    sources = [*ROOT.glob("src/**/*_test.cc"), *ROOT.glob("tests/*_test.cc")]
    return {name for path in sources for name in DEFINED.findall(path.read_text())}


def rows_of(table: str) -> list[list[str]]:
    text = (ROOT / "docs/threat-model.md").read_text()
    section = text.split(table)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def unknown_names(cell: str, existing: set[tuple[str, str]]) -> list[str]:
    suites = {suite for suite, _ in existing}
    suite = ""
    out = []
    for name in QUOTED.findall(cell):
        if "/" in name:
            known = (ROOT / name).exists()
        elif name in suites:
            suite, known = name, True
        else:
            before, _, test = name.rpartition(".")
            suite = before or suite
            begin = test.removesuffix("…")
            known = any(
                suite == one and (test == other or (test != begin and other.startswith(begin)))
                for one, other in existing
            )
        if not known:
            out.append(name)
    return out


def problems_of(row: list[str], existing: set[tuple[str, str]]) -> list[str]:
    if not QUOTED.search(row[-1]):
        return [f"{row[0]}: names no test"]
    return [f"{row[0]}: no test {name}" for name in unknown_names(row[-1], existing)]


def main() -> int:
    existing = defined_tests()
    problems = []
    for table in TABLES:
        rows = rows_of(table)
        if len(rows) < FEWEST_ROWS:
            problems.append(f"{table}: only {len(rows)} rows")
        for row in rows:
            problems += problems_of(row, existing)
    for problem in problems:
        print(f"docs/threat-model.md: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
