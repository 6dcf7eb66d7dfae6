# SPDX-License-Identifier: Apache-2.0
"""
G3 by software that nobody here wrote: Go's golang.org/x/mod/sumdb reads the published log tile by
tile and entry by entry (tests/interop/tiles.go), tessera's fsck does where it can be had, and both
find one changed byte in each kind of file, as `trail verify` does.
"""
import gzip
import shutil
import subprocess

import pytest
import tiles
import wire
from foreign import built, fetched
from harness import ROOT, SLOW
from liar import flip
from test_publish import Log, Trail

LARGE = ROOT.parent / "shared" / "data" / "git-events.jsonl.zst"
SMALL = ROOT / "tests" / "data" / "git-events-20k.jsonl.gz"
GIT = 137_899


@pytest.fixture(scope="module")
def reader():
    program = built("tiles")

    def read(identity, folder):
        return subprocess.run([program, identity, folder], capture_output=True, text=True,
                              check=False, timeout=100 * SLOW)
    return read


def agree(reader, identity, folder):
    size = wire.checkpoint_parse((folder / "checkpoint").read_bytes()).size
    done = reader(identity, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"verified {size} entries, "), done.stdout
    return size


def git_lines():
    """The history of git, or, where the large file is not, its first events again and again."""
    if LARGE.exists():
        done = subprocess.run(["zstd", "-dcq", LARGE], check=True, capture_output=True)
        return done.stdout.splitlines(keepends=True)
    with gzip.open(SMALL) as f:
        lines = f.read().splitlines(keepends=True)
    return (lines * (GIT // len(lines) + 1))[:GIT]


@pytest.mark.limit(600)
def test_g3_go_reads_what_is_published_of_every_size(traild, build, folder, reader):
    """Of so many events, and of so many records, which are more: a log tells of itself, too."""
    log = Log(traild.start())
    trail = Trail(build / "trail", folder, log.run.address)
    steps = [("events", 1), *[("records", n) for n in (255, 256, 257)],
             *[("events", n) for n in (255, 256, 257)], ("records", 70_000), ("events", 70_000)]
    for what, count in steps:
        if what == "records":
            log.grow_to(count)
        else:
            log.append(count - log.events)
        trail("publish", folder / "pub")
        size = agree(reader, folder / "pub/log.identity", folder / "pub")
        assert (size if what == "records" else log.events) == count
        trail("verify", folder / "pub")


@pytest.mark.limit(600)
def test_g3_go_reads_the_history_of_git(traild, build, folder, reader, measured):
    run = traild.start()
    trail = Trail(build / "trail", folder, run.address)
    path = folder / "git.jsonl"
    lines = git_lines()
    assert len(lines) == GIT
    path.write_bytes(b"".join(lines))
    trail("import", path)
    trail("publish", folder / "pub")
    size = agree(reader, folder / "pub/log.identity", folder / "pub")
    assert size > GIT
    trail("verify", folder / "pub")
    measured("records", size)
    # And a log of exactly so many records.
    log = Log(run)
    entries = log.records()[0][:GIT]
    key = tiles.Key(folder, "example.org/cut")
    tiles.write(folder / "cut", tiles.tree_files(entries))
    (folder / "cut/checkpoint").write_bytes(key.checkpoint(GIT, tiles.root(entries), folder))
    (folder / "cut/log.identity").write_text(key.identity(wire.leaf_hash(entries[0])))
    assert agree(reader, folder / "cut/log.identity", folder / "cut") == GIT
    trail("verify", folder / "cut")


def test_g3_go_and_trail_agree_on_a_log_of_one_record(traild, build, folder, reader):
    """Genesis alone: no daemon shows it, since it tells of its start."""
    log = Log(traild.start())
    trail = Trail(build / "trail", folder, log.run.address)
    entries = log.records()[0][:1]
    key = tiles.Key(folder, "example.org/one")
    tiles.write(folder / "one", tiles.tree_files(entries))
    (folder / "one/checkpoint").write_bytes(key.checkpoint(1, tiles.root(entries), folder))
    (folder / "one/log.identity").write_text(key.identity(wire.leaf_hash(entries[0])))
    assert agree(reader, folder / "one/log.identity", folder / "one") == 1
    trail("verify", folder / "one")


# ---- one byte ------------------------------------------------------------------------------------

SIZE = 66_000
KINDS = ["checkpoint", "tile/0/000", "tile/0/257.p/208", "tile/1/000", "tile/1/001.p/1",
         "tile/2/000.p/1", "tile/entries/100", "tile/entries/257.p/208"]


@pytest.fixture(scope="module")
def published(module_traild, build):
    log = Log(module_traild.start())
    trail = Trail(build / "trail", module_traild.folder, log.run.address)
    log.grow_to(SIZE)
    trail("publish", module_traild.folder / "pub")
    log.run.stop()
    trail.address = module_traild.folder / "nowhere"
    return module_traild.folder / "pub", trail


@pytest.fixture
def damaged(published, folder):
    """each(): the copy of the published log with one byte changed, kind by kind; then as it was."""
    copy = folder / "pub"
    shutil.copytree(published[0], copy)

    def each():
        for path in KINDS:
            data = (copy / path).read_bytes()
            (copy / path).write_bytes(flip(data))
            yield path, copy
            (copy / path).write_bytes(data)
        yield None, copy
    return each


def test_g2_go_finds_one_changed_byte_in_each_kind_of_file(published, damaged, reader):
    identity, trail = published[0] / "log.identity", published[1]
    for path, copy in damaged():
        done = reader(identity, copy)
        assert done.returncode == (1 if path else 0), (path, done)
        trail("verify", "--log", identity, copy, code=5 if path else 0)


@pytest.mark.limit(600)
def test_g3_tesseras_fsck_agrees(published, damaged, folder):
    """github.com/transparency-dev/tessera: `make interop` fetches it."""
    fsck = fetched("fsck")
    vkey = (published[0] / "log.identity").read_text().split("\n")[1]
    (folder / "vkey").write_text(vkey)
    for path, copy in damaged():
        # With its user interface, and in some versions without, a failure ends with 0, too.
        done = subprocess.run(
            [fsck, f"--storage_url=file://{copy}/", f"--public_key={folder / 'vkey'}",
             "--ui=false", "--N=2"], capture_output=True, text=True, check=False, timeout=100 * SLOW)
        sound = done.returncode == 0 and f"Successfully fsck'd log with size {SIZE}" in done.stderr
        assert sound == (path is None) and ("fsck failed" in done.stderr) != sound, (path, done)
