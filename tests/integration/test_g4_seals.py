# SPDX-License-Identifier: Apache-2.0
"""
G4: the log seals itself, at every start, clean stop and epoch; a key that sealed is gone; whatever
is killed wherever, the next start finds a right log; seals cannot be burnt, dropped or made again.
"""
import collections
import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import time

import damage
import forge
import pytest
import sanitizers
import test_sync
import wire
from harness import SLOW, StartFailed
from wire import Client, pb

# Seals as often as a test wants to see some: an epoch of a second, of which a quarter must pass.
QUICK = {"seal_epoch": 1, "seal_height": 6}
HOUR_NS = 3600 * 10**9
LIMIT_S = 60 * SLOW
ZEROS = bytes(1 << 16)
Seal = collections.namedtuple("Seal", "index record epoch size root time_ns key path sig")


def seals_in(client):
    """The SEALs of the log, in order, and all its records."""
    records, _ = client.records()
    found = []
    for index, raw in enumerate(records):
        record = wire.record_parse(raw)
        if record.kind == wire.SEAL:
            payload = client.get(index).payload
            seal = pb.Seal.FromString(payload)
            found.append(Seal(index, record, *forge.seal_parse(payload), seal.key,
                              wire.split(seal.path, wire.HASH_LEN), (seal.text, seal.sig)))
    return found, records


def judge(client):
    """V1 to V6 of FORMATS.md section 6, computed here from the records alone; the SEALs."""
    seals, records = seals_in(client)
    leaves = [wire.leaf_hash(r) for r in records]
    genesis = pb.Genesis.FromString(client.get(0).payload)
    for k, seal in enumerate(seals):
        assert seal.epoch == k
        assert seal.index == seal.size
        assert seal.root == wire.tree_hash(leaves[:seal.size])
        assert seal.time_ns == seal.record.received_ns
        leaf = forge.seal_leaf(k, seal.key)
        assert wire.inclusion_fits(leaf, k, 1 << genesis.seal_height, seal.path, genesis.seal_root)
        assert wire.ed25519_fits(seal.key, *seal.sig)
    return seals


def wait_for(client, what, told):
    """Until status tells it: asked again, and nothing depends on how often."""
    limit = time.monotonic() + LIMIT_S
    while not told(figures(client)):
        assert time.monotonic() < limit, f"no {what}"
        time.sleep(0.05)


def figures(client):
    return {f.name: f.value for f in client.status().figures.figures}


def wait_seals(run, count):
    with Client(run.address) as c:
        wait_for(c, f"{count} seals", lambda f: f[pb.SEALS] >= count)


def derivers(root, height, end):
    """Every seed that derives the key of an epoch below `end`, computed from the root."""
    rows = [[root]]
    for _ in range(height):
        rows.append([forge.child_seed(seed, bit) for seed in rows[-1] for bit in (0, 1)])
    return [seed for depth, row in enumerate(rows)
            for i, seed in enumerate(row) if i << (height - depth) < end]


def open_nodes(seeds):
    return [seed for _, _, seed in seeds.nodes]


def is_sound(traild, state):
    """
    Valid; but a machine that was busy may have put off a SEAL beyond two epochs of a second, which
    says nothing against the log.
    """
    _, checked, stderr = traild.check(state)
    assert checked and not checked["invalid"], f"{checked}\n{stderr}"
    assert {f["code"] for f in checked["findings"]} <= {"seal.gap"}, checked


# ---- starts that are killed ----------------------------------------------------------------------

def killed_at(call, when, path=None):
    """Words in front of traild: who of it and its signer makes this call so often dies of it."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    return ["strace", "-f", "-qq", "-o", "/dev/null", *(["-P", str(path)] if path else []),
            "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={when}"]


def start_killed(traild, state, wrapper, **how):
    """True: it was killed before it was ready."""
    if traild.wrapper:
        pytest.skip("strace would see the wrapper's calls")
    try:
        run = traild.start(state, wrapper=wrapper, env=sanitizers.traced(), **how)
    except StartFailed:
        return True
    run.process.kill()
    run.wait_exit()
    return False


def born(traild, state, config):
    """
    The root of all seeds, as the file has it between birth and the first SEAL: the signer is killed
    when it is about to write down what it is asked to seal.
    """
    seeds = pathlib.Path(state) / "signer/seeds"
    assert start_killed(traild, state, killed_at("pwrite64", 2, seeds), config=config)
    kept = forge.Seeds.read(seeds)
    assert kept.next == 0 and not kept.pending and len(kept.nodes) == 1
    return kept.nodes[0][2]


def is_right(traild, state, root, config, least):
    """A start on what a crash left: all seals judged, what is over gone. How many seals there are."""
    run = traild.start(state, config=config)
    with Client(run.address) as c:
        seals = judge(c)
    run.process.kill()
    run.wait_exit()
    assert len(seals) >= least
    kept = forge.Seeds.read(state / "signer/seeds")
    made = sum(row[0] == wire.SEAL for _, row in damage.table(state / "log", "control"))
    assert len(seals) <= kept.next <= made <= kept.next + 1
    file = (state / "signer/seeds").read_bytes()
    assert not any(seed in file for seed in derivers(root, kept.height, kept.next))
    assert all(seed in file for seed in open_nodes(kept))
    is_sound(traild, state)
    return len(seals)


# ---- when ----------------------------------------------------------------------------------------

def test_g4_a_start_a_stop_and_each_epoch_are_sealed(traild):
    run = traild.start(config=QUICK)
    with Client(run.address) as c:
        records, _ = c.records()
        kinds = [wire.record_parse(r).kind for r in records[:3]]
        assert kinds == [wire.DAEMON, wire.DAEMON, wire.SEAL], "the start's SEAL is right behind it"
    wait_seals(run, 3)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
        # So that the stop's comes after a quarter of an epoch, and is not put off.
        wait_for(c, "seal of the event", lambda f: f[pb.SEALED_SIZE] > 5)
        c.append("journal", 1, 2, [wire.event(2)])
        time.sleep(0.3)
    run.stop()
    run = traild.start(run.state_dir, config=QUICK)
    with Client(run.address) as c:
        seals, records = judge(c), c.records()[0]
        entries = [pb.Daemon.FromString(c.get(i).payload).what if
                   wire.record_parse(r).kind == wire.DAEMON and i else None
                   for i, r in enumerate(records)]
        stop = entries.index(pb.Daemon.STOP)
        assert seals[-1].index > stop and stop + 1 in [s.index for s in seals]
    run.stop()
    is_sound(traild, run.state_dir)


def test_g4_a_seal_that_comes_too_soon_is_quietly_put_off(traild):
    run = traild.start()
    run.stop()
    run = traild.start(run.state_dir)
    with Client(run.address) as c:
        assert len(judge(c)) == 1, "a quarter of an hour did not pass since the first"
        c.append("journal", 1, 1, [wire.event(1)])
    run.stop()
    assert "seal" not in run.stderr().lower()


def test_g4_status_tells_of_seals(traild):
    run = traild.start(config=QUICK)
    wait_seals(run, 2)
    with Client(run.address) as c:
        told = figures(c)
        seals = judge(c)
    assert told[pb.SEALS] in (len(seals), len(seals) - 1)
    seal = seals[told[pb.SEALS] - 1]
    assert told[pb.SEALS_LEFT] == 64 - told[pb.SEALS]
    assert (told[pb.SEALED_SIZE], told[pb.SEALED_NS]) == (seal.size, seal.time_ns)
    assert told[pb.SEAL_MAX_NS] == 2 * 10**9


def test_g4_the_genesis_fixes_how_far_seals_may_lie_apart(traild):
    run = traild.start(config=QUICK)
    with Client(run.address) as c:
        assert pb.Genesis.FromString(c.get(0).payload).seal_max_ns == 2 * 10**9
    run.stop()
    # Whatever the setting says later, it seals as often as the genesis wants.
    run = traild.start(run.state_dir, config=dict(QUICK, seal_epoch=3600))
    with Client(run.address) as c:
        assert figures(c)[pb.SEAL_MAX_NS] == 2 * 10**9
        count = figures(c)[pb.SEALS]
        wait_for(c, "seal", lambda f: f[pb.SEALS] > count + 1)


def test_g4_notes_of_sealed_sizes_are_kept(traild):
    if not shutil.which("mdb_dump"):
        pytest.skip("lmdb-utils is not installed")
    run = traild.start(config=QUICK)
    with Client(run.address) as c:
        for seq in range(1, 200):
            c.append("journal", 1, seq, [wire.event(seq)])
            if figures(c)[pb.SEALS] >= 3:
                break
            time.sleep(0.05)
        c.append("journal", 2, 1, [wire.event(0)])
        seals = judge(c)
        identity = wire.Identity(c.greeting.identity)
    run.process.kill()
    run.wait_exit()
    rows = damage.table(run.state_dir / "log", "head")
    sizes = {int.from_bytes(key, "big"): wire.checkpoint_open(note, identity)
             for key, note in rows}
    assert {s.size for s in seals} <= set(sizes)
    assert len(sizes) <= len(seals) + 1, "only the newest besides"
    for seal in seals:
        assert sizes[seal.size].root == seal.root


# ---- crashes -------------------------------------------------------------------------------------

# What befalls the signer's seeds: at birth one write, then for each SEAL the text is written and
# synced, later the new seeds are written and synced, zeros are written over the old and synced.
STEPS = [("pwrite64", 2, 0), ("fdatasync", 1, 0), ("pwrite64", 3, 1), ("fdatasync", 2, 1),
         ("pwrite64", 4, 1), ("fdatasync", 3, 1)]


@pytest.mark.parametrize("call,when,sealed", STEPS)
def test_g4_a_signer_killed_in_the_writes_of_its_seeds_leaves_a_right_log(
        traild, folder, call, when, sealed):
    state = folder / "state"
    root = born(traild, state, QUICK)
    # Birth is over: one write and no fdatasync less than in a first start.
    when -= 1 if call == "pwrite64" else 0
    seeds = state / "signer/seeds"
    assert start_killed(traild, state, killed_at(call, when, seeds), config=QUICK)
    assert is_right(traild, state, root, QUICK, sealed) >= sealed
    assert is_right(traild, state, root, QUICK, sealed) >= 1


@pytest.mark.parametrize("call", ["sendto", "fdatasync", "recvfrom"])
def test_g4_a_first_start_killed_at_each_of_its_steps_leaves_a_right_log(traild, folder, call):
    """Whichever of the two comes first to its n-th question, answer or sync is killed there."""
    survived = 0
    for when in range(1, 40):
        state = folder / f"{call}{when}"
        if not start_killed(traild, state, killed_at(call, when), config=QUICK):
            survived += 1
            assert when > 3
        run = traild.start(state, config=QUICK)
        with Client(run.address) as c:
            seals = judge(c)
            c.append("journal", 1, 1, [wire.event(1)])
        run.stop()
        kept = forge.Seeds.read(state / "signer/seeds")
        assert kept.next >= len(seals) and not kept.pending
        is_sound(traild, state)
        shutil.rmtree(state)
        if survived == 2:
            return
    raise AssertionError("no start went through")


def test_g4_killed_over_and_over_it_seals_each_epoch_once(traild, folder, measured):
    state = folder / "state"
    root = born(traild, state, QUICK)
    count = 0
    for i in range(12):
        run = traild.start(state, config=QUICK)
        wait_seals(run, count + 1)
        (run.process if i % 2 else run.signer).kill()
        run.wait_exit()
        count = is_right(traild, state, root, QUICK, count + 1)
    measured("seals after 12 kills", count)


# ---- order of writes and syncs, by strace ----

TRACED = ("pwrite64,write,fdatasync,fsync,sendto,rename,renameat,renameat2,fallocate,ftruncate,"
          "copy_file_range,unlink,unlinkat,link,linkat,sendfile")


def signer_steps(lines):
    """
    What the signer did with head and seeds between two answers, a list of lists: ("write", file,
    offset), ("sync", file, None), and other calls by their name.
    """
    calls = sorted(test_sync.parse(lines), key=lambda c: c.begin)
    pid = next(c.pid for c in calls if c.name == "pwrite64" and c.path.endswith("/signer/seeds"))
    answers = [[]]
    for call in (c for c in calls if c.pid == pid):
        file = pathlib.Path(call.path).name
        if call.name == "sendto":
            answers.append([])
        elif file in ("head", "seeds"):
            offset = re.search(r", (\d+)\) +=", call.text)
            kind = {"pwrite64": "write", "fdatasync": "sync", "fsync": "sync"}
            answers[-1].append((kind.get(call.name, call.name), file,
                                int(offset[1]) if offset and call.name == "pwrite64" else None))
    return answers


def judge_steps(answers):
    """What is wrong in them; and how many SEALs and SEALEDs were looked at."""
    wrong, looked_at, dirty = [], [], False
    for steps in answers[1:]:  # the first is WAKE's, with the birth
        seeds = [s for s in steps if s[1] == "seeds"]
        for what, file, _ in steps:
            if file == "head":
                dirty = what == "write"
            elif what == "write" and dirty:
                wrong.append(f"seeds are written before head is synced: {steps}")
        if not seeds:
            continue
        kinds = [what for what, _, _ in seeds]
        looked_at.append(kinds)
        if kinds not in (["write", "sync"], ["write", "sync", "write", "sync"]):
            wrong.append(f"neither a text kept nor a key erased: {steps}")
        elif len(kinds) == 4 and seeds[0][2] == seeds[2][2]:
            wrong.append(f"the same slot twice: {steps}")
        if kinds == ["write", "sync"] and steps[-1] != seeds[-1]:
            wrong.append(f"something behind the sync: {steps}")
    return wrong, looked_at


def test_g4_seeds_are_written_in_place_and_synced_in_order(traild):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if traild.wrapper:
        pytest.skip("strace would see the wrapper's calls")
    path = traild.folder / "trace"
    run = traild.start(config=QUICK, env=sanitizers.traced(),
                       wrapper=["strace", "-f", "-yy", "-ttt", "-s", "0", "-o", str(path),
                                "-e", f"trace={TRACED}"])
    wait_seals(run, 3)
    run.stop()
    answers = signer_steps(path.read_text(errors="replace").splitlines())
    wrong, looked_at = judge_steps(answers)
    assert not wrong, "\n".join(wrong)
    assert [len(kinds) for kinds in looked_at][:6] == [2, 4, 2, 4, 2, 4]
    # A trace without one of the syncs is found out.
    for n, steps in enumerate(answers[1:], 1):
        for i, step in enumerate(steps):
            if step[0] == "sync" and any(s[1] == "seeds" for s in steps):
                less = answers[:n] + [steps[:i] + steps[i + 1:]] + answers[n + 1:]
                before = [s for a in answers[1:n] for s in a if s[1] == "head"] + \
                    [s for s in steps[:i] if s[1] == "head"]
                if step[1] == "seeds" or (before and before[-1][0] == "write"):
                    assert judge_steps(less)[0], (step, steps)


# ---- attacks -------------------------------------------------------------------------------------

class Talk:
    """A traild of the attacker's, in front of the true signer."""

    def __init__(self, traild, state):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock = ours
        self.popen = subprocess.Popen(
            [traild.signer, "--state-dir", state / "signer", "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        status, body = self.ask(1, struct.pack(">BBQB", 0, 0, 2 * 10**9, 0))
        assert status == 0, body
        self.size, = struct.unpack(">Q", body[:8])
        self.epoch, = struct.unpack(">I", body[49:53])

    def ask(self, kind, body):
        self.sock.send(bytes([kind]) + body)
        answer = self.sock.recv(1 << 16)
        return answer[0], answer[1:]

    def seal(self, time_ns):
        return self.ask(3, struct.pack(">QQ", self.size, time_ns))

    def close(self):
        self.sock.close()
        return self.popen.wait(LIMIT_S)


def stopped(traild, seals=2, config=QUICK, **how):
    """A stopped log with so many seals at least; its state folder."""
    run = traild.start(config=config, **how)
    wait_seals(run, seals)
    run.stop()
    return run.state_dir


def test_g4_burning_epochs_is_refused(traild):
    """Seals that never get into the log: the signer gives the same epoch again and again."""
    state = stopped(traild)
    epochs = set()
    for _ in range(5):
        time.sleep(0.3)  # a quarter of an epoch: what the attacker has to wait for, too
        talk = Talk(traild, state)
        for i in range(20):
            status, body = talk.seal(i)
            assert status == 0
            text = body[2:2 + int.from_bytes(body[:2], "big")].decode().split("\n")
            epochs.add(int(text[2]))
        assert talk.close() == 0
    assert epochs == {talk.epoch}
    run = traild.start(state, config=QUICK)
    with Client(run.address) as c:
        judge(c)
    run.stop()
    is_sound(traild, state)


def test_g4_a_report_of_a_seal_that_is_not_in_the_log_erases_nothing(traild):
    state = stopped(traild)
    seeds = (state / "signer/seeds").read_bytes()
    time.sleep(0.3)
    talk = Talk(traild, state)
    status, body = talk.seal(7)
    assert status == 0
    length = int.from_bytes(body[:2], "big")
    at = 2 + length
    seal = pb.Seal(text=body[2:at], key=body[at:at + 32], path=body[at + 33:-64], sig=body[-64:])
    payload = seal.SerializeToString(deterministic=True)
    salt = os.urandom(16)
    record = wire.record_bytes(wire.Record(1, wire.SEAL, 0, 0, 0, 0, 7, 0, 0,
                                           wire.commitment(salt, payload), b"\0" * 32))
    status, body = talk.ask(4, record + salt + b"\0\0" + b"\0")
    assert status == 1 and b"not proven to be record" in body
    assert talk.close() == 5
    kept = forge.Seeds.read(state / "signer/seeds")
    assert kept.nodes == forge.Seeds(forge.slot_newest(seeds, 4096)[1]).nodes


def test_g4_a_dropped_seal_is_found_at_the_next_start(traild):
    """By who has the log key and signs anew all that is left: chain, tree and head fit."""
    run = traild.start(config=QUICK)
    wait_seals(run, 2)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(i) for i in range(5)])
    run.process.kill()
    run.wait_exit()
    log = forge.Forged(run.state_dir)
    log.remove(log.seals()[0])
    log.write(run.state_dir)
    code, stderr = traild.refuse(run.state_dir, config=QUICK)
    assert code == 5
    assert "TRAIL-D060" in stderr and "SEALs were taken out of the store" in stderr
    assert "run `traild check`" in stderr


def test_g4_a_seal_too_many_is_found_at_the_next_start(traild):
    """A SEAL that the signer never made, in a log that was signed anew."""
    run = traild.start(config=QUICK)
    wait_seals(run, 2)
    run.process.kill()
    run.wait_exit()
    log = forge.Forged(run.state_dir)
    for _ in range(2):
        log.insert(len(log.entries), log.seals()[0].twin())
    log.write(run.state_dir)
    code, stderr = traild.refuse(run.state_dir, config=QUICK)
    assert code == 5 and "TRAIL-D060" in stderr


def test_g4_older_seeds_are_refused(traild):
    state = stopped(traild, seals=1)
    older = (state / "signer/seeds").read_bytes()
    run = traild.start(state, config=QUICK)
    wait_seals(run, 4)
    run.stop()
    newest = (state / "signer/seeds").read_bytes()
    (state / "signer/seeds").write_bytes(older)
    code, stderr = traild.refuse(state, config=QUICK)
    assert code == 5 and "TRAIL-D060" in stderr and "older seeds file" in stderr
    (state / "signer/seeds").write_bytes(newest)
    traild.start(state, config=QUICK).stop()


def test_g4_an_older_head_beside_the_seeds_is_refused(traild):
    state = stopped(traild, seals=1)
    with contextlib.suppress(FileNotFoundError):
        shutil.copytree(state, state.parent / "copy")
    run = traild.start(state, config=QUICK)
    wait_seals(run, 4)
    run.stop()
    # The store and the signer's head of before, and the seeds of now.
    shutil.copy(state.parent / "copy/log/data.mdb", state / "log/data.mdb")
    shutil.copy(state.parent / "copy/signer/head", state / "signer/head")
    code, stderr = traild.refuse(state, config=QUICK)
    assert code == 5 and "TRAIL-D041" in stderr and "an older head was put in place" in stderr


def test_g4_used_up_seals_are_said_aloud_and_end_the_log(traild):
    config = {"seal_epoch": 1, "seal_height": 4}
    run = traild.start(config=config)
    wait_seals(run, 16)
    limit = time.monotonic() + LIMIT_S
    while "TRAIL-D061" not in run.stderr():
        assert time.monotonic() < limit
        time.sleep(0.05)
    assert "TRAIL-D062" in run.stderr(), "when few were left"
    told = []
    while [t["what"] for t in told] != ["seal_old", "seals_few"]:
        assert time.monotonic() < limit, told
        done = subprocess.run(
            [traild.trail, "--connect", f"unix:{run.address}", "status", "-o", "json"],
            capture_output=True, text=True, check=False,
            env=dict(os.environ, XDG_STATE_HOME=str(traild.folder / "x")))
        assert done.returncode == 6
        told = json.loads(done.stdout)["attention"]
    assert "0 of 16 seals are left" in told[1]["sentence"]
    # It goes on for a while; then nothing is signed any more.
    seq = 0
    with pytest.raises((wire.Closed, ConnectionError)):
        with Client(run.address) as c:
            while time.monotonic() < limit:
                seq += 1
                c.append("journal", 1, seq, [wire.event(seq)])
    assert run.wait_exit() == 5
    assert "TRAIL-D041" in run.stderr() and "successor log" in run.stderr()
    # A start has heads enough left to say what is to be said.
    run = traild.start(run.state_dir, config=config)
    run.process.kill()
    run.wait_exit()
    is_sound(traild, run.state_dir)


# ---- everything taken at a moment ----------------------------------------------------------------

def memory_of(pid):
    """What the process has in memory, every readable byte of it."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, \
            open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        for line in maps:
            span, modes = line.split()[:2]
            first, end = (int(x, 16) for x in span.split("-"))
            if "[vvar" in line or "[vsyscall]" in line or line.rstrip().endswith("data.mdb"):
                continue
            # Guard pages and locked secrets may be closed to the process, not to root.
            for at in range(first, end, 1 << 20):
                try:
                    mem.seek(at)
                    yield mem.read(min(1 << 20, end - at))
                except (OSError, ValueError, OverflowError):
                    assert "r" not in modes, line
                    break


def forms(seed):
    """A seed, and what it becomes on its way to a signature: each is as good as the key."""
    expanded = hashlib.sha512(seed).digest()
    clamped = bytes([expanded[0] & 248]) + expanded[1:31] + bytes([expanded[31] & 63 | 64])
    words = b"".join(seed[i:i + 4][::-1] for i in range(0, 32, 4))  # as SHA-256 has it in registers
    return [seed, words, expanded[:32], expanded[32:], clamped]


def search(pieces, needles):
    """Which of `needles` are in `pieces`, joined; most of what there is to search is zeros."""
    found, tail = set(), b""
    for piece in pieces:
        for at in range(0, len(piece), len(ZEROS)):
            block = piece[at:at + len(ZEROS)]
            if block == ZEROS:
                tail = ZEROS[:64]
                continue
            whole = tail + block
            found |= {n for n in needles if n in whole}
            tail = whole[-64:]
    return found


@pytest.fixture
def disk(folder):
    """(a folder on a file system of its own, the image that it lies in)"""
    image, place = folder / "image", folder / "disk"
    place.mkdir()
    if os.getuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("wants root and mkfs.ext4: to see the raw image of a file system")
    with open(image, "wb") as f:
        f.truncate(256 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, place], capture_output=True,
                      check=False).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place, image
    subprocess.run(["umount", "--lazy", place], check=True)


def read_in_pieces(path):
    with open(path, "rb") as f:
        while piece := f.read(1 << 20):
            yield piece


def test_g4_copies_taken_at_a_moment_do_not_allow_an_earlier_seal(traild, disk, measured):
    """
    All files, all memory of both processes and the raw device, while they run: no seed that derives
    the key of a sealed epoch is in any of them, though those of open epochs are.
    """
    if sanitizers.of(traild.traild):
        pytest.skip("a sanitizer maps more memory than can be read")
    place, image = disk
    state, config = place / "state", dict(QUICK, map_size="128M")
    root = born(traild, state, config)
    run = traild.start(state, config=config)
    wait_seals(run, 5)
    with Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
        seals = judge(c)
    # The moment: both stand still, and what the kernel holds back is written out.
    subprocess.run(["kill", "-STOP", str(run.pid), str(run.signer_pid)], check=True)
    try:
        memory = {"traild": list(memory_of(run.pid)), "signer": list(memory_of(run.signer_pid))}
        files = {p: p.read_bytes() for p in state.rglob("*") if p.is_file()}
        kept = forge.Seeds.read(state / "signer/seeds")
        before = list(read_in_pieces(image))
        os.sync()
        after = list(read_in_pieces(image))
    finally:
        subprocess.run(["kill", "-CONT", str(run.pid), str(run.signer_pid)], check=True)
    assert kept.next >= len(seals) >= 5
    over = [form for seed in derivers(root, kept.height, kept.next) for form in forms(seed)]
    alive = open_nodes(kept)
    for what, pieces in [("memory of traild", memory["traild"]),
                         ("memory of the signer", memory["signer"]),
                         ("device", before), ("device, synced", after),
                         ("files", files.values())]:
        assert not search(pieces, over), f"{what}: a key that sealed can be made again"
        measured(f"{what} searched, bytes", sum(len(p) for p in pieces))
    # The search finds what is there.
    assert search(memory["signer"], alive) == set(alive)
    assert search(after, alive) == set(alive)
    assert not search(memory["traild"], alive), "traild never has a seed"
    run.stop()
    is_sound(traild, state)
