# SPDX-License-Identifier: Apache-2.0
"""No malloc per event or field: counted from outside by a preloaded shim (alloc_count.c)."""
import mmap
import pathlib
import shutil
import struct
import subprocess

import pytest
import sanitizers
import wire
from wire import Client, pb

CONNECTIONS = 16
IN_FLIGHT = 8
BATCH = 100
WARM_UP = 100_000
EVENTS = 100_000
BOUND = 1_100


@pytest.fixture
def shim(folder):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    target = folder / "alloc_count.so"
    source = pathlib.Path(__file__).with_name("alloc_count.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", target, source],
                   check=True)
    return target


class Pump:
    """16 connections, each with eight requests of 100 events under way."""

    def __init__(self, address):
        self.clients = [Client(address) for _ in range(CONNECTIONS)]
        self.seq = [1] * CONNECTIONS
        self.pending = [[] for _ in self.clients]
        self.batch = [wire.event(i, subject="p-000042", verb="open", purpose="arende:2026-00001")
                      for i in range(BATCH)]

    def send(self, k):
        self.pending[k].append(self.clients[k].send(append=pb.Append(
            source=f"source-{k}", epoch=1, first_seq=self.seq[k], events=self.batch)))
        self.seq[k] += BATCH

    def run(self, events):
        """Until `events` more are acked; as many are under way before and after."""
        left = events // BATCH
        while left:
            for k in range(CONNECTIONS):
                while len(self.pending[k]) < IN_FLIGHT:
                    self.send(k)
                answer = self.clients[k].wait(self.pending[k].pop(0))
                assert answer.WhichOneof("body") == "appended", answer
                left -= 1
                if not left:
                    return


@pytest.mark.limit(300)
def test_allocations_do_not_grow_with_events(traild, shim, folder, measured):
    if sanitizers.of(traild.traild) or traild.wrapper:
        pytest.skip("sanitizers and wrappers have an allocator of their own")
    path = folder / "count"
    path.write_bytes(b"\0" * mmap.PAGESIZE)
    run = traild.start(env={"LD_PRELOAD": str(shim), "ALLOC_COUNT_FILE": str(path),
                            "ALLOC_COUNT_PROGRAM": "traild"})
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 8) as view:
        def count():
            return struct.unpack("=Q", view[:8])[0]
        assert count() > 0, "the shim does not count"
        pump = Pump(run.address)
        pump.run(WARM_UP)
        before = count()
        pump.run(EVENTS)
        made = count() - before
    measured(f"allocations for {EVENTS} events in batches of {BATCH}", f"{made} (bound {BOUND})")
    for c in pump.clients:
        c.close()
    run.stop()
    assert made <= BOUND
