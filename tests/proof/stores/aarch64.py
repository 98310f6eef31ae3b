# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""A build for aarch64, and its tests, emulated: in a process (qemu-user), or in a machine where they need a kernel."""
import concurrent.futures
import glob
import json
import os
import shutil
import subprocess

from image import SOURCE, run

PACKAGES = ("libc6-dev libevent-dev libc-ares-dev libssl-dev libinih-dev libsqlite3-dev libcrypt-dev libcmocka-dev "
            "busybox-static")
PROGRAMS = {"qemu-aarch64-static": "qemu-user-static", "qemu-system-aarch64": "qemu-system-arm", "cpio": "cpio",
            "depmod": "kmod", "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu", "pkg-config": "pkg-config"}
KERNELS = {"bookworm": "6.1", "trixie": "6.12"}
SUITES = ("unit", "prop", "crash")
USER_SECONDS = 300
MACHINE_SECONDS = 1200  # a test's in the machine, which is slow

# What qemu-user does not have: CLONE_FILES without CLONE_VM, CLONE_PIDFD, ptrace(2), the kernel's own /proc, all
# of a message's flags. Whatever has to do with processes runs in the machine.
IN_MACHINE = ("guard", "guard_loop", "handover", "handover_again", "handover_refuse", "libstay_exec", "listener",
              "log", "preload", "proc", "program", "receipt_step", "reload", "sessions", "wallet",
              "wherever a worker dies, the vault is as before or as after",
              "a damaged word of the vault is refused or harmless")

# In the machine, for a line "number<tab>command": its status.
ONE = """#!/bin/sh
export STAYD_SOURCE={source}
busybox timeout {seconds} ${{1#*	}} >/tmp/said.$$ 2>&1 </dev/null
status=$?
echo "stores: test ${{1%%	*}} status $status"
[ $status = 0 ] || [ $status = 77 ] || busybox tail -n 20 /tmp/said.$$
"""


def missing():
    """What to install, "" if nothing."""
    packages = [package for program, package in PROGRAMS.items() if not shutil.which(program)]
    return " ".join(packages)


def suite_here():
    with open("/etc/os-release", encoding="utf-8") as file:
        return dict(line.rstrip().split("=", 1) for line in file if "=" in line).get("VERSION_CODENAME", "")


def make_root(folder, suite):
    """The libraries for aarch64, in a folder. Debian's own packages, without a word to this machine's dpkg."""
    root = os.path.join(folder, "root")
    if os.path.exists(os.path.join(root, "complete")):
        return root
    for name in ("lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(folder, "apt", name), exist_ok=True)
    source = f"[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {suite} main"
    for name, text in (("status", ""), ("sources.list", f"deb {source}\n")):
        with open(os.path.join(folder, "apt", name), "w", encoding="utf-8") as file:
            file.write(text)
    apt = ["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only"]
    for option in (f"Dir::Etc::sourcelist={folder}/apt/sources.list", "Dir::Etc::sourceparts=/dev/null",
                   f"Dir::State::lists={folder}/apt/lists", f"Dir::State::status={folder}/apt/status",
                   f"Dir::Cache={folder}/apt/cache", "APT::Architecture=arm64", "APT::Architectures=arm64",
                   "APT::Sandbox::User=root", "Debug::NoLocking=1"):
        apt += ["-o", option]
    run(apt + ["update"])
    run(apt + ["install"] + PACKAGES.split())
    for package in sorted(glob.glob(f"{folder}/apt/cache/archives/*.deb")):
        run(["dpkg-deb", "-x", package, root])
    if not os.path.lexists(os.path.join(root, "bin")):
        os.mkdir(os.path.join(root, "bin"))
    busybox = glob.glob(f"{root}/*bin/busybox") + glob.glob(f"{root}/usr/bin/busybox")
    if os.path.relpath(busybox[0], root) != "bin/busybox":
        shutil.copy(busybox[0], os.path.join(root, "bin/busybox"))
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    for loader in glob.glob(f"{root}/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1"):
        os.makedirs(f"{root}/lib", exist_ok=True)
        if not os.path.lexists(f"{root}/lib/ld-linux-aarch64.so.1"):
            os.symlink("/usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", f"{root}/lib/ld-linux-aarch64.so.1")
            os.symlink("/usr/lib/aarch64-linux-gnu", f"{root}/lib/aarch64-linux-gnu")
    with open(os.path.join(root, "complete"), "w", encoding="utf-8"):
        return root


def make_build(folder, root):
    built = os.path.join(folder, "built")
    with open(os.path.join(folder, "cross.ini"), "w", encoding="utf-8") as file:
        file.write(f"""[binaries]
c = ['aarch64-linux-gnu-gcc', '--sysroot={root}']
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
pkg-config = 'pkg-config'
exe_wrapper = ['qemu-aarch64-static', '-L', '{root}']

[properties]
sys_root = '{root}'
pkg_config_libdir = '{root}/usr/lib/aarch64-linux-gnu/pkgconfig'

[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
""")
    if not os.path.exists(os.path.join(built, "build.ninja")):
        run(["meson", "setup", built, SOURCE, "--cross-file", os.path.join(folder, "cross.ini")])
    run(["ninja", "-C", built, "--quiet"])
    return built


def list_tests(built):
    """[(name, command, is it run in the machine)] of the programs; for scripts the processor is the same."""
    tests = []
    for test in json.loads(subprocess.check_output(["meson", "introspect", "--tests", built])):
        suites = {suite.split(":")[-1] for suite in test["suite"]}
        if suites & set(SUITES) and test["cmd"][0].startswith(built + os.sep):
            tests.append((test["name"], test["cmd"], "crash" in suites or test["name"] in IN_MACHINE))
    return tests


def try_in_process(root, name, command, say):
    try:
        done = subprocess.run(["qemu-aarch64-static", "-L", root, *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=USER_SECONDS, check=False,
                              env={**os.environ, "STAYD_SOURCE": SOURCE})
        status, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        status, said = "time", error.stdout or b""
    if status not in (0, 77):
        say(f"aarch64: {name}: {status}\n" + "\n".join(said.decode(errors="replace").splitlines()[-20:]))
    return status


def try_in_machine(folder, root, suite, tests, say):
    """{number of the test: status}"""
    each = "busybox tr '\\n' '\\0' <list | busybox xargs -0 -n 1 -P 2 ./one\n"
    for name, text in (
            ("all", f"#!/bin/sh\nexport PATH=/bin:/usr/bin\ncd {folder}\n{each}"),
            ("one", ONE.format(source=SOURCE, seconds=MACHINE_SECONDS)),
            ("list", "".join(f"{i}\t{' '.join(command)}\n" for i, (_, command, _) in enumerate(tests)))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(os.path.join(folder, "one"), 0o755)
    where = {"STAYD_ARM64_ROOT": root, "STAYD_KERNELS": os.path.join(folder, "kernels")}
    done = subprocess.run([f"{SOURCE}/tools/on-kernel", suite, KERNELS[suite], f"/bin/sh {folder}/all"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, env={**os.environ, **where})
    statuses = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if line.startswith("stores: test ") and len(words) == 5:
            statuses[int(words[2])] = int(words[4])
    if any(statuses.get(i) not in (0, 77) for i in range(len(tests))):
        say("aarch64, in a machine:\n" + done.stdout)
    return statuses


def count(statuses, say, tests):
    skipped = [name for (name, _, _), status in zip(tests, statuses) if status == 77]
    if skipped:
        say(f"aarch64: skipped: {', '.join(skipped)}")
    return len(tests) - len(skipped), sum(status not in (0, 77) for status in statuses)


def try_all(folder, say, row):
    suite = suite_here()
    what = missing()
    if what or suite not in KERNELS or os.geteuid() != 0:
        say("the tests for aarch64 are not tried: " + (f"apt-get install {what}" if what else
                                                      "they need root, and Debian 12 or 13"))
        return
    os.makedirs(folder, exist_ok=True)
    root = make_root(folder, suite)
    tests = list_tests(make_build(folder, root))
    machine = [test for test in tests if test[2]]
    process = [test for test in tests if not test[2]]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as jobs:
        statuses = list(jobs.map(lambda test: try_in_process(root, test[0], test[1], say), process))
    row("tests for aarch64, emulated processes", *count(statuses, say, process))
    found = try_in_machine(folder, root, suite, machine, say)
    row("tests for aarch64, an emulated machine", *count([found.get(i) for i in range(len(machine))], say, machine))
