# SPDX-License-Identifier: Apache-2.0
"""
Controls: control entries with their payloads for auditors, page by page, proven, without PEERs and
without an event in the log.
"""
import os

import pytest
import wire
from wire import Client, pb

STRANGER = 65534
SOURCES = 300
ROWS_MAX = 200


@pytest.fixture(scope="module")
def run(module_traild):
    """A log of many sources, and two runs."""
    state = module_traild.folder / "controls"
    module_traild.start(state).stop()
    run = module_traild.start(state)
    with Client(run.address) as c:
        for n in range(SOURCES):
            c.append(f"s{n}", 0, 0, [wire.event(n)])
    yield run
    run.stop()


@pytest.fixture
def client(run):
    with Client(run.address) as c:
        yield c


def pages(client, **asked):
    """All pages, each row opened and proven in the tree that the first page names."""
    request = pb.Controls(**asked)
    out, cp = [], None
    while True:
        page = client.want("rows", controls=request)
        assert not page.named and not page.HasField("completeness")
        if page.checkpoint:
            cp = wire.checkpoint_parse(page.checkpoint)
            assert not request.size
        prove(page, cp)
        out.append(page)
        if page.done:
            return out
        request.next, request.size = page.next, cp.size


def prove(page, cp):
    raws = {row.index: row.record for row in page.rows}
    for row in page.rows:
        record, leaf = wire.record_parse(row.record), wire.leaf_hash(row.record)
        assert wire.commitment(row.salt, row.payload) == record.commitment
        if row.path:
            assert wire.inclusion_fits(leaf, row.index, cp.size, row.path, cp.root)
        else:
            assert wire.record_parse(raws[row.index + 1]).prev == leaf


def indices(some_pages):
    return [row.index for page in some_pages for row in page.rows]


def due(client, *kinds):
    """What the spine holds of these kinds."""
    raw, _ = client.records()
    return [i for i, r in enumerate(map(wire.record_parse, raw)) if r.kind in kinds]


ALL = (wire.SOURCE, wire.POLICY, wire.SEAL, wire.ERASURE, wire.DAEMON)


def test_all_come_in_order_but_peers(client):
    size = client.checkpoint().size
    assert indices(pages(client)) == due(client, *ALL)
    assert due(client, wire.PEER), "there is one"
    assert client.checkpoint().size == size, "reading them leaves no event"


@pytest.mark.parametrize("kind", [*ALL, wire.PEER, wire.EVENT, 9, 4711])
def test_one_kind(client, kind):
    assert indices(pages(client, kind=kind)) == (due(client, kind) if kind in ALL else [])


@pytest.mark.parametrize("limit", [1, 7, 10**6, (1 << 32) - 1])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_have_as_many_rows_as_were_asked_for(client, limit, newest_first):
    kind = wire.DAEMON if limit == 1 else 0
    found = pages(client, limit=limit, newest_first=newest_first, kind=kind)
    want = due(client, kind) if kind else due(client, *ALL)
    assert indices(found) == (want[::-1] if newest_first else want)
    assert all(len(page.rows) <= min(limit, ROWS_MAX) for page in found)
    assert all(page.ByteSize() <= 256 * 1024 for page in found)
    assert len(found) >= len(want) // min(limit, ROWS_MAX)


def test_from_is_where_it_begins(client):
    sources = due(client, wire.SOURCE)
    middle = sources[SOURCES // 2]
    up = indices(pages(client, kind=wire.SOURCE, **{"from": middle}))
    down = indices(pages(client, kind=wire.SOURCE, newest_first=True, **{"from": middle}))
    assert up == sources[SOURCES // 2:] and down == sources[:SOURCES // 2][::-1]
    for beyond in (client.checkpoint().size, 1 << 40, (1 << 64) - 1):
        assert indices(pages(client, **{"from": beyond})) == []


def test_an_older_tree_has_what_it_had(client):
    sources = due(client, wire.SOURCE)
    page = client.want("rows", controls=pb.Controls(kind=wire.SOURCE, size=sources[4] + 1))
    assert [row.index for row in page.rows] == sources[:5] and page.done and not page.checkpoint
    size = client.checkpoint().size
    assert client.error(controls=pb.Controls(size=size + 1)).code == pb.INVALID


@pytest.mark.parametrize("cursor", [b"x", b"\0" * 7, b"\0" * 9, b"\xff" * 64, b"\0" * 65,
                                    b"\0" * 100_000])
def test_a_hostile_cursor_is_refused(client, cursor):
    error = client.error(controls=pb.Controls(next=cursor))
    assert error.code in (pb.INVALID, pb.TOO_BIG) and error.sentence
    assert client.status().size, "and the connection goes on"


@pytest.mark.parametrize("cursor", [b"\0" * 8, b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\0" * 7 + b"\5"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_any_other_cursor_is_a_place(client, cursor, newest_first):
    page = client.want("rows", controls=pb.Controls(next=cursor, newest_first=newest_first))
    found, size = [row.index for row in page.rows], client.checkpoint().size
    assert found == sorted(found, reverse=newest_first) and all(i < size for i in found)


def test_seals_hold_what_they_must(client):
    """What an auditor needs of them, by hand."""
    raw, _ = client.records()
    page = client.want("rows", controls=pb.Controls(kind=wire.SEAL))
    assert page.rows
    for k, row in enumerate(page.rows):
        lines = pb.Seal.FromString(row.payload).text.decode().split("\n")
        record = wire.record_parse(row.record)
        assert (int(lines[2]), int(lines[3]), int(lines[5])) == (k, row.index, record.received_ns)
        root = wire.tree_hash([wire.leaf_hash(r) for r in raw[:row.index]])
        assert lines[4] == wire.base64.b64encode(root).decode()


@pytest.mark.root
def test_who_has_no_role_reads_none(run):
    run.factory.folder.chmod(0o711)
    os.chmod(run.address, 0o666)
    with Client(run.address, uid=STRANGER, hello=False) as c:
        assert c.error(controls=pb.Controls()).code in (pb.DENIED, pb.INVALID)
    with Client(run.address, hello=True) as c:
        assert c.want("rows", controls=pb.Controls()).rows
