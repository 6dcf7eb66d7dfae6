# SPDX-License-Identifier: Apache-2.0
"""
Under a service manager: sockets that are handed over, what traild says of itself, the watchdog that
the writer thread feeds, and a signer that is a unit of its own. The manager is played by hand;
test_systemd.py does the same with systemd itself.
"""
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest
import wire
from harness import SLOW, wait_fd
from injection import Injection
from manager import SignerUnit, high, listening
from wire import Client

COULD_NOT, USAGE, CONTRADICTS = 3, 2, 5
SOMEBODY = 65533  # a uid without a name
RESTARTS = 12


@pytest.fixture
def unit(traild, folder):
    """make(): a SignerUnit with its state in folder/signer."""
    made = []

    def make(**how):
        one = SignerUnit(traild, folder / "signer", folder / "signer.sock", **how)
        made.append(one)
        return one

    yield make
    for one in made:
        one.finish()


def reach(unit):
    return {"signer_socket": unit.path}


# ---- sockets that are handed over --------------------------------------------------------------

def test_a_handed_socket_is_the_only_one_and_stays(traild, folder):
    """Its name is the manager's: a stop does not take it away. No default is opened beside it."""
    path = folder / "handed"
    with listening(path) as sock:
        run = traild.start(handed=[sock])
        with Client(str(path)) as c:
            c.append("journal", 1, 1, [wire.event(1)])
        unix = subprocess.run(["ss", "-xlpH"], capture_output=True, text=True, check=True).stdout
        mine = [line for line in unix.splitlines() if f"pid={run.pid}," in line]
        assert len(mine) == 1 and str(path) in mine[0], mine
        flags = open(f"/proc/{run.pid}/fdinfo/3", encoding="ascii").read()
        assert int(re.search(r"flags:\s*(\d+)", flags)[1], 8) & os.O_CLOEXEC
        run.stop()
        assert stat.S_ISSOCK(os.stat(path).st_mode), "the socket's file went with traild"
        run = traild.start(run.state_dir, handed=[sock])
        with Client(str(path)) as c:
            c.append("journal", 2, 1, [wire.event(2)])
        run.stop()
    traild.assert_valid(run.state_dir)


def test_the_signer_inherits_neither_sockets_nor_variables(traild, folder):
    with listening(folder / "handed") as sock:
        run = traild.start(handed=[sock])
        names = open(f"/proc/{run.signer_pid}/environ", "rb").read().split(b"\0")
        assert not any(name.startswith(b"LISTEN_") for name in names)
        inode = os.stat(f"/proc/{run.pid}/fd/3").st_ino
        theirs = [os.stat(f"/proc/{run.signer_pid}/fd/{fd}").st_ino
                  for fd in os.listdir(f"/proc/{run.signer_pid}/fd")]
        assert inode not in theirs
        run.stop()


def test_listen_adds_to_what_was_handed_over(traild, folder):
    a, b = folder / "a", folder / "b"
    with listening(a) as sock:
        run = traild.start(handed=[sock], more=["--listen", f"unix:{b}"])
        for i, path in enumerate((a, b)):
            with Client(str(path)) as c:
                c.append("journal", i + 1, 1, [wire.event(i)])
        run.stop()
        assert a.exists() and not b.exists()


def test_variables_for_another_process_are_not_taken(traild, folder):
    """$LISTEN_PID is not ours: they were left by somebody who started us."""
    run = traild.start(env={"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
    run.stop()


def bad_sockets(folder):
    plain = high(socket.socket(socket.AF_UNIX))
    inet = high(socket.socket(socket.AF_INET))
    inet.bind(("127.0.0.1", 0))
    inet.listen(1)
    packets = listening(folder / "packets", socket.SOCK_SEQPACKET)
    return {"no listener": plain, "no Unix socket": inet, "no stream": packets}


@pytest.mark.parametrize("kind", ["no listener", "no Unix socket", "no stream"])
def test_what_is_no_listening_stream_is_refused_and_nothing_is_made(traild, folder, kind):
    sockets = bad_sockets(folder)
    code, stderr = traild.refuse(folder / "state", handed=[sockets[kind]])
    assert (code, "handed over" in stderr) == (USAGE, True), stderr
    assert not (folder / "state").exists()
    for sock in sockets.values():
        sock.close()


class Insister(threading.Thread):
    """Connects and appends, again and again; a restart may end a connection, but never refuse one."""

    def __init__(self, path, number):
        super().__init__(daemon=True)
        self.path, self.number = str(path), number
        self.acked, self.fault = [], None
        self.over = threading.Event()

    def run(self):
        epoch = self.number * 1_000_000
        while not self.over.is_set():
            epoch += 1
            try:
                with Client(self.path) as c:
                    for seq in range(1, 40):
                        c.append(f"insister{self.number}", epoch, seq, [wire.event(epoch + seq)])
                        self.acked.append((epoch, seq))
            except (wire.Closed, BrokenPipeError, ConnectionResetError):
                pass  # an answer that did not come is no ack
            except OSError as fault:
                self.fault = fault


def test_g1_restart_never_refuses_and_loses_nothing_acked(traild, folder, measured):
    """
    The manager holds the socket; traild is stopped and killed again and again under clients that
    connect in a loop: no ECONNREFUSED, and all that was acked is there.
    """
    path, rng = folder / "handed", random.Random(7)
    with listening(path) as sock:
        run = traild.start(folder / "state", handed=[sock])
        insisters = [Insister(path, n) for n in range(3)]
        for one in insisters:
            one.start()
        for i in range(RESTARTS):
            before = sum(len(one.acked) for one in insisters)
            limit = time.monotonic() + 60 * SLOW
            # Acks must come between two ends; how many is drawn, so that all phases are met.
            while sum(len(one.acked) for one in insisters) < before + rng.randrange(1, 60):
                assert all(one.fault is None for one in insisters), [o.fault for o in insisters]
                assert time.monotonic() < limit, "no acks come"
                time.sleep(0.001)
            if i % 2:
                run.kill()
            else:
                run.stop()
            run = traild.start(folder / "state", handed=[sock])
        for one in insisters:
            one.over.set()
        for one in insisters:
            one.join(60 * SLOW)
            assert not one.is_alive() and one.fault is None, one.fault
        with Client(str(path)) as c:
            records = [wire.record_parse(raw) for raw in c.records()[0]]
        run.stop()
    there = {(r.epoch, r.seq) for r in records if r.kind == wire.EVENT}
    acked = [key for one in insisters for key in one.acked]
    missing = sorted(set(acked) - there)
    assert not missing, f"{len(missing)} acked events are gone: {missing[:5]}"
    traild.assert_valid(run.state_dir)
    measured("restarts, acks", f"{RESTARTS}, {len(acked)}")


# ---- what traild says of itself ----------------------------------------------------------------

def next_word(run, name, seconds):
    """The next datagram that says NAME=..., or None."""
    limit = time.monotonic() + seconds
    while wait_fd(run.notify.fileno(), max(0, limit - time.monotonic())):
        for line in run.notify.recv(4096).decode().splitlines():
            if line.startswith(name + "="):
                return line.split("=", 1)[1]
    return None


def drain(run):
    while wait_fd(run.notify.fileno(), 0):
        run.notify.recv(4096)


def test_ready_comes_when_the_socket_answers(traild, folder):
    """And before it, that a start which makes a key may take long."""
    run = traild.start(notify=True)
    assert any(word.startswith("EXTEND_TIMEOUT_USEC=") for word in run.before_ready)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
    run.process.signal(signal.SIGTERM)
    assert next_word(run, "STOPPING", 10 * SLOW) == "1"
    assert run.wait_exit() == 0


def test_status_tells_how_far_the_log_is_and_at_most_every_five_seconds(traild):
    run = traild.start(notify=True)
    began = time.monotonic()
    with Client(run.address) as c:
        for seq in range(1, 200):
            c.append("journal", 1, seq, [wire.event(seq)])
        first = next_word(run, "STATUS", 20 * SLOW)
        assert re.fullmatch(r"example.org/test: \d+ records, \d+ a second", first), first
        assert time.monotonic() - began >= 4.9, "a STATUS came at once"
        # Nothing happens any more: that is told once, and then there is no news.
        assert next_word(run, "STATUS", 20 * SLOW).endswith(" 0 a second")
        assert next_word(run, "STATUS", 6) is None
    run.stop()


WATCHDOG_S = 1.0  # the writer feeds at half of it


def watched(traild, **how):
    return traild.start(notify=True, env={"WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}, **how)


def fed(run):
    return next_word(run, "WATCHDOG", 10 * WATCHDOG_S * SLOW) == "1"


def test_watchdog_is_fed_while_idle_and_under_load(traild):
    run = watched(traild)
    assert all(fed(run) for _ in range(3)), "an idle writer starves the watchdog"
    over = threading.Event()

    def load():
        with Client(run.address) as c:
            seq = 0
            while not over.is_set():
                seq += 1
                c.append("journal", 1, seq, [wire.event(seq)])

    thread = threading.Thread(target=load)
    thread.start()
    assert all(fed(run) for _ in range(3)), "a busy writer starves the watchdog"
    over.set()
    thread.join()
    run.stop()


def test_watchdog_of_another_process_is_not_fed(traild):
    run = traild.start(notify=True, env={"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"})
    assert next_word(run, "WATCHDOG", 2) is None
    run.stop()


def test_watchdog_starves_while_the_writer_waits_for_its_signer(traild):
    """The loop thread lives and answers, yet nothing is acked: that must not look healthy."""
    run = watched(traild)
    with Client(run.address) as writer, Client(run.address) as other:
        run.signer.signal(signal.SIGSTOP)
        writer.send(append=wire.pb.Append(source="journal", epoch=1, first_seq=1,
                                          events=[wire.event(1)]))
        # What was fed before the commit got stuck is let go by; then nothing may come.
        next_word(run, "WATCHDOG", 2 * WATCHDOG_S)
        drain(run)
        assert next_word(run, "WATCHDOG", 4 * WATCHDOG_S) is None, "a stuck writer fed the watchdog"
        assert other.status().version
        run.signer.signal(signal.SIGCONT)
        assert writer.recv().WhichOneof("body") == "appended"
        assert fed(run), "the writer goes on, and the watchdog is not fed"
    run.stop()


def test_watchdog_starves_while_a_sync_hangs(traild):
    """A device that does not come back from a flush, for a while."""
    run = watched(traild)
    assert fed(run)
    stall = Injection(run, "fdatasync", 1, f"delay_enter={int(8 * WATCHDOG_S * 1e6)}")
    try:
        with Client(run.address) as c:
            number = c.send(append=wire.pb.Append(source="journal", epoch=1, first_seq=1,
                                                  events=[wire.event(1)]))
            next_word(run, "WATCHDOG", 2 * WATCHDOG_S)
            drain(run)
            assert next_word(run, "WATCHDOG", 4 * WATCHDOG_S) is None, \
                "a stuck writer fed the watchdog"
            assert c.wait(number).WhichOneof("body") == "appended"
        assert fed(run)
    finally:
        stall.end()
    run.stop()


# ---- a signer that is a unit of its own --------------------------------------------------------

def append_one(run, epoch):
    with Client(run.address) as c:
        c.append("journal", epoch, 1, [wire.event(epoch)])


def test_signer_unit_makes_the_key_and_serves_one_traild_after_the_other(traild, folder, unit):
    one = unit()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 1)
    assert not (folder / "state" / "signer").exists(), "a signer's folder in traild's"
    assert (folder / "signer" / "key").exists()
    run.stop()
    assert one.wait_ends(1, 30 * SLOW) == [0]
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 2)
    run.kill()
    assert one.wait_ends(2, 30 * SLOW) == [0, 0], "after a kill -9 of traild"
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 3)
    run.stop()
    traild.assert_valid(run.state_dir)


def test_traild_ends_with_its_signer_unit_and_the_next_goes_on(traild, folder, unit):
    one = unit()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 1)
    one.popen.send_signal(signal.SIGKILL)
    assert run.wait_exit() == COULD_NOT, run.stderr()
    assert "signer" in run.stderr()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 2)
    run.stop()
    traild.assert_valid(run.state_dir)


def test_signer_unit_that_is_told_to_end_signs_the_stop(traild, folder, unit):
    """A host that goes down tells both at once."""
    one = unit()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 1)
    one.popen.terminate()
    run.stop()
    assert one.wait_ends(1, 30 * SLOW) == [0]
    traild.assert_valid(run.state_dir)


def test_second_traild_is_refused_by_the_signer_unit_and_the_first_goes_on(traild, folder, unit):
    one = unit()
    first = traild.start(folder / "a", config=reach(one))
    append_one(first, 1)
    code, stderr = traild.refuse(folder / "b", config=reach(one))
    assert (code, "serves another traild" in stderr) == (COULD_NOT, True), stderr
    append_one(first, 2)
    first.stop()
    # Nor is there anything for another store when the first is gone.
    code, stderr = traild.refuse(folder / "b", config=reach(one))
    assert (code, "has signed a log" in stderr) == (CONTRADICTS, True), stderr


@pytest.mark.root
def test_signer_unit_speaks_to_its_user_alone(traild, folder, unit):
    """Nobody else gets a word, before a peer is served or while one is."""
    one = unit()
    os.chmod(folder, 0o755)
    os.chmod(one.path, 0o666)

    def knock():
        script = ("import socket, sys\n"
                  "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                  f"s.connect({one.path!r}); s.settimeout(60)\n"
                  "try:\n    s.send(bytes([1, 0, 4, 0]))\nexcept BrokenPipeError: pass\n"
                  "try:\n    print(len(s.recv(4096)))\nexcept ConnectionResetError: print(0)\n")
        return subprocess.run(["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}",
                               "--clear-groups", "/usr/bin/python3", "-c", script],
                              capture_output=True, text=True, check=True).stdout.strip()

    assert knock() == "0"
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 1)
    assert knock() == "0"
    append_one(run, 2)
    run.stop()
    assert f"uid {SOMEBODY} was turned away" in one.stderr()


@pytest.mark.root
def test_signer_unit_of_another_user(traild, folder, unit):
    """As recommended: two users, neither of whom can read what is the other's."""
    os.chmod(folder, 0o755)
    (folder / "signer").mkdir(mode=0o700)
    os.chown(folder / "signer", SOMEBODY, SOMEBODY)
    (folder / "home").mkdir(mode=0o700)
    os.chown(folder / "home", SOMEBODY - 1, SOMEBODY - 1)
    one = unit(uid=SOMEBODY, peer=SOMEBODY - 1)
    os.chown(one.path, SOMEBODY - 1, SOMEBODY - 1)
    path = folder / "handed"
    with listening(path) as sock:
        run = traild.start(folder / "home" / "state", config=reach(one), uid=SOMEBODY - 1,
                           handed=[sock])
        with Client(str(path)) as c:
            c.append("journal", 1, 1, [wire.event(1)])
        run.stop()
    traild.assert_valid(run.state_dir)


def test_signer_unit_of_another_log_is_refused(traild, folder, unit):
    run = traild.start(folder / "state")
    append_one(run, 1)
    run.stop()
    one = unit()
    other = traild.start(folder / "other", config=reach(one))
    append_one(other, 1)
    other.stop()
    code, stderr = traild.refuse(folder / "state", config=reach(one))
    assert code == CONTRADICTS, stderr


def test_g2_check_finds_a_cut_tail_by_the_head_of_a_signer_unit(traild, folder, unit):
    one = unit()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 1)
    run.stop()
    shutil.copytree(folder / "state", folder / "old")
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 2)
    run.stop()
    signer = ["--signer-dir", folder / "signer"]
    code, value, _ = traild.check(folder / "state", *signer)
    assert (code, value["verdict"]) == (0, "valid")
    code, value, _ = traild.check(folder / "old", *signer)
    assert code == 5 and {f["code"] for f in value["findings"]} == {"signer.size"}, value
    # In itself the older store is whole: without the signer's head it cannot be told.
    assert traild.check(folder / "old")[0] == 0
    code, _, stderr = traild.check(folder / "old", "--signer-dir", folder / "nowhere")
    assert code == COULD_NOT and "nowhere" in stderr
    code, stderr = traild.refuse(folder / "old", config=reach(one))
    assert (code, "signed" in stderr) == (CONTRADICTS, True), stderr


def test_signer_moves_out_with_its_folder(traild, folder, unit):
    """From a child to a unit of its own: the folder is moved, and the log goes on."""
    run = traild.start(folder / "state")
    append_one(run, 1)
    run.stop()
    os.rename(folder / "state" / "signer", folder / "signer")
    one = unit()
    run = traild.start(folder / "state", config=reach(one))
    append_one(run, 2)
    run.stop()
    traild.assert_valid(run.state_dir)


@pytest.mark.parametrize("setting", [{"signer": "/bin/true"}, {"allow_cow": "true"}])
def test_what_is_the_signers_own_to_say_is_refused_beside_a_signer_socket(traild, folder, setting):
    code, stderr = traild.refuse(folder / "state",
                                 config={"signer_socket": "/nonexistent", **setting})
    assert (code, next(iter(setting)) in stderr) == (USAGE, True), stderr
    assert not (folder / "state").exists()


def test_no_signer_at_the_socket_is_said(traild, folder):
    code, stderr = traild.refuse(folder / "state", config={"signer_socket": f"{folder}/none"})
    assert (code, "no signer can be reached" in stderr) == (COULD_NOT, True), stderr


@pytest.mark.parametrize("words", [["--peer", "0", "--fd", "3"], ["--peer", "0"],
                                   ["--peer", "no such user"]])
def test_signer_without_its_socket_or_user_is_usage(traild, folder, words):
    done = subprocess.run([str(traild.signer), "--state-dir", str(folder / "s"), *words],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == USAGE and done.stderr, done.stderr
    assert not (folder / "s").exists()
