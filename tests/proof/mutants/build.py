# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Link a build's tests once more, with mutated copies of some files in the place of theirs.

The build itself is left as it is: its commands are read from it, and repeated with other files' names.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess

import mutate
import tree

HERE = os.path.dirname(os.path.abspath(__file__))
SUITES = {"unit", "prop", "crash", "fuzz"}


def output_of(command, build):
    return subprocess.run(command, cwd=build, stdout=subprocess.PIPE, check=True, text=True).stdout


class Test:
    def __init__(self, name, suites, command, environment):
        self.name, self.suites, self.command, self.environment = name, suites, command, environment
        self.seconds = 0.0
        self.reached = b""


class Build:
    def __init__(self, build, source, files, jobs):
        self.build, self.source, self.jobs = build, source, jobs
        self.files = [os.path.join(source, file) for file in files]
        self.folder = os.path.join(build, "mutants")
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
            self.commands = json.load(file)
        self.mutants = []

    def real(self, path):
        return os.path.realpath(os.path.join(self.build, path))

    def parallel(self, work, things):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return list(pool.map(work, things))

    # ---- the copies ----

    def reader_of(self, path):
        """A command that compiles this file, or one that includes this header."""
        found = [it for it in self.commands if self.real(it["file"]) == path]
        if not found:
            stem = os.path.splitext(path)[0] + ".c"
            found = [it for it in self.commands if self.real(it["file"]) == stem]
        if not found:  # a header without a file of its own
            words = os.path.relpath(path, os.path.join(self.source, "src"))
            for it in self.commands:
                with open(self.real(it["file"]), encoding="utf-8") as file:
                    if "/src/" in self.real(it["file"]) and f'#include "{words}"' in file.read():
                        found.append(it)
                        break
        if not found:
            raise SystemExit(f"mutants: {path}: nothing compiles it")
        return found[0]

    def find_mutants(self):
        with concurrent.futures.ProcessPoolExecutor(self.jobs) as pool:
            commands = [self.reader_of(path) for path in self.files]
            parts = pool.map(find_in_file, [self.build] * len(commands), [it["command"] for it in commands],
                             [self.real(it["file"]) for it in commands], self.files, [self.source] * len(commands))
            self.mutants = [mutant for part in parts for mutant in part]
        for path in self.files:
            if not any(os.path.join(self.source, mutant.file) == path for mutant in self.mutants):
                raise SystemExit(f"mutants: {path}: none is found in it")
        mutate.name_all(self.mutants)
        for number, mutant in enumerate(self.mutants, 1):
            mutant.number = number

    def write_copies(self):
        for path in self.files:
            relative = os.path.relpath(path, self.source)
            text = tree.Text(path).bytes
            mutants = [mutant for mutant in self.mutants if mutant.file == relative]
            copy = os.path.join(self.folder, relative)
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            with open(copy, "wb") as file:
                file.write(('#include "stayd_mutant.h"\n#line 1\n' + mutate.render(text, mutants)).encode("latin-1"))

    # ---- the objects ----

    def includers(self, headers):
        """The objects whose files include one of the headers, by what ninja has noted."""
        wanted = {os.path.relpath(path, self.build) for path in headers}
        found, output = set(), None
        for line in output_of(["ninja", "-t", "deps"], self.build).splitlines():
            if not line.startswith(" "):
                output = line.split(":")[0]
            elif line.strip() in wanted:
                found.add(output)
        return found

    def objects(self, needed):
        """Of the objects that are needed: {as the build names it: its command}, for those to be compiled anew."""
        headers = [path for path in self.files if path.endswith(".h")]
        includers = self.includers(headers) if headers else set()
        found = {}
        for it in self.commands:
            path = self.real(it["file"])
            if it["output"] in needed and (path in self.files or it["output"] in includers):
                found[it["output"]] = it
        return found

    def compile(self, entry):
        words = shlex.split(entry["command"])
        path = self.real(entry["file"])
        output = os.path.join(self.folder, "objects", entry["output"])
        os.makedirs(os.path.dirname(output), exist_ok=True)
        if path in self.files:
            words[words.index(entry["file"])] = os.path.join(self.folder, os.path.relpath(path, self.source))
        words[words.index("-o") + 1] = output
        for flag in ("-MQ", "-MF"):
            if flag in words:
                del words[words.index(flag):words.index(flag) + 2]
        words = [word for word in words if word not in ("-MD", "-Werror")]
        at = next(i for i, word in enumerate(words) if word.startswith("-"))
        words[at:at] = ["-iquote", os.path.join(self.folder, "src"), "-iquote", os.path.join(self.source, "src"),
                        "-I", HERE, "-w"]
        subprocess.run(words, cwd=self.build, check=True)

    # ---- the programs ----

    def programs(self):
        """The tests' programs: {as the build names it: words of the command that links it}."""
        names = sorted({os.path.relpath(test.command[0], self.build) for test in self.tests})
        lines = output_of(["ninja", "-t", "commands", *names], self.build).splitlines()
        found = {}
        for line in lines:
            match = re.search(r" -o (\S+) ", line)
            if match and match[1] in names:
                found[match[1]] = shlex.split(line)
        return found

    def archives(self, objects, members):
        """Archives with an object in them that was compiled anew: {as the build names it: the new one}."""
        found = {}
        for name, contents in members.items():
            if not any(it in objects for it in contents):
                continue
            new = os.path.join(self.folder, "objects", name)
            os.makedirs(os.path.dirname(new), exist_ok=True)
            if os.path.exists(new):
                os.unlink(new)
            subprocess.run(["ar", "csrDT", new, *[self.newest(it, objects) for it in contents]],
                           cwd=self.build, check=True)
            found[name] = new
        return found

    def newest(self, name, objects):
        return os.path.join(self.folder, "objects", name) if name in objects else os.path.join(self.build, name)

    def read_tests(self):
        self.tests = []
        for it in json.loads(output_of(["meson", "introspect", "--tests", self.build], self.build)):
            suites = {suite.split(":")[-1] for suite in it["suite"]}
            if suites & SUITES and it["cmd"][0].startswith(self.build + "/"):
                self.tests.append(Test(it["name"], suites, it["cmd"], it["env"]))

    def make(self):
        """Everything; then self.tests are those that can come by a mutant."""
        os.makedirs(self.folder, exist_ok=True)
        self.find_mutants()
        self.write_copies()
        self.read_tests()
        programs = self.programs()
        members = {word: [] for words in programs.values() for word in words if word.endswith(".a")}
        for name in list(members):
            path = os.path.join(self.build, name)
            contents = output_of(["ar", "t", path], self.build).splitlines()
            members[name] = [os.path.relpath(self.member_path(it), self.build) for it in contents]
        needed = {it for contents in members.values() for it in contents}
        needed |= {word for words in programs.values() for word in words if word.endswith(".o")}
        objects = self.objects(needed)
        self.parallel(self.compile, objects.values())
        state = self.make_state()
        archives = self.archives(objects, members)
        made = {}

        def link(name):
            words = programs[name]
            if not any(word in archives or word in objects for word in words):
                return
            out = os.path.join(self.folder, "programs", name)
            os.makedirs(os.path.dirname(out), exist_ok=True)
            new = [archives.get(word, self.newest(word, objects) if word in objects else word) for word in words]
            new[new.index("-o") + 1] = out
            subprocess.run([*new, state], cwd=self.build, check=True)
            if "stayd_reached" in output_of(["nm", out], self.build):
                made[name] = out

        self.parallel(link, sorted(programs))
        for test in self.tests:
            test.command = [made.get(os.path.relpath(test.command[0], self.build)), *test.command[1:]]
        self.tests = [test for test in self.tests if test.command[0]]
        return len(objects), len(made)

    def make_state(self):
        """stayd_mutant.c in an archive: a program that comes by no mutant is linked without it."""
        state = os.path.join(self.folder, "stayd_mutant")
        subprocess.run(["cc", "-O2", "-c", "-o", state + ".o", os.path.join(HERE, "stayd_mutant.c")], check=True)
        subprocess.run(["ar", "crsD", state + ".a", state + ".o"], check=True)
        return state + ".a"

    def member_path(self, name):
        """A thin archive names its members from where ar runs, or from where it lies."""
        return name if os.path.isabs(name) else os.path.join(self.build, name)


def find_in_file(build, command, source_file, path, source):
    text = tree.Text(path)
    finder = mutate.Finder(os.path.relpath(path, source), text)
    for _, node in tree.functions(build, command, source_file, {path}):
        finder.take_function(node)
    return finder.mutants
