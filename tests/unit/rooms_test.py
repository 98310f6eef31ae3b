#!/usr/bin/python3
# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The rooms of src/ are a staircase: a file includes files of its own room and of rooms below it.

A module is a .c and a .h of one name. Modules that include each other in a circle cannot be read one after the
other: there are three of them at most.

Expects STAYD_SOURCE, the source folder, in the environment.
"""
import os
import re
import unittest
from pathlib import Path

SRC = Path(os.environ["STAYD_SOURCE"]) / "src"
# From the ground up (doc/architecture.md, Rooms).
ROOMS = ("base", "conf", "telnet", "record", "vault", "relay", "game", "process", "entry", "players", "ops",
         "worker", "guard", "stayctl", "dropin", "main")
LONGEST_CIRCLE = 3


def room_of(module):
    return module.split("/")[0]


def read_includes():
    """{module: modules that it includes}"""
    includes = {}
    for path in sorted(SRC.rglob("*.[ch]")):
        module = str(path.relative_to(SRC).with_suffix(""))
        named = re.findall(r'^#include "([^"]+)\.(?:h|def)"', path.read_text(), re.MULTILINE)
        # What has no folder is libstay's, of which the drop-in takes some.
        includes.setdefault(module, set()).update(name for name in named if "/" in name and name != module)
    return includes


def reach(includes, start):
    """All modules that are included from there, by any way."""
    seen, todo = set(), [start]
    while todo:
        for module in includes.get(todo.pop(), ()):
            if module not in seen:
                seen.add(module)
                todo.append(module)
    return seen


class Rooms(unittest.TestCase):
    def setUp(self):
        self.includes = read_includes()

    def test_no_file_includes_one_of_a_room_above(self):
        floor = {room: number for number, room in enumerate(ROOMS)}
        self.assertEqual({room_of(module) for module in self.includes}, set(ROOMS))
        self.assertEqual([f"{module} includes {other}" for module, others in self.includes.items() for other in others
                          if floor[room_of(other)] > floor[room_of(module)]], [])

    def test_no_circle_in_a_room_has_more_than_three_modules(self):
        reached = {module: reach(self.includes, module) for module in self.includes}
        circles = {module: sorted(other for other in reached[module] if module in reached.get(other, ()))
                   for module in self.includes}
        self.assertIn("players/games_part", circles["players/games"])  # circles are found at all
        self.assertEqual({module: circle for module, circle in circles.items() if len(circle) > LONGEST_CIRCLE}, {})


unittest.main()
