# SPDX-License-Identifier: Apache-2.0
"""
A peer without a role gets DENIED, and that is an event of source 0, stored and synced before the
answer leaves: ten a minute one by one, the rest counted (DESIGN.md section 8, G10).
"""
import os
import time

import pytest
import wire
from harness import FULL
from wire import Client, pb

STRANGER = 65534
pytestmark = pytest.mark.root


@pytest.fixture
def run(traild):
    run = traild.start()
    # 0660 keeps strangers out; here one is to come in.
    assert os.stat(run.address).st_mode & 0o777 == 0o660
    traild.folder.chmod(0o711)
    os.chmod(run.address, 0o666)
    return run


def refusals(c):
    """(record, Event) of each. One question, and so one event more of source 0."""
    rows = c.search("source:traild action:execute").all()
    return [(row.record, row.event) for row in rows if row.event.verb == "refuse"]


def denied(address):
    with Client(address, uid=STRANGER, hello=False) as c:
        error = c.error(hello=pb.Hello(protocol=1))
        assert error.code == pb.DENIED and str(STRANGER) in error.sentence
        assert c.ended()


def test_g10_stranger_is_refused_and_the_refusal_is_an_event(run):
    with Client(run.address) as root:
        start = next(i for i, r in enumerate(root.records()[0])
                     if i > 0 and wire.record_parse(r).kind == wire.DAEMON)
        denied(run.address)
        # At once, not a little later: it was stored before the answer left.
        (record, event), = refusals(root)
        assert (record.epoch, record.seq, record.peer, record.flags) == (start, 1, 0, 0)
        assert event.action == pb.ACTION_EXECUTE and event.verb == "refuse"
        assert event.outcome == pb.OUTCOME_DENIED and event.reason
        assert event.actor.id == f"uid:{STRANGER}" and event.object.id == "hello"
        assert abs(event.time_ns - time.time_ns()) < 60 * 10**9
        denied(run.address)
        # 2 was the question that found the first.
        assert [r.seq for r, _ in refusals(root)] == [1, 3]


def test_g10_ten_refusals_a_minute_are_told_the_rest_is_counted(run):
    with Client(run.address) as root:
        for _ in range(35):
            denied(run.address)
        told = refusals(root)
        assert len(told) == 10 and [r.seq for r, _ in told] == list(range(1, 11))
        assert root.status().refusals == 35


@pytest.mark.skipif(not FULL, reason="takes more than a minute: TRAIL_FULL=1")
@pytest.mark.limit(200)
def test_g10_counted_refusals_are_told_when_the_minute_is_over(run):
    with Client(run.address) as root:
        for _ in range(35):
            denied(run.address)
        began = time.monotonic()
        questions = 1
        while len(told := refusals(root)) == 10:
            assert time.monotonic() - began < 90, "the sum was never told"
            time.sleep(1)
            questions += 1
        assert time.monotonic() - began > 50
        record, event = told[10]
        # It came between the last two questions, which are numbered as it is.
        assert record.seq == 10 + questions and event.outcome == pb.OUTCOME_DENIED
        assert {a.key: a.value for a in event.attributes} == {"count": "25"}
        assert event.actor.id == f"uid:{STRANGER}"


def test_stranger_learns_nothing_and_stores_nothing(run):
    """Whatever it asks for, and without Hello."""
    with Client(run.address) as root:
        size = root.checkpoint().size
        for body in (dict(append=pb.Append(source="journal", epoch=1, first_seq=1,
                                           events=[wire.event(1)])),
                     dict(get=pb.Get(index=0)), dict(records=pb.Records()),
                     dict(status=pb.StatusRequest()),
                     dict(checkpoint=pb.CheckpointRequest())):
            with Client(run.address, uid=STRANGER, hello=False) as c:
                response = c.call(**body)
                assert response.WhichOneof("body") == "error"
                assert response.error.code in (pb.DENIED, pb.INVALID)
                assert c.ended()
        new = [wire.record_parse(r) for r in root.records(size)[0]]
        assert all(r.kind == wire.EVENT and r.source == 0 for r in new)


def test_refused_peer_does_not_disturb_others(run):
    with Client(run.address) as root:
        for i in range(40):
            denied(run.address)
            root.append("journal", 1, 1 + i, [wire.event(i)])


def test_own_events_are_numbered_anew_from_each_start(run, traild):
    denied(run.address)
    run.stop()
    again = traild.start(run.state_dir)
    os.chmod(again.address, 0o666)
    denied(again.address)
    with Client(again.address) as root:
        (first, _), (second, _) = refusals(root)
        assert first.seq == second.seq == 1 and first.epoch < second.epoch
        start = pb.Daemon.FromString(root.get(second.epoch).payload)
        assert start.what == pb.Daemon.START
    again.stop()
    traild.assert_valid(run.state_dir)
