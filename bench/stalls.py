# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""The longest stall that a player sees while something is done to stayd: bench/run BUILD stalls

A case is a generator with two yields: it prepares, operates after the first yield, and says after
the second one what must have become of it. Meanwhile players say lines (watch.c); the longest wait
for an echo, from before the operation to REST_S after it, is the stall.

Errors: a lost player, a wrong byte, or an operation that did not do its work ends the run.
"""
import os
import re
import shutil
import signal
import ssl
import statistics
import sys
import tempfile
import time

import harness

REST_S = 1.5       # watched after an operation has returned, or been begun by a kill
N_SAMPLE = 200     # players who say a line every GAP_US
GAP_US = 50000


def import_support(build):
    """The end-to-end tests' ways to run stayd and to see its processes."""
    os.environ["STAYD_BUILD"] = build
    sys.path.insert(0, os.path.join(os.path.dirname(harness.HERE), "tests", "e2e"))
    global daemon, processes, systemd, run_stayctl
    from support import daemon, processes, systemd
    from support.control import run_stayctl


def check(is_so, what):
    if not is_so:
        sys.exit(f"bench: {what}")


def start_in_foreground(site):
    """As a plain process, by no service manager."""
    return daemon.Stayd(
        site.folder, program=site.program, wrapper=harness.pinned(harness.RELAY_CPU, []),
        listeners={"tls": {"address": f"127.0.0.1:{site.port}", "certificate": site.certificate}},
        games={"echo": {"connect": f"unix:{site.folder}/game.sock"}},
        options={"host-names": "off", "max-players": site.n_players + 50, "log-level": "info",
                 "watch-certificates": "no"}).await_ready()


def start_as_unit(site):
    """By a real systemd (tests/e2e/support/systemd.py), which is on the other CPU."""
    for path, mode in ((site.folder, 0o755), (f"{site.folder}/game.sock", 0o777)):
        os.chmod(path, mode)
    booted = systemd.Systemd(f"{site.folder}/systemd")
    unit = systemd.Unit(
        booted, program=site.program,
        listeners={"tls": {"address": f"127.0.0.1:{site.port}", "certificate": site.certificate}},
        games={"echo": {"connect": f"unix:{site.folder}/game.sock"}},
        options={"host-names": "off", "max-players": site.n_players + 50, "log-level": "info",
                 "watch-certificates": "no"}, more=f"CPUAffinity={harness.RELAY_CPU}\n")
    unit.end = booted.end
    return unit.start()


class Site:
    """A running stayd, its game and players. `start`: how stayd is started; what it returns has the
    members that are used here of support.daemon.Stayd."""

    def __init__(self, folder, game, n_players, start=start_in_foreground):
        self.folder = folder
        self.game = game
        self.game_pauses_ms = []
        self.n_players = n_players
        self.port = daemon.free_port()
        self.program = f"{folder}/stayd"
        self.certificate = f"{folder}/site.pem"
        self.put_program("this")
        self.put_certificate("cert")
        self.stayd = start(self)
        try:
            self.load = harness.Load(folder, self.port, n_players)
        except SystemExit:
            self.stayd.end()
            raise

    def put(self, source, path):
        """As an installation does: another file at the same path."""
        shutil.copy(source, path + ".new")
        os.rename(path + ".new", path)

    def put_program(self, name):
        self.program_name = name
        self.put(os.path.join(daemon.BUILD, f"stayd-{name}"), self.program)

    def put_certificate(self, name):
        self.certificate_name = name
        self.put(f"{self.folder}/{name}.pem", self.certificate)

    def shown_certificate(self):
        return ssl.get_server_certificate(("127.0.0.1", self.port))

    def stayctl(self, verb):
        return run_stayctl(self.stayd, verb)

    def measure(self, case, rest_s):
        """(longest, that of the middle player), ms."""
        steps = case(self)
        next(steps)
        self.load.ask(f"watch {N_SAMPLE} {GAP_US}", "watching")
        next(steps)
        time.sleep(rest_s)
        _, longest_us, middle_us = self.load.ask("enough", "watched")
        next(steps, None)
        self.load.ask(f"lines {self.n_players}", "lines")  # all are still there
        return longest_us / 1000, middle_us / 1000

    def end(self):
        self.load.end()
        self.stayd.end()


def nothing(_site):
    yield
    yield


def kill(*roles):
    def case(site):
        before = site.stayd.family.await_whole()
        yield
        for role in roles:
            os.kill(before[role], signal.SIGKILL)
        yield
        after = site.stayd.family.await_whole()
        check(all(after[role] != before[role] for role in roles), f"{roles} were not killed")
    return case


def upgrade(site):
    site.put_program("this" if site.program_name == "next" else "next")
    yield
    done = site.stayctl("upgrade")
    yield
    check(done.stdout.startswith("upgraded from "), done)


def failing_upgrade(name, why):
    """The old program goes on."""
    def case(site):
        running = site.program_name
        site.put_program(name)
        yield
        done = site.stayctl("upgrade")
        yield
        check(why in done.stderr and " goes on" in done.stderr, done)
        site.put_program(running)
    return case


THREE_DEATHS = "its worker or entry died 3 times"


def reload(site):
    yield
    done = site.stayctl("reload")
    yield
    check(done.returncode == 0, done)


def renew_certificate(site):
    before = site.shown_certificate()
    site.put_certificate("cert" if site.certificate_name == "renewed" else "renewed")
    yield
    done = site.stayctl("reload")
    yield
    check(done.returncode == 0 and site.shown_certificate() != before, done)


def add_listener(site):
    with open(site.stayd.conf, encoding="utf-8") as file:
        text = file.read()
    port = daemon.free_port()
    with open(site.stayd.conf, "a", encoding="utf-8") as file:
        file.write(f"[listen more]\naddress = 127.0.0.1:{port}\ntls = no\n")
    yield
    done = site.stayctl("reload")
    yield
    check(done.returncode == 0, done)
    with open(site.stayd.conf, "w", encoding="utf-8") as file:
        file.write(text)
    check(site.stayctl("reload").returncode == 0, "the listener is not taken away")


def reboot_game(site):
    yield
    site.game.send_signal(signal.SIGHUP)
    yield
    said = re.fullmatch(r"rebooted (\d+)\n", site.game.stdout.readline())
    check(said, "the game has not rebooted")
    site.game_pauses_ms.append(int(said[1]) / 1000)


def restart(site):
    before = site.stayd.family.await_whole()
    yield
    site.stayd.restart()
    yield
    after = site.stayd.family.await_whole()
    check(all(after[role] != pid for role, pid in before.items()), "it was not restarted")


CASES = {
    "nothing": nothing,
    "worker killed": kill("worker"),
    "guard killed": kill("guard"),
    "spare killed": kill("spare"),
    "guard and spare killed": kill("guard", "spare"),
    "worker and guard killed": kill("worker", "guard"),
    "entry killed": kill("entry"),
    "`stayctl upgrade`": upgrade,
    "`stayctl upgrade` to a program that ends on its trial": failing_upgrade("exits", "on trial it ended"),
    "`stayctl upgrade` to a program whose worker crashes": failing_upgrade("crashes", THREE_DEATHS),
    "`stayctl upgrade` to a program whose entry cannot start": failing_upgrade("entryless", THREE_DEATHS),
    "`stayctl reload`, nothing has changed": reload,
    "`stayctl reload`, the certificate was renewed": renew_certificate,
    "`stayctl reload`, a listener was added": add_listener,
    "the game reboots by exec": reboot_game,
}


# With systemd.
UNIT_CASES = {
    "`systemctl restart`": restart,
    "guard, spare and worker killed, with systemd": kill("guard", "spare", "worker"),
}


def measure_cases(site, cases, n_rounds, rest_s):
    results = {name: [] for name in cases}
    try:
        for number in range(n_rounds):
            for name, case in cases.items():
                results[name].append(site.measure(case, rest_s))
            print(f"{site.n_players} players, round {number + 1} of {n_rounds}", file=sys.stderr)
    finally:
        site.end()
    return results


def measure(n_players, n_rounds, rest_s):
    """{case: [(longest, the middle player's), one a round]}, and the game's pauses; ms."""
    with tempfile.TemporaryDirectory(prefix="stayd-bench-") as folder:
        game = harness.prepare(folder)
        harness.make_certificate(folder, "renewed")
        site = Site(folder, game, n_players)
        results = measure_cases(site, CASES, n_rounds, rest_s)
        why_not = systemd.why_not()
        if why_not:
            print(f"bench: without systemd: {why_not}", file=sys.stderr)
        else:
            unit = Site(folder, game, n_players, start_as_unit)
            results |= measure_cases(unit, UNIT_CASES, n_rounds, rest_s)
        harness.end_all()
        return results, site.game_pauses_ms


def print_table(all_results):
    """A row a case, three columns a number of players."""
    columns = [head for n in all_results
               for head in (f"{n:,} players", "worst", "middle player")]
    print("| ms | " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * len(columns))
    for name in next(iter(all_results.values()))[0]:
        cells = []
        for results, _ in all_results.values():
            longest, middle = zip(*results[name])
            cells += [f"{figure:.1f}" for figure in
                      (statistics.median(longest), max(longest), statistics.median(middle))]
        print(f"| {name} | " + " | ".join(cells) + " |")


def run(args):
    import_support(args.build)
    processes.become_subreaper()
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, {int(harness.LOAD_CPU)})
    if args.check:
        results, _ = measure(100, 1, 0.2)
        print(f"{len(results)} cases, and nobody was dropped")
        return
    all_results = {n: measure(n, args.times, REST_S) for n in args.players}
    print_table(all_results)
    for n, (_, pauses_ms) in all_results.items():
        print(f"\n{n:,} players: the game's own pause in its reboot, median "
              f"{statistics.median(pauses_ms):.1f}, longest {max(pauses_ms):.1f} ms")
