#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
What seals and witnesses cost: prints numbers, asserts nothing. Rates come from pairs of runs next to
each other in time, one with and one without.

    genesis      exec to READY of a new log, by the height of its seal tree
    signing      the signer's share of the time of a run that writes as fast as it can
    sealing      rate with an epoch of a second by rate with one of an hour
    witnessed    acks that wait for 2 of 3 witnesses, one event at a time, beside acks that do not: they
                 wait for the next checkpoint that witnesses are shown, witness_interval (2 s) apart
    bundles      bytes of `trail prove`, sealed and cosigned; time to make one, and to verify it
"""
import argparse
import json
import math
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "integration"))
import conftest  # noqa: E402  (makes the protobuf modules, too)
from run import CONFIG, Bench, print_machine, trail  # noqa: E402
from witness import Witness  # noqa: E402
import wire  # noqa: E402
from wire import pb  # noqa: E402

ROOT = HERE.parent.parent
ORIGIN = "bench.example/log"


def percentiles(values):
    """p50 and p99, the latter by nearest rank."""
    values = sorted(values)
    return statistics.median(values), values[math.ceil(len(values) * 0.99) - 1]


def row(name, text):
    print(f"  {name:<58}{text}", flush=True)


def start(bench, **config):
    return bench.factory.start(None, config=dict(CONFIG, **config), origin=ORIGIN)


def genesis(bench, height, times):
    took = []
    for _ in range(times):
        begun = time.monotonic()
        daemon = start(bench, seal_height=height)
        took.append(time.monotonic() - begun)
        bench.drop(daemon)
    row(f"genesis, height {height}", f"{statistics.median(took):.2f} s  ({2 ** height:,} seal keys)")


def status_of(bench, daemon):
    return json.loads(trail(bench, daemon, "status", "-o", "json")[2])


def ingest(bench, epoch):
    """(events/s, share of the signer in the time of the run) at 16 pipelined connections."""
    daemon = start(bench, seal_epoch=epoch, seal_height=12)
    begun = time.monotonic()
    done = bench.load(daemon, bench.events, "--connections", 16)
    seconds = time.monotonic() - begun
    times = status_of(bench, daemon)["sign_times"]
    bench.drop(daemon)
    return done["rate"], times["sum_seconds"] / seconds


def sealing(bench, pairs):
    ratios, shares = [], []
    for _ in range(pairs):
        plain, share = ingest(bench, 3600)
        sealed, _ = ingest(bench, 1)
        ratios.append(sealed / plain)
        shares.append(share)
        row("  a pair: events/s with an epoch of 1 s, of 1 h", f"{sealed:,.0f}  {plain:,.0f}")
    row("signing, share of the time of full ingest", f"{statistics.median(shares):.1%}")
    row("sealing each second, rate by that of each hour", f"{statistics.median(ratios):.3f}")


def policy_of(bench, count):
    """Witnesses that run, and the policy that wants all but one of them."""
    watchers = []
    for i in range(count):
        folder = bench.scratch / f"witness{i}"
        folder.mkdir()
        watchers.append(Witness(bench.factory.traild.parent, folder, [bench.scratch / "log.vkey"],
                                name=f"witness{i}.example/w"))
    lines = [f"witness w{i} {w.vkey} {w.urls[0]}" for i, w in enumerate(watchers)]
    members = " ".join(f"w{i}" for i in range(count))
    path = bench.scratch / "policy"
    path.write_text("\n".join(lines) + f"\ngroup g {count - 1} {members}\nquorum g\n")
    return watchers, path


def witnessed(bench, count):
    """A log is born before its key is known: its witnesses learn of it when it starts again."""
    daemon = start(bench, seal_epoch=2, seal_height=10)
    identity = bench.scratch / "log.identity"
    identity.write_text(trail(bench, daemon, "key")[2])
    (bench.scratch / "log.vkey").write_text(identity.read_text().splitlines()[1] + "\n")
    state = daemon.state_dir
    daemon.stop()
    daemon.finish()
    watchers, policy = policy_of(bench, 3)
    try:
        daemon = bench.factory.start(state, config=dict(CONFIG, policy=str(policy), seal_epoch=2),
                                     origin=ORIGIN)
        durable, waited = [], []
        with wire.Client(daemon.address) as client:
            for i in range(count):
                for ack, times in ((pb.DURABLE, durable), (pb.WITNESSED, waited)):
                    begun = time.monotonic()
                    client.append("bench", 0, 0, [wire.event(i)], ack=ack, wait_ms=60000)
                    times.append((time.monotonic() - begun) * 1000)
        for name, times in (("durable", durable), ("witnessed by 2 of 3", waited)):
            p50, p99 = percentiles(times)
            row(f"one event at a time, {name}, ack p50 / p99", f"{p50:.1f} / {p99:.1f} ms")
        bundles(bench, daemon, identity)
    finally:
        daemon.finish()
        for watcher in watchers:
            watcher.finish()
    shutil.rmtree(state)


def verify(bench, identity, path):
    """The exit code: 6 as long as no SEAL is behind the record."""
    done = subprocess.run([bench.factory.trail, "--log", identity, "verify", path],
                          stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 6):
        raise RuntimeError(f"trail verify ended with {done.returncode}")
    return done.returncode


def bundles(bench, daemon, identity):
    path = bench.scratch / "one.tlog-proof"
    index = json.loads(trail(bench, daemon, "emit", "read", "/journal/4711", "-o", "json")[2])["index"]
    row("bundle right away", f"{len(trail(bench, daemon, 'prove', str(index))[2].encode())} bytes")
    for _ in range(100):
        text = trail(bench, daemon, "prove", str(index))[2]
        path.write_text(text)
        lines = sum(line.startswith("\u2014") for line in text.splitlines())
        if lines > 1 and verify(bench, identity, path) == 0:
            break
        time.sleep(0.2)
    else:
        raise RuntimeError("no sealed and cosigned checkpoint covers the record")
    size = status_of(bench, daemon)["size"]
    row(f"bundle sealed and cosigned ({lines - 1} lines), log of {size:,} records",
        f"{len(text.encode())} bytes")
    took = []
    for _ in range(100):
        took.append(trail(bench, daemon, "prove", str(index))[0] * 1000)
    p50, p99 = percentiles(took)
    row("trail prove, exec to end, p50 / p99", f"{p50:.1f} / {p99:.1f} ms")
    took = []
    for _ in range(100):
        begun = time.monotonic()
        verify(bench, identity, path)
        took.append((time.monotonic() - begun) * 1000)
    p50, p99 = percentiles(took)
    row("trail verify of that bundle, exec to end, p50 / p99", f"{p50:.1f} / {p99:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--acks", type=int, default=100)
    parser.add_argument("--height", type=int, default=16)
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    build = conftest.build_folder()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="trust-", dir=ROOT / "build"))
    try:
        bench = Bench(build, scratch, options.events)
        print_machine(scratch)
        for height in (4, options.height):
            genesis(bench, height, options.starts)
        if options.pairs:
            sealing(bench, options.pairs)
        witnessed(bench, options.acks)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
