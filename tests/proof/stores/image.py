# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Compile the program's files as the build does, by another compiler or for another processor, and link the cases."""
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
from collections import namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))

# All that has an order of stores to keep, and what of the program that calls.
PROGRAM = """
    entry/page entry/tickets game/link guard/entry_place guard/upgrade/probation conf/lead players/arrive
    players/choose players/players players/seats process/death_note process/heritage process/lease relay/dead_game
    relay/flow_io relay/output relay/relay relay/words vault/arrival vault/asked vault/chunk vault/facts
    vault/flow vault/handover vault/receipt vault/resume vault/slot vault/suspects vault/upgrading vault/vault
    vault/verify vault/view worker/inbox
""".split()
CASES = ("cases_vault", "cases_processes", "cases_arrival", "cases_table")
WORDS = ("whole", "watch", "before", "published", "stored", "watch_begin", "called", "kernel")  # watch.h

# prefix: of its binutils and of the gcc that links.
class Compiler(namedtuple("Compiler", "name processor command prefix")):
    def is_there(self):
        return all(map(shutil.which, (self.command[0], self.prefix + "gcc", self.prefix + "nm"))) and (
            not self.prefix or os.path.exists("/usr/aarch64-linux-gnu/include/stdio.h"))


COMPILERS = (
    Compiler("gcc", "x86-64", ("gcc",), ""),
    Compiler("clang", "x86-64", ("clang",), ""),
    Compiler("gcc", "aarch64", ("aarch64-linux-gnu-gcc",), "aarch64-linux-gnu-"),
    Compiler("clang", "aarch64", ("clang", "--target=aarch64-linux-gnu"), "aarch64-linux-gnu-"),
)


def run(command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\n{done.stdout}")
    return done.stdout


def flags_of(build):
    """With what the build compiles stayd, but for the level of optimisation."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    # The one that stayd itself has; others are tests'.
    entry = [it for it in commands if it["output"] == "libstayd-core.a.p/src_vault_flow.c.o"][0]
    flags = []
    words = iter(shlex.split(entry["command"]))
    for word in words:
        if word in ("-MQ", "-MF", "-o", "-c"):
            next(words)
        elif word.startswith("-I"):
            flags.append("-I" + os.path.join(build, word[2:]))
        elif word.startswith(("-f", "-D", "-std=", "-m")) and not word.startswith("-fdiagnostics"):
            flags.append(word)
    return flags


class Workshop:
    """Makes images in a folder, which is the caller's."""

    def __init__(self, build, folder):
        self.flags = flags_of(build)
        self.folder = folder
        self.jobs = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
        self.n = 0
        self.made = {}  # compiler, level, source: (object, what it was made of)
        self.headers = os.path.join(folder, "headers")
        os.mkdir(self.headers)
        self._borrow_headers()

    def _borrow_headers(self):
        """Of libraries that have no package for the other processor: their headers are this one's."""
        there = os.path.join("/usr/include", run(["gcc", "-print-multiarch"]).strip())
        for name in ("event2", "event.h", "evutil.h", "ini.h", "ares.h", "ares_build.h", "ares_rules.h",
                     "ares_version.h", "ares_dns.h", "ares_nameser.h", "ares_dns_record.h"):
            for folder in ("/usr/include", there):
                if os.path.exists(os.path.join(folder, name)):
                    os.symlink(os.path.join(folder, name), os.path.join(self.headers, name))
                    break
        for name, folders in (("openssl", ("/usr/include/openssl", there + "/openssl")),):
            for folder in folders:
                if os.path.isdir(folder):
                    shutil.copytree(folder, os.path.join(self.headers, name), dirs_exist_ok=True)

    def _compile(self, compiler, level, source, target, changed):
        """A file's object; one that was made before, if that was of nothing that has changed."""
        key = (compiler.name, compiler.processor, level, source)
        made, parts = self.made.get(key, (None, ""))
        if made and not any(f"{SOURCE}/{path}" in parts for path in changed):
            return made
        folder = os.path.dirname(target)
        first = [f"-I{folder}", f"-I{folder}/src"] if changed else []
        path = os.path.relpath(source, SOURCE)
        if source.endswith("/world.c"):  # it keeps the order in which it is written
            level, first = ("-O1",), [*first, "-ffreestanding", "-fno-builtin"]
        options = [*first, f"-I{HERE}", f"-I{SOURCE}", f"-I{SOURCE}/lib/preload", *self.flags, "-g0", *level, "-w"]
        if compiler.prefix:
            options.append(f"-I{self.headers}")
        run([*compiler.command, *options, "-MD", "-MF", target + ".d", "-c", "-o", target,
             f"{folder}/{path}" if path in changed else source])
        if not changed:
            with open(target + ".d", encoding="utf-8") as file:
                names = file.read().replace("\\\n", " ").split()[1:]
            self.made[key] = (target, "\n".join(os.path.abspath(name) for name in names) + "\n")
        return target

    def paths(self):
        """Of the program's files, from the source's folder."""
        headers = [f"src/vault/{name}" for name in sorted(os.listdir(f"{SOURCE}/src/vault")) if name.endswith(".h")]
        return [f"src/{name}.c" for name in PROGRAM] + ["src/entry/handshake.c", "lib/preload/table.c"] + headers

    def objects(self, compiler, level, changed=None):
        """All of them, compiled; of the files in `changed` (path: text), that text instead."""
        self.n += 1
        folder = os.path.join(self.folder, str(self.n))
        os.mkdir(folder)
        changed = changed or {}
        for path, text in changed.items():
            os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
            with open(f"{folder}/{path}", "w", encoding="utf-8") as file:
                file.write(text)
        sources = [f"{SOURCE}/src/{name}.c" for name in PROGRAM] + [f"{HERE}/{name}.c" for name in (*CASES, "world")]
        names = [f"{folder}/{os.path.relpath(source, SOURCE).replace('/', '_')}.o" for source in sources]
        return list(self.jobs.map(
            lambda source, name: self._compile(compiler, level, source, name, changed), sources, names))

    def link(self, compiler, objects):
        """The image's path. What none of the objects has is a call that does nothing."""
        folder = os.path.join(self.folder, str(self.n))
        known, wanted = set(), set(WORDS)
        for line in run([compiler.prefix + "nm", "-g", *objects]).splitlines():
            words = line.split()
            if len(words) == 2 and words[0] in "Uw":
                wanted.add(words[1])
            elif len(words) == 3:
                known.add(words[2])
        wanted |= {"__getauxval"} if compiler.prefix else set()
        known |= {"etext", "__executable_start"}  # the linker's
        body = "mov x0, #0\nret" if compiler.prefix else "xor %eax, %eax\nret"
        with open(f"{folder}/stubs.s", "w", encoding="utf-8") as file:
            for name in sorted(name for name in wanted - known if not name.startswith("__aarch64_")):
                label = "" if name in WORDS else f"stub.{name}:\n"
                file.write(f".globl {name}\n{label}{name}:\n{body}\n")
            file.write('.section .note.GNU-stack,"",%progbits\n')
        image = f"{folder}/image"
        run([compiler.prefix + "gcc", "-nostdlib", "-static", "-no-pie", "-Wl,-e,world_make", "-o", image, *objects,
             f"{folder}/stubs.s", "-lgcc"])
        return image
