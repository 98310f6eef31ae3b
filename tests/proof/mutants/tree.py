# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The syntax tree of a C file, as clang prints it, with each node's place in the text.

clang's JSON names a file only where it differs from the one named last, so the whole tree is walked in its order.
"""
import json
import os
import shlex
import subprocess

# ccache gives the compiler a text that is preprocessed, in which other places count.
WITHOUT_CCACHE = {**os.environ, "CCACHE_DISABLE": "1"}
CLANGS = ("clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14")


def clang():
    for name in CLANGS:
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in os.environ["PATH"].split(":")):
            return name
    raise SystemExit("mutants: clang is missing: apt-get install clang")


def flags_of(command):
    """Of a compiler's command, what says how the text is read."""
    words = shlex.split(command)
    return [word for word in words if word.startswith(("-I", "-D", "-U", "-std="))]


def note_files(root):
    """Give each location in the tree the file that it is in."""
    file = None
    stack = [root]
    while stack:
        it = stack.pop()
        if isinstance(it, list):
            stack.extend(reversed(it))
            continue
        if "offset" in it and "tokLen" in it:
            file = it.get("file", file)
            it["file"] = file
            continue
        stack.extend(reversed([value for value in it.values() if isinstance(value, (dict, list))]))


def functions(build, command, source, wanted):
    """The functions that are defined in the files `wanted` (real paths), as clang's nodes, in the order of the text."""
    done = subprocess.run([clang(), *flags_of(command), "-w", "-fsyntax-only", "-Xclang", "-ast-dump=json", source],
                          cwd=build, env=WITHOUT_CCACHE, stdout=subprocess.PIPE, check=True)
    root = json.loads(done.stdout)
    note_files(root)
    found = []
    for node in root["inner"]:
        place = node.get("loc", {})
        if node["kind"] != "FunctionDecl" or "file" not in place or not place["file"]:
            continue
        path = os.path.realpath(os.path.join(build, place["file"]))
        has_body = any(child.get("kind") == "CompoundStmt" for child in node.get("inner", ()))
        if path in wanted and has_body:
            found.append((path, node))
    return found


class Text:
    """A file's text, and where nodes are in it. Offsets are of bytes; comments may hold others than ASCII."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read().decode("latin-1")

    def closing(self, at):
        """Behind the parenthesis that closes the one at `at`."""
        depth = 0
        for i in range(at, len(self.bytes)):
            depth += {"(": 1, ")": -1}.get(self.bytes[i], 0)
            if depth == 0:
                return i + 1
        raise ValueError("no closing parenthesis")

    def end_of(self, location):
        if "expansionLoc" not in location:
            return location["offset"] + location["tokLen"]
        at = location["expansionLoc"]["offset"] + location["expansionLoc"]["tokLen"]
        return self.closing(at) if self.bytes[at:at + 1] == "(" else at

    def range(self, node):
        """(begin, end, name of the macro that it is all of, or None); None: it has no place of its own in the text."""
        begin, end = node["range"]["begin"], node["range"]["end"]
        if not begin or not end:
            return None
        if "expansionLoc" not in begin:
            return begin["offset"], self.end_of(end), None
        outer = begin["expansionLoc"]
        macro = self.bytes[outer["offset"]:outer["offset"] + outer["tokLen"]]
        if "expansionLoc" not in end:
            return outer["offset"], self.end_of(end), None
        if end["expansionLoc"]["offset"] != outer["offset"]:
            return outer["offset"], self.end_of(end), None
        if begin.get("isMacroArgExpansion") or end.get("isMacroArgExpansion"):
            return None
        return outer["offset"], self.end_of(end), macro

    def statement_end(self, at):
        """Behind the semicolon of the expression statement that begins at `at`."""
        depth, quote, i = 0, None, at
        while i < len(self.bytes):
            char = self.bytes[i]
            if quote:
                i += char == "\\"
                quote = None if char == quote else quote
            elif char in "\"'":
                quote = char
            elif self.bytes.startswith("//", i):
                i = self.bytes.index("\n", i)
            elif char in "({[":
                depth += 1
            elif char in ")}]":
                depth -= 1
            elif char == ";" and depth == 0:
                return i + 1
            i += 1
        raise ValueError("no end of the statement")
