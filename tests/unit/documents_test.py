#!/usr/bin/python3
# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Documents are true: the files, functions and constants that they name in backticks exist, and so do the files that
they link to; each event that the manual promises is logged somewhere.

A file may be named from the root or from any folder below: `src/base/log.h`, `base/log.h`, `log.h`. What has an
underscore in it, or "()" behind it, is a function or a constant. A test's name may be cut. Each mistake is a line
"DOCUMENT:LINE: WHAT".

Expects STAYD_SOURCE, the source folder, in the environment.
"""
import fnmatch
import os
import re
import sys

ROOT = os.environ.get("STAYD_SOURCE", ".")
CODE = (".c", ".h", ".def", ".py", ".map", ".build")
FOLDERS = ("src", "lib", "include", "minimush", "tests", "bench", "tools", "doc")
# These tell of other programs' sources, too: only what can be nobody else's is looked for.
OF_OTHERS = ("doc/games/", "doc/retrofit.md")
OURS = re.compile(r"(lib|tests|tools|minimush|src/dropin|doc/examples)/|stay_|STAY_")
LINK = re.compile(r"\]\(([^():#]+)[^()]*\)")
SPAN = re.compile(r"`([^`]+)`")
FUNCTION_OF_FILE = re.compile(r"[\w/]+\.[ch]: \w+")
PATH = re.compile(r"(?:[\w*.-]+/)+[\w*.-]*|[\w*-]+(?:\.c|\.h|\.def|\.py|\.md)")
FUNCTION = re.compile(r"([a-z]\w*)\(\)|([A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)")
# In a test program's name the ending may be left out.
ENDINGS = ("", *CODE)
OF_SYSTEM = ("HOST_NAME_MAX",)


def tree():
    """All files, from the root."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith((".", "build", "__"))]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def prose(text):
    """(number, line) outside of blocks of code."""
    is_code = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, line


def names(line):
    """What stands in backticks; `FILE: FUNCTION` is two names."""
    for span in SPAN.findall(line):
        yield from span.split(": ") if FUNCTION_OF_FILE.fullmatch(span) else [span]


def ends(path):
    """Itself and what is left of it below each of its folders."""
    parts = path.split("/")
    return ("/".join(parts[i:]) for i in range(len(parts)))


class Tree:
    def __init__(self):
        self.files = sorted(tree())
        self.code = {path: read(path) for path in self.files if path.endswith(CODE) and path.startswith(FOLDERS)}
        self.paths = set()
        for path in self.files:
            while path:
                self.paths.update(ends(path))
                path = os.path.dirname(path)
        self.words = set(re.findall(r"\w+", "\n".join(self.code.values()))).union(
            os.path.basename(path).partition(".")[0] for path in self.files)
        self.tests = re.findall(r"^(?:def|static void) (\w+)\((?!void\))", "\n".join(
            text for path, text in self.code.items() if path.startswith("tests/")), re.MULTILINE)

    def has_path(self, path):
        path = path.rstrip("/")
        return any(path + ending in self.paths for ending in ENDINGS) if "*" not in path else \
            any(fnmatch.fnmatchcase(one, path) for one in self.paths)

    def has_name(self, name):
        return name in self.words or any(name in test for test in self.tests)


def check_names(it, document, line):
    for name in names(line):
        if (document.startswith(OF_OTHERS) and not OURS.match(name)) or name.startswith("build/"):
            continue
        function = FUNCTION.fullmatch(name)
        if PATH.fullmatch(name) and not it.has_path(name):
            yield f"there is no file {name}"
        elif function and not it.has_name(function[1] or function[2]) and name not in OF_SYSTEM:
            yield f"there is no function or constant {name}"


def check_document(it, document):
    for number, line in prose(read(document)):
        for what in check_names(it, document, line):
            yield f"{document}:{number}: {what}"
        for link in LINK.findall(line):
            if not os.path.exists(os.path.join(ROOT, os.path.dirname(document), link)):
                yield f"{document}:{number}: there is no file {link}"


def check_events(it):
    logged = set(re.findall(r"\bLOG_\w+", "\n".join(
        text for path, text in it.code.items() if path.startswith("src/"))))
    for name in re.findall(r"^X\((\w+)", it.code["src/base/events.def"], re.MULTILINE):
        if f"LOG_{name}" not in logged:
            yield f"src/base/events.def: nothing logs LOG_{name}"


def main():
    it = Tree()
    mistakes = list(check_events(it))
    for document in it.files:
        if document.endswith(".md") and document != "CHANGES.md":
            mistakes += check_document(it, document)
    for mistake in mistakes:
        print(mistake)
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
