# SPDX-License-Identifier: Apache-2.0
"""
The published log: trail publish writes it, anybody may read it, trail verify and strangers' programs
judge it. G2, G3: every change of any of its files is found, and the record named; whenever the
publisher ends, by whatever, the checkpoint in the folder is one whose tiles are all there.

    TRAIL_PUBLISH_KILLS   kills at random moments        (12)
    TRAIL_TREE_DAMAGE     random changes of the files    (60; with TRAIL_FULL=1: 1,500)
"""
import base64
import fcntl
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest
import sanitizers
import tiles
import wire
from harness import FULL, SEED, SLOW
from liar import Proxy, flip
from wire import Client

KILLS = int(os.environ.get("TRAIL_PUBLISH_KILLS", "12"))
DAMAGE = int(os.environ.get("TRAIL_TREE_DAMAGE", "1500" if FULL else "60"))
BATCH = 1000
STRANGER = 65534


class Trail:
    """The program, with a state folder of its own."""

    def __init__(self, program, folder, address=None):
        self.program, self.state, self.address = program, folder / "state", address

    def command(self, *words):
        env = dict(os.environ, XDG_STATE_HOME=str(self.state), TZ="UTC")
        if self.address:
            env["TRAIL_CONNECT"] = f"unix:{self.address}"
        return [str(self.program), *map(str, words)], env

    def __call__(self, *words, code=0, wrapper=()):
        command, env = self.command(*words)
        done = subprocess.run([*map(str, wrapper), *command], capture_output=True, encoding="utf-8",
                              env=env, timeout=100 * SLOW, check=False)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words, code=0):
        value = json.loads(self(*words, "-o", "json", code=code).stdout)
        assert value["verdict"] == {0: "valid", 5: "invalid", 6: "unverifiable"}[code], value
        assert bool(value["findings"]) == (code != 0), value
        return value


def codes(value):
    return {f["code"] for f in value["findings"]}


def found(value, code):
    return [f["index"] for f in value["findings"] if f["code"] == code]


class Log:
    """A running log that grows to wanted sizes."""

    def __init__(self, run):
        self.run, self.events = run, 0

    def append(self, count):
        with Client(self.run.address, claims=[("journal", 1)]) as c:
            while count > 0:
                part = min(count, BATCH)
                c.append("journal", 1, self.events + 1,
                         [wire.event(self.events + i) for i in range(part)])
                self.events += part
                count -= part

    def size(self):
        with Client(self.run.address) as c:
            return c.checkpoint().size

    def grow_to(self, size):
        """Exactly: the first event brings entries of its source and peer along."""
        if self.events == 0:
            self.append(1)
        self.append(size - self.size())
        assert self.size() == size

    def records(self):
        with Client(self.run.address) as c:
            return c.records()


@pytest.fixture
def log(traild):
    return Log(traild.start())


@pytest.fixture
def trail(build, folder, log):
    return Trail(build / "trail", folder, log.run.address)


@pytest.fixture
def offline(build, folder):
    """With no daemon to ask."""
    return Trail(build / "trail", folder, folder / "nowhere")


# ---- what is written -----------------------------------------------------------------------------

def test_the_files_are_those_of_the_records(log, trail, folder):
    log.append(1500)
    os.umask(0o077)
    try:
        done = trail("publish", folder / "pub")
    finally:
        os.umask(0o022)
    records, note = log.records()
    entries, cp = tiles.read(folder / "pub")
    assert entries == records and (folder / "pub/checkpoint").read_bytes() == note
    assert (folder / "pub/log.identity").read_text() == trail("key").stdout
    assert re.fullmatch(rf"published: example.org/test: {cp.size} new records, {cp.size} in all, in "
                        rf"{folder}/pub\n", done.stdout)
    names = {str(p.relative_to(folder / "pub")) for p in (folder / "pub").rglob("*") if p.is_file()}
    assert names == set(tiles.tree_files(records)) | {"checkpoint", "log.identity", ".publish.lock"}
    for path in [folder / "pub", *(folder / "pub").rglob("*")]:
        mode = 0o600 if path.name == ".publish.lock" else 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == mode, path


def test_openssl_alone_opens_the_published_checkpoint(log, trail, folder):
    log.append(3)
    trail("publish", folder / "pub")
    identity = wire.Identity((folder / "pub/log.identity").read_text())
    cp = wire.checkpoint_open((folder / "pub/checkpoint").read_bytes(), identity)
    assert cp.size == log.size()


def test_nothing_new_writes_nothing(log, trail, folder):
    log.append(300)
    trail("publish", folder / "pub")
    before = {p: p.stat().st_mtime_ns for p in (folder / "pub").rglob("*")}
    done = trail("publish", folder / "pub")
    assert done.stdout.startswith("nothing new: ")
    assert trail("publish", "-q", folder / "pub").stdout == ""
    value = trail.json("publish", folder / "pub")
    assert (value["size"], value["since"], value["checked"]) == (log.size(), log.size(), 0)
    assert {p: p.stat().st_mtime_ns for p in (folder / "pub").rglob("*")} == before
    assert log.size() == wire.checkpoint_parse((folder / "pub/checkpoint").read_bytes()).size


def test_json_says_what_was_there_and_what_came(log, trail, folder):
    log.append(10)
    first = trail.json("publish", folder / "pub")
    log.append(7)
    value = trail.json("publish", folder / "pub")
    assert (value["since"], value["checked"]) == (first["size"], 7)
    assert value["size"] == first["size"] + 7
    assert base64.b64decode(value["root"]) == tiles.root(log.records()[0])


SIZES = [255, 256, 257, 511, 512, 513, 700]


def test_g3_every_size_gives_the_tree_whatever_was_published_before(log, trail, folder):
    rng = random.Random(SEED)
    for size in SIZES:
        log.grow_to(size)
        if rng.random() < 0.7:
            trail("publish", folder / "grown")
        trail("publish", folder / f"at{size}")
        entries, cp = tiles.read(folder / f"at{size}")
        assert cp.size == size == len(entries)
        assert trail.json("verify", folder / f"at{size}")["checked"] == size
    trail("publish", folder / "grown")
    entries, cp = tiles.read(folder / "grown")
    assert cp.size == SIZES[-1] and trail.json("verify", folder / "grown")["size"] == cp.size
    for path in tiles.needed(cp.size):
        assert (folder / "grown" / path).read_bytes() == \
            (folder / f"at{cp.size}" / path).read_bytes()


def test_who_holds_an_older_checkpoint_still_reads_all_of_it(log, trail, folder):
    """Its partial tiles stay until the full ones are there, which have their beginnings."""
    older = []
    for size in [20, 21, 255, 256, 300, 511, 520]:
        log.grow_to(size)
        trail("publish", folder / "pub")
        older.append((folder / "pub/checkpoint").read_bytes())
        for note in older:
            copy = folder / "copy"
            shutil.copytree(folder / "pub", copy)
            (copy / "checkpoint").write_bytes(note)
            tiles.read(copy)
            trail("verify", copy)
            shutil.rmtree(copy)
    partial = {str(p.relative_to(folder / "pub")) for p in (folder / "pub").rglob("*.p/*")}
    assert partial == {f"tile/{folder}/002.p/{520 - 512}" for folder in ("0", "entries")} | \
        {"tile/1/000.p/1", "tile/1/000.p/2"}


# ---- who may, and where --------------------------------------------------------------------------

def test_what_makes_no_sense_is_refused(log, trail, folder):
    log.append(1)
    trail("publish", folder / "pub")
    assert "FOLDER" in trail("publish", code=2).stderr
    assert "FOLDER" in trail("publish", "a", "b", code=2).stderr
    assert "FOLDER" in trail("publish", "", code=2).stderr
    (folder / "file").write_text("")
    assert "cannot open the folder" in trail("publish", folder / "file", code=3).stderr
    assert "cannot make the folder" in trail("publish", folder / "no/where", code=3).stderr
    assert "running log" in trail("verify", "--since", folder / "pub", code=2).stderr
    assert "running log" in trail("verify", "--payloads", folder / "pub", code=2).stderr
    assert "give its folder" in trail("verify", "--vkey", "x", code=2).stderr
    assert "no verifier key" in trail("verify", "--vkey", "x", folder / "pub", code=2).stderr
    (folder / "id").write_text(trail("key").stdout)
    assert "--log names the log" in trail("verify", "--log", folder / "id", "--vkey", "x",
                                          folder / "pub", code=2).stderr
    assert "one folder or file" in trail("verify", folder / "pub", folder, code=2).stderr
    assert "cannot read" in trail("verify", folder / "no", code=3).stderr
    for command in ("publish", "verify"):
        assert f"trail {command}" in trail(command, "--help").stdout


@pytest.mark.root
def test_only_an_auditor_publishes(log, trail, folder):
    log.append(1)
    folder.chmod(0o711)
    os.chmod(log.run.address, 0o666)
    (folder / "mine").mkdir()
    os.chown(folder / "mine", STRANGER, STRANGER)
    shutil.copy(trail.program, folder / "trail")
    trail.program, trail.state = folder / "trail", folder / "mine"
    done = trail("publish", folder / "mine/pub", code=4, wrapper=[
        "setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"])
    assert done.stderr.startswith("trail: ") and not (folder / "mine/pub").exists()


def test_no_daemon_leaves_the_folder_alone(log, trail, folder):
    log.append(30)
    trail("publish", folder / "pub")
    log.run.stop()
    trail("publish", folder / "pub", code=3)
    trail("verify", folder / "pub")


# ---- what is in the folder already ---------------------------------------------------------------

def test_g2_another_logs_folder_is_not_written_to(log, trail, traild, folder):
    log.append(10)
    trail("publish", folder / "pub")
    other = Log(traild.start(origin="example.org/other"))
    other.append(400)
    before = (folder / "pub/checkpoint").read_bytes()
    trail.address = other.run.address
    value = trail.json("publish", folder / "pub", code=5)
    assert codes(value) == {"tree.checkpoint"}
    assert (folder / "pub/checkpoint").read_bytes() == before


@pytest.mark.parametrize("path,code", [("tile/0/001.p/44", "tree.tile"),
                                       ("tile/1/000.p/1", "tree.tile"),
                                       ("tile/entries/001.p/44", "tree.entries"),
                                       ("log.identity", "tree.identity"),
                                       ("checkpoint", "tree.checkpoint")])
@pytest.mark.parametrize("how", ["flip", "cut", "remove", "link"])
def test_g2_what_was_published_and_changed_since_is_not_gone_on_from(log, trail, folder, path, code,
                                                                     how):
    log.grow_to(300)
    trail("publish", folder / "pub")
    log.append(10)
    file = folder / "pub" / path
    data = file.read_bytes()
    file.unlink()
    if how == "link":
        (folder / "elsewhere").write_bytes(data)
        file.symlink_to(folder / "elsewhere")
    elif how != "remove":
        file.write_bytes(flip(data) if how == "flip" else data[:-1])
    before = set((folder / "pub").rglob("*"))
    if how == "remove" and path in ("log.identity", "checkpoint"):
        trail("publish", folder / "pub")  # it is put there anew
        trail("verify", folder / "pub")
        return
    done = trail("publish", folder / "pub", code=5)
    assert code in done.stdout and "nothing was published" in done.stderr
    assert code in codes(trail.json("publish", folder / "pub", code=5))
    if path != "checkpoint" and how != "remove":
        assert file.is_symlink() == (how == "link")
    assert set((folder / "pub").rglob("*")) == before


@pytest.mark.parametrize("how", ["flip", "remove"])
def test_g2_the_identity_is_looked_at_where_nothing_is_new(log, trail, folder, how):
    log.grow_to(300)
    trail("publish", folder / "pub")
    file = folder / "pub/log.identity"
    data = file.read_bytes()
    file.unlink()
    if how == "flip":
        file.write_bytes(flip(data))
        assert codes(trail.json("publish", folder / "pub", code=5)) == {"tree.identity"}
        assert file.read_bytes() == flip(data)
    else:
        trail("publish", folder / "pub")
        assert file.read_bytes() == data
        trail("verify", folder / "pub")


def fork(traild, log, folder):
    """Two daemons on copies of one store, signer and all, that went on differently."""
    log.run.stop()
    logs = []
    for name in ("left", "right"):
        shutil.copytree(log.run.state_dir, folder / name)
        branch = Log(traild.start(folder / name))
        branch.events = log.events
        branch.append(300 + len(logs))
        logs.append(branch)
    return logs


def test_g2_a_log_with_another_history_is_not_published_over_it(log, trail, traild, folder):
    log.append(100)
    left, right = fork(traild, log, folder)
    trail.address = left.run.address
    trail("publish", folder / "pub")
    left_only = (folder / "pub/checkpoint").read_bytes()
    trail.address, trail.state = right.run.address, folder / "fresh"
    right.append(100)
    value = trail.json("publish", folder / "pub", code=5)
    assert codes(value) & {"publish.prefix", "daemon.proof"}
    assert (folder / "pub/checkpoint").read_bytes() == left_only
    trail("verify", folder / "pub")


def test_g2_of_two_histories_of_one_size_the_second_is_refused(log, trail, traild, folder):
    log.append(100)
    left, right = fork(traild, log, folder)
    size = max(left.size(), right.size())
    left.grow_to(size)
    right.grow_to(size)
    trail.address = left.run.address
    trail("publish", folder / "pub")
    trail.address, trail.state = right.run.address, folder / "fresh"
    assert codes(trail.json("publish", folder / "pub", code=5)) == {"publish.prefix"}


def test_g2_a_log_that_shrank_is_not_published(log, trail, traild, folder):
    log.append(100)
    left, right = fork(traild, log, folder)
    left.append(200)
    trail.address = left.run.address
    trail("publish", folder / "pub")
    trail.address, trail.state = right.run.address, folder / "fresh"
    value = trail.json("publish", folder / "pub", code=5)
    assert codes(value) == {"publish.prefix"} and found(value, "publish.prefix") == [right.size()]
    trail("verify", folder / "pub")


def test_g2_a_daemon_that_shows_another_record_publishes_nothing(log, trail, folder):
    log.append(2500)
    trail("publish", folder / "pub")
    log.append(2500)

    def lie(_, answer):
        if answer.WhichOneof("body") == "records" and len(answer.records.records) > 112 * 100:
            answer.records.records = flip(answer.records.records, at=112 * 50 + 24)

    liar = Proxy(folder / "liar", log.run.address, on_answer=lie)
    trail.address = liar.address
    before = (folder / "pub/checkpoint").read_bytes()
    value = trail.json("publish", folder / "pub", code=5)
    assert "spine.prev" in codes(value) and value["first_bad"] is not None
    assert (folder / "pub/checkpoint").read_bytes() == before
    trail("verify", folder / "pub")
    trail.address = log.run.address
    liar.close()
    trail("publish", folder / "pub")  # what was written for it is replaced
    assert tiles.read(folder / "pub")[0] == log.records()[0]
    trail("verify", folder / "pub")


# ---- two publishers ------------------------------------------------------------------------------

def test_a_second_publisher_is_told_of_the_first(log, trail, folder):
    log.append(30)
    trail("publish", folder / "pub")
    log.append(30)
    with open(folder / "pub/.publish.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another process publishes" in trail("publish", folder / "pub", code=3).stderr
    trail("publish", folder / "pub")
    trail("verify", folder / "pub")


@pytest.mark.limit(300)
def test_g3_many_publishers_at_once_leave_one_tree(log, trail, folder):
    stop, faults = threading.Event(), []

    def publish(state):
        mine = Trail(trail.program, folder / state, trail.address)
        mine.state.mkdir(parents=True)
        command, env = mine.command("publish", "-q", folder / "pub")
        while not stop.is_set():
            done = subprocess.run(command, env=env, capture_output=True, check=False)
            if done.returncode not in (0, 3) or \
                    (done.returncode == 3 and b"another process publishes" not in done.stderr):
                faults.append(done)

    threads = [threading.Thread(target=publish, args=(f"mine{i}",)) for i in range(3)]
    for t in threads:
        t.start()
    for _ in range(12):
        log.append(177)
        if (folder / "pub/checkpoint").exists():
            trail("verify", folder / "pub")
    stop.set()
    for t in threads:
        t.join()
    assert not faults, faults
    trail("publish", folder / "pub")
    trail("verify", folder / "pub")
    tiles.read(folder / "pub")


# ---- killed, or a disk that fails, at every moment -----------------------------------------------

CALLS = "openat,mkdirat,fchmod,fchmodat,write,fsync,renameat,unlinkat,close,flock"


def strace(path, *injections):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    env = [word for name, value in sanitizers.traced().items() for word in ("-E", f"{name}={value}")]
    return ["strace", "-f", "-qq", *env, "-o", path, "-e", f"trace={CALLS}", *injections]


def calls_of(path, name):
    return [line for line in path.read_text(errors="replace").splitlines()
            if re.match(rf"\d+\s+{name}\(", line)]


def judge(trail, pub, least):
    """Whatever happened: what the folder's checkpoint names is all there. Its size, 0 for none."""
    if not (pub / "checkpoint").exists():
        assert least == 0, "the checkpoint went"
        return 0
    size = wire.checkpoint_parse((pub / "checkpoint").read_bytes()).size
    assert size >= least
    trail("verify", pub)
    tiles.read(pub)
    return size


@pytest.fixture
def two_steps(log, trail, folder):
    """
    begin(name): a folder in which 300 records are published already, of a log that holds 900; or an
    empty one. What a publisher does there completes tiles, begins others, removes partial ones.
    """
    log.grow_to(300)
    trail("publish", folder / "base")
    log.grow_to(900)

    def begin(name, empty=False):
        shutil.rmtree(folder / name, ignore_errors=True)
        if not empty:
            shutil.copytree(folder / "base", folder / name)
        return folder / name
    return begin


@pytest.mark.limit(600)
@pytest.mark.parametrize("call", ["renameat", "fsync", "unlinkat"])
def test_g3_killed_at_any_of_its_calls_the_folder_still_fits(log, trail, folder, two_steps, call):
    trace = folder / "trace"
    for empty in (False, True):
        trail("publish", "-q", two_steps("pub", empty), wrapper=strace(trace))
        count = len(calls_of(trace, call))
        assert count >= 8
        moments = range(1, count + 1)
        if call == "unlinkat":  # hundreds, all alike
            moments = sorted(random.Random(SEED).sample(moments, min(count, 12)))
        for moment in moments:
            pub = two_steps("pub", empty)
            least = 0 if empty else 300
            command, env = trail.command("publish", "-q", pub)
            done = subprocess.run(
                strace(trace, "-e", f"inject={call}:signal=KILL:when={moment}") + command, env=env,
                check=False, capture_output=True)
            # What it keeps of the log for itself it writes in the first run alone.
            assert done.returncode == -signal.SIGKILL or moment > count - 4, (moment, done)
            judge(trail, pub, least)
            trail("publish", "-q", pub)
            assert judge(trail, pub, 900) == 900
            assert not (pub / ".publish.tmp").exists()


def test_killed_before_a_folder_is_finished_the_next_run_opens_it_to_readers(trail, folder, two_steps):
    trace = folder / "trace"
    for _ in range(2):  # what it keeps of the log for itself it writes in the first run alone
        trail("publish", "-q", two_steps("pub", empty=True), wrapper=strace(trace))
    names = re.findall(r"^\d+\s+(mkdirat|fsync)\(", trace.read_text(), re.M)
    moments = [names[:i + 1].count("fsync") + 1 for i, name in enumerate(names) if name == "mkdirat"]
    assert len(moments) >= 5
    for moment in moments:
        pub = two_steps("pub", empty=True)
        command, env = trail.command("publish", "-q", pub)
        done = subprocess.run(strace(trace, "-e", f"inject=fsync:signal=KILL:when={moment}")
                              + command, env=env, check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL
        left = [p for p in pub.rglob("*") if p.is_dir() and stat.S_IMODE(p.stat().st_mode) != 0o755]
        assert len(left) == 1, "the one whose making was cut short"
        trail("publish", "-q", pub, wrapper=strace(trace, "-y"))
        synced = [line for line in calls_of(trace, "fsync") if f"<{left[0].parent}>" in line]
        assert synced, "its name was not durable yet"
        assert [p for p in pub.rglob("*") if p.is_dir()
                and stat.S_IMODE(p.stat().st_mode) != 0o755] == []
        assert judge(trail, pub, 900) == 900


@pytest.mark.limit(600)
def test_g3_killed_at_random_moments_the_folder_still_fits(log, trail, folder, measured):
    rng = random.Random(SEED)
    pub, least, ends = folder / "pub", 0, []
    command, env = trail.command("publish", "-q", pub)
    log.append(3000)
    began = time.monotonic()
    trail("publish", "-q", folder / "once")
    took = time.monotonic() - began
    for _ in range(KILLS):
        log.append(rng.randrange(1500, 3000))
        with subprocess.Popen(command, env=env) as publisher:
            # Not to wait for anything, but to meet every phase of the work.
            time.sleep(rng.random() * took)
            publisher.kill()
        ends.append(publisher.returncode)
        least = judge(trail, pub, least)
    measured("killed, of which before the end", f"{KILLS}, {ends.count(-signal.SIGKILL)}")
    assert -signal.SIGKILL in ends
    trail("publish", "-q", pub)
    assert judge(trail, pub, log.size()) == log.size()


@pytest.mark.limit(600)
@pytest.mark.parametrize("call,error", [("write", "ENOSPC"), ("fsync", "EIO"), ("renameat", "EIO"),
                                        ("mkdirat", "ENOSPC")])
def test_g3_a_disk_that_fails_is_told_and_leaves_what_was(build, log, trail, folder, two_steps, call,
                                                          error):
    if call == "write" and sanitizers.of(build / "trail") == "tsan":
        pytest.skip("the sanitizer's runtime writes, too")
    trace = folder / "trace"
    empty = call == "mkdirat"
    trail("publish", "-q", two_steps("pub", empty), wrapper=strace(trace))
    count = len(calls_of(trace, call))
    assert count >= 3
    failed = 0
    for moment in {1, 2, 3, 4, count // 2, count - 2, count - 1, count}:
        pub = two_steps("pub", empty)
        command, env = trail.command("publish", "-q", pub)
        done = subprocess.run(
            strace(trace, "-e", f"inject={call}:error={error}:when={moment}") + command, env=env,
            check=False, capture_output=True, encoding="utf-8")
        if "(INJECTED)" in trace.read_text():
            failed += 1
            assert done.returncode == 3, (moment, done)
            assert re.match(r"trail: cannot \w+ .*: (No space left on device|Input/output error)",
                            done.stderr), done.stderr
        judge(trail, pub, 0 if empty else 300)
        trail("publish", "-q", pub)
        assert judge(trail, pub, 900) == 900
    assert failed >= 3


def test_g3_all_is_durable_before_the_checkpoint_speaks_of_it(log, trail, folder, two_steps):
    """
    What a power cut would leave: every file was synced before its name, every folder behind its last
    name, and only then came the checkpoint, and the sync of its own folder.
    """
    trace = folder / "trace"
    pub = two_steps("pub", empty=True)
    trail("publish", "-q", pub, wrapper=strace(trace, "-y"))
    synced, renamed, order = set(), [], []
    dirty = set()
    for line in trace.read_text().splitlines():
        call = re.match(r"\d+\s+(\w+)\((.*)\)\s+= (-?\d+)", line)
        if not call or call[3].startswith("-"):
            continue
        if call[1] == "fsync":
            path = re.search(r"<(.*)>", call[2])[1]
            dirty.discard(path)
            synced.add(path)
            order.append(("sync", path))
        elif call[1] == "write" and ".publish.tmp" in call[2]:
            synced.discard(str(pub / ".publish.tmp"))
        elif call[1] == "mkdirat":
            around, made = re.match(r'[^<]*<([^>]*)>, "([^"]*)"', call[2]).groups()
            dirty.add(around)
        elif call[1] == "renameat":
            target, base = re.search(r'[^<]*<[^>]*>, "[^"]*", \d+<([^>]*)>, "([^"]*)"',
                                     call[2]).groups()
            assert str(pub / ".publish.tmp") in synced, f"{base} was named before it was synced"
            synced.discard(str(pub / ".publish.tmp"))
            if base == "checkpoint":
                assert not dirty, f"not durable before the checkpoint: {dirty}"
            dirty.add(target)
            renamed.append(os.path.relpath(os.path.join(target, base), pub))
            order.append(("name", renamed[-1]))
    assert renamed[-1] == "checkpoint" and renamed.count("checkpoint") == 1
    assert set(renamed) == set(tiles.needed(900)) | {"checkpoint", "log.identity"}
    assert not dirty and order[-1] == ("sync", str(pub))


# ---- what verify finds: a published log in the hands of others -----------------------------------

SIZE = 70_000


@pytest.fixture(scope="module")
def published(module_traild, build):
    """(folder, its records, an older checkpoint, the newest)"""
    folder = module_traild.folder
    log = Log(module_traild.start())
    trail = Trail(build / "trail", folder, log.run.address)
    log.grow_to(1000)
    older = log.records()[1]
    log.grow_to(SIZE)
    trail("publish", folder / "pub")
    (folder / "id").write_text(trail("key").stdout)
    (folder / "older").write_bytes(older)
    yield folder / "pub", log.records()[0]
    log.run.stop()


class Copy:
    """A copy of the published log, and what is done to it."""

    def __init__(self, published, folder, offline):
        self.base, self.records = published
        self.folder, self.trail = folder / "copy", offline
        shutil.copytree(self.base, self.folder)

    def read(self, path):
        return (self.folder / path).read_bytes()

    def write(self, path, data):
        (self.folder / path).unlink(missing_ok=True)
        (self.folder / path).write_bytes(data)

    def flip(self, path, at):
        self.write(path, flip(self.read(path), at=at))

    def rewrite(self, records):
        """Entries and tiles of these records instead; the checkpoint stays."""
        shutil.rmtree(self.folder / "tile")
        tiles.write(self.folder, tiles.tree_files(records))

    def verify(self, *more, code=5):
        return self.trail.json("verify", "--log", self.base.parent / "id", *more, self.folder,
                               code=code)


@pytest.fixture
def copy(published, folder, offline):
    return Copy(published, folder, offline)


def test_a_sound_tree_is_valid_and_says_whose_it_is(copy):
    value = copy.verify(code=0)
    assert (value["size"], value["checked"], value["uncovered"]) == (SIZE, SIZE, 0)
    assert base64.b64decode(value["root"]) == tiles.root(copy.records)
    assert value["identity"] == "given"
    assert copy.trail.json("verify", copy.folder)["identity"] == "store"
    done = copy.trail("verify", copy.folder)
    assert done.stdout.startswith(f"valid: example.org/test: {SIZE} records: all fit") and \
        "published log" in done.stdout
    done = copy.trail("verify", "-q", copy.folder)
    assert done.stdout == "" and done.stderr == ""
    copy.verify("--checkpoint", copy.base.parent / "older", code=0)


@pytest.mark.parametrize("path,at,code,index", [
    ("tile/entries/000", 2 + 114 * 5 + 60, "tree.entries", 5),
    ("tile/entries/000", 114 * 256 - 1, "tree.entries", 255),
    ("tile/entries/272", 2 + 114 * 255, "tree.entries", 69887),
    ("tile/entries/273.p/112", 2 + 114 * 111 + 100, "tree.entries", 69999),
    ("tile/0/000", 32 * 7, "tree.tile", 7),
    ("tile/0/272", 8191, "tree.tile", 69887),
    ("tile/0/273.p/112", 32 * 100 + 3, "tree.tile", 69988),
    ("tile/1/000", 32 * 200, "tree.tile", 200 * 256),
    ("tile/1/001.p/17", 32 * 16 + 31, "tree.tile", 272 * 256),
    ("tile/2/000.p/1", 0, "tree.tile", 0),
])
def test_g2_one_changed_byte_is_found_and_placed(copy, path, at, code, index):
    copy.flip(path, at)
    value = copy.verify()
    assert found(value, code) == [index] and value["first_bad"] in (index, index - 1)
    assert codes(value) <= {code, "spine.prev", "spine.time", "spine.unknown", "spine.control",
                            "spine.source", "spine.peer", "spine.seq", "spine.epoch", "spine.loss"}
    if code == "tree.tile":
        assert codes(value) == {code} and value["uncovered"] == 0


def test_g2_a_changed_length_of_an_entry_is_found(copy):
    copy.flip("tile/entries/001", 114 * 3 + 1)
    value = copy.verify()
    assert 256 + 3 in found(value, "tree.entries")


def test_g2_the_checkpoint_with_one_bit_changed_is_refused(copy):
    rng = random.Random(SEED)
    note = copy.read("checkpoint")
    for _ in range(40):
        copy.write("checkpoint", flip(note, at=rng.randrange(len(note)), bit=1 << rng.randrange(8)))
        value = copy.verify()
        assert codes(value) == {"tree.checkpoint"} and value["size"] == 0
        copy.trail("verify", copy.folder, code=5)


@pytest.mark.parametrize("change", ["change", "insert", "remove", "swap", "cut", "double"])
def test_g2_a_tree_made_anew_over_other_records_is_found(copy, change):
    """Entries and tiles fit each other; the record's chain and the signed root do not."""
    records, at = list(copy.records), 40_000
    if change == "change":
        records[at] = flip(records[at], at=50)
    elif change == "insert":
        records.insert(at, records[at - 1])
        records.pop()
    elif change == "remove":
        records.append(records.pop(at))
    elif change == "swap":
        records[at], records[at + 1] = records[at + 1], records[at]
    elif change == "double":
        records[at] = records[at - 1]
    else:
        del records[-5:]
    copy.rewrite(records)
    value = copy.verify()
    if change == "cut":
        assert "tree.entries" in codes(value) and value["first_bad"] >= 69888
        return
    assert {"tree.root", "spine.prev"} <= codes(value)
    assert at - 1 <= value["first_bad"] <= at + 1
    # Two findings of a root say the same range: nothing before it is accused.
    assert found(value, "tree.root") == [0]
    value = copy.verify("--checkpoint", copy.base.parent / "older")
    assert found(value, "tree.root") == [1000]


def test_g2_a_rechained_tree_is_found_by_its_root(copy):
    """All that follows a changed record is chained anew: only the signed root is in the way."""
    records, at = list(copy.records), 30_000
    records[at] = flip(records[at], at=50)
    for i in range(at + 1, len(records)):
        records[i] = records[i][:80] + wire.leaf_hash(records[i - 1])
    copy.rewrite(records)
    value = copy.verify("--checkpoint", copy.base.parent / "older")
    assert codes(value) == {"tree.root"} and value["first_bad"] == 1000


def test_g2_entry_and_its_tile_changed_together_are_found_by_the_one_above(copy):
    records = list(copy.records)
    records[300] = flip(records[300], at=50)
    files = tiles.tree_files(records[256:512])
    copy.write("tile/entries/001", files["tile/entries/000"])
    copy.write("tile/0/001", files["tile/0/000"])
    value = copy.verify()
    assert found(value, "tree.entries") == [256] and found(value, "spine.prev") == [300]


def test_g2_a_cut_tree_is_found_by_a_later_checkpoint(published, copy):
    """An older published state put back is a sound log, as far as it goes."""
    newest = copy.read("checkpoint")
    older = (copy.base.parent / "older").read_bytes()
    copy.rewrite(copy.records[:1000])
    copy.write("checkpoint", older)
    assert copy.verify(code=0)["size"] == 1000
    (copy.folder.parent / "newest").write_bytes(newest)
    value = copy.verify("--checkpoint", copy.folder.parent / "newest")
    assert found(value, "checkpoint.size") == [1000]


def test_g2_signed_with_another_key_it_is_another_log(copy, folder):
    key = tiles.Key(folder, "example.org/test")
    copy.write("checkpoint", key.checkpoint(SIZE, tiles.root(copy.records), folder))
    assert codes(copy.verify()) == {"tree.checkpoint"}
    # Its own identity put beside it: only who brings the right one notices.
    copy.write("log.identity", key.identity(wire.leaf_hash(copy.records[0])).encode())
    assert codes(copy.verify()) == {"tree.checkpoint", "tree.identity"}
    assert copy.trail.json("verify", copy.folder)["identity"] == "store"


def test_g2_another_genesis_under_the_same_key_is_found(copy, folder):
    lines = copy.read("log.identity").decode().split("\n")
    other = "\n".join([lines[0], lines[1], base64.b64encode(bytes(32)).decode(), ""])
    copy.write("log.identity", other.encode())
    assert codes(copy.verify()) == {"tree.identity"}
    assert found(copy.trail.json("verify", copy.folder, code=5), "identity.given") == [0]


def test_g2_a_given_checkpoint_that_is_not_the_logs_is_told(copy, folder):
    key = tiles.Key(folder, "example.org/test")
    (folder / "note").write_bytes(key.checkpoint(10, bytes(32), folder))
    assert codes(copy.verify("--checkpoint", folder / "note")) == {"checkpoint.note"}
    (folder / "note").write_text("hello\n")
    assert "not a checkpoint" in copy.trail("verify", "--checkpoint", folder / "note", copy.folder,
                                            code=2).stderr


# ---- what lies there is not what it should be ----------------------------------------------------

HOSTILE = {
    "missing": lambda p: p.unlink(),
    "empty": lambda p: p.write_bytes(b""),
    "short": lambda p: p.write_bytes(p.read_bytes()[:-1]),
    "long": lambda p: p.write_bytes(p.read_bytes() + b"\0"),
    "link": lambda p: (p.rename(p.parent / "target"), p.symlink_to("target")),
    "folder": lambda p: (p.unlink(), p.mkdir()),
    "pipe": lambda p: (p.unlink(), os.mkfifo(p)),
    "huge": lambda p: os.truncate(p, 1 << 40),
}


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.parametrize("path,code,index", [
    ("tile/entries/100", "tree.entries", 25600), ("tile/entries/273.p/112", "tree.entries", 69888),
    ("tile/0/100", "tree.tile", 25600), ("tile/0/273.p/112", "tree.tile", 69888),
    ("tile/1/000", "tree.tile", 0), ("tile/2/000.p/1", "tree.tile", 0),
    ("checkpoint", "tree.checkpoint", None), ("log.identity", "tree.identity", None)])
def test_g12_files_that_are_none_are_sentences(copy, path, code, index, how):
    if how == "long" and path == "log.identity":
        pytest.skip("compared as a text")
    HOSTILE[how](copy.folder / path)
    if (path, how) == ("log.identity", "missing"):
        copy.verify(code=0)
        value = copy.trail.json("verify", copy.folder, code=6)
        assert codes(value) == {"tree.unpinned"}
        return
    value = copy.verify()
    named = found(value, code)
    assert named and (index is None or index <= named[0] < index + 256), value["findings"]
    stray = {"tree.stranger"} if how in ("link", "folder", "pipe") else set()
    assert codes(value) <= {code, "spine.missing"} | stray
    assert not value["root"] or base64.b64decode(value["root"]) == tiles.root(copy.records)


def damage_at_random(rng, folder, files):
    """Change some of the files in some ways; what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        path, other = rng.choice(files), rng.choice(files)
        data = (folder / path).read_bytes() if (folder / path).exists() else b""
        how = rng.choice(("flip", "cut", "grow", "zero", "swap", "copy", "remove"))
        if how == "flip" and data:
            data = flip(data, at=rng.randrange(len(data)), bit=1 << rng.randrange(8))
        elif how == "cut":
            data = data[:rng.randrange(len(data) + 1)]
        elif how == "grow":
            data += rng.randbytes(rng.randrange(1, 300))
        elif how == "zero":
            at = rng.randrange(len(data) + 1)
            data = data[:at] + bytes(len(data[at:at + 40])) + data[at + 40:]
        elif how in ("swap", "copy") and (folder / other).exists():
            theirs = (folder / other).read_bytes()
            if how == "swap":
                (folder / other).write_bytes(data)
            data = theirs
        done.append(f"{how} {path} {other}")
        if how == "remove":
            (folder / path).unlink(missing_ok=True)
        else:
            (folder / path).write_bytes(data)
    return done


@pytest.mark.limit(900)
def test_g2_whatever_is_done_to_the_files_is_found(log, trail, folder, measured):
    """Many trees of 600 records, changed at random: never valid unless all is as it was."""
    log.grow_to(600)
    trail("publish", folder / "pub")
    (folder / "id").write_text(trail("key").stdout)
    files = [*tiles.needed(600), "checkpoint", "log.identity"]
    rng, same = random.Random(SEED), 0
    for _ in range(DAMAGE):
        shutil.rmtree(folder / "copy", ignore_errors=True)
        shutil.copytree(folder / "pub", folder / "copy")
        done = damage_at_random(rng, folder / "copy", files)
        # A partial tile may be missing where the full one is there; here none is.
        sound = all((folder / "copy" / p).exists() and (folder / "copy" / p).read_bytes() ==
                    (folder / "pub" / p).read_bytes() for p in files[:-1])
        identity = (folder / "copy/log.identity")
        sound = sound and (not identity.exists() or
                           identity.read_bytes() == (folder / "pub/log.identity").read_bytes())
        command, env = trail.command("verify", "-o", "json", "--log", folder / "id", folder / "copy")
        run = subprocess.run(command, env=env, capture_output=True, check=False)
        assert run.returncode == (0 if sound else 5), (done, run)
        assert json.loads(run.stdout)["verdict"] == ("valid" if sound else "invalid")
        same += sound
    measured("damaged, of which nothing was changed", f"{DAMAGE}, {same}")


def test_g12_a_bundle_and_its_tile_missing_together_leave_the_rest_judged(copy):
    (copy.folder / "tile/0/100").unlink()
    (copy.folder / "tile/entries/100").unlink()
    copy.flip("tile/entries/200", 2 + 114 * 7 + 60)
    value = copy.verify()
    assert set(found(value, "tree.entries")) >= {25600, 200 * 256 + 7}
    assert value["uncovered"] == 256 and value["root"] is None


def test_g12_folders_that_are_links_are_not_followed(copy):
    shutil.move(copy.folder / "tile/0", copy.folder / "zero")
    (copy.folder / "tile/0").symlink_to(copy.folder / "zero")
    value = copy.verify()
    assert "tree.tile" in codes(value) and "symbolic link" in value["findings"][0]["what"]


def test_g12_nothing_but_a_checkpoint_ends_soon(copy):
    shutil.rmtree(copy.folder / "tile")
    (copy.folder / "tile").mkdir()
    value = copy.verify()
    assert "tree.entries" in codes(value) and value["uncovered"] == SIZE


def test_g12_a_huge_size_without_its_files_ends_soon(copy, folder):
    """The operator's own key may sign any size."""
    key = tiles.Key(folder, "example.org/test")
    copy.write("checkpoint", key.checkpoint((1 << 63) - 1, bytes(32), folder))
    copy.write("log.identity", key.identity(wire.leaf_hash(copy.records[0])).encode())
    value = copy.trail.json("verify", copy.folder, code=5)
    assert "tree.entries" in codes(value) and len(value["findings"]) <= 1000


def test_names_that_are_no_tiles_are_told(copy):
    for path in ("tile/0/1", "tile/0/000.p/0", "tile/9/000", "tile/entries/x000/000",
                 "tile/0/000.gz", "tile/" + "z" * 200, "tile/0/\udcff\u202e"):
        (copy.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (copy.folder / path).write_bytes(b"")
    value = copy.verify(code=6)
    assert codes(value) == {"tree.stranger"} and len(value["findings"]) == 7
    done = copy.trail("verify", copy.folder, code=6)
    assert "\u202e" not in done.stdout and "\\u{202e}" in done.stdout


def test_g2_a_partial_tile_that_somebody_left_must_be_the_beginning_of_the_full_one(copy):
    for path in ("tile/0/000.p/17", "tile/entries/000.p/17", "tile/1/000.p/3", "tile/1/001.p/2"):
        (copy.folder / path).parent.mkdir(parents=True, exist_ok=True)
    copy.write("tile/0/000.p/17", copy.read("tile/0/000")[:32 * 17])
    copy.write("tile/entries/000.p/17", copy.read("tile/entries/000")[:114 * 17])
    copy.write("tile/1/000.p/3", copy.read("tile/1/000")[:32 * 3])
    copy.write("tile/1/001.p/2", copy.read("tile/1/001.p/17")[:32 * 2])
    copy.verify(code=0)
    for path, code in (("tile/0/000.p/17", "tree.tile"), ("tile/entries/000.p/17", "tree.entries"),
                       ("tile/1/000.p/3", "tree.tile"), ("tile/1/001.p/2", "tree.tile")):
        before = copy.read(path)
        copy.flip(path, len(before) - 1)
        assert codes(copy.verify()) == {code}
        copy.write(path, before[:-1])
        assert codes(copy.verify()) == {code}
        copy.write(path, before)
    # Behind the checkpoint: what a publisher that was killed left, or began just now.
    copy.write("tile/0/273.p/200", b"")
    copy.write("tile/0/274", b"anything")
    copy.verify(code=0)


@pytest.mark.root
def test_what_cannot_be_read_is_not_held_against_the_log(copy, folder):
    folder.chmod(0o711)
    for path in folder.rglob("*"):
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    (copy.folder / "tile/0/100").chmod(0)
    shutil.copy(copy.trail.program, folder / "trail")
    done = subprocess.run(
        ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups",
         folder / "trail", "verify", "-o", "json", copy.folder], check=False, capture_output=True)
    value = json.loads(done.stdout)
    assert done.returncode == 6 and found(value, "tree.unreadable") == [25600]
    assert value["uncovered"] == 0


# ---- other logs ----------------------------------------------------------------------------------

# transparency-dev/tessera testdata/log.
FOREIGN = ("one two three four five six seven eit nain ten ileven twelf threeten fourten "
           "fivten").split()
FOREIGN_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
FOREIGN_NOTE = ("example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n\n"
                "\u2014 example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKub"
                "Mt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n")


@pytest.fixture
def foreign(folder):
    tree = folder / "foreign"
    tiles.write(tree, tiles.tree_files([e.encode() for e in FOREIGN]))
    (tree / "checkpoint").write_text(FOREIGN_NOTE)
    assert (tree / "tile/entries/000.p/15").read_bytes().startswith(b"\0\3one\0\3two\0\5three")
    return tree


def test_g3_a_foreign_log_verifies_with_its_key(foreign, offline):
    value = offline.json("verify", "--vkey", FOREIGN_KEY, foreign)
    assert (value["size"], value["checked"], value["identity"]) == (15, 15, "given")
    assert "not judged" in offline("verify", "--vkey", FOREIGN_KEY, foreign).stdout
    assert codes(offline.json("verify", foreign, code=6)) == {"tree.unpinned"}


def test_g2_a_foreign_log_is_judged_as_strictly(foreign, offline):
    for path in ("tile/entries/000.p/15", "tile/0/000.p/15"):
        data = (foreign / path).read_bytes()
        (foreign / path).write_bytes(flip(data, at=10))
        offline.json("verify", "--vkey", FOREIGN_KEY, foreign, code=5)
        (foreign / path).write_bytes(data)
    note = (foreign / "checkpoint").read_bytes()
    (foreign / "checkpoint").write_bytes(note.replace(b"\n15\n", b"\n16\n"))
    value = offline.json("verify", "--vkey", FOREIGN_KEY, foreign, code=5)
    assert codes(value) == {"tree.checkpoint"}


@pytest.mark.parametrize("lengths", [[0], [1], [65535], [0, 65535, 3], [10] * 256, [7] * 257])
def test_g3_entries_of_any_length_are_a_log(offline, folder, lengths):
    key = tiles.Key(folder, "example.com/any")
    entries = [bytes([i % 251]) * n for i, n in enumerate(lengths)]
    tiles.write(folder / "pub", tiles.tree_files(entries))
    (folder / "pub/checkpoint").write_bytes(
        key.checkpoint(len(entries), tiles.root(entries), folder))
    value = offline.json("verify", "--vkey", key.vkey, folder / "pub")
    assert value["size"] == value["checked"] == len(entries)


def test_the_empty_log_is_valid(offline, folder):
    key = tiles.Key(folder, "example.com/any")
    (folder / "pub/tile").mkdir(parents=True)
    (folder / "pub/checkpoint").write_bytes(key.checkpoint(0, tiles.root([]), folder))
    assert offline.json("verify", "--vkey", key.vkey, folder / "pub")["size"] == 0
    (folder / "pub/checkpoint").write_bytes(key.checkpoint(0, bytes(32), folder))
    assert codes(offline.json("verify", "--vkey", key.vkey, folder / "pub", code=5)) == {"tree.root"}


def test_a_key_alone_does_not_pin_a_log_of_ours(copy):
    vkey = copy.read("log.identity").decode().split("\n")[1]
    value = copy.trail.json("verify", "--vkey", vkey, copy.folder, code=6)
    assert codes(value) == {"tree.unpinned"} and value["checked"] == SIZE
