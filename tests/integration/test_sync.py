# SPDX-License-Identifier: Apache-2.0
"""
G1, measured from outside: for every ack, strace shows an fdatasync of log/data.mdb and behind it
the meta write through the O_DSYNC descriptor, both between the read of the request's last byte and
the write of the ack. They must be those of a commit that began after that read: the commit before
it may still be flushing when the request comes, and says nothing about it. A kill -9 cannot show
any of this: the page cache survives it.
"""
import os
import random
import re
import shutil

import pytest
import sanitizers
import wire
from harness import SEED
from wire import Client, pb

CALLS = ("read,recvfrom,recvmsg,readv,write,sendto,sendmsg,writev,pwrite64,pwritev,fdatasync,fsync,"
         "openat,accept4,accept,mkdir,mkdirat,renameat")
META_END = 2 * 4096  # the two meta pages of LMDB 0.9 lie in front

# "<pid> <time> name(args) = result", or its two halves.
LINE = re.compile(r"^(\d+) +[\d.]+ (.*)$")
BEGIN = re.compile(r"^(\w+)\((.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
RESULT = re.compile(r"\) += (-?\d+|\?)")
FD = re.compile(r"^(\d+)<(.*?)>(?=[,)]|$)")


class Call:
    """One system call: begin and end are line numbers, the order in which strace saw them."""

    def __init__(self, pid, name, text, begin):
        self.pid, self.name, self.text, self.begin, self.end = pid, name, text, begin, None
        self.result = None
        fd = FD.match(text)
        self.fd, self.path = (int(fd.group(1)), fd.group(2)) if fd else (None, "")

    def finish(self, rest, line):
        self.text += rest
        self.end = line
        result = RESULT.findall(self.text)
        self.result = int(result[-1]) if result and result[-1] != "?" else None


def parse(lines):
    """Finished calls in the order in which they ended."""
    calls, open_calls = [], {}
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        pid, text = match.groups()
        resumed = RESUMED.match(text)
        if resumed:
            call = open_calls.pop(pid, None)
            if call:
                call.finish(resumed.group(2), number)
                calls.append(call)
            continue
        begin = BEGIN.match(text)
        if not begin:
            continue
        name, rest = begin.groups()
        if rest.endswith("<unfinished ...>"):
            open_calls[pid] = Call(pid, name, rest[:-len("<unfinished ...>")].rstrip(), number)
        else:
            call = Call(pid, name, rest, number)
            call.finish("", number)
            calls.append(call)
    return calls


def is_sync(call):
    return call.name in ("fdatasync", "fsync") and call.path.endswith("/log/data.mdb") and \
        call.result == 0


def dsync_descriptors(calls):
    """Descriptors of data.mdb that were opened with O_DSYNC or O_SYNC."""
    found = set()
    for call in calls:
        if call.name == "openat" and re.search(r"\bO_D?SYNC\b", call.text) and \
                re.search(r"/log/data\.mdb\"", call.text) and (call.result or -1) >= 0:
            found.add(call.result)
    return found


def is_meta_write(call, descriptors):
    """A pwrite through such a descriptor into the meta pages, as long as it asked for."""
    if call.name != "pwrite64" or call.fd not in descriptors or not call.path.endswith("/data.mdb"):
        return False
    length, offset = re.search(r", (\d+), (\d+)\) +=", call.text).groups()
    return int(offset) < META_END and call.result == int(length)


def is_page_write(call, descriptors):
    """A commit begins with these, when all that it holds is staged (mdb_page_flush)."""
    return call.name in ("pwrite64", "pwritev", "writev", "write") and call.path.endswith(
        "/log/data.mdb") and call.fd not in descriptors


def first_writes(calls, descriptors):
    """The first page write of each commit: the one behind a sync or a meta write."""
    found, fresh = [], True
    for call in sorted(calls, key=lambda c: c.begin):
        if is_sync(call) or is_meta_write(call, descriptors):
            fresh = True
        elif is_page_write(call, descriptors):
            if fresh:
                found.append(call)
            fresh = False
    return found


class Stream:
    """What a client knows of its connection: where each request ends, and where its ack begins."""

    def __init__(self, inode):
        self.inode = inode
        self.acks = []  # (offset behind the request's last byte, offset of the ack's first byte)


def judge(lines, streams):
    """(acks that were looked at, what is missing). Pure, to be tried on a doctored trace."""
    calls = parse(lines)
    descriptors = dsync_descriptors(calls)
    syncs = [c for c in calls if is_sync(c)]
    metas = [c for c in calls if is_meta_write(c, descriptors)]
    begins = first_writes(calls, descriptors)
    missing, looked_at = [], 0
    for stream in streams:
        # UNIX-STREAM:[own->peer,"path"]: the peer is the client's socket.
        ours = [c for c in calls if re.search(rf"\[\d+->{stream.inode}\b", c.path)]
        reads = offsets(ours, ("read", "recvfrom", "recvmsg", "readv"))
        writes = offsets(ours, ("write", "sendto", "sendmsg", "writev"))
        for request_end, ack_begin in stream.acks:
            read = next((c for upto, c in reads if upto >= request_end), None)
            write = next((c for upto, c in writes if upto > ack_begin), None)
            if not read or not write:
                missing.append(f"ack at {ack_begin}: no read or write of it in the trace")
                continue
            looked_at += 1
            begin = next((b for b in begins if b.begin > read.end), None)
            sync = begin and next((s for s in syncs if s.begin > begin.end), None)
            if not sync or sync.end > write.begin:
                missing.append(f"ack at {ack_begin}: no commit with an fdatasync between lines "
                               f"{read.end + 1} and {write.begin + 1}")
            elif not any(m.begin > sync.end and m.end < write.begin for m in metas):
                missing.append(f"ack at {ack_begin}: no meta write behind the fdatasync of line "
                               f"{sync.end + 1}")
    return looked_at, missing


def offsets(calls, names):
    """(bytes moved up to and with this call, call)"""
    total, out = 0, []
    for call in calls:
        if call.name in names and (call.result or 0) > 0:
            total += call.result
            out.append((total, call))
    return out


def without(lines, unwanted):
    """The trace as if the calls for which unwanted(call) holds had never been made."""
    gone = {n for c in parse(lines) if unwanted(c) for n in (c.begin, c.end)}
    return [line for n, line in enumerate(lines) if n not in gone]


# ---- driving ------------------------------------------------------------------------------------

class Counted(Client):
    """A client that notes the offsets of its requests and acks."""

    def __init__(self, address):
        super().__init__(address, hello=False)
        self.received = 0
        self.request_end = {}
        self.stream = Stream(os.fstat(self.sock.fileno()).st_ino)
        self.greeting = self.hello()

    def recv(self):
        body = self.recv_raw()
        response = pb.Response.FromString(body)
        if response.WhichOneof("body") == "appended":
            self.stream.acks.append((self.request_end[response.id], self.received))
        self.received += 4 + len(body)
        return response

    def send_append(self, epoch, first, events):
        number = self.send(append=pb.Append(source="journal", epoch=epoch, first_seq=first,
                                            events=events))
        self.request_end[number] = self.sent_bytes
        return number


def one_by_one(address, count):
    with Counted(address) as c:
        for i in range(count):
            c.wait(c.send_append(1, 1 + i, [wire.event(i)]))
        return c.stream


def pipelined(address, clients, count, in_flight=8):
    rng = random.Random(SEED)
    conns = [Counted(address) for _ in range(clients)]
    pending = [[] for _ in conns]
    seqs = [1] * clients
    for _ in range(count):
        for k, c in enumerate(conns):
            while len(pending[k]) < in_flight:
                events = [wire.event(seqs[k] + i) for i in range(rng.choice((1, 10, 200)))]
                pending[k].append(c.send_append(10 + k, seqs[k], events))
                seqs[k] += len(events)
            c.wait(pending[k].pop(0))
    for k, c in enumerate(conns):
        for number in pending[k]:
            c.wait(number)
        c.close()
    return [c.stream for c in conns]


@pytest.fixture(scope="module")
def trace(module_traild):
    """(lines, streams of the synchronous client, streams of the pipelined ones)"""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if module_traild.wrapper:
        pytest.skip("strace would see the wrapper's calls")
    # Syncs and meta writes begin late, by 3 and 1 ms: an ack that does not wait for them is then
    # always the faster one, not only now and then.
    path = module_traild.folder / "trace"
    run = module_traild.start(env=sanitizers.traced(),
                              wrapper=["strace", "-f", "-yy", "-ttt", "-s", "0",
                                       "-o", str(path), "-e", f"trace={CALLS}",
                                       "-e", "inject=fdatasync,fsync:delay_enter=3000",
                                       "-e", "inject=pwrite64:delay_enter=1000"])
    alone = [one_by_one(run.address, 100)]
    many = pipelined(run.address, 4, 60)
    run.stop()
    return path.read_text(errors="replace").splitlines(), alone, many


def test_ack_follows_sync(trace, measured):
    lines, alone, many = trace
    for name, streams in (("one synchronous client", alone), ("four pipelined clients", many)):
        looked_at, missing = judge(lines, streams)
        assert not missing, f"{name}: {len(missing)}: " + "\n".join(missing[:10])
        assert looked_at == sum(len(s.acks) for s in streams) > 0
        measured(f"acks of {name} behind fdatasync and meta write", looked_at)


def test_trace_without_the_fdatasync_is_found_out(trace):
    lines, alone, many = trace
    doctored = without(lines, is_sync)
    assert len(doctored) < len(lines)
    looked_at, missing = judge(doctored, alone + many)
    assert looked_at == len(missing) > 0 and all("an fdatasync" in m for m in missing)


def test_trace_without_the_meta_write_is_found_out(trace):
    lines, alone, many = trace
    descriptors = dsync_descriptors(parse(lines))
    assert descriptors
    doctored = without(lines, lambda c: is_meta_write(c, descriptors))
    assert len(doctored) < len(lines)
    looked_at, missing = judge(doctored, alone + many)
    assert looked_at == len(missing) > 0 and all("no meta write" in m for m in missing)


def test_trace_of_a_meta_descriptor_without_dsync_is_found_out(trace):
    lines, alone, _ = trace
    doctored = [re.sub(r"\|O_D?SYNC\b", "", line) for line in lines]
    assert len(judge(doctored, alone)[1]) == len(alone[0].acks)


def test_trace_with_one_sync_missing_names_the_one_ack(trace):
    """Of the synchronous client, whose every ack has a commit of its own."""
    lines, alone, _ = trace
    syncs = [c for c in parse(lines) if is_sync(c)]
    reads = offsets([c for c in parse(lines) if re.search(rf"\[\d+->{alone[0].inode}\b", c.path)],
                    ("read", "recvfrom", "recvmsg", "readv"))
    request_end, ack_begin = alone[0].acks[50]
    read = next(c for upto, c in reads if upto >= request_end)
    victim = next(s.begin for s in syncs if s.begin > read.end)
    _, missing = judge(without(lines, lambda c: is_sync(c) and c.begin == victim), alone)
    assert len(missing) == 1 and missing[0].startswith(f"ack at {ack_begin}:")


def test_ack_that_leaves_before_the_sync_is_found_out():
    """A trace by hand: the parser's own golden case, and the same with the ack too early."""
    good = [
        '7 1.0 openat(AT_FDCWD</>, "/d/log/data.mdb", O_WRONLY|O_DSYNC) = 9</d/log/data.mdb>',
        '7 1.1 recvfrom(12<UNIX-STREAM:[50->40,"/s"]>, ""..., 16384, 0, NULL, NULL) = 30',
        '8 1.2 pwrite64(8</d/log/data.mdb>, ""..., 4096, 8192) = 4096',
        '8 1.2 fdatasync(8</d/log/data.mdb> <unfinished ...>',
        '7 1.3 recvfrom(12<UNIX-STREAM:[50->40,"/s"]>, 0x7f, 16384, 0, NULL, NULL) = -1 EAGAIN (x)',
        '8 1.4 <... fdatasync resumed>) = 0',
        '8 1.5 pwrite64(9</d/log/data.mdb>, ""..., 120, 4120) = 120',
        '7 1.6 sendto(12<UNIX-STREAM:[50->40,"/s"]>, ""..., 99, MSG_NOSIGNAL, NULL, 0) = 99',
    ]
    stream = Stream(40)
    stream.acks.append((30, 0))
    assert judge(good, [stream]) == (1, [])
    for at in (2, 3, 4, 5):
        early = good[:at] + [good[7]] + good[at:7]
        assert "an fdatasync" in judge(early, [stream])[1][0]
    # The commit was under way when the request came: it is not its own.
    stranger = [good[0], good[2], good[1]] + good[3:]
    assert "an fdatasync" in judge(stranger, [stream])[1][0]
    between = good[:6] + [good[7], good[6]]
    assert "no meta write" in judge(between, [stream])[1][0]
    failed = [line.replace("resumed>) = 0", "resumed>) = -1 EIO (x)") for line in good]
    assert len(judge(failed, [stream])[1]) == 1
    short = [line.replace("4120) = 120", "4120) = 60") for line in good]
    assert len(judge(short, [stream])[1]) == 1


# ---- folders: a name is durable when the folder that it stands in was synced behind it ----

MADE = ("", "VERSION", "vkey", "identity", "log", "log/data.mdb", "signer", "signer/key",
        "signer/head", "signer/seeds", "signer/seal.pub")


def made_path(call):
    """The path that this call made, if it did."""
    if call.result is None or call.result < 0:
        return None
    if call.name == "openat" and "O_CREAT" not in call.text:
        return None
    if call.name not in ("mkdir", "mkdirat", "openat", "renameat"):
        return None
    folders = re.findall(r"<([^>]*)>", call.text.split(") ")[0])
    return os.path.join(folders[-1] if folders else "", re.findall(r'"([^"]*)"', call.text)[-1])


def names_not_durable(lines):
    """Of MADE, those that no fsync of their folder followed before the first connection."""
    calls = sorted(parse(lines), key=lambda c: c.end)
    first = next(c.end for c in calls if c.name.startswith("accept") and (c.result or -1) >= 0)
    made = {made_path(c): c.end for c in reversed(calls) if c.end < first}
    synced = {os.path.normpath(c.path): c.begin for c in calls
              if c.name == "fsync" and c.result == 0 and c.end < first}
    state = next(p for p in made if p and p.endswith("/log/data.mdb")).removesuffix("/log/data.mdb")
    missing = []
    for name in MADE:
        path = os.path.normpath(os.path.join(state, name))
        if path not in made or synced.get(os.path.dirname(path), -1) < made[path]:
            missing.append(name or "the folder itself")
    return missing


def test_g1_what_a_first_start_makes_is_durable(trace):
    assert not names_not_durable(trace[0])


def test_trace_without_the_syncs_of_folders_is_found_out(trace):
    doctored = without(trace[0], lambda c: c.name == "fsync" and not c.path.endswith(".new"))
    assert set(names_not_durable(doctored)) == set(MADE[1:]) | {"the folder itself"}
