# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A case, run in an emulated processor (unicorn), and each store, barrier and call of it, in the program's order."""
import struct
from collections import namedtuple

import unicorn
from unicorn import arm64_const as arm
from unicorn import x86_const as x86

# kind: "store", "barrier", "call". what: the call's name. is_release: whoever sees this store sees all before it.
# where: the instruction's address.
Event = namedtuple("Event", "kind at size is_release where what", defaults=(0, 0, False, 0, ""))
Rule = namedtuple("Rule", "kind why first then times", defaults=(None, 1))

PAGE = 4096
STACK = 0x70000000
STACK_BYTES = 1 << 20
END = 0x60000000  # where a case returns to
LIMIT = 10_000_000  # instructions


class Image:
    """A program's memory (ELF, 64 bits, not relocatable), and its symbols."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        head = struct.unpack_from("<16sHHIQQQIHHHHHH", self.bytes)
        self.is_arm = head[2] == 183
        at, size, n = head[5], head[9], head[10]
        self.segments = []  # (address, bytes, bytes in memory)
        for i in range(n):
            kind, _, offset, address, _, in_file, in_memory, _ = struct.unpack_from(
                "<IIQQQQQQ", self.bytes, at + i * size)
            if kind == 1:
                self.segments.append((address, self.bytes[offset:offset + in_file], in_memory))
        self._read_symbols(head[6], head[11], head[12])

    def _read_symbols(self, at, size, n):
        self.symbols = {}
        self.functions = []
        sections = [struct.unpack_from("<IIQQQQIIQQ", self.bytes, at + i * size) for i in range(n)]
        for section in sections:
            if section[1] != 2:
                continue
            names = sections[section[6]][4]
            for offset in range(section[4], section[4] + section[5], 24):
                name, kind, _, _, value, _ = struct.unpack_from("<IBBHQQ", self.bytes, offset)
                end = self.bytes.index(b"\0", names + name)
                text = self.bytes[names + name:end].decode()
                self.symbols[text] = value
                if kind & 15 == 2:
                    self.functions.append(text)
        self.by_address = sorted((value, name) for name, value in self.symbols.items()
                                 if name and name[0] not in "$." and value)

    def name_place(self, address):
        """The function there, for people."""
        below = [(value, name) for value, name in self.by_address if value <= address]
        return f"{below[-1][1]}+{address - below[-1][0]:#x}" if below else f"{address:#x}"


def arm_store(word):
    """Of an instruction that no ordinary store is: (what, is_release, size), or None."""
    size = 1 << (word >> 30)
    if word & 0xfffff01f == 0xd503301f and word >> 5 & 7 in (4, 5):  # DSB, DMB
        # Of loads only (..LD) it holds no store.
        return ("barrier" if word >> 8 & 3 != 1 else None, False, 0)
    if word & 0x3fa00000 == 0x08000000:  # STXR, STLXR, STXP, STLXP
        return ("atomic", bool(word & 0x8000), size)
    if word & 0x3fa00000 == 0x08800000 and not word & 0x200000 and word & 0x8000 and not word & 0x400000:  # STLR
        return ("store", True, size)
    if word & 0x3fe00c00 == 0x19000000:  # STLUR
        return ("store", True, size)
    if word & 0x3fa07c00 == 0x08a07c00:  # CAS
        return ("atomic", bool(word & 0x8000), size)
    if word & 0x3f200c00 == 0x38200000:  # LDADD and others, SWP
        return ("atomic", bool(word & 0x400000), size)
    return None


def x86_atomic_size(code):
    """The size of what a locked instruction, or an exchange, stores; 0: it is neither."""
    is_locked = is_small = is_wide = False
    i = 0
    while i < len(code) and (code[i] in (0xf0, 0x66, 0xf2, 0xf3, 0x2e, 0x3e, 0x64, 0x65) or code[i] & 0xf0 == 0x40):
        is_locked |= code[i] == 0xf0
        is_small |= code[i] == 0x66
        is_wide |= code[i] & 0xf8 == 0x48
        i += 1
    opcode = code[i + 1] if code[i] == 0x0f else code[i]
    is_exchange = code[i] in (0x86, 0x87) and code[i + 1] < 0xc0  # with memory
    if not is_locked and not is_exchange:
        return 0
    if not opcode & 1 and opcode != 0xba:
        return 1
    return 8 if is_wide else 2 if is_small else 4


class Machine:
    """One run of one case."""

    def __init__(self, image, has_lse=False):
        self.image = image
        self.events = []
        self.watches = []  # (name, address, size)
        self.wholes = []
        self.rules = []
        self.is_counting = False
        self.is_kernel = False
        self.atomic = None  # (address of the instruction, is_release, size, memory before)
        if image.is_arm:
            self.cpu = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
            self.cpu.ctl_set_cpu_model(arm.UC_CPU_ARM64_MAX)
            self.arguments = [arm.UC_ARM64_REG_X0 + i for i in range(4)]
            self.result = arm.UC_ARM64_REG_X0
        else:
            self.cpu = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
            self.arguments = [x86.UC_X86_REG_RDI, x86.UC_X86_REG_RSI, x86.UC_X86_REG_RDX, x86.UC_X86_REG_RCX]
            self.result = x86.UC_X86_REG_RAX
        self._load(has_lse)
        self.handlers = {self.image.symbols[name]: handler for name, handler in (
            ("whole", self._on_whole), ("watch", self._on_watch), ("before", self._on_rule("before")),
            ("published", self._on_rule("published")), ("stored", self._on_stored), ("watch_begin", self._on_begin),
            ("called", self._on_called), ("kernel", self._on_kernel))}
        # With long file offsets a call's name ends in 64.
        self.stubs = {value: name[len("stub."):].removesuffix("64") for name, value in image.symbols.items()
                      if name.startswith("stub.")}
        self.cpu.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._on_write)
        self.cpu.hook_add(unicorn.UC_HOOK_CODE, self._on_code)

    def _load(self, has_lse):
        end = 0  # of what is mapped; segments rise, and may share a page
        for address, data, n in self.image.segments:
            begin = max(end, address // PAGE * PAGE)
            end = (address + n + PAGE - 1) // PAGE * PAGE
            self.cpu.mem_map(begin, end - begin)
            self.cpu.mem_write(address, data)
        self.cpu.mem_map(STACK, STACK_BYTES)
        self.cpu.mem_map(END, PAGE)
        if has_lse:
            self.cpu.mem_write(self.image.symbols["__aarch64_have_lse_atomics"], b"\1")

    # ---- What a case says ----

    def _argument(self, i):
        return self.cpu.reg_read(self.arguments[i])

    def _text(self, i):
        at = self._argument(i)
        return self.cpu.mem_read(at, 64).split(b"\0")[0].decode()

    def _on_whole(self):
        self.wholes.append((self._argument(0), self._argument(1)))

    def _on_watch(self):
        self.watches.append((self._text(0), self._argument(1), self._argument(2)))

    def _on_rule(self, kind):
        return lambda: self.rules.append(Rule(kind, self._text(0), self._text(1), self._text(2)))

    def _on_stored(self):
        self.rules.append(Rule("stored", self._text(0), self._text(1), None, self._argument(2)))

    def _on_begin(self):
        self.is_counting = True

    def _on_called(self):
        self._note(Event("call", what=self._text(0)))

    def _on_kernel(self):
        self.is_kernel = bool(self._argument(0))

    # ---- What it does ----

    def _note(self, event):
        if self.is_counting and not self.is_kernel:
            self.events.append(event)

    def _areas(self):
        return self.wholes + [(at, size) for _, at, size in self.watches]

    def _is_of_interest(self, at, size):
        return any(at < begin + n and begin < at + size for begin, n in self._areas())

    # An atomic instruction's store is found by what has changed: the emulator does not show all of them.
    def _end_atomic(self):
        where, is_release, size, before = self.atomic
        self.atomic = None
        for begin, data in before:
            now = self.cpu.mem_read(begin, len(data))
            changed = [i for i in range(len(data)) if data[i] != now[i]]
            if changed:
                at = (begin + changed[0]) // size * size
                self._note(Event("store", at, size, is_release, where))
                return

    def _begin_atomic(self, where, is_release, size):
        areas = [(begin, bytes(self.cpu.mem_read(begin, n))) for begin, n in self._areas()]
        self.atomic = (where, is_release, size, areas)

    def _on_code(self, cpu, address, size, _):
        if self.atomic:
            self._end_atomic()
        self.is_release = False
        if address in self.handlers:
            self.handlers[address]()
        elif address in self.stubs:
            self._note(Event("call", what=self.stubs[address]))
        elif self.is_counting:
            self._look_at(bytes(cpu.mem_read(address, size)), address)

    def _look_at(self, code, address):
        if not self.image.is_arm:
            size = x86_atomic_size(code)
            if size:
                self._begin_atomic(address, True, size)
            return
        found = arm_store(struct.unpack("<I", code)[0])
        if not found:
            return
        what, is_release, size = found
        self.is_release = is_release
        if what == "barrier":
            self._note(Event("barrier", where=address))
        elif what == "atomic":
            self._begin_atomic(address, is_release, size)

    def _on_write(self, cpu, _, at, size, *__):
        if self.atomic or not self._is_of_interest(at, size):
            return
        where = cpu.reg_read(arm.UC_ARM64_REG_PC if self.image.is_arm else x86.UC_X86_REG_RIP)
        # Of x86 each store is seen after all before it (Intel's manual, 3A, 9.2.2).
        self._note(Event("store", at, size, not self.image.is_arm or self.is_release, where))

    def call(self, name):
        """Run a function to its end."""
        top = STACK + STACK_BYTES - 4096
        if self.image.is_arm:
            self.cpu.reg_write(arm.UC_ARM64_REG_SP, top)
            self.cpu.reg_write(arm.UC_ARM64_REG_LR, END)
        else:
            self.cpu.mem_write(top - 8, struct.pack("<Q", END))
            self.cpu.reg_write(x86.UC_X86_REG_RSP, top - 8)
        self.cpu.emu_start(self.image.symbols[name], END, count=LIMIT)
        if self.atomic:
            self._end_atomic()
        end = self.cpu.reg_read(arm.UC_ARM64_REG_PC if self.image.is_arm else x86.UC_X86_REG_RIP)
        if end != END:
            raise RuntimeError(f"{name} does not end, at {self.image.name_place(end)}")
