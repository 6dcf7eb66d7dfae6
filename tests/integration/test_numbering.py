# SPDX-License-Identifier: Apache-2.0
"""
The numbering of FORMATS.md section 4 against a model of it: random writers, retries, losses,
reconnects, take-overs, kills of daemon and signer, restarts. Every answer is compared with the
model, and at the end the whole spine.

    TRAIL_MODEL_STEPS   how many steps (400)
"""
import collections
import os
import random

import pytest
import wire
from harness import SEED
from wire import Client, pb

STEPS = int(os.environ.get("TRAIL_MODEL_STEPS", "400"))


# ---- the model ----------------------------------------------------------------------------------

class Epoch:
    def __init__(self):
        self.stored = {}  # seq -> [payload, flags, index or None]
        self.last = 0
        self.closed = False


class Model:
    """FORMATS.md section 4. `who` is a connection; source and epoch as the client names them."""

    def __init__(self):
        self.epochs = {}
        self.holder = {}
        self.floor = collections.Counter()

    def hello(self, who, source, number):
        """What the Standing says: known, last, floor."""
        epoch = self.epochs.get((source, number))
        self.holder[source, number] = who
        return epoch is not None, epoch.last if epoch else 0, self.floor[source]

    def append(self, who, source, number, first, events, lost):
        """(code, expected) or ("OK", [(seq, duplicate)])."""
        epoch = self.epochs.get((source, number))
        if number == 0:
            epoch = self.epochs.setdefault((source, 0), Epoch())
            return self._store(epoch, epoch.last + 1, events, wire.UNPROTECTED, 0)
        if epoch is None and number < wire.IMPORT and number <= self.floor[source]:
            return "CLOSED", 0
        if self.holder.get((source, number), who) is not who:
            return "DENIED", 0
        epoch = epoch or Epoch()
        if first > epoch.last + 1 and lost != first - epoch.last - 1:
            return "EXPECTED", epoch.last + 1
        if first == epoch.last + 1 and lost != 0:
            return "EXPECTED", epoch.last + 1
        new = events[max(0, epoch.last + 1 - first):]
        if new and epoch.closed:
            return "CLOSED", 0
        for seq, payload in zip(range(first, epoch.last + 1), events):
            if seq not in epoch.stored or epoch.stored[seq][0] != payload:
                return "CONFLICT", 0
        self.epochs[source, number] = epoch
        told = [(first + i, True) for i in range(len(events) - len(new))]
        _, more = self._store(epoch, max(first, epoch.last + 1), new, 0, lost if new else 0)
        self.holder.setdefault((source, number), who)
        return "OK", told + more

    @staticmethod
    def _store(epoch, first, events, flags, lost):
        for i, payload in enumerate(events):
            epoch.stored[first + i] = [payload, flags | (wire.LOSS if lost and i == 0 else 0), None]
            epoch.last = first + i
        return "OK", [(first + i, False) for i in range(len(events))]

    def close(self, who, source, number, last):
        epoch = self.epochs.get((source, number))
        if epoch is None:
            return "CLOSED", 0
        if self.holder.get((source, number), who) is not who:
            return "DENIED", 0
        if last != epoch.last:
            return "EXPECTED", epoch.last + 1
        epoch.closed = True
        if number < wire.IMPORT:
            self.floor[source] = max(self.floor[source], number)
            del self.epochs[source, number]
        return "OK", 0


# ---- the drive ----------------------------------------------------------------------------------

SOURCES = ["journal", "files", "ad.1", "w3d3_x"]


class Drive:
    """Random steps on a daemon and on the model, and what both say of them."""

    def __init__(self, traild, seed, measured):
        self.traild = traild
        self.rng = random.Random(seed)
        self.model = Model()
        self.counts = collections.Counter()
        self.measured = measured
        self.spine = {}      # (source, epoch, seq) -> (index, payload, flags): all that was stored
        self.drawn = 0       # events made so far: no two have the same content
        self.next_epoch = 100
        self.state_dir = None
        self.clients = []
        self.start()

    def start(self):
        self.run = self.traild.start(self.state_dir)
        self.state_dir = self.run.state_dir
        self.model.holder.clear()
        self.clients = [Client(self.run.address) for _ in range(4)]

    def fresh(self, count):
        self.drawn += count
        return [wire.event(self.drawn - i) for i in range(count)]

    # -- one request, to both

    def request(self, source, number, first, events, lost):
        return pb.Append(source=source, epoch=number, first_seq=0 if number == 0 else first,
                         events=events, lost=lost, want_salts=True,
                         want_proof=self.rng.random() < 0.1)

    def compare(self, response, source, number, events, verdict):
        code, detail = verdict
        self.counts[code] += 1
        what = response.WhichOneof("body")
        if code != "OK":
            assert what == "error", f"the model says {verdict}, the daemon {response}"
            assert pb.Code.Name(response.error.code) == code, f"{verdict}: {response}"
            if code == "EXPECTED":
                assert response.error.expected == detail
            return
        assert what == "appended", f"the model says {verdict}, the daemon {response}"
        told = []
        at = 0
        for run in response.appended.runs:
            told += [(run.first_seq + i, run.duplicate) for i in range(run.count)]
            self.learn(run, source, number, events[at:at + run.count])
            at += run.count
        assert told == detail
        assert response.appended.unchecked == 0

    def learn(self, run, source, number, events):
        """The run's records are those that the model has, under the indices known so far."""
        if run.duplicate:
            raws = wire.split(run.records, wire.RECORD_LEN)
            self.counts["duplicates"] += run.count
        else:
            raws = wire.derive(run, number, events)
        assert len(raws) == run.count and len(run.salts) == 16 * run.count
        for i, raw in enumerate(raws):
            record = wire.record_parse(raw)
            key = (source, number, run.first_seq + i)
            assert (record.epoch, record.seq) == (number, run.first_seq + i)
            salt = run.salts[16 * i:16 * i + 16]
            assert record.commitment == wire.commitment(salt, events[i])
            known = self.spine[key]
            assert known[0] in (None, run.first_index + i), "a duplicate under another index"
            assert known[3] in (None, raw), "a duplicate with another record or salt"
            known[0], known[3] = run.first_index + i, raw

    def to_model(self, client, source, number, first, events, lost):
        verdict = self.model.append(client, source, number, first, events, lost)
        if verdict[0] == "OK":
            stored = self.model.epochs[source, number].stored
            for seq, duplicate in verdict[1]:
                if not duplicate:
                    self.spine[source, number, seq] = [None, stored[seq][0], stored[seq][1], None]
        return verdict

    def append(self, client, source, number, first, events, lost=0):
        response = client.call(append=self.request(source, number, first, events, lost))
        self.compare(response, source, number, events,
                     self.to_model(client, source, number, first, events, lost))

    # -- steps

    def claim(self, client, source, number):
        standing = client.hello([(source, number)]).standings[0]
        assert (standing.known, standing.last, standing.floor) == \
            self.model.hello(client, source, number)

    def writer(self):
        """Some connection and an epoch that it holds: mostly one that is open already."""
        client = self.rng.choice(self.clients)
        known = list(self.model.epochs)
        if known and self.rng.random() < 0.9:
            source, number = self.rng.choice(known)
        else:
            source = self.rng.choice(SOURCES)
            self.next_epoch += self.rng.randrange(1, 3)
            number = self.next_epoch
            if self.rng.random() < 0.2:
                number |= wire.IMPORT
            elif self.rng.random() < 0.1:
                number = 0
        if number and self.model.holder.get((source, number)) is not client:
            self.claim(client, source, number)
        return client, source, number

    def last(self, source, number):
        epoch = self.model.epochs.get((source, number))
        return epoch.last if epoch else 0

    def step_go_on(self):
        client, source, number = self.writer()
        count = self.rng.choice((1, 1, 2, 5, 40))
        self.append(client, source, number, self.last(source, number) + 1, self.fresh(count))

    def step_lose(self):
        client, source, number = self.writer()
        if number == 0:
            return
        lost = self.rng.choice((1, 2, 7, 10**12))
        first = self.last(source, number) + 1 + lost
        if first < 2**62:
            self.append(client, source, number, first, self.fresh(2), lost)

    def step_jump(self):
        """A number too large, or a loss that is not exact."""
        client, source, number = self.writer()
        if number == 0:
            return
        jump = self.rng.choice((1, 2, 5))
        lost = self.rng.choice((0, jump - 1, jump + 1))
        if lost != jump:
            self.append(client, source, number, self.last(source, number) + 1 + jump,
                        self.fresh(3), lost)

    def step_loss_where_none_is(self):
        client, source, number = self.writer()
        if number:
            self.append(client, source, number, self.last(source, number) + 1, self.fresh(2), 1)

    def stretch(self, source, number):
        """Some seqs that were given out, in order: stored ones, and perhaps declared holes."""
        epoch = self.model.epochs.get((source, number))
        if number == 0 or not epoch or not epoch.stored:
            return 0, []
        first = self.rng.choice(sorted(epoch.stored)[-200:])
        events = []
        while first + len(events) in epoch.stored and len(events) < 30:
            events.append(epoch.stored[first + len(events)][0])
        return first, events

    def step_repeat(self):
        """What was sent before, a few of them, perhaps with new ones behind."""
        client, source, number = self.writer()
        first, events = self.stretch(source, number)
        if not events:
            return
        whole = first + len(events) - 1 == self.last(source, number)
        if whole and self.rng.random() < 0.5:
            events = events + self.fresh(3)
        self.append(client, source, number, first, events)

    def step_other_content(self):
        client, source, number = self.writer()
        first, events = self.stretch(source, number)
        if not events:
            return
        events[self.rng.randrange(len(events))] = self.fresh(1)[0]
        self.append(client, source, number, first, events)

    def step_into_a_hole(self):
        client, source, number = self.writer()
        epoch = self.model.epochs.get((source, number))
        if number == 0 or not epoch:
            return
        holes = [s - 1 for s in epoch.stored if s > 1 and s - 1 not in epoch.stored]
        if holes:
            self.append(client, source, number, self.rng.choice(holes), self.fresh(1))

    def step_close(self):
        client, source, number = self.writer()
        if number == 0 or (source, number) not in self.model.epochs:
            return
        last = self.last(source, number) + self.rng.choice((0, 0, 0, 1, -1))
        last = max(0, last)
        response = client.call(close=pb.Close(source=source, epoch=number, last=last))
        code, expected = self.model.close(client, source, number, last)
        self.counts["close " + code] += 1
        if code == "OK":
            assert response.WhichOneof("body") == "closed", response
        else:
            assert pb.Code.Name(response.error.code) == code, response
            assert code != "EXPECTED" or response.error.expected == expected

    def step_after_close(self):
        """An unknown epoch not above the floor, and a closed import."""
        client = self.rng.choice(self.clients)
        source = self.rng.choice(SOURCES)
        floor = self.model.floor[source]
        gone = [n for n in range(max(1, floor - 20), floor + 1)
                if (source, n) not in self.model.epochs and (source, n) not in self.model.holder]
        imports = [k for k, e in self.model.epochs.items() if e.closed]
        if gone:
            self.append(client, source, self.rng.choice(gone), 1, self.fresh(1))
        if imports:
            source, number = self.rng.choice(imports)
            self.claim(client, source, number)
            self.append(client, source, number, self.last(source, number) + 1, self.fresh(1))

    def step_take_over(self):
        """Another connection claims it: the old one is refused, the new one goes on."""
        old, source, number = self.writer()
        new = self.rng.choice([c for c in self.clients if c is not old])
        if number == 0 or (source, number) not in self.model.epochs:
            return
        self.claim(new, source, number)
        first = self.last(source, number) + 1
        self.append(old, source, number, first, self.fresh(1))
        if not self.model.epochs[source, number].closed:
            self.append(new, source, number, first, self.fresh(1))

    def step_reconnect(self):
        at = self.rng.randrange(len(self.clients))
        self.clients[at].close()
        self.clients[at] = Client(self.run.address)

    def step_pipeline(self):
        """Requests in a row, one of them out of order: those behind it are refused alike."""
        client, source, number = self.writer()
        first = self.last(source, number) + 1
        wrong = self.rng.randrange(12)
        sent = []
        for i in range(8):
            events = self.fresh(self.rng.randrange(1, 5))
            skip = 1 if i == wrong and number else 0
            first += skip
            sent.append((client.send(append=self.request(source, number, first, events, 0)),
                         first, events))
            first += len(events)
        for request, at, events in sent:
            self.compare(client.wait(request), source, number, events,
                         self.to_model(client, source, number, at, events, 0))

    def step_restart(self):
        self.run.stop()
        self.counts["restarts"] += 1
        self.start()

    def step_kill(self):
        """
        Kill the daemon or its signer behind a burst of which only some answers are read. What
        became of the rest is a prefix of it, which Hello tells and the end compares.
        """
        client, source, number = self.writer()
        if number == 0 or (self.model.epochs.get((source, number)) or Epoch()).closed:
            return
        first = self.last(source, number) + 1
        burst = []
        for _ in range(16):
            events = self.fresh(self.rng.randrange(1, 30))
            request = self.request(source, number, first, events, 0)
            burst.append((client.send(append=request), first, events))
            first += len(events)
        acked = [client.wait(request) for request, _, _ in burst[:self.rng.randrange(16)]]
        if self.rng.random() < 0.5:
            self.run.kill()
            self.counts["kills of traild"] += 1
        else:
            self.run.kill_signer()
            self.counts["kills of the signer"] += 1
        late = 0
        try:
            while True:
                acked.append(client.recv())
                late += 1
        except wire.Closed:
            pass
        self.start()
        standing = self.clients[0].hello([(source, number)]).standings[0]
        holder, self.model.holder = self.model.holder, {}
        for i, (_, at, events) in enumerate(burst):
            if i >= len(acked) and self.last(source, number) >= standing.last:
                break
            verdict = self.to_model(client, source, number, at, events, 0)
            assert verdict[0] == "OK"
            if i < len(acked):
                self.compare(acked[i], source, number, events, verdict)
        self.model.holder = holder
        self.counts["stored without an answer"] += sum(
            1 for _, at, _ in burst[len(acked):] if at <= standing.last)
        assert self.last(source, number) == standing.last, \
            "neither more nor less than a prefix of the requests"
        self.model.holder[source, number] = self.clients[0]

    STEPS = {
        step_go_on: 30, step_lose: 6, step_jump: 6, step_loss_where_none_is: 2, step_repeat: 14,
        step_other_content: 6, step_into_a_hole: 4, step_close: 4, step_after_close: 4,
        step_take_over: 5, step_reconnect: 3, step_pipeline: 8, step_restart: 2, step_kill: 3,
    }

    def drive(self, steps):
        kinds, weights = zip(*self.STEPS.items())
        for _ in range(steps):
            step = self.rng.choices(kinds, weights)[0]
            step(self)
            self.counts[step.__name__] += 1

    # -- the end

    def compare_spine(self):
        """All that the model stored is there once, where it was said to be, and nothing else."""
        records, _ = self.clients[0].records()
        wire.chain_fits(records)
        names = {i: self.clients[0].get(i).source or
                 pb.Source.FromString(self.clients[0].get(i).payload).name
                 for i, raw in enumerate(records) if wire.record_parse(raw).kind == wire.SOURCE}
        found = {}
        for index, raw in enumerate(records):
            record = wire.record_parse(raw)
            if record.kind != wire.EVENT or record.source == 0:
                continue
            key = (names[record.source], record.epoch, record.seq)
            assert key not in found, f"{key} is stored twice: {found[key]} and {index}"
            found[key] = index
            assert key in self.spine, f"{key} was never sent, or refused"
            known, payload, flags, known_raw = self.spine[key]
            assert known in (None, index) and known_raw in (None, raw)
            assert record.flags & ~wire.LATE == flags, key
            if known is None:
                answer = self.clients[0].get(index)
                assert answer.payload == payload
        missing = set(self.spine) - set(found)
        assert not missing, f"{len(missing)} are lost: {sorted(missing)[:5]}"
        return len(found)


@pytest.mark.limit(60 + STEPS * 0.5)
def test_g1_numbering_is_that_of_the_model(traild, measured):
    seed = int(os.environ.get("TRAIL_MODEL_SEED", SEED))
    measured("seed", seed)
    drive = Drive(traild, seed, measured)
    drive.drive(STEPS)
    drive.step_restart()
    stored = drive.compare_spine()
    drive.run.stop()
    traild.assert_valid(drive.state_dir)
    measured("steps", STEPS)
    measured("events stored", stored)
    measured("answers and faults", ", ".join(f"{k} {v}" for k, v in sorted(drive.counts.items())
                                             if not k.startswith("step_")))
    if STEPS >= 400:
        for must in ("OK", "EXPECTED", "CONFLICT", "CLOSED", "DENIED", "duplicates",
                     "kills of traild", "kills of the signer", "close OK", "close EXPECTED"):
            assert drive.counts[must], f"the drive never came to {must}"


# ---- by hand: each rule alone -------------------------------------------------------------------

@pytest.fixture
def run(traild):
    return traild.start()


def events(count, start=0):
    return [wire.event(start + i) for i in range(count)]


def test_gap_is_expected_and_nothing_of_it_is_stored(run):
    with Client(run.address) as c:
        c.append("journal", 1, 1, events(3))
        size = c.checkpoint().size
        error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=5, events=events(9)))
        assert (error.code, error.expected) == (pb.EXPECTED, 4) and error.sentence
        assert c.checkpoint().size == size
        c.append("journal", 1, 4, events(1, 3))


def test_declared_loss_is_flagged_and_final(run):
    with Client(run.address) as c:
        c.append("journal", 1, 1, events(3))
        answer = c.append("journal", 1, 10, events(3, 9), lost=6)
        assert list(answer.runs[0].flags) == [wire.LOSS | wire.LATE, wire.LATE, wire.LATE]
        assert answer.runs[0].first_seq == 10
        for seq in (4, 9):
            error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=seq,
                                             events=events(1, seq)))
            assert error.code == pb.CONFLICT, f"a hole is no duplicate: {error}"


def test_loss_before_the_first_number_of_an_epoch(run):
    with Client(run.address) as c:
        error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=4, events=events(1)))
        assert (error.code, error.expected) == (pb.EXPECTED, 1)
        answer = c.append("journal", 1, 4, events(1), lost=3)
        assert answer.runs[0].first_seq == 4 and answer.runs[0].flags[0] & wire.LOSS


def test_duplicate_gives_the_first_record_and_salt_and_adds_nothing(run):
    with Client(run.address) as c:
        first = c.append("journal", 1, 1, events(5), want_salts=True)
        size = c.checkpoint().size
        again = c.append("journal", 1, 1, events(5), want_salts=True)
        assert c.checkpoint().size == size
    assert again.runs[0].duplicate and not first.runs[0].duplicate
    assert again.runs[0].first_index == first.runs[0].first_index
    assert again.runs[0].salts == first.runs[0].salts
    assert wire.split(again.runs[0].records, 112) == wire.derive(first.runs[0], 1, events(5))


def test_half_duplicate_stores_only_the_rest(run):
    with Client(run.address) as c:
        c.append("journal", 1, 1, events(5))
        answer = c.append("journal", 1, 4, events(6, 3), want_salts=True)
        assert [(r.first_seq, r.count, r.duplicate) for r in answer.runs] == \
            [(4, 2, True), (6, 4, False)]
        assert c.hello([("journal", 1)]).standings[0].last == 9


def test_one_other_content_refuses_the_whole_request(run):
    with Client(run.address) as c:
        c.append("journal", 1, 1, events(5))
        size = c.checkpoint().size
        batch = events(8)
        batch[2] = wire.event(999)
        error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=1, events=batch))
        assert (error.code, error.index) == (pb.CONFLICT, 2)
        assert c.checkpoint().size == size


def test_epoch_0_is_numbered_by_the_daemon_and_flagged(run):
    with Client(run.address) as a, Client(run.address) as b:
        told = [c.append("journal", 0, 0, events(2)).runs[0] for c in (a, b, a)]
    assert [r.first_seq for r in told] == [1, 3, 5]
    assert all(f & wire.UNPROTECTED for r in told for f in r.flags)


def test_epochs_and_sources_are_numbered_apart(run):
    with Client(run.address) as c:
        for source, epoch in (("a", 1), ("a", 2), ("b", 1), ("a", wire.IMPORT | 1)):
            assert c.append(source, epoch, 1, events(1)).runs[0].first_seq == 1
        assert c.append("a", 1, 2, events(1)).runs[0].first_seq == 2


def test_later_hello_takes_the_epoch_over(run):
    with Client(run.address, claims=[("journal", 1)]) as old:
        old.append("journal", 1, 1, events(1))
        with Client(run.address, claims=[("journal", 1)]) as new:
            assert new.greeting.standings[0].last == 1
            error = old.error(append=pb.Append(source="journal", epoch=1, first_seq=2,
                                               events=events(1)))
            assert error.code == pb.DENIED
            new.append("journal", 1, 2, events(1))
        old.hello([("journal", 1)])
        old.append("journal", 1, 3, events(1))


@pytest.mark.root
def test_g10_epoch_belongs_to_who_opened_it_and_refusals_are_events(traild):
    """The daemon runs as a user of its own: that one and uid 0 are two who may emit."""
    uid = 54321
    traild.folder.chmod(0o711)
    state = traild.folder / "owned"
    state.mkdir(mode=0o700)
    os.chown(state, uid, uid)
    os.chown(traild.folder, uid, uid)
    run = traild.start(state, uid=uid)
    with Client(run.address) as root, Client(run.address, uid=uid) as other:
        root.append("journal", 1, 1, events(1))
        for request in (dict(append=pb.Append(source="journal", epoch=1, first_seq=2,
                                              events=events(1))),
                        dict(append=pb.Append(source="journal", epoch=1, first_seq=1,
                                              events=events(1))),
                        dict(hello=pb.Hello(protocol=1, claims=[
                            pb.Hello.Claim(source="journal", epoch=1)])),
                        dict(close=pb.Close(source="journal", epoch=1, last=1))):
            assert other.error(**request).code == pb.DENIED, request
        other.append("journal", 2, 1, events(1))
        root.append("journal", 1, 2, events(1))
        records = [wire.record_parse(r) for r in root.records()[0]]
        refused = [i for i, r in enumerate(records) if r.kind == wire.EVENT and r.source == 0]
        told = [pb.Event.FromString(root.get(i).payload) for i in refused]
        assert [e.object.id for e in told] == ["append:journal", "append:journal", "hello",
                                               "close:journal"]
        assert {e.actor.id for e in told} == {f"uid:{uid}"}
        peers = {r.peer for r in records if r.kind == wire.EVENT and r.source != 0}
        assert {root.get(p).payload for p in peers} == {
            pb.Peer(type=pb.Peer.UNIX_USER, name=n).SerializeToString() for n in ("0", str(uid))}


def test_closed_epoch_stays_closed_over_a_restart(traild):
    run = traild.start()
    with Client(run.address) as c:
        for epoch in (5, 7, 9):
            c.append("journal", epoch, 1, events(2))
        assert c.error(close=pb.Close(source="journal", epoch=7, last=1)).code == pb.EXPECTED
        c.want("closed", close=pb.Close(source="journal", epoch=7, last=2))
    for _ in range(2):
        with Client(run.address, claims=[("journal", e) for e in (5, 6, 7, 8, 9)]) as c:
            told = [(s.known, s.last, s.floor) for s in c.greeting.standings]
            assert told == [(True, 2, 7), (False, 0, 7), (False, 0, 7), (False, 0, 7), (True, 2, 7)]
            for epoch in (3, 6, 7):
                error = c.error(append=pb.Append(source="journal", epoch=epoch, first_seq=1,
                                                 events=events(1)))
                assert error.code == pb.CLOSED, epoch
        run.stop()
        run = traild.start(run.state_dir)
    with Client(run.address, claims=[("journal", 5)]) as c:
        c.append("journal", 5, 3, events(1))  # open all the time: below the floor, but known
        c.append("journal", 8, 1, events(1))


def test_import_epoch_answers_duplicates_after_its_close(traild):
    run = traild.start()
    epoch = wire.IMPORT | 12345
    with Client(run.address) as c:
        first = c.append("journal", epoch, 1, events(40), want_salts=True)
        c.want("closed", close=pb.Close(source="journal", epoch=epoch, last=40))
    run.stop()
    run = traild.start(run.state_dir)
    with Client(run.address, claims=[("journal", epoch)]) as c:
        assert c.greeting.standings[0].last == 40
        again = c.append("journal", epoch, 1, events(40), want_salts=True)
        assert again.runs[0].first_index == first.runs[0].first_index and again.runs[0].duplicate
        assert again.runs[0].salts == first.runs[0].salts
        assert c.error(append=pb.Append(source="journal", epoch=epoch, first_seq=41,
                                        events=events(1, 40))).code == pb.CLOSED
        # It raises no floor: an epoch of a spool is far below it.
        c.append("journal", 3, 1, events(1))


def test_keepalive_tells_where_the_epoch_stands(run):
    with Client(run.address) as c:
        assert c.want("kept", keepalive=pb.Keepalive(source="journal", epoch=1, made=9)).last == 0
        c.append("journal", 1, 1, events(3))
        assert c.want("kept", keepalive=pb.Keepalive(source="journal", epoch=1, made=9)).last == 3


@pytest.mark.limit(300)
def test_epoch_that_is_pushed_out_is_closed_and_on_record(run):
    """4,096 open epochs per source: one more pushes out the one least recently used."""
    with Client(run.address) as c:
        numbers = list(range(1, 4097))
        pending = [c.send(append=pb.Append(source="journal", epoch=n, first_seq=1,
                                           events=events(1))) for n in numbers[:200]]
        for n in numbers[200:]:
            assert c.wait(pending.pop(0)).WhichOneof("body") == "appended"
            pending.append(c.send(append=pb.Append(source="journal", epoch=n, first_seq=1,
                                                   events=events(1))))
        for request in pending:
            assert c.wait(request).WhichOneof("body") == "appended"
        c.append("journal", 1, 2, events(1, 1))  # so 2 is the least recently used one
        before = c.checkpoint().size
        c.append("journal", 5000, 1, events(1))
        said = [pb.Daemon.FromString(c.get(before + i).payload) for i in range(1)
                if c.get(before + i).record.kind == wire.DAEMON]
        assert [(d.what, d.epoch, d.last, d.cause) for d in said] == \
            [(pb.Daemon.LOSS, 2, 1, pb.Daemon.PUSHED)]
        assert c.error(append=pb.Append(source="journal", epoch=2, first_seq=2,
                                        events=events(1))).code == pb.CLOSED
        c.append("journal", 1, 3, events(1))
        assert c.hello([("journal", 2)]).standings[0].floor == 2
