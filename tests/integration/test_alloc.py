# SPDX-License-Identifier: Apache-2.0
"""
No malloc per event or field: counted from outside by a preloaded shim (alloc_count.c).

How many requests share a commit is the machine's speed and load, so what a commit takes is counted
by the commit, of which LMDB keeps the number. What remains grows with the bytes alone: LMDB takes
memory for each row that is longer than a page.

The index is not counted: it follows in a thread of its own, by runs of thousands of records.
"""
import mmap
import re
import shutil
import struct
import subprocess

import pytest
import sanitizers
import wire
from wire import Client, pb

BATCH = 100
WARM_UP = 100_000
EVENTS = 100_000
LONG_ROWS = 400  # the chunks of payloads that EVENTS fill
PER_COMMIT = 3  # a transaction, its list of free pages, the row of leaves


class Pump:
    """Connections, each with requests of 100 events under way."""

    def __init__(self, address, connections, in_flight):
        self.in_flight = in_flight
        self.clients = [Client(address) for _ in range(connections)]
        self.seq = [1] * connections
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
            for k in range(len(self.clients)):
                while len(self.pending[k]) < self.in_flight:
                    self.send(k)
                answer = self.clients[k].wait(self.pending[k].pop(0))
                assert answer.WhichOneof("body") == "appended", answer
                left -= 1
                if not left:
                    return


def commits(state):
    done = subprocess.run(["mdb_stat", "-e", state / "log"], capture_output=True, text=True, check=True)
    return int(re.search(r"Last transaction ID: (\d+)", done.stdout)[1])


@pytest.mark.limit(300)
@pytest.mark.parametrize("connections, in_flight", [(16, 8), (1, 1)])
def test_allocations_do_not_grow_with_events(traild, shim, folder, measured, connections, in_flight):
    if sanitizers.of(traild.traild) or traild.wrapper:
        pytest.skip("sanitizers and wrappers have an allocator of their own")
    if not shutil.which("mdb_stat"):
        pytest.skip("no mdb_stat")
    path = folder / "count"
    path.write_bytes(b"\0" * mmap.PAGESIZE)
    run = traild.start(folder / "d", config={"index": "false"}, env={"LD_PRELOAD": str(shim), "ALLOC_COUNT_FILE": str(path),
                                          "ALLOC_COUNT_PROGRAM": "traild"})
    with open(path, "r+b") as f, mmap.mmap(f.fileno(), 8) as view:
        def count():
            return struct.unpack("=Q", view[:8])[0]
        assert count() > 0, "the shim does not count"
        pump = Pump(run.address, connections, in_flight)
        pump.run(WARM_UP)
        before, first = count(), commits(folder / "d")
        pump.run(EVENTS)
        made, committed = count() - before, commits(folder / "d") - first
    # The memory of an answer is given back when its client has nothing under way.
    answers = min(EVENTS // BATCH, connections * committed)
    bound = LONG_ROWS + PER_COMMIT * committed + answers
    measured(f"allocations for {EVENTS} events in batches of {BATCH}, {committed} commits",
             f"{made} (bound {bound})")
    for c in pump.clients:
        c.close()
    run.stop()
    assert made <= bound
