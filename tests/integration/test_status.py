# SPDX-License-Identifier: Apache-2.0
"""
What `trail status` says in all its forms: the numbers are those of what was done, the forms are
what trail(1) says of them, and what needs attention is the same in each.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
import wire
from harness import ROOT, SLOW
from liar import Proxy
from wire import Client, pb

HOSTILE = 'a"b\\c\u202ed\u009b[2J{},e=\u00e5'
STRANGER = 65534
IN_ORDER = ["witness_fork", "disk_full", "questions_refused", "unconfirmed", "seal_old", "witnessed_old",
            "disk_low", "queue_slow", "gaps", "connections", "seals_few"]


class Status:
    def __init__(self, program, folder, address):
        self.program, self.folder, self.address = program, folder, address

    def __call__(self, *words, code=0, address=None, env=None):
        environment = dict(os.environ, XDG_STATE_HOME=str(self.folder / "met"), TZ="UTC",
                           TRAIL_CONNECT=f"unix:{address or self.address}", **(env or {}))
        done = subprocess.run([self.program, "status", *words], capture_output=True,
                              encoding="utf-8", env=environment, timeout=60, check=False)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, **how):
        return json.loads(self("-o", "json", **how))

    def prom(self, **how):
        return metrics(self("-o", "prom", **how))


@pytest.fixture
def status(build, folder):
    """Of the daemon whose address a test puts in."""
    return Status(build / "trail", folder, None)


# ---- the text format of Prometheus, read strictly ----------------------------------------------

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(rf"({NAME})\{{(.*)\}} ([0-9]+(?:\.[0-9]+)?)")


def labels_of(text):
    found, at = {}, 0
    while at < len(text):
        match = LABEL.match(text, at)
        assert match and match[1] not in found, text
        found[match[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), match[2])
        at = match.end()
    return found


def metrics(text):
    """{(name, its labels but log, sorted): value}; every line must be one that the format has."""
    assert text.endswith("\n")
    kinds, values, family, logs = {}, {}, None, set()
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        helped = re.fullmatch(rf"# HELP ({NAME}) \S.*", line)
        if helped:
            family = helped[1]
            kind = re.fullmatch(rf"# TYPE {family} (counter|gauge|histogram)", next(lines))
            assert kind and family not in kinds, line
            kinds[family] = kind[1]
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        labels = labels_of(labels)
        logs.add(labels.pop("log"))
        tail = ("_bucket", "_sum", "_count") if kinds[family] == "histogram" else ("",)
        assert name in [family + t for t in tail], line
        assert (kinds[family] == "counter") == name.endswith("_total"), line
        key = (name, tuple(sorted(labels.items())))
        assert key not in values, line
        values[key] = float(value)
    assert len(logs) == 1
    for name in (n for n, kind in kinds.items() if kind == "histogram"):
        buckets = [(labels[0][1], v) for (n, labels), v in values.items() if n == name + "_bucket"]
        bounds = [float(le) for le, _ in buckets]
        assert bounds == sorted(bounds) and buckets[-1][0] == "+Inf"
        assert [v for _, v in buckets] == sorted(v for _, v in buckets), "buckets are cumulated"
        assert buckets[-1][1] == values[name + "_count", ()]
    return values, logs.pop()


def let_in(traild, run):
    """0660 keeps strangers out; here some are to come in."""
    traild.folder.chmod(0o711)
    os.chmod(run.address, 0o666)


# ---- the numbers ---------------------------------------------------------------------------------

def some_work(address):
    """7 requests with 31 events, 5 refusals of 3 codes; what it should be known as."""
    with Client(address) as c:
        for i in range(6):
            c.append("journal", 1, 1 + 5 * i, [wire.event(5 * i + n) for n in range(5)])
        c.append("files", 0, 0, [wire.event(1)])
        for _ in range(3):
            assert c.error(append=pb.Append(source="journal", epoch=1, first_seq=31,
                                            events=[b"\xff"])).code == pb.INVALID
        assert c.error(append=pb.Append(source="journal", epoch=1, first_seq=50,
                                        events=[wire.event(1)])).code == pb.EXPECTED
    with Client(address, uid=STRANGER, hello=False) as c:
        c.send(hello=pb.Hello(protocol=1, claims=[pb.Hello.Claim(source="journal", epoch=1)]))
        assert c.recv().error.code == pb.DENIED
    return {"events": 31, "acked_requests": 7, "refusals": 1}


@pytest.mark.root
def test_numbers_are_those_of_what_was_done(traild, status):
    run = traild.start()
    let_in(traild, run)
    status.address = run.address
    before = status.json()
    assert (before["events"], before["acked_requests"], before["ack_times"]["count"]) == (0, 0, 0)
    began = time.monotonic()
    done = some_work(run.address)
    took = time.monotonic() - began
    now = status.json()
    assert {name: now[name] for name in done} == done
    refused = {code: n for code, n in now["refused"].items() if n}
    assert refused == {"INVALID": 3, "EXPECTED": 1, "DENIED": 1}
    assert now["ack_times"]["count"] == 7
    # Each ack was one commit, since one came after the other; so were start, refusal and names.
    assert now["commits"] == now["commit_times"]["count"] >= 7 + 1
    assert 7 + 1 <= now["sign_times"]["count"] <= now["commits"]
    for name in ("ack_times", "commit_times", "sign_times"):
        times = now[name]
        assert sum(b["count"] for b in times["buckets"]) == times["count"]
        least, bound = 0, 0
        for bucket in times["buckets"]:
            least += bucket["count"] * bound
            bound = bucket["upto_seconds"]
        assert least <= times["sum_seconds"]
    # An ack waits for its commit and its signature, and nothing of it happened before it was sent.
    assert 0 < now["ack_times"]["sum_seconds"] <= took
    assert (now["sources"], now["connections"], now["peers"]) == (2, 1, 1)
    assert now["size"] == now["checkpoint"] and now["full"] is now["starved"] is False
    assert 0 < now["map_used_bytes"] <= now["map_bytes"] and now["store_bytes"] > 0
    assert now["signer_pid"] == run.signer_pid
    assert now["attention"] == []
    values, _ = status.prom()
    assert values["trail_acked_events_total", ()] == 31
    assert values["trail_ack_seconds_count", ()] == 7
    assert values["trail_refused_requests_total", (("code", "INVALID"),)] == 3


def test_requests_and_acks_of_many_at_once_are_all_counted(traild, status):
    """Counted where they are answered: nothing is lost or counted twice between threads."""
    run = traild.start()
    status.address = run.address

    def write(number):
        with Client(run.address) as c:
            for _ in range(50):
                c.append(f"s{number}", 0, 0, [wire.event(n) for n in range(number + 1)])

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    now = status.json()
    assert now["acked_requests"] == now["ack_times"]["count"] == 400
    assert now["events"] == 50 * sum(range(1, 9))


def figures(answer):
    return {pb.FigureName.Name(f.name): f.value for f in answer.figures.figures}


def test_a_request_under_way_has_an_age(traild, status):
    """The signer is stopped, so that a request waits for it; then its wait is in the histograms."""
    run = traild.start()
    status.address = run.address
    with Client(run.address) as writer, Client(run.address) as watcher:
        run.signer.signal(signal.SIGSTOP)
        writer.send(append=pb.Append(source="journal", events=[wire.event(1)]))
        # The loop takes in both in any order: ask until it has the Append. Then until it is old:
        # beside the second that the signer is stopped, all else of the way is to be little.
        while figures(first := watcher.status())["QUEUE_REQUESTS"] == 0:
            pass
        while (age := figures(last := watcher.status())["QUEUE_AGE_NS"]) < SLOW * 10**9:
            assert age > figures(first)["QUEUE_AGE_NS"] > 0
        assert figures(last)["QUEUE_REQUESTS"] == 1 and last.events == 0
        run.signer.signal(signal.SIGCONT)
        assert writer.recv().WhichOneof("body") == "appended"
    now = status.json()
    assert (now["queue_requests"], now["queue_age_seconds"], now["acked_requests"]) == (0, 0, 1)
    assert now["ack_times"]["sum_seconds"] * 1e9 > age
    assert now["sign_times"]["sum_seconds"] * 1e9 > age / 2


def test_who_follows_waits_by_design_and_is_not_under_way(traild):
    run = traild.start()
    with Client(run.address) as follower, Client(run.address) as watcher:
        follower.send(search=pb.Search(query="object:/nowhere", paging=pb.Paging(follow_ms=60000)))
        size = watcher.status().size
        # Its event is on record, so it was taken in.
        while watcher.status().size == size and size < 3:
            pass
        assert figures(watcher.status())["QUEUE_REQUESTS"] == 0


def test_missing_events_need_attention_after_a_minute_and_not_before(traild, status):
    run = traild.start()
    status.address = run.address
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)], made=4)
    now = status.json()
    assert (now["missing"], now["pending_gaps"], now["sources_behind"]) == (0, 0, 0)
    assert now["attention"] == []


# ---- what needs attention --------------------------------------------------------------------------

def attention(status, code=6):
    """What it is, the same in all forms."""
    whole = status.json(code=code)
    what = [a["what"] for a in whole["attention"]]
    values, _ = status.prom()
    told = [labels[0][1] for (name, labels), v in values.items()
            if name == "trail_attention" and v == 1]
    assert what == told == [w for w in IN_ORDER if w in what]
    sentences = [a["sentence"] for a in whole["attention"]]
    text = status(code=code)
    assert re.findall(r"^attention: (.*)$", text, re.M) == sentences
    quiet = status("-q", code=code)
    assert quiet == (f"attention: {' - '.join(sentences)}\n" if sentences else "")
    return what, text


def test_all_is_well(traild, status):
    run = traild.start()
    status.address = run.address
    assert attention(status, code=0)[0] == []


def test_a_full_disk_needs_attention(traild, status):
    run = traild.start(config={"map_size": "64M", "reserve": "80M"})
    status.address = run.address
    what, text = attention(status)
    assert what == ["disk_full"] and "the store is FULL" in text and "map_size" in text
    run.stop()
    reserve = shutil.disk_usage(run.state_dir).free * 6 // 5
    if reserve <= 2**40:
        run = traild.start(run.state_dir, config={"reserve": reserve})
        status.address = run.address
        what, text = attention(status)
        assert what[0] == "disk_full" and "the disk is FULL" in text
        run.stop()
    run = traild.start(run.state_dir, config={"map_size": "64M", "reserve": "200M"})
    status.address = run.address
    assert attention(status)[0] == ["disk_full", "questions_refused"]
    run.stop()
    run = traild.start(run.state_dir, config={"map_size": "64M", "reserve": "40M"})
    status.address = run.address
    assert attention(status)[0] == ["disk_low"]


@pytest.mark.root
def test_connections_that_run_out_need_attention(traild, status):
    run = traild.start(config={"connections": 20})
    let_in(traild, run)
    status.address = run.address
    # A user may have half of them.
    crowd = [Client(run.address) for _ in range(8)]
    assert attention(status, code=0)[0] == []
    crowd += [Client(run.address, uid=STRANGER, hello=False) for _ in range(10)]
    assert attention(status)[0] == ["connections"]
    for c in crowd:
        c.close()


def says(figure=None, **fields):
    """A daemon that tells of this trouble, which takes long to make."""
    def tell(_, answer):
        if answer.WhichOneof("body") != "status":
            return
        for name, value in fields.items():
            setattr(answer.status, name, value)
        for known in answer.status.figures.figures:
            if figure and known.name == figure[0]:
                known.value = figure[1]
    return tell


@pytest.mark.parametrize("what, lie", [
    ("queue_slow", says(figure=(pb.QUEUE_AGE_NS, 10 * 10**9))),
    ("gaps", says(pending_gaps=1)),
    (None, says(figure=(pb.QUEUE_AGE_NS, 10 * 10**9 - 1))),
])
def test_what_a_daemon_tells_of_needs_attention(traild, status, folder, what, lie):
    run = traild.start()
    with Proxy(folder / "proxy", run.address, on_answer=lie) as proxy:
        status.address = proxy.address
        assert attention(status, code=6 if what else 0)[0] == ([what] if what else [])


def test_no_daemon_and_a_lost_signer_are_3(traild, status, folder):
    assert status("-q", code=3, address=folder / "nobody") == ""
    run = traild.start()
    status.address = run.address
    status("-q")
    run.kill_signer()
    assert status("-q", code=3) == ""


@pytest.mark.root
def test_the_daemons_own_user_may_ask_and_a_stranger_may_not(traild, folder, build):
    """Monitoring needs no root, and no home folder."""
    user, stranger = 34567, 34568
    state = folder / "state"
    state.mkdir()
    os.chown(state, user, user)
    program = folder / "trail"
    shutil.copy(build / "trail", program)
    folder.chmod(0o777)
    run = traild.start(state, uid=user)
    os.chmod(run.address, 0o666)
    for uid, code in ((user, 0), (stranger, 4)):
        kept = folder / str(uid)
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "XDG_STATE_HOME": str(kept),
               "TRAIL_CONNECT": f"unix:{run.address}"}
        done = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                               program, "status", "-q"], capture_output=True, text=True, env=env,
                              timeout=60, check=False)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert kept.exists() == (code == 0), "what was seen is kept, so that a swap is noticed"
    run.stop()


# ---- the forms ---------------------------------------------------------------------------------------

def page_rows():
    """{field: unit} of trail(1), STATUS, -o json."""
    text = (ROOT / "client/trail.1").read_text()
    section = text[text.index(".Sh STATUS"):text.index(".Sh IMPORT")]
    rows = re.findall(r"^\.It Li (\w+) Pq (.+)$", section, re.M)
    assert len(rows) == len(dict(rows))
    return dict(rows)


KINDS = {"number": int, "text": str, "word": str, "list": list, "object": dict, "histogram": dict,
         "flag": bool, "RFC 3339": str, "process": int, "seconds": (int, float)}


def test_json_is_what_the_page_says(traild, status):
    """Both ways: each field stands in trail(1) with its unit, and nothing else does."""
    run = traild.start()
    status.address = run.address
    whole, rows = status.json(), page_rows()
    assert set(whole) == set(rows) and whole["schema"] == 1
    for name, unit in rows.items():
        kind = KINDS.get(unit, int)
        assert isinstance(whole[name], kind) and (kind is bool) == (whole[name] in (True, False)
                                                                    and isinstance(whole[name], bool))
        if unit == "RFC 3339":
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", whole[name])
    page = (ROOT / "client/trail.1").read_text()
    for what in IN_ORDER:
        assert f".It Li {what}\n" in page
    for code in whole["refused"]:
        assert code in page and code in pb.Code.keys()


def test_help_names_what_the_page_names(status):
    done = subprocess.run([status.program, "status", "--help"], capture_output=True, text=True,
                          check=True)
    for word in ("-q, --quiet", "-o json", "-o prom", "6 something needs attention"):
        assert word in done.stdout


def promtool():
    built = ROOT / "build/promtool/promtool"
    return str(built) if built.exists() else shutil.which("promtool")


@pytest.mark.root
@pytest.mark.skipif(not promtool(), reason="no promtool: make build/promtool/promtool")
def test_prometheus_takes_it_and_finds_nothing_to_mend(traild, status):
    run = traild.start(origin=HOSTILE)
    let_in(traild, run)
    status.address = run.address
    some_work(run.address)
    done = subprocess.run([promtool(), "check", "metrics"], input=status("-o", "prom"),
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    broken = status("-o", "prom").replace("_total{", "_totals{")
    done = subprocess.run([promtool(), "check", "metrics"], input=broken, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode != 0, "promtool would take anything"


@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_a_hostile_name_stays_a_name(traild, status, locale):
    """In each form: no quote ends it, no control or bidi character reaches a terminal."""
    run = traild.start(origin=HOSTILE)
    status.address = run.address
    env = {"LC_ALL": locale}
    _, log = status.prom(env=env)
    assert log == 'a"b\\c\\u{202e}d\\u{9b}[2J{},e=\\u{e5}', "a label is the same in every locale"
    assert json.loads(status("-o", "json", env=env))["origin"] == HOSTILE
    for form in ("text", "json", "prom"):
        out = status("-o", form, env=env)
        assert not re.search("[\u202e\u009b\x1b]", out)


# ---- an older daemon ----------------------------------------------------------------------------------

def older(_, answer):
    """As a daemon of the first version answers: without what was added."""
    if answer.WhichOneof("body") == "status":
        for name in ("figures", "ack_times", "commit_times", "sign_times"):
            answer.status.ClearField(name)


def test_what_an_older_daemon_does_not_know_is_left_out_and_is_not_0(traild, status, folder):
    run = traild.start()
    with Proxy(folder / "old", run.address, on_answer=older) as proxy:
        status.address = proxy.address
        whole = status.json()
        assert whole["events"] == 0 and whole["free_bytes"] > 0
        for name in ("acked_requests", "reserve_bytes", "refused", "ack_times", "signed"):
            assert name not in whole
        values, _ = status.prom()
        assert ("trail_acked_events_total", ()) in values
        assert not any(name.startswith(("trail_ack_seconds", "trail_refused"))
                       for name, _ in values)
        text = status()
        assert "signer" not in text and "reserve" not in text and "refused" not in text
        assert status("-q") == ""
        assert proxy.told >= 4


def newer(_, answer):
    """As a daemon to come may answer: figures and buckets that nobody knows yet."""
    if answer.WhichOneof("body") == "status":
        figures = answer.status.figures.figures
        figures.add(name=4000000, value=7)
        figures.add(name=42, value=7)
        del answer.status.ack_times.buckets[:]
        for bound in (1000, 10**9, 0):
            answer.status.ack_times.buckets.add(upto_ns=bound, count=1)
        # One that makes no sense is no histogram.
        answer.status.sign_times.buckets[-1].upto_ns = 5


def test_what_a_newer_daemon_adds_is_passed_over(traild, status, folder):
    run = traild.start()
    with Proxy(folder / "new", run.address, on_answer=newer) as proxy:
        status.address = proxy.address
        whole = status.json()
        assert set(whole) == set(page_rows()) - {"sign_times"}
        assert [b["upto_seconds"] for b in whole["ack_times"]["buckets"]] == [1e-06, 1, None]
        status.prom()
        assert proxy.told >= 2
