#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each test that docs/threat-model.md names for an attack exists under that name."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = "## Attacks and the tests named after them"
DEFINED = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)
NAMED = re.compile(r"`(\w+)\.(\w+)`")


def defined_tests() -> set[tuple[str, str]]:
    sources = [*ROOT.glob("src/**/*_test.cc"), *ROOT.glob("tests/*_test.cc")]
    return {name for path in sources for name in DEFINED.findall(path.read_text())}


def rows_of_the_table() -> list[list[str]]:
    text = (ROOT / "docs/threat-model.md").read_text()
    section = text.split(TABLE)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def main() -> int:
    existing = defined_tests()
    rows = rows_of_the_table()
    problems = [] if len(rows) >= 16 else [f"the table has only {len(rows)} attacks"]
    for row in rows:
        names = NAMED.findall(row[-1])
        if not names:
            problems.append(f"{row[0]}: names no test")
        problems += [f"{row[0]}: no test {'.'.join(n)}" for n in names if n not in existing]
    for problem in problems:
        print(f"docs/threat-model.md: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
