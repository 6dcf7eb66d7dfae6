# SPDX-License-Identifier: Apache-2.0
"""
What bad input gets: an error value that says what is wrong, nothing stored, and never a word of it
to anybody else (G12). In every test an innocent connection goes on working.
"""
import os
import random
import struct

import pytest
import wire
from harness import SEED
from wire import Client, frame, pb


class Innocent(Client):
    """Appends one event at a time and knows how large the log must be."""

    def __init__(self, address):
        super().__init__(address, claims=[("innocent", 1)])
        self.seq = self.greeting.standings[0].last
        self.go_on()
        self.size = self.checkpoint().size

    def go_on(self):
        self.seq += 1
        answer = self.append("innocent", 1, self.seq, [wire.event(self.seq)])
        assert answer.runs[0].first_seq == self.seq and not answer.runs[0].duplicate

    def alone(self):
        """It still works, and nothing but its own events was stored since the last look."""
        self.go_on()
        self.size += 1
        assert self.checkpoint().size == self.size, "something else was stored"


@pytest.fixture(scope="module")
def run(module_traild):
    run = module_traild.start()
    yield run
    run.stop()
    module_traild.assert_valid(run.state_dir)


@pytest.fixture
def innocent(run):
    client = Innocent(run.address)
    yield client
    client.alone()
    client.close()


def varint(n):
    out = b""
    while n > 0x7f:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """A varint field of an int, a length-delimited one of bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


# ---- frames -------------------------------------------------------------------------------------

FRAMES = [
    ("zero length", b"\0\0\0\0", pb.INVALID),
    ("one byte too long", struct.pack(">I", wire.FRAME_MAX + 1), pb.TOO_BIG),
    ("4 GiB", b"\xff\xff\xff\xff" + b"x" * 100, pb.TOO_BIG),
    ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", pb.TOO_BIG),
    ("garbage for protobuf", frame(b"\xff" * 50), pb.INVALID),
    ("a message cut short",
     frame(pb.Request(id=1, hello=pb.Hello(protocol=1)).SerializeToString()[:-1]), pb.INVALID),
    ("a field that overruns", frame(field(1, 7) + b"\x12\x7f\x08"), pb.INVALID),
    ("a group", frame(b"\x0b\x0c"), pb.INVALID),
    ("an endless varint", frame(b"\x08" + b"\x80" * 20), pb.INVALID),
]


@pytest.mark.parametrize("data,code", [f[1:] for f in FRAMES], ids=[f[0] for f in FRAMES])
@pytest.mark.parametrize("greeted", [False, True], ids=["first", "behind Hello"])
def test_malformed_frame_gets_an_error_and_the_end(run, innocent, data, code, greeted):
    with Client(run.address, hello=greeted) as c:
        c.send_raw(data)
        error = c.recv().error
        assert error.code == code and error.sentence
        assert c.ended()


@pytest.mark.parametrize("cut", [1, 3, 4, 5, 40, 100_000])
def test_half_a_frame_and_the_end(run, innocent, cut):
    whole = frame(pb.Request(id=9, append=pb.Append(
        source="journal", epoch=1, first_seq=1,
        events=[wire.event(i) for i in range(900)] + [wire.event(1, reason="x" * 4000)] * 20,
    )).SerializeToString())
    assert cut < len(whole)
    with Client(run.address) as c:
        c.send_raw(whole[:cut])
        c.sock.shutdown(1)
        assert c.ended()
    with Client(run.address) as c:  # and without a word
        c.send_raw(whole[:cut])


def test_what_came_before_a_malformed_frame_is_answered(run, innocent):
    with Client(run.address) as c:
        c.send(status=pb.StatusRequest())
        c.send_raw(b"\0\0\0\0")
        kinds = {c.recv().WhichOneof("body"), c.recv().WhichOneof("body")}
        assert kinds == {"status", "error"} and c.ended()


def test_frames_cut_anywhere_are_frames_all_the_same(run, innocent):
    """Byte by byte through the socket: what arrives in pieces is what was sent."""
    data = frame(pb.Request(id=1, hello=pb.Hello(protocol=1)).SerializeToString())
    data += frame(pb.Request(id=2, status=pb.StatusRequest()).SerializeToString())
    with Client(run.address, hello=False) as c:
        for i in range(len(data)):
            c.send_raw(data[i:i + 1])
        assert c.wait(1).WhichOneof("body") == "hello"
        assert c.wait(2).WhichOneof("body") == "status"


@pytest.mark.limit(300)
def test_random_bytes_never_end_the_daemon(run, innocent, measured):
    rng = random.Random(SEED)
    for _ in range(300):
        with Client(run.address, hello=rng.random() < 0.7) as c:
            body = bytearray(pb.Request(id=3, append=pb.Append(
                source="journal", epoch=0, events=[wire.event(1)] * 3)).SerializeToString())
            for _ in range(rng.randrange(1, 8)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            # Sent where no epoch is named that could take it: an unknown source name at the worst.
            body = body.replace(b"journal", b"JOURNAL")
            try:
                c.send_raw(frame(bytes(body)) + os.urandom(rng.randrange(50)))
                c.sock.shutdown(1)
                while True:
                    c.recv()
            except (wire.Closed, ConnectionError):
                pass
        if rng.random() < 0.1:
            innocent.go_on()
    # Some mutants may be valid: what they stored is not the innocent's to count.
    innocent.size = innocent.checkpoint().size
    measured("mutated requests", 300)


# ---- requests -----------------------------------------------------------------------------------

BODIES = {
    "append": dict(append=pb.Append(source="journal", epoch=1, first_seq=1,
                                    events=[wire.event(1)])),
    "close": dict(close=pb.Close(source="journal", epoch=1, last=1)),
    "keepalive": dict(keepalive=pb.Keepalive(source="journal", epoch=1)),
    "get": dict(get=pb.Get(index=0)),
    "records": dict(records=pb.Records()),
    "checkpoint": dict(checkpoint=pb.CheckpointRequest()),
    "prove": dict(prove=pb.Prove(index=0)),
    "status": dict(status=pb.StatusRequest()),
}


@pytest.mark.parametrize("body", BODIES)
def test_request_before_hello_gets_an_error_and_the_end(run, innocent, body):
    with Client(run.address, hello=False) as c:
        number = c.send(**BODIES[body])
        response = c.recv()
        assert response.id == number and response.error.code == pb.INVALID
        assert "Hello" in response.error.sentence
        assert c.ended()


def test_unknown_request_is_unsupported_and_the_connection_goes_on(run, innocent):
    with Client(run.address) as c:
        c.send_raw(frame(field(1, 77) + field(900, b"")))
        response = c.recv()
        assert (response.id, response.error.code) == (77, pb.UNSUPPORTED)
        c.status()


def test_unknown_protocol_is_unsupported(run, innocent):
    for version in (0, 2, 2**32 - 1):
        with Client(run.address, hello=False) as c:
            assert c.error(hello=pb.Hello(protocol=version)).code == pb.UNSUPPORTED
            assert c.ended()


def test_foreign_checkpoint_in_hello_is_refused(run, innocent):
    with Client(run.address) as c:
        note = c.greeting.checkpoint
    for bad in (b"x", note[:-2], note.replace(b"example.org/test", b"example.org/tesu"),
                note.replace(b"\n\n", b"\nextension\n\n")):
        with Client(run.address, hello=False) as c:
            assert c.error(hello=pb.Hello(protocol=1, checkpoint=bad)).code == pb.INVALID


@pytest.mark.parametrize("name", ["", "A", "a" * 65, "a b", "a/b", "å", "traild", "a\0", "-\n"])
def test_bad_source_names_are_invalid(run, innocent, name):
    for body in (dict(append=pb.Append(source=name, epoch=1, first_seq=1, events=[wire.event(1)])),
                 dict(close=pb.Close(source=name, epoch=1, last=1)),
                 dict(keepalive=pb.Keepalive(source=name, epoch=1)),
                 dict(hello=pb.Hello(protocol=1, claims=[pb.Hello.Claim(source=name, epoch=1)]))):
        with Client(run.address) as c:
            assert c.error(**body).code == pb.INVALID, body


BAD_APPENDS = [
    ("no events", dict(epoch=1, first_seq=1, events=[]), pb.INVALID),
    ("1,001 events", dict(epoch=1, first_seq=1, events=[wire.event(1)] * 1001), pb.TOO_BIG),
    ("a number in epoch 0", dict(epoch=0, first_seq=1, events=[wire.event(1)]), pb.INVALID),
    ("a loss in epoch 0", dict(epoch=0, lost=1, events=[wire.event(1)]), pb.INVALID),
    ("no number", dict(epoch=1, first_seq=0, events=[wire.event(1)]), pb.INVALID),
    ("numbers beyond 64 bits", dict(epoch=1, first_seq=2**64 - 1, events=[wire.event(1)] * 3),
     pb.INVALID),
    ("numbers beyond 64 bits by a loss", dict(epoch=1, first_seq=2**64 - 2, lost=2**64 - 3,
                                              events=[wire.event(1)] * 3), pb.INVALID),
]


@pytest.mark.parametrize("append,code", [b[1:] for b in BAD_APPENDS],
                         ids=[b[0] for b in BAD_APPENDS])
def test_bad_append_is_refused_as_a_whole(run, innocent, append, code):
    with Client(run.address) as c:
        error = c.error(append=pb.Append(source="journal", **append))
        assert error.code == code and error.sentence


def test_thousand_events_are_not_too_many(run):
    with Client(run.address) as c:
        c.append("thousand", 1, 1, [wire.event(i) for i in range(1000)])


def test_close_of_epoch_0_is_invalid(run, innocent):
    with Client(run.address) as c:
        assert c.error(close=pb.Close(source="innocent", epoch=0, last=0)).code == pb.INVALID


def test_index_beyond_the_log_is_invalid(run, innocent):
    with Client(run.address) as c:
        for index in (innocent.size + 100, 2**63, 2**64 - 1):
            assert c.error(get=pb.Get(index=index)).code == pb.INVALID
            assert c.error(prove=pb.Prove(index=index)).code == pb.INVALID
            page = c.want("records", records=pb.Records(first=index))
            assert page.done and not page.records
        assert c.error(records=pb.Records(next=b"not from a page")).code == pb.INVALID


# ---- events -------------------------------------------------------------------------------------

TIME, ACTION = field(2, 1_700_000_000_000_000_000), field(3, 2)
ACTOR, OBJECT = field(7, field(1, b"a")), field(8, field(1, b"o"))
HEAD = TIME + ACTION
BODY = ACTOR + OBJECT


def actor(*fields):
    return HEAD + field(7, b"".join(fields)) + OBJECT


EVENTS = [
    # name, bytes, the field that is named
    ("no time", ACTION + BODY, "time_ns"),
    ("no action", TIME + BODY, "action"),
    ("no actor", HEAD + OBJECT, "actor.id"),
    ("no object", HEAD + ACTOR, "object.id"),
    ("an actor without id", actor(field(2, 1)), "actor.id"),
    ("an object without id", HEAD + ACTOR + field(8, field(2, b"t")), "object.id"),
    ("an empty actor id", actor(field(1, b"")), "actor.id"),
    ("an empty event", b"", "time_ns"),
    ("an unknown action", TIME + field(3, 6) + BODY, "action"),
    ("a negative action", TIME + field(3, 2**64 - 1) + BODY, "action"),
    ("an unknown outcome", HEAD + field(5, 4) + BODY, "outcome"),
    ("an unknown medium", HEAD + BODY + field(11, 3), "medium"),
    ("an unknown actor type", actor(field(1, b"a"), field(2, 5)), "actor.type"),
    ("an unknown field", HEAD + BODY + field(17, b"x"), "#17"),
    ("an unknown field of the actor", actor(field(1, b"a"), field(9, b"x")), "actor.#9"),
    ("fields out of order", ACTION + TIME + BODY, "time_ns"),
    ("a field twice", TIME + ACTION + ACTION + BODY, "action"),
    ("an actor twice", HEAD + ACTOR + ACTOR + OBJECT, "actor"),
    ("a wrong wire type", field(2, b"\0" * 8) + ACTION + BODY, "time_ns"),
    ("a default said", HEAD + field(5, 0) + BODY, "outcome"),
    ("a varint that is not minimal", TIME + b"\x18\x82\x00" + BODY, None),
    ("a UUID of 15 bytes", field(1, b"\1" * 15) + HEAD + BODY, "id"),
    ("a UUID of 17 bytes", field(1, b"\1" * 17) + HEAD + BODY, "id"),
    ("a verb that is not UTF-8", HEAD + field(4, b"\xff\xfe") + BODY, "verb"),
    ("an overlong UTF-8 form", HEAD + field(4, b"\xc0\xaf") + BODY, "verb"),
    ("a surrogate", HEAD + field(4, b"\xed\xa0\x80") + BODY, "verb"),
    ("a NUL in an id", actor(field(1, b"a\0b")), "actor.id"),
    ("a NUL in free text", HEAD + field(6, b"a\0b") + BODY, "reason"),
    ("a newline in an id", actor(field(1, b"a\nb")), "actor.id"),
    ("an escape in a name", actor(field(1, b"a"), field(3, b"\x1b[31m")), "actor.name"),
    ("a bidi override in an id", HEAD + ACTOR + field(8, field(1, "x\u202ey".encode())),
     "object.id"),
    ("a bidi isolate in a name",
     HEAD + ACTOR + field(8, field(1, b"x") + field(3, "\u2066y".encode())), "object.name"),
    ("a C1 control in a subject", HEAD + BODY + field(9, "p\u0085".encode()), "subject"),
    ("an id of 1,025 bytes", actor(field(1, b"a" * 1025)), "actor.id"),
    ("a subject of 1,025 bytes", HEAD + BODY + field(9, b"s" * 1025), "subject"),
    ("a reason of 4,097 bytes", HEAD + field(6, b"r" * 4097) + BODY, "reason"),
    ("a raw of 16,385 bytes", HEAD + BODY + field(16, b"r" * 16385), "raw"),
    ("65 changes", HEAD + BODY + field(13, field(1, b"f")) * 65, "changes[64]"),
    ("65 attributes", HEAD + BODY + field(15, field(1, b"k")) * 65, "attributes[64]"),
    ("a bad change among good ones",
     HEAD + BODY + field(13, field(1, b"f")) * 3 + field(13, field(1, b"\x07")),
     "changes[3].field"),
    ("a cut event", (HEAD + BODY)[:-1], None),
    ("bytes behind the last field", HEAD + BODY + b"\x80", None),
]


@pytest.mark.parametrize("event,name", [e[1:] for e in EVENTS], ids=[e[0] for e in EVENTS])
@pytest.mark.parametrize("at,count", [(0, 1), (0, 3), (2, 3), (999, 1000)])
def test_bad_event_is_named_and_nothing_of_the_request_is_stored(run, innocent, event, name, at,
                                                                 count):
    batch = [wire.event(i) for i in range(count)]
    batch[at] = event
    with Client(run.address) as c:
        error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=1, events=batch))
        assert error.code == pb.INVALID and error.index == at
        assert name is None or error.field == name
        assert error.sentence and (not error.field or error.field in error.sentence)
        # The source was not even made known: the innocent's count would tell.
        assert not c.hello([("journal", 1)]).standings[0].known


def test_too_big_event_is_named(run, innocent):
    big = HEAD + BODY + field(13, field(2, b"x" * 4090) + field(3, b"y" * 4090)) * 4
    assert 32 * 1024 < len(big) < 33 * 1024
    with Client(run.address) as c:
        error = c.error(append=pb.Append(source="journal", epoch=1, first_seq=1,
                                         events=[wire.event(1), big]))
        assert (error.code, error.index) == (pb.TOO_BIG, 1)


def test_largest_event_is_not_too_big(run):
    filler = HEAD + BODY + field(13, field(2, b"x" * 4090) + field(3, b"y" * 4082)) * 3
    rest = 32 * 1024 - len(filler)
    largest = filler + field(16, b"r" * (rest - 4))
    assert len(largest) == 32 * 1024
    with Client(run.address) as c:
        index = c.append("largest", 1, 1, [largest]).runs[0].first_index
        assert c.get(index).payload == largest


def test_request_of_a_whole_frame_is_taken(run):
    """1,000 events that fill a frame to its last bytes."""
    events = [wire.event(i, reason="x" * 970) for i in range(999)]
    request = pb.Request(id=2, append=pb.Append(source="frame", epoch=1, first_seq=1,
                                                events=events + [wire.event(0)]))
    room = wire.FRAME_MAX - len(request.SerializeToString())
    # Two lengths in front of it grow with it: find the one that fills the frame.
    for raw in range(room - 10, room):
        request.append.events[-1] = wire.event(0, raw=b"r" * raw)
        body = request.SerializeToString()
        if len(body) == wire.FRAME_MAX:
            break
    assert len(body) == wire.FRAME_MAX, len(body)
    with Client(run.address) as c:
        c.send_raw(frame(body))
        response = c.wait(2)
        assert response.WhichOneof("body") == "appended", response
        assert response.appended.runs[0].count == 1000
        # One byte more is none, and is not even read.
        try:
            c.send_raw(frame(body + b"\0"))
        except BrokenPipeError:
            pass
        assert c.recv().error.code == pb.TOO_BIG and c.ended()


# ---- numbers ------------------------------------------------------------------------------------

def test_pipelined_requests_behind_a_refused_one_are_refused_alike(run, innocent):
    """Until one starts where it is expected: a bad event and a gap in the midst of a pipeline."""
    with Client(run.address) as c:
        def send(first, events):
            return c.send(append=pb.Append(source="pipe", epoch=1, first_seq=first, events=events))
        ok = [wire.event(i) for i in range(3)]
        asked = [send(1, ok), send(4, [wire.event(0), b"", wire.event(2)]), send(7, ok),
                 send(10, ok), send(4, ok), send(10, ok), send(7, ok)]
        told = [c.wait(number) for number in asked]
        assert [t.WhichOneof("body") for t in told] == \
            ["appended", "error", "error", "error", "appended", "error", "appended"]
        assert (told[1].error.code, told[1].error.index) == (pb.INVALID, 1)
        for t, expected in ((told[2], 4), (told[3], 4), (told[5], 7)):
            assert (t.error.code, t.error.expected) == (pb.EXPECTED, expected)
        assert c.hello([("pipe", 1)]).standings[0].last == 9
        # SOURCE "pipe" and nine events; the PEER is the innocent's.
        innocent.size += 10


def test_conflict_names_the_event_and_stores_nothing(run, innocent):
    with Client(run.address) as c:
        c.append("conflict", 1, 1, [wire.event(i) for i in range(5)])
        innocent.size += 6
        batch = [wire.event(i) for i in range(7)]
        batch[3] = wire.event(99)
        error = c.error(append=pb.Append(source="conflict", epoch=1, first_seq=1, events=batch))
        assert (error.code, error.index) == (pb.CONFLICT, 3) and error.sentence


# ---- many ---------------------------------------------------------------------------------------

@pytest.mark.limit(300)
def test_clients_that_never_read_do_not_stop_others(run, innocent):
    """They are no longer read from; what they sent waits in their own sockets."""
    deaf = []
    page = frame(pb.Request(id=1, records=pb.Records()).SerializeToString())
    try:
        for _ in range(8):
            c = Client(run.address)
            deaf.append(c)
            c.sock.setblocking(False)
            try:
                for _ in range(20_000):
                    c.sock.send(page)
            except BlockingIOError:
                pass
        for _ in range(50):
            innocent.alone()
    finally:
        for c in deaf:
            c.close()


def test_connections_that_say_nothing_do_not_stop_others(run, innocent):
    silent = [wire.connect(run.address) for _ in range(300)]
    half = frame(pb.Request(id=1, hello=pb.Hello(protocol=1)).SerializeToString())[:-1]
    for sock in silent[::2]:
        sock.sendall(half)
    innocent.alone()
    for sock in silent:
        sock.close()
    innocent.alone()
