# SPDX-License-Identifier: Apache-2.0
"""
Below the reserve Appends get FULL and nothing is staged; what is on record stays readable, and the
log goes on when there is room again (DESIGN.md section 5).
"""
import shutil

import pytest
import wire
from wire import Client, pb


def said(c):
    """The DAEMON entries from index 1 on, in order."""
    records, _ = c.records()
    return [pb.Daemon.FromString(c.get(i).payload) for i, raw in enumerate(records)
            if i > 0 and wire.record_parse(raw).kind == wire.DAEMON]


def append(first, count):
    return dict(append=pb.Append(source="journal", epoch=1, first_seq=first,
                                 events=[wire.event(first + i) for i in range(count)]))


def test_reserve_that_is_reached_refuses_appends_and_nothing_is_staged(traild):
    run = traild.start()
    with Client(run.address) as c:
        c.want("appended", **append(1, 5))
    run.stop()
    # Free is below the reserve and above its half, which is kept for questions.
    free = min(shutil.disk_usage(run.state_dir).free, 8 * 2**30)
    run = traild.start(run.state_dir, config={"reserve": free * 3 // 2})
    with Client(run.address, claims=[("journal", 1)]) as c:
        size = c.checkpoint().size
        for _ in range(3):
            error = c.error(**append(6, 5))
            assert error.code == pb.FULL and error.sentence
        assert c.checkpoint().size == size, "something was staged"
        disk = [d for d in said(c) if d.what == pb.Daemon.DISK]
        assert len(disk) == 1 and 0 < disk[0].free_bytes < 2**40 and not disk[0].resumed
        assert c.status().full
        # What needs no room is answered.
        assert c.want("appended", **append(1, 5)).runs[0].duplicate
        assert c.get(size - 1).record
        assert c.prove(index=0).path
    run.stop()
    traild.assert_valid(run.state_dir)
    run = traild.start(run.state_dir)
    with Client(run.address, claims=[("journal", 1)]) as c:
        assert not c.status().full
        assert c.want("appended", **append(6, 5)).runs[0].first_seq == 6
    run.stop()
    traild.assert_valid(run.state_dir)


def test_g9_without_room_for_its_event_no_question_is_answered(traild):
    run = traild.start()
    with Client(run.address) as c:
        c.want("appended", **append(1, 5))
    run.stop()
    run = traild.start(run.state_dir, config={"reserve": "1T"})
    with Client(run.address) as c:
        size = c.checkpoint().size
        for question in (dict(get=pb.Get(index=0)), dict(search=pb.Search()),
                         dict(history=pb.History(object="/o"))):
            assert c.error(**question).code == pb.FULL
        assert c.checkpoint().size == size
        assert c.records()[0] and c.prove(index=0).path, "the spine shows no payload"
    run.stop()
    traild.assert_valid(run.state_dir)


@pytest.mark.limit(300)
def test_g1_map_that_fills_up_refuses_and_keeps_all_that_was_acked(traild, measured):
    """The smallest map, filled to its reserve by pipelined writers, then a larger one."""
    run = traild.start(config={"map_size": "16M", "reserve": "4M"})
    acked, first = [], 1
    with Client(run.address) as c:
        error = None
        while not error and first < 200_000:
            sent = []
            for _ in range(8):
                sent.append((first, c.send(**append(first, 500))))
                first += 500
            for at, number in sent:
                response = c.wait(number)
                if response.WhichOneof("body") == "appended":
                    acked.append((at, response.appended.runs[0].first_index))
                else:
                    error = error or response.error
        assert error and error.code == pb.FULL, error
        assert [d.resumed for d in said(c) if d.what == pb.Daemon.DISK] == [False]
        records, _ = c.records()
        stored = [r for r in records if wire.record_parse(r).kind == wire.EVENT
                  and wire.record_parse(r).source != 0]
        assert len(stored) == 500 * len(acked), "neither more nor less than what was acked"
        refused = acked[-1][0] + 500
    run.stop()
    traild.assert_valid(run.state_dir)
    run = traild.start(run.state_dir, config={"map_size": "64M", "reserve": "4M"})
    with Client(run.address, claims=[("journal", 1)]) as c:
        assert c.greeting.standings[0].last == refused - 1
        for at, index in acked:
            record = wire.record_parse(c.records(index)[0][0]) if index == acked[-1][1] else \
                wire.record_parse(records[index])
            assert record.seq == at
        c.want("appended", **append(refused, 500))
    run.stop()
    traild.assert_valid(run.state_dir)
    measured("events until FULL in a map of 16 MiB", 500 * len(acked))
