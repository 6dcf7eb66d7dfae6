# SPDX-License-Identifier: Apache-2.0
"""
tests/clients/client.py, a client made of nothing but trail.proto, against a real daemon: it says
what trail says. test_liar.py has what it notices.
"""
import json
import os
import pathlib
import subprocess

import pytest
import trail_pb2
from harness import ROOT, SLOW
from liar import Proxy

CLIENT = ROOT / "tests" / "clients" / "client.py"
EVENT = {"action": "ACTION_READ", "actor": {"id": "anna"}, "object": {"id": "/journal/4711"}}


class Python:
    """client.py against one address."""

    def __init__(self, address):
        self.address = address

    def __call__(self, command, argument, text="", code=0):
        env = dict(os.environ, PYTHONPATH=str(pathlib.Path(trail_pb2.__file__).parent))
        done = subprocess.run(["/usr/bin/python3", CLIENT, self.address, command, argument],
                              input=text, capture_output=True, encoding="utf-8", env=env,
                              timeout=60 * SLOW, check=False)
        assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def append(self, event, source="journal"):
        return json.loads(self("append", source, json.dumps(event)).stdout)

    def history(self, obj):
        return [json.loads(line) for line in self("history", obj).stdout.splitlines()]


@pytest.fixture
def run(traild):
    return traild.start()


@pytest.fixture
def show(run, build, folder):
    """show(index): what `trail show -o json` says of it."""
    def ask(index):
        env = dict(os.environ, XDG_STATE_HOME=str(folder / "state"))
        done = subprocess.run([build / "trail", "--connect", f"unix:{run.address}", "show",
                               str(index), "-o", "json"], capture_output=True, env=env, check=True)
        return json.loads(done.stdout)
    return ask


def test_a_receipt_is_what_trail_shows(run, show):
    receipt = Python(run.address).append(EVENT)
    shown = show(receipt["index"])
    for name in ("record", "leaf", "salt", "payload"):
        assert shown["proof"][name] == receipt[name]
    assert (shown["source"], shown["actor"]["id"]) == ("journal", "anna")
    assert receipt["checkpoint"] > receipt["index"]


def test_a_bad_event_is_refused_with_the_daemons_sentence(run):
    bad = json.dumps(dict(EVENT, actor={"name": "Anna"}))
    done = Python(run.address)("append", "journal", bad, code=1)
    assert done.stdout == "" and "INVALID: " in done.stderr and "actor.id" in done.stderr


def test_a_history_is_what_trail_shows(run, show):
    client = Python(run.address)
    receipts = [client.append(dict(EVENT, action=action, actor={"id": f"u{i}"}), source)
                for i, (action, source) in enumerate((
                    ("ACTION_CREATE", "journal"), ("ACTION_MODIFY", "archive"),
                    ("ACTION_READ", "journal"), ("ACTION_DELETE", "journal")))]
    client.append(dict(EVENT, object={"id": "/journal/4712"}))
    rows = client.history("/journal/4711")
    assert [row["index"] for row in rows] == [receipt["index"] for receipt in receipts]
    for row, receipt in zip(rows, receipts):
        shown = show(row["index"])
        for name in ("record", "leaf", "salt", "payload"):
            assert row[name] == receipt[name] == shown["proof"][name]
        assert shown["source"] == row["source"] and shown["peer"] == f"unix:{row['peer']}"
        assert f"ACTION_{shown['action']}" == row["event"]["action"]
    assert client.history("/journal/never") == []


def test_a_history_of_many_pages_is_whole(run, folder):
    """Pages of three rows: somebody between makes them so small."""
    client = Python(run.address)
    indices = [client.append(EVENT)["index"] for _ in range(8)]

    def three(request):
        if request.WhichOneof("body") == "history":
            request.history.paging.limit = 3

    with Proxy(folder / "p", run.address, on_request=three) as proxy:
        assert [row["index"] for row in Python(proxy.address).history("/journal/4711")] == indices
        assert len(proxy.answers("rows")) == 3
