# SPDX-License-Identifier: Apache-2.0
"""
trail verify: the whole log through its daemon. A store is damaged on disk, or a liar stands between
the daemon and the client; each lie must end in a verdict, and where a record is to blame, name it.
"""
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading

import damage
import pytest
import wire
from wire import Client, pb

EVENTS = 20_000
STRANGER = 65534
BATCH = 500


class Verifier:
    """trail with a state folder of its own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def command(self, address, state, *args):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / state), TZ="UTC",
                   TRAIL_CONNECT=f"unix:{address}")
        return [str(self.program), *map(str, args)], env

    def __call__(self, address, *args, code=0, state="state"):
        command, env = self.command(address, state, *args)
        done = subprocess.run(command, capture_output=True, encoding="utf-8", env=env, timeout=60,
                              check=False)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, address, *args, code=0, state="state"):
        """The verdict; it says what the exit code says."""
        value = json.loads(self(address, "verify", *args, "-o", "json", code=code,
                                state=state).stdout)
        assert value["verdict"] == {0: "valid", 5: "invalid", 6: "unverifiable"}[code], value
        assert bool(value["findings"]) == (code != 0)
        return value


def codes(value):
    return {f["code"] for f in value["findings"]}


# ---- a log of 20,000 events with all that may happen ---------------------------------------------

def fill(run, first_n, starts):
    """Three sources, spools, an import, one-shot events, declared loss, closed epochs."""
    n = first_n
    with Client(run.address) as c:
        for part in range(EVENTS // 4 // BATCH):
            source, epoch = (("journal", 100 + starts), ("files", 200 + starts),
                             ("files", wire.IMPORT | 7 + starts), ("oneshot", 0))[part % 4]
            if epoch and part < 4:
                c.hello([(source, epoch)])
            lost = 3 if epoch and part >= 4 and part % 3 == 0 else 0
            last = c.want("hello", hello=pb.Hello(protocol=1, claims=[
                pb.Hello.Claim(source=source, epoch=epoch)])).standings[0].last if epoch else -1
            c.append(source, epoch, last + 1 + lost, [wire.event(n + i) for i in range(BATCH)],
                     lost=lost)
            n += BATCH
        c.hello([("short", 300 + starts)])
        c.append("short", 300 + starts, 1, [wire.event(n)])
        c.want("closed", close=pb.Close(source="short", epoch=300 + starts, last=1))
    if os.geteuid() == 0:
        # One who may nothing: the refusal is an event of the daemon's own.
        run.factory.folder.chmod(0o711)
        os.chmod(run.address, 0o666)
        with Client(run.address, uid=STRANGER, hello=False) as c:
            assert c.error(hello=pb.Hello(protocol=1)).code == pb.DENIED
    return n + 1


@pytest.fixture(scope="module")
def store(module_traild):
    """(folder of a stopped store, its raw records, an older checkpoint, the newest)"""
    folder = module_traild.folder / "store"
    n, older = 0, None
    for starts in range(4):
        run = module_traild.start(folder)
        n = fill(run, n, starts)
        with Client(run.address) as c:
            raw, note = c.records()
        if starts == 1:
            older = note
        if starts % 2:
            run.kill()
        else:
            run.stop()
        run.finish()
    assert n > EVENTS and older != note
    (folder / "log/lock.mdb").unlink(missing_ok=True)
    return folder, raw, older, note


@pytest.fixture(scope="module")
def running(module_traild, store):
    """A daemon on a copy of it."""
    folder = module_traild.folder / "running"
    shutil.copytree(store[0], folder)
    run = module_traild.start(folder)
    yield run
    run.stop()


@pytest.fixture
def trail(build, folder):
    return Verifier(build / "trail", folder)


def test_a_sound_log_is_valid(running, trail, folder):
    value = trail.json(running.address)
    assert set(value) == {"verdict", "size", "root", "identity", "first_bad", "checked", "findings",
                          "uncovered", "payloads", "erased", "since", "invalid", "unverifiable",
                          "seals", "sealed_until", "predecessor"}
    with Client(running.address) as c:
        cp = c.checkpoint()
        raw, _ = c.records()
    assert value["size"] == value["checked"] == cp.size >= EVENTS
    assert base64.b64decode(value["root"]) == cp.root == wire.tree_hash(map(wire.leaf_hash, raw))
    assert (value["first_bad"], value["uncovered"], value["since"]) == (None, 0, 0)
    assert value["seals"] == 1
    assert wire.record_parse(raw[value["sealed_until"]["index"]]).kind == wire.SEAL
    assert value["identity"] == "first"
    assert trail.json(running.address)["identity"] == "kept"
    (folder / "id").write_text(trail(running.address, "key").stdout)
    assert trail.json(running.address, "--log", folder / "id")["identity"] == "given"


def test_text_is_a_sentence_and_quiet_is_quiet(running, trail):
    done = trail(running.address, "verify")
    assert done.stdout.startswith("valid: example.org/test: ")
    done = trail(running.address, "verify", "-q")
    assert done.stdout == "" and done.stderr == ""


def test_it_says_what_it_was_given(running, trail, folder):
    (folder / "empty").mkdir()
    (folder / "evidence").mkdir()
    (folder / "evidence/records.txt").touch()
    (folder / "tree/tile").mkdir(parents=True)
    done = trail(running.address, "verify", folder / "empty", code=2)
    assert "neither a published log" in done.stderr and not done.stdout
    done = trail(running.address, "verify", folder / "evidence", code=5)
    assert "folder of evidence" in done.stdout and "evidence.folder" in done.stdout
    done = trail(running.address, "verify", folder / "tree", code=6)
    assert "published log" in done.stdout and "tree.unpinned" in done.stdout


# ---- checkpoints from elsewhere ------------------------------------------------------------------

def signed_by_nobody(note):
    """The same note with one bit of its signature changed."""
    head, line = note.rstrip(b"\n").rsplit(b" ", 1)
    raw = bytearray(base64.b64decode(line))
    raw[-1] ^= 1
    return head + b" " + base64.b64encode(raw) + b"\n"


def put(folder, name, note):
    (folder / name).write_bytes(note)
    return folder / name


@pytest.fixture(scope="module")
def foreign_note(module_traild):
    run = module_traild.start(module_traild.folder / "foreign", origin="example.org/other")
    with Client(run.address) as c:
        note = c.want("checkpoint", checkpoint=pb.CheckpointRequest()).checkpoint
    run.stop()
    return note


def test_an_older_checkpoint_fits(running, store, trail, folder):
    older = put(folder, "older", store[2])
    assert trail.json(running.address, "--checkpoint", older)["findings"] == []
    # Also where the records that it covers are not streamed.
    newest = put(folder, "newest", store[3])
    value = trail.json(running.address, f"--since={newest}", "--checkpoint", older)
    assert value["since"] == wire.checkpoint_parse(store[3]).size


def test_a_newer_checkpoint_shows_a_cut_log(module_traild, running, store, trail, folder):
    """A daemon on the store as it was; somebody kept a checkpoint of what it lost."""
    trail(running.address, "emit", "read", "/later")
    newer = put(folder, "newer", trail(running.address, "checkpoint").stdout.encode())
    old = folder / "old"
    shutil.copytree(store[0], old)
    run = module_traild.start(old)
    value = trail.json(run.address, "--checkpoint", newer, code=5, state="fresh")
    size = value["size"]
    assert wire.checkpoint_parse(newer.read_bytes()).size > size
    assert codes(value) == {"checkpoint.size"} and value["first_bad"] == size
    value = trail.json(run.address, f"--since={newer}", code=5, state="fresh")
    assert codes(value) == {"checkpoint.size"} and value["checked"] == 0
    # Who saw it himself needs no file.
    value = trail.json(run.address, code=5)
    assert codes(value) == {"daemon.contact"}
    run.stop()


def test_foreign_and_forged_checkpoints_speak_against_it(running, store, trail, folder, foreign_note):
    for note in (foreign_note, signed_by_nobody(store[2])):
        value = trail.json(running.address, "--checkpoint", put(folder, "note", note), code=5)
        assert codes(value) == {"checkpoint.note"} and value["checked"] == value["size"]


def test_a_fork_is_found_by_the_checkpoint_of_the_other_branch(module_traild, store, trail, folder):
    """Two daemons went on from one store; each is whole in itself."""
    notes = []
    for name in ("left", "right"):
        shutil.copytree(store[0], folder / name)
        run = module_traild.start(folder / name)
        trail(run.address, "emit", "read", f"/{name}", state=name)
        notes.append(trail(run.address, "checkpoint", state=name).stdout.encode())
        if name == "left":
            run.stop()
    size = wire.checkpoint_parse(notes[0]).size
    path = put(folder, "left.note", notes[0])
    value = trail.json(run.address, "--checkpoint", path, code=5, state="right")
    assert codes(value) == {"checkpoint.root"}
    assert value["first_bad"] < size and value["checked"] == value["size"]
    value = trail.json(run.address, f"--since={path}", code=5, state="right")
    assert "daemon.proof" in codes(value)
    run.stop()


def test_what_is_no_checkpoint_is_a_usage_error(running, trail, folder):
    for name, content in (("empty", b""), ("text", b"hello\n"), ("long", b"x" * 20_000)):
        path = put(folder, name, content)
        assert "no checkpoint" in trail(running.address, "verify", f"--since={path}", code=2).stderr
        trail(running.address, "verify", "--checkpoint", path, code=2)
    trail(running.address, "verify", "--checkpoint", folder / "absent", code=3)


# ---- since ---------------------------------------------------------------------------------------

def test_since_goes_on_where_the_last_valid_run_ended(running, trail, folder):
    assert "from the beginning" in trail(running.address, "verify", "--since", code=2).stderr
    first = trail.json(running.address)
    assert len(list((folder / "state/trail").glob("verified-*"))) == 1
    for n in range(3):
        trail(running.address, "emit", "read", f"/more/{n}")
    value = trail.json(running.address, "--since")
    assert value["since"] == first["size"] == value["uncovered"]
    assert value["checked"] == 3 == value["size"] - first["size"]
    again = trail.json(running.address, "--since")
    assert (again["checked"], again["root"]) == (0, value["root"])


@pytest.mark.parametrize("back", [1, 2, 3, 17, 2048, 5000, "first"])
def test_since_any_size(running, trail, folder, back):
    """Every size has another right edge."""
    with Client(running.address) as c:
        size = c.checkpoint().size
    # The daemon signed only some sizes; the one that was signed at the start of this run is taken,
    # and one record is added for each further step.
    if back == "first":
        back = 1
    for n in range(min(back, 17)):
        trail(running.address, "emit", "read", f"/edge/{n}")
    note = put(folder, "note", trail(running.address, "checkpoint").stdout.encode())
    with Client(running.address) as c:
        c.append("oneshot", 0, 0, [wire.event(size)] * min(back, 900))
    value = trail.json(running.address, f"--since={note}")
    assert value["checked"] == min(back, 900)


def test_since_believes_no_foreign_or_forged_note(running, store, trail, folder, foreign_note):
    for note in (foreign_note, signed_by_nobody(store[2])):
        path = put(folder, "note", note)
        done = trail(running.address, "verify", f"--since={path}", code=2)
        assert "not signed by this log" in done.stderr


# ---- damage on disk ------------------------------------------------------------------------------

FIELDS = {"version": 0, "kind": 1, "flags": 3, "class": 7, "source": 15, "peer": 23,
          "received_ns": 31, "epoch": 39, "seq": 47, "commitment": 60, "prev": 100}


@pytest.mark.parametrize("field", FIELDS)
def test_g2_a_changed_record_is_named(module_traild, store, trail, folder, field):
    """What lies in the middle is not read when a daemon starts."""
    copy = folder / "copy"
    shutil.copytree(store[0], copy)
    path = copy / "log/data.mdb"
    whole = bytearray(path.read_bytes())
    index = len(store[1]) // 2
    raw, at, hits = store[1][index], 0, 0
    while (at := whole.find(raw, at)) >= 0:
        whole[at + FIELDS[field]] ^= 1
        hits += 1
        at += 1
    assert hits > 0
    path.write_bytes(whole)
    run = module_traild.start(copy)
    value = trail.json(run.address, code=5)
    allowed = (index - 1, index) if field == "prev" else (index,)
    assert value["first_bad"] in allowed, value
    assert {"spine.prev", "head.root"} <= codes(value)
    assert value["checked"] == value["size"]
    run.stop()


def test_g2_records_that_cannot_be_read_are_not_passed_over(module_traild, store, trail, folder):
    """A row of the spine lies one index too far, so that the daemon has no record there."""
    copy = folder / "copy"
    shutil.copytree(store[0], copy)
    rows = damage.table(copy / "log", "spine")
    key = next(k for k, v in rows[len(rows) // 2:] if len(v) == BATCH * wire.RECORD_LEN)
    first = int.from_bytes(key, "big")
    path = copy / "log/data.mdb"
    whole = path.read_bytes()
    # In a leaf page the key stands right behind its length. Chunks have longer keys.
    needle = struct.pack("<H", len(key)) + key
    assert whole.count(needle) >= 1
    path.write_bytes(whole.replace(needle, needle[:2] + (first + 1).to_bytes(8, "big")))
    run = module_traild.start(copy)
    value = trail.json(run.address, code=6)
    assert codes(value) == {"daemon.withheld"}
    assert value["root"] is None and 0 < value["checked"] <= first
    assert value["uncovered"] == value["size"] - value["checked"]
    run.kill()


# ---- a liar in between ---------------------------------------------------------------------------

class Liar:
    """
    Passes everything between one client and the daemon; `lie(request, response)` may answer another
    response, bytes to be sent as they are, or None for silence.
    """

    def __init__(self, folder, address, lie):
        self.address = str(folder / f"liar{len(list(folder.glob('liar*')))}")
        self.lie, self.behind = lie, address
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.address)
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        client.settimeout(30)
        asked = {}
        with client, Client(self.behind, hello=False) as daemon:
            reader = Client.__new__(Client)
            reader.sock, reader.buffer = client, b""
            try:
                while True:
                    request = pb.Request.FromString(reader.recv_raw())
                    asked[request.id] = request
                    daemon.send_raw(wire.frame(request.SerializeToString()))
                    response = daemon.recv()
                    answer = self.lie(asked.pop(response.id), response)
                    if isinstance(answer, pb.Response):
                        answer = wire.frame(answer.SerializeToString())
                    if answer:
                        client.sendall(answer)
            except (wire.Closed, BrokenPipeError, ConnectionResetError):
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


def to_pages(change):
    """A lie about pages of records alone."""
    def lie(request, response):
        if response.WhichOneof("body") == "records":
            return change(request, response)
        return response
    return lie


def flip(index, offset):
    def change(_request, response):
        page = response.records
        at = (index - page.first) * wire.RECORD_LEN + offset
        if 0 <= at < len(page.records):
            raw = bytearray(page.records)
            raw[at] ^= 1
            page.records = bytes(raw)
        return response
    return to_pages(change)


@pytest.fixture
def lied(running, trail, folder):
    """verify through a liar: lied(lie, code, *more) -> the JSON value."""
    def run(lie, *more, code=5):
        with Liar(folder, running.address, lie) as liar:
            return trail.json(liar.address, *more, code=code)
    return run


@pytest.mark.parametrize("index", [1, 2047, 2048, 9999])
def test_a_record_changed_on_the_way_is_named(lied, index):
    value = lied(flip(index, 60))
    # Of a control entry the daemon shows the record a second time; it lies below the first SEAL.
    more = {"daemon.page", "seal.root"} if index == 1 else set()
    assert value["first_bad"] == index and codes(value) == {"spine.prev", "head.root"} | more


def test_another_beginning_is_another_log(lied):
    value = lied(flip(0, 60))
    assert value["first_bad"] == 0
    assert codes(value) == {"identity.given", "spine.prev", "head.root", "seal.root",
                            "daemon.page"}


def test_a_changed_last_record_is_found_by_the_root(lied, running, trail):
    trail(running.address, "emit", "read", "/last")  # no entry of the log's own, which is told by more
    with Client(running.address) as c:
        size = c.checkpoint().size
    value = lied(flip(size - 1, 60))
    assert codes(value) == {"head.root"} and value["first_bad"] == 0


def test_a_kept_checkpoint_narrows_down_where_the_root_fails(lied, running, trail):
    trail.json(running.address)
    with Client(running.address) as c:
        kept = c.checkpoint().size
    trail(running.address, "emit", "read", "/narrow", state="another")
    with Client(running.address) as c:
        size = c.checkpoint().size
    with_kept = lied(flip(size - 1, 60), "--log", running.state_dir / "identity")
    assert with_kept["first_bad"] == kept and codes(with_kept) == {"head.root"}


def test_pages_of_any_length_are_taken(lied):
    def change(_request, response):
        response.records.records = response.records.records[:700 * wire.RECORD_LEN]
        return response
    assert lied(to_pages(change), code=0)["findings"] == []


def test_a_busy_daemon_is_asked_again(lied):
    seen = set()

    def change(request, response):
        if request.records.first in seen:
            return response
        seen.add(request.records.first)
        return pb.Response(id=response.id, error=pb.Error(code=pb.BUSY, sentence="later"))
    assert lied(to_pages(change), code=0)["findings"] == []


def shifted(_request, response):
    response.records.first += 1
    return response


def emptied(_request, response):
    response.records.records = b""
    return response


def ragged(_request, response):
    response.records.records = response.records.records[:-1]
    return response


def doubled(_request, response):
    response.records.records += response.records.records[:wire.RECORD_LEN]
    return response


def garbage(_request, response):
    return wire.frame(b"\x08" + bytes([response.id]) + b"\xff\xff\xff")


def endless(_request, _response):
    return struct.pack(">I", 1 << 30)


@pytest.mark.parametrize("change", [shifted, emptied, ragged, doubled, garbage, endless])
def test_a_page_that_was_not_asked_for_is_evidence(lied, change):
    def late(request, response):
        return change(request, response) if request.records.first >= 6000 else response
    value = lied(to_pages(late))
    assert "daemon.page" in codes(value) and value["root"] is None
    assert value["checked"] + value["uncovered"] == value["size"]


def test_what_the_daemon_withholds_is_not_valid(lied):
    def change(request, response):
        if request.records.first < 6000:
            return response
        return pb.Response(id=response.id, error=pb.Error(code=pb.UNAVAILABLE, sentence="no"))
    value = lied(to_pages(change), code=6)
    assert codes(value) == {"daemon.withheld"} and value["first_bad"] is None
    assert value["checked"] + value["uncovered"] == value["size"]


def test_a_silent_daemon_ends_it_in_time(running, trail, folder):
    def change(request, response):
        return response if request.records.first < 6000 else None
    with Liar(folder, running.address, to_pages(change)) as liar:
        done = trail(liar.address, "--timeout", "1", "verify", code=3)
    assert "did not give the records in time" in done.stderr and done.stdout == ""


def test_a_false_proof_is_no_place_to_begin(lied, store, folder):
    note = put(folder, "note", store[2])

    def lie(_request, response):
        if response.WhichOneof("body") == "proof" and response.proof.path:
            first = bytearray(response.proof.path[0])
            first[0] ^= 1
            response.proof.path[0] = bytes(first)
        return response

    def later(request, response):
        # What opens the connection has its own proof, which must hold.
        wanted = request.prove
        return lie(request, response) if wanted.index != 0 else response
    value = lied(later, f"--since={note}")
    assert codes(value) == {"daemon.proof"} and value["checked"] == 0


# ---- payloads ------------------------------------------------------------------------------------

def to_rows(change):
    """A lie about rows alone."""
    def lie(request, response):
        if response.WhichOneof("body") == "rows":
            return change(request, response)
        return response
    return lie


def to_row(index, change):
    def all_rows(_request, response):
        for row in response.rows.rows:
            if row.index == index:
                change(row)
        return response
    return to_rows(all_rows)


def test_every_payload_is_opened_and_the_log_tells_of_it_once(running, trail, folder):
    note = put(folder, "before", trail(running.address, "checkpoint").stdout.encode())
    value = trail.json(running.address, "--payloads")
    assert value["payloads"] == value["checked"] == value["size"]
    assert value["erased"] == 0
    with Client(running.address) as c:
        raw, _ = c.records(value["size"])
    told = [r for r in map(wire.record_parse, raw) if r.kind == wire.EVENT]
    assert len(told) == 1 and told[0].source == 0
    # What reading added is opened the next time; names that stood before are not missed.
    value = trail.json(running.address, "--payloads", f"--since={note}")
    assert value["payloads"] == value["checked"] > 0
    assert "payloads opened" in trail(running.address, "verify", "--payloads").stdout


def is_of(store, kind, source=None):
    """The first record of that kind behind the middle."""
    raw = store[1]
    for index in list(range(len(raw) // 2, len(raw))) + list(range(1, len(raw) // 2)):
        record = wire.record_parse(raw[index])
        if record.kind == kind and (source is None or bool(record.source) == source):
            return index
    raise AssertionError(f"no record of kind {kind}")


@pytest.mark.parametrize("kind, code", [
    (wire.EVENT, "payload.commitment"), (wire.PEER, "payload.commitment"),
    (wire.SOURCE, "control.commitment"), (wire.DAEMON, "control.commitment")])
def test_a_changed_payload_is_named(lied, store, kind, code):
    index = is_of(store, kind)

    def change(row):
        row.payload += b"x"
    value = lied(to_row(index, change), "--payloads")
    assert codes(value) == {code} and value["first_bad"] == index
    assert value["checked"] == value["size"] == value["payloads"] + 1


def test_a_changed_salt_is_named(lied, store):
    index = is_of(store, wire.EVENT)

    def change(row):
        row.salt = bytes(wire.SALT_LEN)
    value = lied(to_row(index, change), "--payloads")
    assert codes(value) == {"payload.commitment"} and value["first_bad"] == index


@pytest.mark.parametrize("kind, code", [(wire.EVENT, "payload.missing"),
                                        (wire.PEER, "payload.missing"),
                                        (wire.SOURCE, "control.missing")])
def test_a_missing_payload_is_not_erased_where_nothing_was(lied, store, kind, code):
    index = is_of(store, kind)

    def change(row):
        row.ClearField("salt")
        row.ClearField("payload")
    value = lied(to_row(index, change), "--payloads")
    assert codes(value) == {code} and value["first_bad"] == index and value["erased"] == 0


def test_another_record_with_the_payload_is_evidence(lied, store):
    index = is_of(store, wire.EVENT)

    def change(row):
        row.record = row.record[:-1] + bytes([row.record[-1] ^ 1])
    value = lied(to_row(index, change), "--payloads")
    assert "daemon.page" in codes(value) and value["first_bad"] == index


def no_rows(_request, response):
    del response.rows.rows[:]
    return response


def turned_rows(_request, response):
    rows = list(response.rows.rows)
    del response.rows.rows[:]
    response.rows.rows.extend(reversed(rows))
    return response


def skipped_row(_request, response):
    del response.rows.rows[0]
    return response


@pytest.mark.parametrize("change", [no_rows, turned_rows, skipped_row])
def test_rows_that_were_not_asked_for_are_evidence(lied, change):
    value = lied(to_rows(change), "--payloads")
    assert codes(value) == {"daemon.page"} and value["payloads"] == 0


def test_payloads_that_are_withheld_are_not_valid(lied):
    def change(request, response):
        if not request.get.paging.next:
            return response
        return pb.Response(id=response.id, error=pb.Error(code=pb.UNAVAILABLE, sentence="no"))
    value = lied(to_rows(change), "--payloads", code=6)
    assert codes(value) == {"daemon.withheld"} and 0 < value["checked"] < value["size"]


@pytest.mark.parametrize("code, verdict", [("daemon.withheld", 6), ("daemon.page", 5)])
def test_payloads_that_came_before_one_that_does_not_are_judged(lied, code, verdict):
    """What is wrong with a page that was fetched ahead is told where its rows were due."""
    held, given = [], []

    def fail(request, response):
        if code == "daemon.page":
            return skipped_row(request, response)
        return pb.Response(id=response.id, error=pb.Error(code=pb.UNAVAILABLE, sentence="no"))

    def change(request, response):
        # The fourth page of payloads is there before the record in the middle of the third.
        if request.WhichOneof("body") == "records" and request.records.first == 2048:
            held.append(wire.frame(response.SerializeToString()))
            return None
        if response.WhichOneof("body") != "rows":
            return response
        if len(given) == 3:
            return wire.frame(fail(request, response).SerializeToString()) + held.pop()
        given.append(len(response.rows.rows))
        return response
    value = lied(change, "--payloads", code=verdict)
    assert sum(given[:2]) < 2048 < sum(given) - 100
    assert codes(value) == {code} and value["checked"] == value["payloads"] == sum(given)


def test_a_daemon_that_is_busy_with_payloads_is_asked_again(lied):
    seen = set()

    def change(request, response):
        if request.get.paging.next in seen:
            return response
        seen.add(request.get.paging.next)
        return pb.Response(id=response.id, error=pb.Error(code=pb.BUSY, sentence="later"))
    value = lied(to_rows(change), "--payloads", code=0)
    assert value["payloads"] == value["size"]


def test_payloads_that_do_not_come_end_it_in_time(running, trail, folder):
    with Liar(folder, running.address, to_rows(lambda _request, _response: None)) as liar:
        done = trail(liar.address, "--timeout", "1", "verify", "--payloads", code=3)
    assert "did not give the payloads in time" in done.stderr


# ---- while it runs -------------------------------------------------------------------------------

def test_a_log_that_grows_meanwhile_is_verified_up_to_its_checkpoint(running, trail, folder):
    grown = []

    def change(_request, response):
        if len(grown) < 5:
            with Client(running.address) as c:
                grown.append(c.append("oneshot", 0, 0, [wire.event(len(grown))] * 100))
        return response
    with Liar(folder, running.address, to_pages(change)) as liar:
        value = trail.json(liar.address)
    with Client(running.address) as c:
        assert c.checkpoint().size >= value["size"] + 400
    assert value["checked"] == value["size"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_a_sentence(running, trail, folder, number):
    reached, over = threading.Event(), threading.Event()

    def change(request, response):
        if request.records.first >= 6000:
            reached.set()
            over.wait(30)
            return None
        return response
    with Liar(folder, running.address, to_pages(change)) as liar:
        command, env = trail.command(liar.address, "state", "verify")
        program = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   encoding="utf-8")
        try:
            assert reached.wait(30)
            program.send_signal(number)
            out, err = program.communicate(timeout=30)
        finally:
            over.set()
            program.kill()
    assert program.returncode == 6 and out == ""
    assert "stopped before record" in err and "no verdict" in err


@pytest.mark.root
def test_who_may_not_is_told(running, trail):
    os.chmod(running.address, 0o666)
    command, env = trail.command(running.address, "state", "verify")
    trail.folder.chmod(0o755)
    (trail.folder / "nobody").mkdir(mode=0o777)
    (trail.folder / "nobody").chmod(0o777)
    program = trail.folder / "trail"
    shutil.copy(trail.program, program)
    env["XDG_STATE_HOME"] = str(trail.folder / "nobody")
    done = subprocess.run(["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", program,
                           *command[1:]], capture_output=True, encoding="utf-8", env=env,
                          timeout=60, check=False)
    assert done.returncode == 4, done
