# SPDX-License-Identifier: Apache-2.0
"""
The kill loop (G1): four connections with eight requests in flight each; daemon or signer are killed
at random moments; nothing that was acknowledged is lost, doubled or moved, and the store is valid.

    TRAIL_KILLS   how many kills (20)
"""
import os
import random
import subprocess
import time

import pytest
import wire
from harness import SEED, SLOW, StartFailed, kill_amid
from wire import Client, pb

KILLS = int(os.environ.get("TRAIL_KILLS", "20"))
CLIENTS = 4
IN_FLIGHT = 8


class Writer:
    """
    One source with one epoch and IN_FLIGHT requests under way. Each ack is written to a file before
    anything else is done; behind a kill it goes on from its own first number without an ack, so
    what was stored but not acknowledged is sent twice.
    """

    def __init__(self, number, folder, seed):
        self.source = f"writer-{number}"
        self.epoch = 1000 + number
        self.rng = random.Random(seed)
        self.acks = os.open(folder / f"acks-{number}",
                            os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        self.read_to = 0
        self.next_seq = 1      # of what was not acknowledged
        self.events = {}       # first seq -> events: made once, so a retry has the same content
        self.client = None
        self.in_flight = 0     # when the round ended: sent and never answered
        self.duplicates = 0
        self.fault = None

    def batch(self, first):
        if first not in self.events:
            count = self.rng.choice((1, 3, 10, 50))
            self.events[first] = [wire.event(first + i, actor=self.source) for i in range(count)]
        return self.events[first]

    def send(self, first):
        events = self.batch(first)
        number = self.client.send(append=pb.Append(
            source=self.source, epoch=self.epoch, first_seq=first, events=events, want_salts=True))
        return number, first, events

    def keep(self, answer, first, events):
        """The ack as lines seq, index, commitment: on file before the next request is sent."""
        at, lines = 0, []
        for run in answer.runs:
            assert run.first_seq == first + at
            salts = wire.split(run.salts, 16)
            self.duplicates += run.duplicate * run.count
            for i in range(run.count):
                commitment = wire.commitment(salts[i], events[at + i])
                lines.append(f"{first + at + i} {run.first_index + i} {commitment.hex()}\n")
            at += run.count
        assert at == len(events)
        os.write(self.acks, "".join(lines).encode())

    def round(self, address, acked):
        """Until the connection ends. `acked` is called after each ack."""
        pending = []
        self.in_flight = 0
        try:
            self.client = Client(address, claims=[(self.source, self.epoch)])
            at = self.next_seq
            while True:
                while len(pending) < IN_FLIGHT:
                    pending.append(self.send(at))
                    at += len(pending[-1][2])
                number, first, events = pending[0]
                answer = self.client.wait(number)
                assert answer.WhichOneof("body") == "appended", answer
                self.keep(answer.appended, first, events)
                pending.pop(0)
                self.events.pop(first)
                self.next_seq = first + len(events)
                acked()
        except (wire.Closed, BrokenPipeError, ConnectionError):
            self.drain(pending)
        except BaseException as fault:  # told by the main thread
            self.fault = fault
        finally:
            self.in_flight = len(pending)
            if self.client:
                self.client.close()

    def drain(self, pending):
        """A send failed, or the end came: answers may still lie in the socket."""
        try:
            while pending:
                number, first, events = pending[0]
                answer = self.client.wait(number)
                self.keep(answer.appended, first, events)
                pending.pop(0)
                self.events.pop(first)
                self.next_seq = first + len(events)
        except (wire.Closed, ConnectionError):
            pass

    def new_acks(self):
        """What came to the file since the last call: (seq, index, commitment)."""
        size = os.fstat(self.acks).st_size
        text = os.pread(self.acks, size - self.read_to, self.read_to).decode()
        self.read_to = size
        return [(int(s), int(i), bytes.fromhex(c)) for s, i, c in
                (line.split() for line in text.splitlines())]


class Ledger:
    """The spine as read so far; only what is new is read, chained to what was."""

    def __init__(self):
        self.size = 0
        self.last_leaf = b"\0" * 32
        self.at = {}     # (source name, epoch, seq) -> (index, commitment)
        self.names = {}

    def follow(self, address):
        with Client(address) as c:
            records, note = c.records(self.size)
            # The chain shows that all before self.size is what it was.
            self.last_leaf = wire.chain_fits(records, self.last_leaf)
            for index, raw in enumerate(records, self.size):
                record = wire.record_parse(raw)
                if record.kind == wire.SOURCE:
                    self.names[index] = pb.Source.FromString(c.get(index).payload).name
                if record.kind != wire.EVENT or record.source == 0:
                    continue
                key = (self.names[record.source], record.epoch, record.seq)
                assert key not in self.at, f"{key} is stored twice"
                self.at[key] = (index, record.commitment)
            self.size += len(records)
            assert wire.checkpoint_parse(note).size == self.size


@pytest.mark.limit(120 + KILLS * 8)
def test_g1_nothing_acked_is_lost_or_doubled_by_kills(traild, folder, measured):
    rng = random.Random(SEED)
    measured("seed", SEED)
    writers = [Writer(i, folder, SEED * 100 + i) for i in range(CLIENTS)]
    ledger = Ledger()
    # A third of the kills, shuffled, so that the share does not depend on luck.
    targets = [i % 3 == 0 for i in range(KILLS)]
    rng.shuffle(targets)
    under_way, acks, state = 0, 0, None
    for hit_signer in targets:
        run = traild.start(state)
        state = run.state_dir
        ledger.follow(run.address)
        kill_amid(run, writers, run.kill_signer if hit_signer else run.kill, rng, 59)
        in_flight = sum(w.in_flight for w in writers)
        under_way += in_flight > 0
        traild.assert_valid(state)
        run = traild.start(state)
        ledger.follow(run.address)
        for w in writers:
            for seq, index, commitment in w.new_acks():
                acks += 1
                assert ledger.at.get((w.source, w.epoch, seq)) == (index, commitment), \
                    f"{w.source} {seq} was acknowledged at {index}"
        run.stop()
    traild.assert_valid(state)
    measured("kills", f"{KILLS}, {under_way} with requests in flight, {sum(targets)} of the signer")
    measured("events acked", acks)
    measured("events sent twice", sum(w.duplicates for w in writers))
    assert under_way >= 0.9 * KILLS
    assert sum(targets) >= 0.25 * KILLS
    assert acks > 0 and len(ledger.at) >= acks


@pytest.mark.limit(300)
def test_g1_first_start_that_is_cut_short_can_be_repeated(traild, folder, measured):
    """Killed anywhere between mkdir and READY: the next start makes or finishes one valid log."""
    rng = random.Random(SEED)
    rounds = max(20, KILLS)
    begun = ready = 0
    began = time.monotonic()
    run = traild.start(origin="example.org/early")
    span = time.monotonic() - began
    run.stop()
    for i in range(rounds):
        state = folder / f"early{i}"
        command = [str(traild.traild), "--state-dir", str(state), "--listen",
                   f"unix:{folder / 'early'}", "--origin", "example.org/early",
                   "--config", str(early_config(folder))]
        with open(folder / "early-stderr", "wb") as stderr:
            child = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL)
        try:
            child.wait(rng.random() * span)
        except subprocess.TimeoutExpired:
            pass
        child.kill()
        child.wait()
        begun += state.exists()
        # Aim at what lies between mkdir and READY, however busy the machine is.
        if b"ready" in (folder / "early-stderr").read_bytes():
            ready += 1
            span *= 0.7
        elif not state.exists():
            span *= 1.4
        run = start_behind(traild, state)
        with Client(run.address) as c:
            c.append("journal", 1, 1, [wire.event(1)])
        run.stop()
        traild.assert_valid(state)
    measured("first starts cut short",
             f"{rounds}, {begun} after the folder was made, {ready} after READY")
    assert begun - ready >= rounds / 10, "hardly one was cut in the midst: no test"


def early_config(folder):
    path = folder / "early.conf"
    path.write_text('map_size = "8G"\nreserve = "1M"\nseal_height = "4"\n')
    return path


def start_behind(traild, state):
    """The killed daemon's signer may need a moment to let its folder go; it is not our child."""
    deadline = time.monotonic() + 20 * SLOW
    while True:
        try:
            return traild.start(state, origin="example.org/early")
        except StartFailed as failed:
            if failed.code != 3 or "signer" not in failed.stderr or time.monotonic() > deadline:
                raise
