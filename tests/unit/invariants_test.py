#!/usr/bin/python3
# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The invariants of doc/invariants.md are those of the code.

Each row is a word of enum invariant, in this order; each is cited in src/ where it is kept, which is not where it is
checked (verify.c); and what src/ cites is a row."""

import os
import re
import unittest
from pathlib import Path

SOURCE = Path(os.environ["STAYD_SOURCE"])


def words(text):
    return set(re.findall(r"\bI\d+\b", text))


class Invariants(unittest.TestCase):
    def setUp(self):
        document = (SOURCE / "doc/invariants.md").read_text()
        self.rows = re.findall(r"^\* \*\*(I\d+)\*\*:", document, re.MULTILINE)
        self.enum = re.search(r"enum invariant \{(.*?)\}", (SOURCE / "src/vault/invariant.h").read_text(), re.DOTALL)

    def test_each_row_is_a_word_of_the_enum(self):
        self.assertEqual(re.findall(r"\w+", self.enum.group(1)), ["I_NONE", *self.rows, "I_END"])
        self.assertEqual(self.rows, [f"I{i}" for i in range(1, len(self.rows) + 1)])

    def test_each_row_is_cited_where_it_is_kept_and_nothing_else_is(self):
        cited = set()
        for path in (SOURCE / "src").rglob("*.[ch]"):
            if path.stem not in ("verify", "invariant"):
                cited |= words(path.read_text())
        self.assertEqual(cited, set(self.rows))


unittest.main()
