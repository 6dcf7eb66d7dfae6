# SPDX-License-Identifier: Apache-2.0
"""
A crowd (G12): each limit acts and says so, what a peer floods with reaches no other, and memory stays
bounded. How fast the others are meanwhile is measured by tests/bench/crowd.py, not asserted here.
"""
import os
import re
import resource
import socket
import subprocess
import threading
import time

import pytest
import wire
from harness import private_kib
from wire import Client, Closed, pb

PEER = 4242      # the daemon's own user, who may do all that root may, and is another peer
STRANGER = 65534
MEMORY_MAX_KIB = 64 * 1024

pytestmark = pytest.mark.root


def sanitized(traild):
    program = traild.traild.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


@pytest.fixture
def start(traild, folder):
    """start(setting=value, ...): a daemon that root, PEER and strangers can reach."""
    def begin(**settings):
        state = folder / "of-peer"
        state.mkdir()
        os.chown(state, PEER, PEER)
        os.chown(folder, PEER, PEER)
        folder.chmod(0o711)
        run = traild.start(state / "log", uid=PEER, config=settings)
        os.chmod(run.address, 0o666)
        return run
    return begin


@pytest.fixture
def many_descriptors():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert before[1] == resource.RLIM_INFINITY or before[1] >= 12_000, \
        "ulimit -Hn: 12,000 descriptors are needed, here and in the daemon"
    resource.setrlimit(resource.RLIMIT_NOFILE, (12_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def batch(count, first=0):
    return [wire.event(first + i) for i in range(count)]


def knock(connect, *args, **more):
    """The kernel keeps 4,096 who wait to be accepted, and turns away who has a deadline: again."""
    while True:
        try:
            return connect(*args, **more)
        except BlockingIOError:
            continue


def told_and_closed(client, word):
    answer = client.recv()
    assert answer.id == 0 and answer.error.code == pb.UNAVAILABLE, answer
    assert word in answer.error.sentence
    assert client.ended()


def said(run, word):
    """The daemon's lines with `word`. Counted lines come at the end of a second, or with the stop."""
    return [line for line in run.stderr().splitlines() if word in line]


# ---- each limit acts ----------------------------------------------------------------------------

def test_g12_who_says_no_hello_in_time_is_closed_and_told(start):
    run = start(hello_time=1)
    hello = wire.frame(pb.Request(id=1, hello=pb.Hello(protocol=1)).SerializeToString())
    with Client(run.address) as good, Client(run.address, hello=False) as mute, \
            Client(run.address, hello=False) as half:
        half.send_raw(hello[:-1])
        told_and_closed(mute, "no Hello")
        told_and_closed(half, "no Hello")
        assert good.checkpoint()
    run.stop()
    assert sum(int(re.search(r"(\d+) connections were closed: no Hello", line).group(1))
               for line in said(run, "no Hello")) == 2


def test_g12_who_sends_a_byte_now_and_then_has_no_longer_for_a_frame(start):
    run = start(frame_time=1)
    with Client(run.address) as c:
        size = c.checkpoint().size
    append = pb.Append(source="journal", epoch=1, first_seq=1, events=batch(100))
    frame = wire.frame(pb.Request(id=9, append=append).SerializeToString())
    with Client(run.address) as half, Client(run.address) as slow:
        half.send_raw(frame[:5000])
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for byte in frame:
                slow.send_raw(bytes([byte]))
                sent += 1
                time.sleep(0.05)  # what a slow writer does
        assert sent < 200
        told_and_closed(half, "completed in time")
        told_and_closed(slow, "completed in time")
    with Client(run.address) as c:
        assert c.checkpoint().size == size, "half a request left something behind"
        # The time is a frame's, not the connection's.
        c.append("journal", 1, 1, batch(100))
    run.stop()
    assert said(run, "`frame_time`")


def test_g12_who_says_nothing_for_long_is_closed_and_told(start):
    run = start(idle_time=1)
    with Client(run.address) as idle, Client(run.address) as busy, \
            Client(run.address) as follower:
        size = busy.checkpoint().size
        waits = follower.send(search=pb.Search(
            query="object:/none", paging=pb.Paging(follow_ms=4000)))
        closed = threading.Event()

        def watch():
            told_and_closed(idle, "nothing was said")
            closed.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        while not closed.is_set():
            assert busy.checkpoint().size >= size
            time.sleep(0.05)  # not idle, and no flood either
        watcher.join()
        assert follower.wait(waits).WhichOneof("body") == "rows", "to wait for rows is not idle"
    run.stop()
    assert said(run, "`idle_time`")


@pytest.mark.parametrize("sips", [False, True], ids=["reads nothing", "reads a byte now and then"])
def test_g12_who_does_not_read_is_closed(start, sips):
    run = start(unread_time=1)
    with Client(run.address) as c, Client(run.address) as deaf:
        for i in range(5):
            c.append("journal", 1, 1 + 1000 * i, batch(1000, 1000 * i))
        for _ in range(8):
            deaf.send(records=pb.Records())
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                deaf.send(status=pb.StatusRequest())
                if sips:
                    deaf.sock.recv(1)
                time.sleep(0.05)  # gives it the time that it is bounded by
        assert c.checkpoint()
    run.stop()
    assert said(run, "`unread_time`")


def test_g12_a_peer_has_its_connections_and_others_have_theirs(start):
    run = start(peer_connections=4)
    held = [Client(run.address, uid=PEER) for _ in range(4)]
    for _ in range(3):
        with Client(run.address, uid=PEER, hello=False) as c:
            answer = c.recv()
            assert answer.id == 0 and answer.error.code == pb.BUSY and answer.error.retry_ms
            assert c.ended()
    with Client(run.address) as root:
        assert root.checkpoint()
    for c in held:
        assert c.checkpoint()
        c.close()
    run.stop()
    assert sum(int(re.search(r"(\d+) connections were refused", line).group(1))
               for line in said(run, "`peer_connections`")) == 3


def test_g12_a_client_that_is_turned_away_says_why(start, traild, folder):
    run = start(peer_connections=1)
    with Client(run.address) as root:
        done = subprocess.run([traild.trail, "--connect", f"unix:{run.address}", "checkpoint"],
                              capture_output=True, text=True, check=False, timeout=60,
                              env=dict(os.environ, XDG_STATE_HOME=str(folder / "client")))
        assert done.returncode == 3 and "too many connections" in done.stderr, done
        assert root.checkpoint()
    run.stop()


def test_g12_who_asks_too_often_is_slowed_down_and_loses_nothing(start):
    run = start(peer_rate=40)
    with Client(run.address, claims=[("journal", 1)]) as root, \
            Client(run.address, uid=PEER) as fast, Client(run.address, uid=PEER) as second:
        began = time.monotonic()
        sent = [fast.send(append=pb.Append(source="fast", epoch=1, first_seq=1 + i,
                                           events=batch(1, i))) for i in range(100)]
        others = [second.send(checkpoint=pb.CheckpointRequest()) for _ in range(20)]
        # Who is below the rate is not held up by who is above.
        for i in range(20):
            root.append("journal", 1, 1 + i, batch(1, i))
        assert time.monotonic() - began < 1.5, "the rate of one peer slowed another"
        for number in others:
            assert second.wait(number).checkpoint.checkpoint
        indices = [fast.wait(number).appended.runs[0].first_index for number in sent]
        assert indices == sorted(set(indices)) and len(indices) == 100
        # 124 requests and connections; 40 at once, the others at 40 a second. One bucket for both.
        assert time.monotonic() - began >= 2.0
    with Client(run.address, uid=PEER) as again:
        assert again.checkpoint()
    run.stop()
    assert said(run, "`peer_rate`")


# ---- memory -------------------------------------------------------------------------------------

def test_g12_a_thousand_connections_at_work_take_at_most_64_mib(start, traild, measured,
                                                                many_descriptors):
    run = start(connections=4096)
    clients = [knock(Client, run.address, claims=[(f"s{i}", 1)]) for i in range(1000)]
    peak = 0
    for k in range(3):
        sent = []
        for i, c in enumerate(clients):
            first = 1 + 128 * k
            sent.append([c.send(append=pb.Append(source=f"s{i}", epoch=1, first_seq=first + 64 * j,
                                                 events=batch(64, first + 64 * j)))
                         for j in range(2)])
            if i % 100 == 0:
                peak = max(peak, private_kib(run.pid))
        for c, numbers in zip(clients, sent):
            for number in numbers:
                assert sum(r.count for r in c.wait(number).appended.runs) == 64
        peak = max(peak, private_kib(run.pid))
    measured("private memory, 1,000 connections at work", f"{peak / 1024:.1f} MiB")
    assert peak <= MEMORY_MAX_KIB or sanitized(traild)
    for c in clients:
        c.close()
    run.stop()
    traild.assert_valid(run.state_dir)


def test_g12_ten_thousand_idle_connections_leave_it_answering(start, traild, measured,
                                                              many_descriptors):
    run = start(connections=24_000)
    idle = [knock(wire.connect, run.address, PEER) for _ in range(10_000)]
    hello = wire.frame(pb.Request(id=1, hello=pb.Hello(protocol=1)).SerializeToString())
    for sock in idle:
        sock.sendall(hello)
    for sock in idle:
        assert sock.recv(4096)
    private = private_kib(run.pid)
    measured("private memory, 10,000 idle connections", f"{private / 1024:.1f} MiB")
    assert private <= MEMORY_MAX_KIB or sanitized(traild)
    with Client(run.address, claims=[("journal", 1)]) as root:
        for i in range(100):
            root.append("journal", 1, 1 + i, batch(1, i))
    for sock in idle:
        sock.close()
    run.stop()


def test_g12_answers_that_nobody_reads_hold_no_more_than_a_peers_share(start, traild, measured):
    """A page of the spine is 256 KiB; most of it goes to the socket, its buffer must go with it."""
    run = start()
    with Client(run.address) as root:
        for i in range(5):
            root.append("journal", 1, 1 + 1000 * i, batch(1000, 1000 * i))
        before = private_kib(run.pid)
        deaf = [Client(run.address, uid=PEER) for _ in range(200)]
        for c in deaf:
            for _ in range(4):
                c.send(records=pb.Records())
        for i in range(50):
            root.append("journal", 1, 5001 + i, batch(1, 5000 + i))
        grown = private_kib(run.pid) - before
        measured("private memory for 200 connections that never read", f"{grown} KiB")
        assert grown < 32 * 1024 or sanitized(traild)
        for c in deaf:
            c.close()
        root.append("journal", 1, 5051, batch(1))
    run.stop()


# ---- floods -------------------------------------------------------------------------------------

def pour(address, uid, frames, over):
    """Send `frames` again and again and throw the answers away, until `over`; reconnects."""
    while not over.is_set():
        try:
            with Client(address, uid=uid, hello=uid != STRANGER) as c:
                c.sock.setblocking(False)
                rest = b""
                while not over.is_set():
                    rest = rest or frames
                    try:
                        rest = rest[c.sock.send(rest):]
                    except BlockingIOError:
                        pass
                    try:
                        if not c.sock.recv(1 << 18):
                            break
                    except BlockingIOError:
                        pass
        except (Closed, OSError, AssertionError):
            continue


def request(**body):
    return wire.frame(pb.Request(id=2, **body).SerializeToString())


FLOODS = {
    "bad events": lambda: request(append=pb.Append(
        source="flood", events=batch(63) + [b"\x10\x00"])) * 20,
    "refusals for want of a role": lambda: request(hello=pb.Hello(protocol=1)),
    "refusals for want of the epoch": lambda: request(append=pb.Append(
        source="journal", epoch=1, first_seq=1, events=batch(64))) * 20,
    "valid appends": lambda: request(append=pb.Append(source="flood", events=batch(64))) * 20,
    "searches": lambda: request(search=pb.Search(query="actor:nobody")) * 50,
    "pages of the spine": lambda: request(records=pb.Records()) * 50,
    "half frames": lambda: b"\x00\x10\x00\x00" + bytes(300_000),
    "bytes that are no frames": lambda: bytes(1000),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_g12_a_flood_neither_holds_up_nor_loses_what_others_say(start, traild, kind):
    run = start()
    frames = FLOODS[kind]()
    uid = STRANGER if kind == "refusals for want of a role" else PEER
    over = threading.Event()
    with Client(run.address, claims=[("journal", 1)]) as root:
        root.append("journal", 1, 1, batch(1))
        floods = [threading.Thread(target=pour, args=(run.address, uid, frames, over))
                  for _ in range(4)]
        for t in floods:
            t.start()
        try:
            last = -1
            for i in range(200):
                run_ = root.append("journal", 1, 2 + i, batch(1, 1 + i)).runs[0]
                assert run_.first_index > last and run_.count == 1
                last = run_.first_index
            assert len(root.history("/lifecare/journal/000100").all()) >= 1
        finally:
            over.set()
            for t in floods:
                t.join()
        assert root.append("journal", 1, 202, batch(1, 201)).runs[0].count == 1
    run.stop()
    assert len(run.stderr().splitlines()) < 60, "a flood filled the journal"
    traild.assert_valid(run.state_dir)


def test_g12_churn_does_not_keep_others_out(start):
    run = start()
    over = threading.Event()

    def churn():
        while not over.is_set():
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(run.address)

    churners = [threading.Thread(target=churn) for _ in range(4)]
    for t in churners:
        t.start()
    try:
        for i in range(50):
            with knock(Client, run.address, claims=[("journal", 1)]) as c:
                c.append("journal", 1, 1 + i, batch(1, i))
    finally:
        over.set()
        for t in churners:
            t.join()
    run.stop()
