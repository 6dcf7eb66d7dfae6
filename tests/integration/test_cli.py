# SPDX-License-Identifier: Apache-2.0
"""trail against a running traild: what a user types, and what comes back."""
import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import threading

import pytest

import trail_pb2

EVENT = {"time": "2026-03-01T12:00:00Z", "action": "READ", "actor": {"id": "u17"},
         "object": {"id": "/journal/4711"}, "source": "journal"}


class Trail:
    """The command-line tool with a state folder of its own."""

    def __init__(self, program, folder, address=None):
        self.program, self.folder, self.address = program, folder, address

    def __call__(self, *args, code=0, text=None, address=None, state="state"):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / state), TZ="UTC")
        env["TRAIL_CONNECT"] = f"unix:{address or self.address}"
        done = subprocess.run([self.program, *map(str, args)], input=text, capture_output=True,
                              encoding="utf-8", env=env, timeout=60, check=False)
        assert code in (None, done.returncode), f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *args, **how):
        return json.loads(self(*args, "-o", "json", **how).stdout)


@pytest.fixture
def trail(build, folder):
    return Trail(build / "trail", folder)


@pytest.fixture
def log(traild, trail):
    """A running daemon, and the tool that talks to it."""
    trail.daemon = traild.start()
    trail.address = trail.daemon.address
    return trail


def write_lines(path, events):
    path.write_text("".join(json.dumps(e) + "\n" for e in events))
    return path


def many(count, **more):
    return [dict(EVENT, object={"id": f"o{i}"}, **more) for i in range(count)]


# ---- one event ----------------------------------------------------------------------------------

def test_emit_prints_a_receipt_that_the_records_bear_out(log):
    receipt = log.json("emit", "read", "/journal/4711", "--subject", "p-93", "--source", "journal",
                       "--attr", "k=v=w", "--outcome", "denied", "--medium", "paper",
                       "--time", "2026-03-01T12:00:00.123456789+01:00", "--actor", "u17")
    assert receipt["verified"] is True
    record = base64.b64decode(receipt["record"])
    leaf = base64.b64decode(receipt["leaf"])
    assert hashlib.sha256(b"\0" + record).digest() == leaf
    shown = log.json("show", receipt["index"])
    assert shown["proof"]["record"] == receipt["record"]
    payload = base64.b64decode(shown["proof"]["payload"])
    salt = base64.b64decode(receipt["salt"])
    assert hashlib.sha256(b"\2" + salt + payload).digest() == record[48:80]
    assert shown["id"] == receipt["id"] and shown["source"] == "journal"
    assert shown["time"] == "2026-03-01T11:00:00.123456789Z"
    assert shown["outcome"] == "DENIED" and shown["medium"] == "PAPER"
    assert shown["attributes"] == [{"key": "k", "value": "v=w"}]
    assert shown["peer"] == f"unix:{os.getuid()}"


def test_emit_takes_the_login_as_actor(log):
    shown = log.json("show", log.json("emit", "execute", "x", "--verb", "print")["index"])
    name = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    assert shown["actor"] == {"id": name, "type": "USER"}
    assert shown["source"] == "trail" and shown["verb"] == "print"


@pytest.mark.parametrize("words, sentence", [
    (["emit", "raed", "x"], 'did you mean read?'),
    (["emit", "print", "x"], "execute"),
    (["emit", "read", ""], "object.id is required"),
    (["emit", "read", "a\x1bb"], "object.id holds a control"),
    (["emit", "read", "x", "--subjct", "y"], "did you mean --subject?"),
    (["emit", "read", "x", "--source", "Bad Name"], "source name"),
    (["emit", "read", "x", "--time", "soon"], "--time soon"),
    (["emit", "read", "x", "--attr", "novalue"], "KEY=VALUE"),
    (["emit", "read"], "ACTION and an OBJECT"),
    (["log"], "did you mean emit or search?"),
    (["emti"], "did you mean emit?"),
    (["show", "x"], "INDEX"),
    (["status", "-o", "xml"], "-o xml"),
    (["--timeout", "0", "status"], "--timeout 0"),
    (["--connect", "tls:a:1", "status"], "TLS"),
    (["--connect", "nonsense", "status"], "unix:PATH"),
    (["import", "-"], "--batch"),
])
def test_what_cannot_be_meant_is_refused_with_a_sentence(log, words, sentence):
    done = log(*words, code=2)
    assert sentence in done.stderr and done.stdout == ""
    assert "\x1b" not in done.stderr


def test_help_of_every_command_teaches_by_example(trail):
    trail.address = "/nowhere"
    for name in "emit import show prove checkpoint key status".split():
        text = trail(name, "--help").stdout
        assert text.startswith(f"usage: trail {name}") and f"  trail {name}" in text
        assert name in trail("--help").stdout


# ---- a daemon that is away ----------------------------------------------------------------------

def test_an_absent_daemon_is_named_with_its_address(trail, folder):
    done = trail("status", code=3, address=folder / "none")
    assert f"unix:{folder}/none" in done.stderr and "not running" in done.stderr


@pytest.mark.root
def test_a_socket_that_one_may_not_use_is_said_so(log):
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           log.program, "--connect", f"unix:{log.address}", "status"],
                          capture_output=True, text=True, timeout=60, check=False,
                          env=dict(os.environ, XDG_STATE_HOME="/nonexistent"))
    assert done.returncode == 4 and "no permission" in done.stderr


def test_a_silent_daemon_ends_in_time(trail, folder):
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(folder / "mute"))
        mute.listen()
        done = trail("--timeout", "0.2", "status", code=3, address=folder / "mute")
    assert "did not answer in time" in done.stderr


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\0",
                                    b"\0\0\0\3\xff\xff\xff", b"\0\0\0\2\x08\x09"])
def test_what_does_not_speak_the_protocol_is_invalid(trail, folder, answer):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "other"))
        other.listen()

        def serve():
            peer, _ = other.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(answer)
                peer.recv(4096)
        thread = threading.Thread(target=serve)
        thread.start()
        trail("status", code=5, address=folder / "other")
        thread.join()


# ---- reading ------------------------------------------------------------------------------------

def test_show_says_what_it_verified_and_what_is_not_there(log):
    index = log.json("emit", "read", "x")["index"]
    text = log("show", index).stdout
    assert "included in checkpoint" in text and "commitment opened" in text
    assert "holds 0 to" in log("show", 999, code=1).stderr
    assert log.json("show", 0)["kind"] == "DAEMON"


def test_hostile_text_cannot_reach_the_terminal(log, folder):
    # A reason and a value are free text: they may hold what an id must not.
    hostile = "a\x1b[31mb\rc\x85d\u202ee\u2066f"
    path = write_lines(folder / "h.jsonl", [dict(
        EVENT, reason=hostile, attributes=[{"key": "k", "value": hostile}],
        changes=[{"field": "f", "old": hostile, "new": hostile}])])
    index = log.json("import", path).get("first_index")
    text = log("show", index).stdout
    assert text.count("a\\u{1b}[31mb\\u{d}c\\u{85}d\\u{202e}e\\u{2066}f") == 4
    raw = log("show", index, "-o", "json").stdout
    for bad in "\x1b\r\x85\u202e\u2066":
        assert bad not in text and bad not in raw
    assert json.loads(raw)["reason"] == hostile


def test_prove_gives_evidence_that_opens_without_us(log):
    receipt = log.json("emit", "delete", "/hr/x", "--source", "hr")
    text = log("prove", receipt["index"]).stdout
    lines = text.split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[2] == f"index {receipt['index']}"
    evidence = trail_pb2.Evidence()
    evidence.ParseFromString(base64.b64decode(lines[1].removeprefix("extra ")))
    shown = log.json("show", receipt["index"])
    assert evidence.items[0].record == base64.b64decode(receipt["record"])
    assert evidence.items[1].index == 0
    genesis = hashlib.sha256(b"\0" + evidence.items[1].record).digest()
    assert log("key").stdout.split("\n")[2] == base64.b64encode(genesis).decode()
    source, peer, seal = evidence.items[2:]
    assert seal.record[1] == 6, "the start's SEAL"
    assert trail_pb2.Source.FromString(source.payload).name == "hr"
    assert trail_pb2.Peer.FromString(peer.payload).name == str(os.getuid())
    for item in evidence.items:
        opened = hashlib.sha256(b"\2" + item.salt + item.payload).digest()
        assert opened == item.record[48:80]
    assert shown["object"]["id"] == "/hr/x"


def test_checkpoint_key_and_status_agree(log):
    log("emit", "read", "x")
    note = log("checkpoint").stdout
    origin, size = note.split("\n")[:2]
    status = log.json("status")
    assert origin == status["origin"] == "example.org/test"
    assert int(size) == status["checkpoint"] <= status["size"]
    key = log("key").stdout
    assert key.startswith("trail-log/v1\nexample.org/test+")
    identity = log.folder / "identity"
    identity.write_text(key)
    assert log.json("--log", identity, "status", state="fresh")["identity"] == "given"


# ---- import -------------------------------------------------------------------------------------

def test_a_second_import_adds_nothing(log, folder):
    path = write_lines(folder / "a.jsonl", many(1000))
    first = log.json("import", path)
    assert (first["imported"], first["already"]) == (1000, 0)
    assert first["last_index"] - first["first_index"] == 999
    size = log.json("status")["size"]
    second = log.json("import", path)
    assert (second["imported"], second["already"], second["unchecked"]) == (0, 1000, 0)
    assert log.json("status")["size"] == size


def test_the_epoch_of_an_import_is_the_one_of_the_format(log, folder):
    path = write_lines(folder / "batch.jsonl", many(3))
    index = log.json("import", path)["last_index"]
    shown = log.json("show", index)
    digest = hashlib.sha256(b"trail-import/v1\njournal\nbatch.jsonl").digest()
    assert int(shown["epoch"]) == 1 << 63 | int.from_bytes(digest[:8], "big") >> 1
    assert shown["seq"] == 3


def test_a_bad_line_stops_it_and_mending_goes_on_from_there(log, folder):
    events = many(600)
    path = write_lines(folder / "a.jsonl", events[:399] + [dict(EVENT, actor={})] + events[400:])
    done = log("import", path, code=2)
    assert "line 400: actor.id is required" in done.stderr
    assert "imported 399 events" in done.stdout
    write_lines(path, events)
    assert log.json("import", path) | {"checkpoint": 0} == {
        "imported": 201, "already": 399, "unchecked": 0, "checkpoint": 0,
        "first_index": log.json("status")["size"] - 201,
        "last_index": log.json("status")["size"] - 1}


def test_a_changed_line_is_a_conflict_with_its_number(log, folder):
    events = many(300)
    path = write_lines(folder / "a.jsonl", events)
    log("import", path)
    events[269] = dict(EVENT, object={"id": "changed"})
    write_lines(path, events)
    assert "line 270:" in log("import", path, code=5).stderr


def test_lines_added_to_a_closed_batch_need_another_name(log, folder):
    path = write_lines(folder / "a.jsonl", many(5))
    log("import", path)
    write_lines(path, many(6))
    assert "another batch name" in log("import", path, code=2).stderr
    # Under that name all six are new: what makes an event the same is batch and number.
    assert log.json("import", path, "--batch", "b")["imported"] == 6


def test_an_open_batch_may_grow(log, folder):
    path = write_lines(folder / "a.jsonl", many(5))
    log("import", "--open", path)
    write_lines(path, many(8))
    again = log.json("import", path)
    assert (again["imported"], again["already"]) == (3, 5)


def test_each_source_of_a_file_is_numbered_by_itself(log, folder):
    events = [dict(EVENT, source=f"s{i % 7}", object={"id": f"o{i}"}) for i in range(2000)]
    path = write_lines(folder / "a.jsonl", events)
    assert log.json("import", path)["imported"] == 2000
    assert log.json("import", path)["already"] == 2000


def test_check_lists_all_bad_lines_and_stores_nothing(log, folder):
    size = log.json("status")["size"]
    bad = ["", "[]", "{", '{"time":1}', '{"tiem":"x"}', json.dumps(dict(EVENT, time="yesterday")),
           json.dumps(dict(EVENT, action="LOOK")), json.dumps(dict(EVENT, source="BAD")),
           json.dumps(dict(EVENT, changes=[{"field": 1}])), '{"time":"x","time":"y"}',
           json.dumps(dict(EVENT, attributes=[{"key": "a", "value": "b", "more": "c"}])),
           json.dumps(dict(EVENT, id="not-a-uuid")), json.dumps(dict(EVENT, raw="*")),
           json.dumps(dict(EVENT, purpose="x" * 300_000))]
    lines = [json.dumps(EVENT)] + bad + [json.dumps(EVENT)]
    path = folder / "a.jsonl"
    path.write_text("\n".join(lines))
    found = log("import", "--check", path, code=2).stdout.splitlines()
    assert [line.split(":")[0] for line in found] == [f"line {i}" for i in range(2, 2 + len(bad))]
    fields = ["", "", "", "time", "tiem", "time", "action", "source", "changes[0]", "",
              "attributes[0]", "id", "raw", ""]
    for line, field in zip(found, fields):
        assert line.split(": ", 1)[1].startswith(field + " " if field else "is ")
    assert log.json("status")["size"] == size


def test_an_exported_line_comes_back_as_the_same_event(log, folder):
    event = dict(EVENT, id="01234567-89ab-cdef-0123-456789abcdef", outcome="FAILURE",
                 verb="v", reason="r", subject="s", purpose="p", medium="ORAL", correlation="c",
                 actor={"id": "a", "type": "SERVICE", "name": "n", "role": "r", "unit": "u",
                        "session": "s", "address": "d", "on_behalf_of": "b"},
                 object={"id": "o", "type": "t", "name": "n", "version": "1"},
                 origin={"host": "h", "application": "a", "process": "p", "address": "d"},
                 changes=[{"field": "f", "old": "1", "new": "2"}],
                 attributes=[{"key": "k", "value": "v"}], raw=base64.b64encode(b"\0\xff").decode())
    first = log.json("show", log.json("import", write_lines(folder / "a", [event]))["first_index"])
    for name, value in event.items():
        assert first[name] == ("2026-03-01T12:00:00.000000000Z" if name == "time" else value)
    again = log.json("import", write_lines(folder / "b", [first]))["first_index"]
    assert log.json("show", again)["proof"]["payload"] == first["proof"]["payload"]


def test_csv_says_the_same_as_json(log, folder):
    path = folder / "a.csv"
    path.write_text('time,action,actor.id,object.id,object.name,source\r\n'
                    '2026-03-01T12:00:00Z,read,u17,"o,1","say ""hi""",s\r\n'
                    '2026-03-01T12:00:00Z,read,u17,o2,,s\r\n')
    found = log.json("import", "--format", "csv", path)
    shown = log.json("show", found["first_index"])
    assert shown["object"] == {"id": "o,1", "name": 'say "hi"'} and shown["seq"] == 1
    assert log.json("show", found["last_index"])["object"] == {"id": "o2"}
    path.write_text("time,who\n")
    assert "who" in log("import", "--format", "csv", path, code=2).stderr


# ---- which log is it ----------------------------------------------------------------------------

def test_another_log_under_a_known_address_is_refused(log, traild):
    log("emit", "read", "x")
    other = traild.start(origin="example.org/other")
    log.daemon.stop()
    os.replace(other.address, log.address)
    done = log("status", code=5)
    assert "another log" in done.stderr
    assert "example.org/other" in done.stderr
    log("status", state="fresh")


def test_another_key_under_a_known_origin_is_refused(log, traild):
    log("emit", "read", "x")
    other = traild.start()
    done = log("status", code=5, address=other.address)
    assert "another log is known by that name" in done.stderr


def test_the_wrong_identity_file_is_refused(log, traild, folder):
    other = traild.start()
    (folder / "id").write_text(log("key", address=other.address, state="other").stdout)
    log("--log", folder / "id", "status", code=5, state="fresh")


def test_a_log_put_back_to_an_older_state_is_found_out(log, traild, folder):
    log("emit", "read", "x")
    log.daemon.stop()
    shutil.copytree(log.daemon.state_dir, folder / "old")
    newer = traild.start(log.daemon.state_dir)
    for i in range(20):
        log("emit", "read", f"y{i}", address=newer.address)
    newer.stop()
    old = traild.start(folder / "old")
    # The daemon, shown a newer note of its own, goes down; a client never takes it for the log.
    env = dict(os.environ, XDG_STATE_HOME=str(folder / "state"))
    done = subprocess.run([log.program, "--connect", f"unix:{old.address}", "status"],
                          capture_output=True, env=env, timeout=60, check=False)
    assert done.returncode in (3, 5) and done.stdout == b""


def test_what_is_kept_survives_damage_only_by_hand(log, folder):
    log("emit", "read", "x")
    kept = next((folder / "state" / "trail").glob("log-*"))
    kept.write_bytes(kept.read_bytes()[:40])
    done = log("status", code=5)
    assert str(kept) in done.stderr and "remove it" in done.stderr
    kept.unlink()
    log("status")


def test_many_at_once_keep_one_state(log, folder):
    env = dict(os.environ, XDG_STATE_HOME=str(folder / "state"), TRAIL_CONNECT=f"unix:{log.address}")
    runs = [subprocess.Popen([log.program, "emit", "read", f"o{i}", "-o", "json"], env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for i in range(12)]
    answers = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0] * 12, answers
    indices = [json.loads(out)["index"] for out, _ in answers]
    assert len(set(indices)) == 12
    kept = next((folder / "state" / "trail").glob("log-*")).read_text().split("\n")
    assert int(kept[6]) > max(indices)
