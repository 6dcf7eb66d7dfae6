#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
What a crowd does to an innocent peer, and to traild's memory: prints numbers, asserts nothing.

traild runs as user PEER. The innocent is user 0: one connection, one event at a time, at fixed times,
latency from the time when each was due. Those who attack are user PEER, who may do all that user 0
may, or STRANGER, who may do nothing; so no two of them share a bound. Each attack is measured between
two quiet runs next to it, and its ratio is its p99 by the mean of theirs. Attackers run under
SCHED_IDLE: they get the processor when nobody else wants it, so that what is measured is what traild
does with their requests, not how the kernel divides two cores; what traild itself does for them is
paid at its usual priority. --plain leaves them at the usual priority.
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE))
from harness import Factory, private_kib, wait_fd  # noqa: E402
from run import print_machine  # noqa: E402

ROOT = HERE.parent.parent
PEER = 61001
STRANGER = 65534
IDLE = 10_000
CONFIG = {"map_size": "64G", "reserve": "256M", "seal_height": 4, "connections": 24_000}
STORE_EVENTS = 200_000

# Name, kind, connections of each process, processes, user; "innocent": the innocent's own epoch.
ATTACKS = [
    ("slow readers: ask, and read nothing", "deaf", 256, 1, PEER),
    ("slow readers: a byte each 100 ms", "sip", 256, 1, PEER),
    ("slow writers: a byte each 100 ms", "drip", 1000, 1, PEER),
    ("half frames of 512 KiB", "half", 256, 1, PEER),
    (f"{IDLE:,} idle connections", "idle", IDLE, 1, PEER),
    ("flood of bad events (INVALID)", "invalid", 16, 1, PEER),
    ("flood of refusals: no role (DENIED)", "denied", 1, 4, STRANGER),
    ("flood of refusals: another's epoch (DENIED)", "foreign", 16, 1, PEER),
    ("flood of valid appends", "append", 16, 1, PEER),
    ("flood of searches", "search", 16, 1, PEER),
    ("flood of verification reads", "spine", 16, 1, PEER),
    ("churn: connect and hang up", "churn", 1, 4, PEER),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


def more_descriptors():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def be_nice(value):
    """Where the kernel groups processes by session, a process's own value only counts in its group."""
    os.nice(value)
    group = pathlib.Path("/proc/self/autogroup")
    if group.exists():
        group.write_text(str(value), encoding="ascii")


class Crowd:
    """One daemon, and those who come to it."""

    def __init__(self, options, folder):
        self.options = options
        self.factory = Factory(options.build.resolve(), folder)
        folder.chmod(0o711)
        programs = self.factory.programs_for_all().parent
        self.load = options.build.resolve() / "tests" / "bench" / "load"
        self.attack = programs / "attack"
        shutil.copy(options.build.resolve() / "tests" / "bench" / "attack", self.attack)
        self.running = []
        state = folder / "of-peer"
        state.mkdir()
        os.chown(folder, PEER, PEER)
        os.chown(state, PEER, PEER)
        self.daemon = self.factory.start(state / "log", config=CONFIG, uid=PEER,
                                         origin="bench.example/crowd")
        os.chmod(self.daemon.address, 0o666)

    def innocent(self, count=None, rate=None):
        """What it measured: a dict with p50_us and p99_us."""
        done = subprocess.run(
            [str(self.load), "--connect", self.daemon.address, "--connections", "1", "--window",
             "1", "--batch", "1", "--events", str(count or self.options.acks),
             "--rate", str(rate or self.options.rate)],
            stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def begin(self, kind, connections, processes, uid):
        """Attackers, when all of their connections stand."""
        def become():
            more_descriptors()
            if not self.options.plain:
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)

        more = ["--source", "akten", "--epoch", "1"] if kind == "foreign" else []
        if kind == "foreign":
            self.own_epoch("akten")
        for _ in range(processes):
            process = subprocess.Popen(
                [str(self.attack), "--connect", self.daemon.address, "--kind", kind,
                 "--connections", str(connections), "--seconds", "600", *more],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=become)
            self.running.append(process)
            if not wait_fd(process.stdout.fileno(), 120):
                raise RuntimeError(f"{kind}: its connections do not stand after 120 s")

    def own_epoch(self, source):
        """Epoch 1 of `source` belongs to user 0, who may not be spoken for."""
        done = subprocess.run([str(self.factory.trail), "--connect",
                               f"unix:{self.daemon.address}", "emit", "read", "x", "--source",
                               source], stdout=subprocess.DEVNULL, check=False,
                              env=dict(os.environ, XDG_STATE_HOME=str(self.factory.folder / "c")))
        if done.returncode:
            raise RuntimeError("trail emit failed")

    def end(self):
        """Stop them; what they did, summed."""
        total = {"rounds": 0, "connects": 0, "bytes": 0}
        for process in self.running:
            process.terminate()
        for process in self.running:
            out, _ = process.communicate(timeout=120)
            done = json.loads(out.splitlines()[-1])
            total = {key: total[key] + done[key] for key in total}
        self.running = []
        return total

    def finish(self):
        for process in self.running:
            process.kill()
            process.wait()
        self.factory.finish()


def measure(crowd, attacks, table):
    """One repetition: quiet, attack, quiet, attack, ... quiet."""
    quiet = crowd.innocent()
    for name, *how in attacks:
        crowd.begin(*how)
        began = time.monotonic()
        hit = crowd.innocent()
        private = private_kib(crowd.daemon.pid) / 1024
        did = crowd.end()
        seconds = time.monotonic() - began
        again = crowd.innocent()
        p99 = (quiet["p99_us"] + again["p99_us"]) / 2
        row = {"quiet_p50": (quiet["p50_us"] + again["p50_us"]) / 2, "quiet_p99": p99,
               "p50": hit["p50_us"], "p99": hit["p99_us"], "ratio": hit["p99_us"] / p99,
               "private": private, "did": {k: v / seconds for k, v in did.items()}}
        table.setdefault(name, []).append(row)
        say(f"{name:46} ratio {row['ratio']:6.2f}   p99 {row['p99']:9.0f} us   {row['did']}")
        quiet = again


def measure_memory(crowd, table):
    """A thousand connections at work, and ten thousand that do nothing."""
    for name, words, idle in (("1,000 active connections", ["--connections", "1000"], 0),
                              (f"{IDLE:,} idle connections", None, IDLE)):
        peak = 0.0
        if idle:
            crowd.begin("idle", idle, 1, PEER)
            peak = private_kib(crowd.daemon.pid) / 1024
            crowd.end()
        else:
            busy = subprocess.Popen([str(crowd.load), "--connect", crowd.daemon.address, *words,
                                     "--window", "4", "--batch", "16", "--events", "500000"],
                                    stdout=subprocess.DEVNULL)
            while busy.poll() is None:
                peak = max(peak, private_kib(crowd.daemon.pid) / 1024)
                time.sleep(0.05)
        table.setdefault(name, []).append(peak)


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def print_tables(options, table, memory):
    print(f"\n{'medians of ' + str(options.repetitions) + ' paired runs':46}"
          f"{'quiet p50':>11}{'quiet p99':>11}{'p50':>11}{'p99, us':>11}"
          f"{'ratio':>8}{'least':>8}{'most':>8}{'MiB':>7}")
    for name, rows in table.items():
        ratios = [row["ratio"] for row in rows]
        print(f"{name:46}{median(rows, 'quiet_p50'):11,.0f}{median(rows, 'quiet_p99'):11,.0f}"
              f"{median(rows, 'p50'):11,.0f}{median(rows, 'p99'):11,.0f}"
              f"{statistics.median(ratios):8.2f}{min(ratios):8.2f}{max(ratios):8.2f}"
              f"{median(rows, 'private'):7.1f}")
    print("\nratio: p99 under attack by p99 of the quiet runs beside it; target <= 3")
    print("MiB: private memory of traild (smaps, Private_*, without the mapped store) under attack\n")
    for name, peaks in memory.items():
        print(f"private memory, {name:34}{statistics.median(peaks):8.1f} MiB   target <= 64")


def parse():
    parser = argparse.ArgumentParser(description="Measure what a crowd does to one innocent peer.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build",
                        help="folder on the file system to be measured")
    parser.add_argument("--acks", type=int, default=2000, help="of the innocent, in each run")
    parser.add_argument("--rate", type=float, default=100, help="its events per second")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="attackers at the usual priority")
    parser.add_argument("--nice", type=int, default=0, help="of traild and the innocent, negative: "
                        "for a machine on which others work, too")
    parser.add_argument("--only", help="attacks whose name contains this")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", type=pathlib.Path, help="write all single values there")
    return parser.parse_args()


def main():
    options = parse()
    if os.geteuid() != 0:
        sys.exit("crowd: attackers are other users, and only root can become them")
    more_descriptors()
    be_nice(options.nice)
    attacks = [a for a in ATTACKS if not options.only or options.only in a[0]]
    table, memory = {}, {}
    with tempfile.TemporaryDirectory(prefix="crowd-", dir=options.scratch) as folder:
        crowd = Crowd(options, pathlib.Path(folder))
        print_machine(pathlib.Path(folder))
        print(f"innocent     {options.rate:g} events/s, one at a time, {options.acks} acks a run; "
              f"store of {STORE_EVENTS:,} events at first")
        print(f"attackers    {'usual priority' if options.plain else 'SCHED_IDLE'}, user {PEER} "
              f"or {STRANGER}; traild is user {PEER}, the innocent user 0, both at nice "
              f"{options.nice}")
        try:
            subprocess.run([str(crowd.load), "--connect", crowd.daemon.address, "--events",
                            str(STORE_EVENTS)], stdout=subprocess.DEVNULL, check=True)
            for i in range(options.repetitions):
                say(f"repetition {i + 1} of {options.repetitions}")
                measure(crowd, attacks, table)
                if not options.no_memory:
                    measure_memory(crowd, memory)
        finally:
            crowd.finish()
    print_tables(options, table, memory)
    if options.json:
        options.json.write_text(json.dumps({"attacks": table, "memory": memory}, indent=1) + "\n",
                                encoding="utf-8")


if __name__ == "__main__":
    main()
