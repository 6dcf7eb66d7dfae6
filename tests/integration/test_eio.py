# SPDX-License-Identifier: Apache-2.0
"""
G1 on a disk that fails: strace makes one system call of a commit return EIO. What that commit held
is not acked, nothing is tried again, traild ends with 3, and the next start finds all that was acked.
"""
import re

import pytest
import sanitizers
import wire
from injection import Injection
from wire import Client

META_END = 2 * 4096  # the two meta pages of LMDB 0.9 lie in front
ACKED = 5
TRIES = 3
PWRITES_MAX = 12     # a commit of one event writes fewer pages one by one


def start(traild, state_dir=None):
    return traild.start(state_dir, env=sanitizers.traced())


def fail_once(traild, call, when):
    """A log whose commit fails at the `when`-th `call`; the lines of strace, none if it had fewer."""
    run = start(traild)
    with Client(run.address) as c:
        acked = [c.append("journal", 1, 1 + i, [wire.event(i)]).runs[0] for i in range(ACKED)]
        injection = Injection(run, call, when)
        late = []  # one by one, so that each has a commit of its own
        try:
            while len(late) < TRIES:
                late.append(c.append("journal", 1, 1 + ACKED + len(late),
                                     [wire.event(ACKED + len(late))]).runs[0])
        except wire.Closed:
            pass
    if len(late) == TRIES:
        injection.end()
        assert not injection.hits(), "a commit failed, and all that was sent is acked"
        run.stop()
        return []
    code = run.wait_exit()
    hits = injection.hits()
    assert len(hits) == 1, hits
    assert code == 3, f"traild ended with {code}:\n{run.stderr()}"
    assert "did not take a commit" in run.stderr()
    found_again(traild, run.state_dir, acked + late)
    return hits


def found_again(traild, state_dir, acked):
    """Everything acked is there, once, and the numbers go on behind it."""
    traild.assert_valid(state_dir)
    run = start(traild, state_dir)
    with Client(run.address, claims=[("journal", 1)]) as c:
        records = [wire.record_parse(r) for r in c.records()[0]]
        seqs = [r.seq for r in records if r.kind == wire.EVENT]
        assert seqs == list(range(1, len(seqs) + 1)) and len(seqs) >= len(acked)
        for told in acked:
            assert (records[told.first_index].epoch, records[told.first_index].seq) == \
                (1, told.first_seq)
        standing = c.hello(claims=[("journal", 1)]).standings[0]
        assert standing.last == len(seqs)
        c.append("journal", 1, len(seqs) + 1, [wire.event(len(seqs))])
    run.stop()


@pytest.mark.parametrize("when", [1, 2])
def test_g1_a_failed_fdatasync_is_never_acked(traild, when):
    hits = fail_once(traild, "fdatasync", when)
    assert hits, f"{TRIES} commits made fewer than {when} syncs"


def test_g1_a_failed_write_of_page_or_meta_is_never_acked(traild, measured):
    """Each single write of a commit in turn, the one of the meta page among them."""
    meta = pages = 0
    for when in range(1, PWRITES_MAX):
        hits = fail_once(traild, "pwrite64", when)
        assert hits, f"no commit made {when} writes"
        offset = int(re.search(r", (\d+)\) += -1 EIO", hits[0])[1])
        pages += offset >= META_END
        meta += offset < META_END
        if meta:
            break
    assert meta == 1
    measured("single writes that failed: pages, meta", f"{pages}, {meta}")
