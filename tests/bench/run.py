#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
Measures traild on this machine, on the file system of the checkout, and prints medians and spread.

Nothing is asserted: these are numbers to look at. In each repetition the bare machine (`limit`: hash
and write the same bytes; `sync`: one fdatasync) and the daemon take turns, so that a ratio compares
neighbours in time; the table has the median over the repetitions and, behind it, the least and the
greatest. Every daemon starts on a new store unless it says otherwise.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE.parent / "integration"))
from harness import Factory  # noqa: E402

CONFIG = {"map_size": "64G", "reserve": "256M", "seal_height": 4}

# What is measured, in the order of the table: name, unit, decimals.
ROWS = [
    ("limit: hash and write the same bytes", "events/s", 0),
    ("limit --whole: records and salts too", "events/s", 0),
    ("one fdatasync of 4 KiB, p50", "us", 0),
    ("one fdatasync of 4 KiB, p99", "us", 0),
    ("1 pipelined connection", "events/s", 0),
    ("1 pipelined connection / limit", "", 2),
    ("4 pipelined connections", "events/s", 0),
    ("4 pipelined connections / limit", "", 2),
    ("16 pipelined connections", "events/s", 0),
    ("16 pipelined connections / limit", "", 2),
    ("16 pipelined connections, ack p50", "ms", 1),
    ("16 pipelined connections, ack p99", "ms", 1),
    ("16 pipelined connections, traild CPU per event", "us", 2),
    ("16 pipelined connections, generator CPU per event", "us", 2),
    ("16 connections at half of that rate, ack p50", "ms", 2),
    ("16 connections at half of that rate, ack p99", "ms", 2),
    ("16 connections with salts and proofs", "events/s", 0),
    ("one synchronous client, ack p50", "us", 0),
    ("one synchronous client, ack p99", "us", 0),
    ("one synchronous client, p50 / fdatasync p50", "", 2),
    ("disk per event, 16 pipelined connections", "bytes", 1),
    ("disk per event, one synchronous client", "bytes", 1),
    ("inclusion proof, server side, p50", "us", 1),
    ("inclusion proof, server side, p99", "us", 1),
    ("inclusion proof, round trip, p50", "us", 1),
    ("inclusion proof, round trip, p99", "us", 1),
    ("inclusion proof, size", "bytes", 0),
    ("search that finds nothing, scan", "records/s", 0),
    ("search that finds nothing, scan, per second of CPU", "records/s", 0),
    ("search, all rows to a client that verifies each", "rows/s", 0),
    ("trail verify, spine", "records/s", 0),
    ("trail verify, spine, per second of client CPU", "records/s", 0),
    ("trail verify --payloads", "events/s", 0),
    ("trail verify --payloads, per second of client CPU", "events/s", 0),
    ("traild check, all of it", "records/s", 0),
    ("traild check, per second of CPU", "records/s", 0),
    ("start after kill -9, exec to READY", "ms", 1),
    ("private memory, 16 connections", "MiB", 1),
    ("private memory, 1,000 connections, peak", "MiB", 1),
]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Bench:
    """The programs, the scratch folder, and what was measured so far."""

    def __init__(self, build, scratch, events):
        self.programs = build / "tests" / "bench"
        self.scratch = scratch
        self.events = events
        self.factory = Factory(build, scratch)
        self.values = {name: [] for name, _, _ in ROWS}

    def put(self, name, value):
        self.values[name].append(value)

    def call(self, program, *words):
        """Run one of the C programs; the JSON object that it prints."""
        done = subprocess.run([str(self.programs / program), *map(str, words)],
                              stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def load(self, daemon, events, *words):
        return self.call("load", "--connect", daemon.address, "--events", max(int(events), 1),
                         *words)

    def start(self, state_dir=None):
        return self.factory.start(state_dir, config=CONFIG, origin="bench.example/log")

    def drop(self, daemon):
        """Stop it and remove its store."""
        daemon.stop()
        daemon.finish()
        shutil.rmtree(daemon.state_dir)


def data_file(daemon):
    return daemon.state_dir / "log" / "data.mdb"


def private_kib(daemon):
    """Anonymous memory in use. (Pages of the mapped store are the kernel's cache, not its own.)"""
    for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise RuntimeError("no RssAnon in /proc/PID/status")


def cpu_seconds(daemon):
    """CPU time of traild and its signer."""
    ticks = 0
    for pid in (daemon.pid, daemon.signer_pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


# ---- the bare machine ---------------------------------------------------------------------------


def measure_limit(bench):
    path = bench.scratch / "flat"
    rate = bench.call("limit", "limit", "--file", path, "--events", bench.events)["rate"]
    bench.put("limit: hash and write the same bytes", rate)
    return rate


def measure_whole(bench):
    done = bench.call("limit", "limit", "--whole", "--file", bench.scratch / "flat",
                      "--events", bench.events)
    bench.put("limit --whole: records and salts too", done["rate"])


def measure_sync(bench, count):
    done = bench.call("limit", "sync", "--file", bench.scratch / "flat", "--events", count)
    bench.put("one fdatasync of 4 KiB, p50", done["p50_us"])
    bench.put("one fdatasync of 4 KiB, p99", done["p99_us"])
    return done["p50_us"]


# ---- rates and acks -----------------------------------------------------------------------------


def measure_pipelined(bench, connections, limit):
    """Leaves the daemon running."""
    name = f"{connections} pipelined connection" + ("s" if connections > 1 else "")
    daemon = bench.start()
    before, cpu = data_file(daemon).stat().st_size, cpu_seconds(daemon)
    done = bench.load(daemon, bench.events, "--connections", connections)
    bench.put(name, done["rate"])
    bench.put(f"{name} / limit", done["rate"] / limit)
    if connections == 16:
        grown = data_file(daemon).stat().st_size - before
        bench.put(f"{name}, ack p50", done["p50_us"] / 1000)
        bench.put(f"{name}, ack p99", done["p99_us"] / 1000)
        bench.put(f"{name}, traild CPU per event",
                  (cpu_seconds(daemon) - cpu) * 1e6 / done["events"])
        bench.put(f"{name}, generator CPU per event", done["cpu_us"])
        bench.put("disk per event, 16 pipelined connections", grown / done["events"])
        bench.put("private memory, 16 connections", private_kib(daemon) / 1024)
    return daemon, done["rate"]


def measure_half_rate(bench, daemon, rate):
    name = "16 connections at half of that rate, ack"
    done = bench.load(daemon, bench.events, "--rate", rate / 2, "--window", 64)
    bench.put(f"{name} p50", done["p50_us"] / 1000)
    bench.put(f"{name} p99", done["p99_us"] / 1000)


def measure_salts(bench, daemon):
    done = bench.load(daemon, bench.events / 2, "--want-salts", "--want-proof")
    bench.put("16 connections with salts and proofs", done["rate"])


def measure_synchronous(bench, count, fdatasync_us):
    daemon = bench.start()
    before = data_file(daemon).stat().st_size
    done = bench.load(daemon, count, "--sync")
    grown = data_file(daemon).stat().st_size - before
    bench.put("one synchronous client, ack p50", done["p50_us"])
    bench.put("one synchronous client, ack p99", done["p99_us"])
    bench.put("one synchronous client, p50 / fdatasync p50", done["p50_us"] / fdatasync_us)
    bench.put("disk per event, one synchronous client", grown / done["events"])
    bench.drop(daemon)


# ---- what a store of some size costs ------------------------------------------------------------


def measure_crowd(bench, daemon):
    """A thousand connections at work; memory is looked at ten times a second."""
    peak = [0]
    over = threading.Event()

    def look():
        while not over.wait(0.1):
            peak[0] = max(peak[0], private_kib(daemon))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        bench.load(daemon, bench.events / 2, "--connections", 1000, "--window", 4, "--batch", 16)
    finally:
        over.set()
        watcher.join()
    bench.put("private memory, 1,000 connections, peak", max(peak[0], private_kib(daemon)) / 1024)


def measure_proofs(bench, daemon):
    done = bench.call("proof", "--connect", daemon.address, "--count", 5000)
    bench.put("inclusion proof, round trip, p50", done["p50_us"])
    bench.put("inclusion proof, round trip, p99", done["p99_us"])


def cpu_of(pid):
    """Seconds of CPU that a process has used."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def trail(bench, daemon, *words):
    """(seconds, seconds of the client's CPU, stdout) of one command."""
    before, start = os.times(), time.monotonic()
    done = subprocess.run(
        [bench.factory.trail, "--connect", f"unix:{daemon.address}", "--timeout", "600", *words],
        stdout=subprocess.PIPE, text=True, check=False,
        # A new store is another log of the same name.
        env=dict(os.environ, XDG_STATE_HOME=str(bench.scratch / f"client{daemon.number}")))
    seconds, after = time.monotonic() - start, os.times()
    if done.returncode not in (0, 1):
        raise RuntimeError(f"trail {words} ended with {done.returncode}")
    cpu = (after.children_user + after.children_system
           - before.children_user - before.children_system)
    return seconds, cpu, done.stdout


def measure_questions(bench, daemon):
    """What reading costs, on the store that is there: by scan, there is no index."""
    used = cpu_of(daemon.pid)
    seconds, _, _ = trail(bench, daemon, "search", "actor:nobody")
    used = cpu_of(daemon.pid) - used
    records = json.loads(trail(bench, daemon, "verify", "-o", "json")[2])["size"]
    bench.put("search that finds nothing, scan", records / seconds)
    bench.put("search that finds nothing, scan, per second of CPU", records / used)
    seconds, _, rows = trail(bench, daemon, "search", "source:lifecare", "-o", "csv")
    bench.put("search, all rows to a client that verifies each", rows.count("\n") / seconds)
    for name, words in (("trail verify, spine", ()),
                        ("trail verify --payloads", ("--payloads",))):
        seconds, cpu, out = trail(bench, daemon, "verify", "-o", "json", *words)
        checked = json.loads(out)["checked"]
        bench.put(name, checked / seconds)
        bench.put(f"{name}, per second of client CPU", checked / cpu)


def measure_restart(bench, daemon):
    """Ready again after kill -9; the new daemon."""
    daemon.kill()
    start = time.monotonic()
    again = bench.start(daemon.state_dir)
    bench.put("start after kill -9, exec to READY", (time.monotonic() - start) * 1000)
    return again


def measure_check(bench, daemon):
    """On a stopped store: server-side proofs, and the whole check."""
    done = bench.call("proof", "--store", daemon.state_dir / "log", "--count", 20000)
    bench.put("inclusion proof, server side, p50", done["p50_us"])
    bench.put("inclusion proof, server side, p99", done["p99_us"])
    bench.put("inclusion proof, size", done["bytes_mean"])
    before, start = os.times(), time.monotonic()
    code, value, stderr = bench.factory.check(daemon.state_dir)
    seconds, after = time.monotonic() - start, os.times()
    if code != 0:
        raise RuntimeError(f"traild check ended with {code}: {value}\n{stderr}")
    cpu = (after.children_user + after.children_system
           - before.children_user - before.children_system)
    bench.put("traild check, all of it", value["checked"] / seconds)
    bench.put("traild check, per second of CPU", value["checked"] / cpu)


# ---- all ----------------------------------------------------------------------------------------


def repeat(bench, options):
    """One repetition: the bare machine and the daemon in turns."""
    # Enough for the first pages of a store not to count.
    syncs = 1000 if options.quick else 5000
    limit = measure_limit(bench)
    daemon, rate = measure_pipelined(bench, 16, limit)
    measure_half_rate(bench, daemon, rate)
    measure_salts(bench, daemon)
    measure_crowd(bench, daemon)
    bench.drop(daemon)

    measure_synchronous(bench, syncs, measure_sync(bench, syncs))
    for connections in (4, 1):
        limit = measure_limit(bench)
        daemon, _ = measure_pipelined(bench, connections, limit)
        if connections == 4:
            bench.drop(daemon)
    measure_whole(bench)

    missing = options.store_events - bench.events
    if missing > 0:
        bench.load(daemon, missing)
    daemon = measure_restart(bench, daemon)
    measure_proofs(bench, daemon)
    measure_questions(bench, daemon)
    daemon.stop()
    daemon.finish()
    measure_check(bench, daemon)
    shutil.rmtree(daemon.state_dir)


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"


def print_machine(scratch):
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = next((line.split(":", 1)[1].strip() for line in info
                      if line.startswith("model name")), "unknown")
    print(f"machine      {os.cpu_count()} x {model}, Linux {os.uname().release}, "
          f"load {os.getloadavg()[0]:.2f} before")
    print(f"file system  {first_line('stat', '-f', '-c', '%T', scratch)}: "
          f"{first_line('findmnt', '-no', 'SOURCE,FSTYPE,OPTIONS', '-T', scratch)}")


def print_table(bench):
    print(f"\n{'':50}{'median':>12}  {'least':>12}  {'greatest':>12}")
    for name, unit, digits in ROWS:
        values = bench.values[name]
        if values:
            cells = [f"{value:,.{digits}f}" for value in
                     (statistics.median(values), min(values), max(values))]
            print(f"{name:50}{cells[0]:>12}  {cells[1]:>12}  {cells[2]:>12}  {unit}")


def parse():
    parser = argparse.ArgumentParser(description="Measure traild on this machine.")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build",
                        help="folder on the file system to be measured")
    parser.add_argument("--events", type=int, default=1_000_000, help="of each pipelined run")
    parser.add_argument("--store-events", type=int, default=2_000_000,
                        help="in the store that is restarted, proven from and checked")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="2 repetitions of little: a try")
    parser.add_argument("--json", type=pathlib.Path, help="write all single values there")
    options = parser.parse_args()
    if options.quick:
        options.events, options.store_events, options.repetitions = 100_000, 200_000, 2
    return options


def main():
    options = parse()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as folder:
        bench = Bench(options.build.resolve(), pathlib.Path(folder), options.events)
        print_machine(bench.scratch)
        print(f"runs         {options.repetitions} repetitions, {options.events:,} events each; "
              f"restart, proofs and check on {options.store_events:,}")
        try:
            for i in range(options.repetitions):
                say(f"repetition {i + 1} of {options.repetitions}")
                repeat(bench, options)
        finally:
            for daemon in bench.factory.started:
                daemon.finish()
        print_table(bench)
        if options.json:
            options.json.write_text(json.dumps(bench.values, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
