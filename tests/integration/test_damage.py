# SPDX-License-Identifier: Apache-2.0
"""
G2: damage to log/data.mdb is found. Whether damage touched evidence says an oracle that is not
ours; `traild check` may never call a changed store valid, and never die.

    TRAIL_DAMAGE_BITS    random single bits (150; full 2,000)
    TRAIL_DAMAGE_PAGES   cuts, swapped, zeroed and old pages (60; full 600)
    TRAIL_DAMAGE_META    bits in the meta pages (60)
"""
import collections
import concurrent.futures
import os
import pathlib
import random
import re
import shutil
import tempfile

import damage
import pytest
import wire
from harness import SEED
from wire import Client, pb

BITS = int(os.environ.get("TRAIL_DAMAGE_BITS", "150"))
PAGES = int(os.environ.get("TRAIL_DAMAGE_PAGES", "60"))
META = int(os.environ.get("TRAIL_DAMAGE_META", "60"))
WORKERS = 2
STORE_MAX = 600 * 1024
OWN_FAULT = re.compile(r"Sanitizer: (?!SEGV|BUS)|runtime error:")


def contents(rng, n):
    """Events of several kinds: tiny, typical, long text, binary, with changes, repetitive."""
    kind = n % 6
    if kind == 0:
        return wire.event(n)
    if kind == 1:
        return wire.event(n, subject=f"p-{n:06d}", verb="open", purpose=f"arende:2026-{n:05d}",
                          origin=pb.Origin(host=f"pc-{n % 40:04d}", address=f"10.0.{n % 7}.1"))
    if kind == 2:
        return wire.event(n, reason="Åtkomst nekad: behörighet saknas. " * rng.randrange(1, 20))
    if kind == 3:
        return wire.event(n, raw=rng.randbytes(rng.randrange(1, 2000)))
    if kind == 4:
        return wire.event(n, action=pb.ACTION_MODIFY, changes=[
            pb.Change(field=f"f{i}", old=str(i), new=str(n)) for i in range(rng.randrange(1, 8))])
    return wire.event(n, attributes=[pb.Attribute(key="k", value="v" * 50)] * rng.randrange(1, 8))


def fill(run, rng, state):
    """Some commits: several sources, a spool, an import, one-shot events, a loss, a close."""
    with Client(run.address, claims=[(s, e) for s, e in state["last"] if e]) as c:
        for _ in range(6):
            for source, epoch in (("journal", 7), ("files", 8), ("files", wire.IMPORT | 99),
                                  ("oneshot", 0)):
                events = []
                for _ in range(rng.randrange(1, 12)):
                    events.append(contents(rng, state["n"]))
                    state["n"] += 1
                last = state["last"].get((source, epoch), 0)
                lost = 3 if rng.random() < 0.1 and epoch else 0
                c.append(source, epoch, last + 1 + lost if epoch else 0, events, lost=lost)
                state["last"][source, epoch] = last + lost + len(events)
        c.append("short", 10 + state["starts"], 1, [contents(rng, state["n"])])
        c.want("closed", close=pb.Close(source="short", epoch=10 + state["starts"], last=1))
        state["starts"] += 1


@pytest.fixture(scope="module")
def store(module_traild):
    """(folder of a stopped store, earlier copies of its data.mdb, oldest first)"""
    rng = random.Random(SEED)
    state = {"n": 0, "last": {}, "starts": 0}
    folder = module_traild.folder / "store"
    earlier = []
    for _ in range(4):
        run = module_traild.start(folder)
        fill(run, rng, state)
        run.stop()
        earlier.append((folder / "log/data.mdb").read_bytes())
    size = (folder / "log/data.mdb").stat().st_size
    assert size < STORE_MAX and state["n"] > 300, (size, state["n"])
    module_traild.assert_valid(folder)
    (folder / "log/lock.mdb").unlink(missing_ok=True)
    return folder, earlier[:-1]


@pytest.fixture
def patients(module_traild, store):
    """One copy of the store per worker, in memory where there is a tmpfs."""
    shm = pathlib.Path("/dev/shm")
    base = pathlib.Path(tempfile.mkdtemp(prefix="trail-damage-", dir=shm if shm.is_dir() else None))
    made = [damage.Patient(module_traild.traild, store[0], base / str(i), module_traild.wrapper)
            for i in range(WORKERS)]
    yield made
    for p in made:
        p.close()
    shutil.rmtree(base)


def run_all(patients, cases):
    """Each case is f(patient); they are dealt to the workers."""
    def work(at):
        return [case(patients[at]) for case in cases[at::len(patients)]]
    with concurrent.futures.ThreadPoolExecutor(len(patients)) as pool:
        return [o for part in pool.map(work, range(len(patients))) for o in part]


def judge(outcomes, measured):
    """Print the counts; no crash, no changed store called valid, no word without an exit code."""
    counts = collections.Counter((o.kind, o.oracle, o.verdict) for o in outcomes)
    lines = [f"{'damage':<14}{'oracle':<9}{'valid':>7}{'invalid':>9}{'unverifiable':>14}"]
    for kind, oracle in sorted({k[:2] for k in counts}):
        row = [counts[kind, oracle, v] for v in ("valid", "invalid", "unverifiable")]
        lines.append(f"{kind:<14}{oracle:<9}{row[0]:>7}{row[1]:>9}{row[2]:>14}")
    measured("check against mdb_dump", "\n" + "\n".join(lines))
    # A child that dies while it maps a damaged page is a finding; one in which a sanitizer found a
    # fault of our own is not.
    crashes = [o for o in outcomes if o.code not in (0, 5, 6) or OWN_FAULT.search(o.stderr)]
    false_valid = [o for o in outcomes
                   if o.oracle == damage.CHANGED and (o.verdict == "valid" or o.code == 0)]
    unlike = [o for o in outcomes
              if {"valid": 0, "invalid": 5, "unverifiable": 6}.get(o.verdict) != o.code]
    measured("crashes of check", len(crashes))
    measured("false valid", len(false_valid))
    assert not crashes, crashes[:3]
    assert not false_valid, false_valid[:3]
    assert not unlike, unlike[:3]


@pytest.mark.limit(120 + BITS * 1.0)
def test_g2_random_bits(patients, measured):
    rng = random.Random(SEED)
    size = len(patients[0].whole)
    cases = []
    for _ in range(BITS):
        at, bit = rng.randrange(size), rng.randrange(8)
        cases.append(lambda p, at=at, bit=bit: damage.bit_flip(p, at, bit))
    outcomes = run_all(patients, cases)
    judge(outcomes, measured)
    assert any(o.oracle == damage.CHANGED for o in outcomes), "the oracle is blind"


@pytest.mark.limit(180)
def test_g2_bits_of_the_meta_pages(patients, measured):
    """Page header and MDB_meta of both: 16 + 136 bytes that say where everything lies."""
    rng = random.Random(SEED)
    cases = []
    for _ in range(META):
        at = rng.randrange(2) * damage.PAGE + rng.randrange(152)
        cases.append(lambda p, at=at, bit=rng.randrange(8): damage.bit_flip(p, at, bit, "meta bit"))
    judge(run_all(patients, cases), measured)


@pytest.mark.limit(120 + PAGES * 1.0)
def test_g2_cuts_swapped_zeroed_and_old_pages(patients, store, measured):
    rng = random.Random(SEED)
    pages, earlier = patients[0].pages, store[1]
    size = len(patients[0].whole)
    cases = [lambda p, e=e: damage.old_prefix(p, e) for e in earlier]
    for i in range(PAGES - len(cases)):
        if i % 4 == 0:
            length = rng.choice((rng.randrange(size), rng.randrange(pages) * damage.PAGE,
                                 size - rng.randrange(1, 3 * damage.PAGE)))
            cases.append(lambda p, n=length: damage.cut(p, n))
        elif i % 4 == 1:
            a, b = rng.sample(range(pages), 2)
            cases.append(lambda p, a=a, b=b: damage.swap(p, a, b))
        elif i % 4 == 2:
            cases.append(lambda p, n=rng.randrange(pages): damage.zero(p, n))
        else:
            e = rng.choice(earlier)
            cases.append(lambda p, n=rng.randrange(len(e) // damage.PAGE), e=e:
                         damage.old_page(p, n, e))
    judge(run_all(patients, cases), measured)


def test_g2_old_file_is_found_out_by_the_head_of_the_signer(patients, store):
    """It is whole in itself; only what was signed later tells."""
    for earlier in store[1]:
        outcome = damage.old_prefix(patients[0], earlier)
        assert (outcome.oracle, outcome.verdict) == (damage.CHANGED, "invalid")
        assert "signer.size" in outcome.output


@pytest.mark.limit(180)
def test_g2_first_bad_record_is_named(patients, measured):
    """One bit in each field of random records: the exact index, by the chain."""
    patient = patients[0]
    rng = random.Random(SEED)
    spine = [(int.from_bytes(key, "big") + i, raw)
             for key, value in damage.table(patient.state / "log", "spine")
             for i, raw in enumerate(wire.split(value, wire.RECORD_LEN))]
    size = len(spine)
    exact = 0
    fields = {"version": 0, "kind": 1, "flags": 3, "class": 7, "source": 15, "peer": 23,
              "received_ns": 31, "epoch": 39, "seq": 47, "commitment": 60, "prev": 100}
    for name, offset in fields.items():
        for index, raw in rng.sample(spine[:-1], 3):
            at = patient.whole.find(raw)
            assert at >= 0
            # An older copy of the page may still lie in the file: damage all of them.
            writes = []
            while at >= 0:
                writes.append((at + offset, bytes([patient.whole[at + offset] ^ 1])))
                at = patient.whole.find(raw, at + 1)
            outcome = patient.suffer("field", f"{name} of {index}", writes)
            assert outcome.verdict == "invalid", outcome
            # A changed prev is seen from both sides: one of the two records is not what it was.
            allowed = (index - 1, index) if name == "prev" else (index,)
            assert outcome.first_bad in allowed, (name, index, size, outcome)
            exact += outcome.first_bad == index
    measured("first bad record named exactly", f"{exact} of {3 * len(fields)}")


def test_check_reads_only(patients):
    patient = patients[0]
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in patient.state.rglob("*")
              if p.is_file()}
    code, value, _ = patient.check()
    assert (code, value["verdict"]) == (0, "valid")
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in patient.state.rglob("*")
             if p.is_file()}
    assert before == after


def test_oracle_sees_what_it_must(patients):
    """An oracle that always says `same` would make every test here pass."""
    patient = patients[0]
    log = patient.state / "log"
    assert damage.dump(log) == patient.healthy
    (_, value), *_ = damage.table(log, "spine")
    at = patient.whole.rfind(value[:112])
    os.pwrite(patient.file, bytes([patient.whole[at + 60] ^ 1]), at + 60)
    seen = damage.dump(log)
    patient.restore([(at + 60, 1)])
    changed_one = seen != patient.healthy
    # The last copy in the file may be a free page; then the first one is the one in use.
    at = patient.whole.find(value[:112])
    os.pwrite(patient.file, bytes([patient.whole[at + 60] ^ 1]), at + 60)
    seen = damage.dump(log)
    patient.restore([(at + 60, 1)])
    assert changed_one or seen != patient.healthy
    assert damage.dump(log) == patient.healthy
