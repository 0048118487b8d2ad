#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of operations in docs/local-aws.md is what the server dispatches.

Usage: cloud_operations_doc_test.py PATH-TO-COFFERDAM
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cloud_operation_test as operation  # pylint: disable=wrong-import-position

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Where the source lists what a service dispatches.
SOURCES = {"KMS": ("kms", "kms.cc"), "Secrets Manager": ("secretsmanager", "secrets_manager.cc"),
           "STS": ("sts", "sts.cc"), "IAM": ("iam", "iam.cc")}
UNKNOWN = ("UnknownOperationException", "InvalidAction")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def documented():
    """{service: {operation: whether it is here}}"""
    table = read("docs", "local-aws.md").split("## All operations")[1]
    rows = re.findall(r"^\| (\w+) \| ([\w ]+) \| (yes|no) \|", table, re.MULTILINE)
    out = {service: {} for service in SOURCES}
    for name, service, here in rows:
        assert name not in out[service], f"{service} {name} is in the table twice"
        out[service][name] = here == "yes"
    return out


def in_source(file):
    source = read("src", "cloud", file)
    names = re.findall(r"(?:Operation|Action)\{\s*\"(\w+)\"", source)
    constants = dict(re.findall(r"string_view (k\w+) = \"(\w+)\";", source))
    return set(names) | {constants[name]
                         for name in re.findall(r"Action\{(k\w+),", source)}


class TableTest(unittest.TestCase):
    def test_the_table_has_every_operation_of_the_source(self):
        for service, rows in documented().items():
            here = {name for name, there in rows.items() if there}
            self.assertGreaterEqual(len(here), 5, service)
            self.assertEqual(here, in_source(SOURCES[service][1]), service)


class DispatchTest(operation.OperationTest):
    """Every row, asked of the server."""

    def test_the_server_dispatches_what_the_table_says(self):
        for service, rows in documented().items():
            for name, here in rows.items():
                scope = SOURCES[service][0]
                call = self.json_call if scope in ("kms", "secretsmanager") else self.query
                text = (call(self.admin, scope, name, {}) if call == self.json_call
                        else call(self.admin, scope, name))[2]
                unknown = any(word in text for word in UNKNOWN)
                self.assertEqual(not unknown, here, f"{service} {name}: {text[:200]}")


def suite():
    loader = unittest.TestLoader()
    return unittest.TestSuite([
        loader.loadTestsFromTestCase(TableTest),
        DispatchTest("test_the_server_dispatches_what_the_table_says")])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    operation.COFFERDAM = sys.argv.pop()
    done = unittest.TextTestRunner(verbosity=2).run(suite())
    sys.exit(not done.wasSuccessful())
