# SPDX-License-Identifier: Apache-2.0
"""
What one connection, one peer and all together may hold; how a drain ends; what becomes of socket
files (G12, DESIGN sections 6 and 8).
"""
import os
import socket
import subprocess
import threading

import pytest
import wire
from harness import private_kib
from wire import Client, Closed, pb


def sanitized(traild):
    program = traild.traild.read_bytes()
    return b"__asan_init" in program or b"__tsan_init" in program


def batch(count, first=0):
    return [wire.event(first + i) for i in range(count)]


def test_g12_a_peer_has_half_of_the_connections_and_is_told_so(traild):
    run = traild.start(config={"connections": 16})
    held = [Client(run.address) for _ in range(8)]
    with Client(run.address, hello=False) as c:
        answer = c.recv()
        assert answer.id == 0 and answer.error.code == pb.BUSY and answer.error.retry_ms
        assert c.ended()
    held.pop().close()
    # The daemon sees the end of the one before it accepts the next: both are in its loop.
    for _ in range(1000):
        try:
            with Client(run.address) as c:
                c.checkpoint()
            break
        except (AssertionError, Closed, BrokenPipeError):
            continue
    else:
        raise AssertionError("no connection is free, though one was closed")
    for c in held:
        assert c.checkpoint()
        c.close()
    run.stop()


def test_g12_without_descriptors_those_who_are_there_are_served(traild):
    run = traild.start(wrapper=["prlimit", "--nofile=48:48"])
    held, hung_up = [], 0
    for _ in range(60):
        c = Client(run.address, hello=False)
        try:
            c.hello()
            held.append(c)
        except (Closed, BrokenPipeError):
            hung_up += 1
            c.close()
    assert hung_up > 0 and len(held) > 16, (hung_up, len(held))
    for c in held:
        assert c.checkpoint().size >= 2
    for c in held:
        c.close()
    with Client(run.address) as c:
        c.append("journal", 1, 1, batch(10))
    run.stop()
    assert "descriptors are out" in run.stderr()


def test_g12_who_never_reads_is_bounded_and_others_go_on(traild, measured):
    """32 connections ask for pages of the spine and read none of them."""
    run = traild.start()
    with Client(run.address) as c:
        for i in range(5):
            c.append("journal", 1, 1 + 1000 * i, batch(1000, 1000 * i))
        before = private_kib(run.pid)
        hogs = []
        for _ in range(32):
            hog = Client(run.address)
            hog.sock.setblocking(False)
            question = wire.frame(pb.Request(id=9, records=pb.Records()).SerializeToString())
            try:
                for _ in range(100_000):
                    hog.sock.send(question)
            except BlockingIOError:
                pass
            hogs.append(hog)
        for i in range(20):
            c.append("journal", 1, 5001 + 10 * i, batch(10, 5000 + 10 * i))
        grown = private_kib(run.pid) - before
        measured("private memory for 32 connections that never read", f"{grown} KiB")
        assert grown < 48 * 1024 or sanitized(traild), "a sanitizer's memory is its own"
        # Who reads at last gets every answer to what was taken.
        hog = hogs[0]
        hog.sock.settimeout(wire.TIME_LIMIT_S)
        for _ in range(20):
            assert len(hog.recv().records.records) > 200_000
        for hog in hogs:
            hog.close()
        c.append("journal", 1, 5201, batch(1))
    run.stop()
    traild.assert_valid(run.state_dir)


def test_g12_nothing_is_dropped_when_all_bounds_are_reached(traild):
    """16 connections send 6 MiB each as fast as they can; a reader thread takes the answers."""
    run = traild.start(config={"queue_bytes": "16M"})
    events = [wire.event(i, reason="x" * 900) for i in range(500)]

    def one(number, acked):
        with Client(run.address, claims=[(f"s{number}", 1)]) as c:
            def send():
                for k in range(12):
                    c.send(append=pb.Append(source=f"s{number}", epoch=1,
                                            first_seq=1 + 500 * k, events=events))
            sender = threading.Thread(target=send)
            sender.start()
            for k in range(12):
                acked.append(sum(r.count for r in c.wait(2 + k).appended.runs))
            sender.join()

    acked = []
    threads = [threading.Thread(target=one, args=(i, acked)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sum(acked) == 16 * 12 * 500
    run.stop()
    traild.assert_valid(run.state_dir)


def test_sigterm_answers_what_is_queued_and_keeps_what_was_acked(traild):
    run = traild.start()
    acked = {}
    with Client(run.address, claims=[("journal", 1)]) as c:
        sent = {c.send(append=pb.Append(source="journal", epoch=1, first_seq=1 + 100 * i,
                                        events=batch(100, 100 * i))): i for i in range(60)}
        answer = c.recv()
        acked[sent[answer.id]] = answer.appended.runs[0].first_index
        run.process.signal(15)
        while True:
            try:
                answer = c.recv()
            except Closed:
                break
            assert answer.WhichOneof("body") == "appended", answer
            acked[sent[answer.id]] = answer.appended.runs[0].first_index
        assert not c.buffer, "an answer was cut in the middle"
    assert run.wait_exit() == 0
    # In the order of their sending, without a hole: what was taken was answered.
    assert sorted(acked) == list(range(len(acked)))
    assert not os.path.exists(run.address)
    again = traild.start(state_dir=run.state_dir)
    with Client(again.address, claims=[("journal", 1)]) as c:
        assert c.greeting.standings[0].last == 100 * len(acked)
        records, _ = c.records()
        for k, first in acked.items():
            assert wire.record_parse(records[first]).seq == 1 + 100 * k
    again.stop()


def test_idle_connections_do_not_hold_up_a_stop(traild):
    run = traild.start()
    with Client(run.address) as idle, Client(run.address, hello=False) as mute:
        mute.send_raw(b"\0\0\1")
        run.stop()
        assert idle.ended() and mute.ended()


@pytest.mark.parametrize("listen,code,word", [
    ("tls:localhost:4711", 2, "TLS is not served"),
    ("/run/trail.sock", 2, "an address is unix:PATH"),
    ("unix:", 2, "1 to 107 bytes"),
    ("unix:/nonexistent/s", 3, "cannot bind"),
])
def test_impossible_addresses_are_refused_in_words(traild, folder, listen, code, word):
    config = folder / "conf"
    config.write_text("seal_height = 4\nmap_size = 64M\n")
    done = subprocess.run([traild.traild, "--config", config, "--state-dir", folder / "state",
                           "--listen", listen],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code and word in done.stderr, done.stderr
    assert code != 2 or not (folder / "state").exists(), "a log was made all the same"


def test_a_file_that_is_no_socket_is_not_replaced(traild, folder):
    path = traild.folder / f"s{traild._number + 1}"
    path.write_text("precious")
    code, stderr = traild.refuse(folder / "state")
    assert code == 3 and "no socket" in stderr
    assert path.read_text() == "precious"


def test_a_stale_socket_is_replaced(traild):
    path = traild.folder / f"s{traild._number + 1}"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    run = traild.start()
    assert os.stat(run.address).st_mode & 0o777 == 0o660
    with Client(run.address) as c:
        assert c.checkpoint()
    run.stop()
