# SPDX-License-Identifier: Apache-2.0
"""
The tools of who owns everything: takes a stopped store apart, and puts together what is made of it,
so that everything fits that he wants to fit. Shares nothing with the project but the formats:
LMDB's rows by mdb_dump and mdb_load, signatures by openssl.

    log = Forged(state)                 # a store that no daemon has open
    log.remove(log.events()[3])         # the records as objects, which name each other as objects
    log.write(state)                    # chained, numbered, committed to, in a tree, signed anew

What is not to fit is switched off: write(state, chain=False). Keys are those that lie in the store
unless others are given.
"""
import base64
import hashlib
import pathlib
import struct
import subprocess
import tempfile
import time

import damage
import wire
from wire import pb

SLOT_OFFSET, SLOT_FILE_LEN = 4096, 8192
HEAD_SLOT_LEN, SEEDS_SLOT_LEN = 512, 4096
CHUNK_PLAIN_MAX = 16 * 1024
EPOCH_ROW = struct.Struct(">QQQQQQQII")
STEP = 16  # leaves of the tree below a node that the store keeps


# ---- keys and notes ------------------------------------------------------------------------------

def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout


def pkcs8(seed):
    """RFC 8410, the private key of an Ed25519 seed."""
    return bytes.fromhex("302e020100300506032b657004220420") + seed


def public_of(seed):
    return openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", stdin=pkcs8(seed))[-32:]


def ed25519(seed, message):
    with tempfile.TemporaryDirectory(prefix="trail-key-") as name:
        folder = pathlib.Path(name)
        (folder / "key").write_bytes(pkcs8(seed))
        (folder / "text").write_bytes(message)
        return openssl("pkeyutl", "-sign", "-keyform", "DER", "-inkey", str(folder / "key"),
                       "-rawin", "-in", str(folder / "text"))


class Key:
    """A log key: origin and seed."""

    def __init__(self, origin, seed):
        self.origin, self.seed = origin, seed
        typed = b"\1" + public_of(seed)
        self.public = typed[1:]
        self.keyid = hashlib.sha256(origin.encode() + b"\n" + typed).digest()[:4]
        self.vkey = f"{origin}+{self.keyid.hex()}+{base64.b64encode(typed).decode()}"

    @classmethod
    def read(cls, path):
        """The signer's own file."""
        line = pathlib.Path(path).read_text().rstrip("\0\n")
        assert line.startswith("PRIVATE+KEY+"), "not a signer key"
        origin, _, key = line[12:].split("+", 2)
        return cls(origin, base64.b64decode(key)[1:])

    def line(self):
        typed = base64.b64encode(b"\1" + self.seed).decode()
        return f"PRIVATE+KEY+{self.origin}+{self.keyid.hex()}+{typed}\n"

    def note(self, size, root):
        """The signed checkpoint of this size and root."""
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        blob = base64.b64encode(self.keyid + ed25519(self.seed, text.encode())).decode()
        return f"{text}\n\u2014 {self.origin} {blob}\n".encode()

    def identity(self, genesis_leaf):
        return f"trail-log/v1\n{self.vkey}\n{base64.b64encode(genesis_leaf).decode()}\n"


# ---- the signer's two-slot files (daemon/signer/state.h) -----------------------------------------

def slot(counter, content, length):
    body = struct.pack(">QI", counter, len(content)) + content
    body = body.ljust(length - 32, b"\0")
    return body + hashlib.sha256(body).digest()


def slot_newest(file, length):
    """(counter, content, number of the slot) of the one that counts."""
    found = []
    for number in (0, 1):
        raw = file[number * SLOT_OFFSET:number * SLOT_OFFSET + length]
        counter, size = struct.unpack(">QI", raw[:12])
        if hashlib.sha256(raw[:-32]).digest() == raw[-32:]:
            found.append((counter, raw[12:12 + size], number))
    return max(found)


def slot_only(path, content, length):
    """Both slots as if nothing else had ever been: the newer one with it, the other one zeros."""
    file = slot(1, content, length).ljust(SLOT_OFFSET, b"\0")
    pathlib.Path(path).write_bytes(file.ljust(SLOT_FILE_LEN, b"\0"))


# ---- records as objects --------------------------------------------------------------------------

class Entry:
    """
    One record with what it commits to. `source`, `peer` and `start` are the entries that it names
    (None: 0, or what `record` says); `commit` says which entries were committed together.
    """

    def __init__(self, record, salt, payload, commit):
        self.record, self.salt, self.payload, self.commit = record, salt, payload, commit
        self.source = self.peer = self.start = None

    @property
    def kind(self):
        return self.record.kind

    def set(self, **fields):
        self.record = self.record._replace(**fields)

    def twin(self, payload=None):
        """Another one like it, with a salt of its own."""
        other = Entry(self.record, hashlib.sha256(b"twin" + self.salt).digest()[:16],
                      self.payload if payload is None else payload, self.commit)
        other.source, other.peer, other.start = self.source, self.peer, self.start
        return other


def month_of(ns):
    when = time.gmtime(ns // 10**9)
    return (when.tm_year - 1970) * 12 + when.tm_mon - 1


class Forged:
    """A store taken apart."""

    def __init__(self, state):
        state = pathlib.Path(state)
        self.tables = damage.tables(state / "log")
        self.key = Key.read(state / "signer/key")
        self.entries = []
        self._read_spine()
        self._read_payloads()
        self._read_names()
        self.rows = self._read_rows()
        # Sizes of the heads that were kept, with the notes as they were.
        self.heads = {int.from_bytes(k, "big"): v for k, v in self.tables["head"].items()}

    # -- reading

    def _read_spine(self):
        for commit, (_, value) in enumerate(sorted(self.tables["spine"].items())):
            for raw in wire.split(value, wire.RECORD_LEN):
                self.entries.append(Entry(wire.record_parse(raw), None, None, commit))
        self.genesis = wire.leaf_hash(wire.record_bytes(self.entries[0].record))

    def _read_payloads(self):
        for key, value in self.tables["control"].items():
            entry = self.entries[int.from_bytes(key, "big")]
            assert value[0] == entry.kind
            if entry.kind != wire.PEER:
                entry.salt, entry.payload = value[1:17], value[17:]
        for key, value in self.tables["payload"].items():
            first = self.entries[int.from_bytes(key[4:], "big")]
            chunk = damage.Chunk(key, value, self.genesis, month_of(first.record.received_ns))
            for index, salt, payload in chunk.items:
                self.entries[index].salt, self.entries[index].payload = salt, payload
        assert all(e.salt is not None for e in self.entries), "a payload is missing"

    def _read_names(self):
        for entry in self.entries:
            r = entry.record
            entry.source = self.entries[r.source] if r.source else None
            entry.peer = self.entries[r.peer] if r.peer else None
            if entry.kind == wire.EVENT and r.source == 0:
                entry.start = self.entries[r.epoch]

    def _read_rows(self):
        """State rows of epochs: {(SOURCE entry, epoch): fields}."""
        out = {}
        for key, value in self.tables["source"].items():
            if len(key) == 16:
                source, epoch = struct.unpack(">QQ", key)
                out[self.entries[source], epoch] = EPOCH_ROW.unpack(value[:64])
        return out

    # -- looking

    def index(self, entry):
        return next(i for i, e in enumerate(self.entries) if e is entry)

    def events(self, source=True):
        """Events of sources; source=False: of the daemon itself."""
        return [e for e in self.entries
                if e.kind == wire.EVENT and (e.source is not None) == source]

    def seals(self):
        return [e for e in self.entries if e.kind == wire.SEAL]

    def leaves(self):
        return [wire.leaf_hash(wire.record_bytes(e.record)) for e in self.entries]

    def root(self, size=None):
        return wire.tree_hash(self.leaves()[:size])

    # -- changing: what fits afterwards is write()'s

    def change(self, entry, payload=None, **fields):
        """Another payload, or other fields of the record."""
        if payload is not None:
            entry.payload = payload
        entry.set(**fields)

    def insert(self, at, entry):
        """Before what stands at index `at`."""
        entry.commit = self.entries[min(at, len(self.entries) - 1)].commit
        self.entries.insert(at, entry)

    def remove(self, entry):
        del self.entries[self.index(entry)]

    def swap(self, a, b):
        """They change places; each keeps its own time order, so that the clock does not tell."""
        i, j = self.index(a), self.index(b)
        a.commit, b.commit = b.commit, a.commit
        times = a.record.received_ns, b.record.received_ns
        a.set(received_ns=times[1])
        b.set(received_ns=times[0])
        self.entries[i], self.entries[j] = b, a

    def drop_seals(self):
        """All SEALs go, as if none had ever been made."""
        self.entries = [e for e in self.entries if e.kind != wire.SEAL]

    def change_genesis(self, **fields):
        genesis = pb.Genesis.FromString(self.entries[0].payload)
        for name, value in fields.items():
            setattr(genesis, name, value)
        self.change(self.entries[0], genesis.SerializeToString(deterministic=True))

    def cut(self, size):
        """Only the first `size` records stay."""
        del self.entries[size:]

    # -- making it fit

    def number_sources(self):
        """Numbers of every (source, epoch) without a gap: nobody sees that one is gone or new."""
        last = {}
        for e in self.entries:
            if e.kind != wire.EVENT:
                continue
            lane = (e.source, e.start, e.record.epoch if e.source else 0)
            last[lane] = last.get(lane, 0) + 1
            e.set(seq=last[lane], flags=e.record.flags & ~wire.LOSS)

    def _resolve(self):
        """Every number that names an entry is that of where it stands now."""
        place = {id(e): i for i, e in enumerate(self.entries)}
        for e in self.entries:
            if e.source is not None:
                e.set(source=place.get(id(e.source), e.record.source))
            if e.peer is not None:
                e.set(peer=place.get(id(e.peer), e.record.peer))
            if e.start is not None:
                e.set(epoch=place.get(id(e.start), e.record.epoch))

    def commit_payloads(self):
        for e in self.entries:
            e.set(commitment=wire.commitment(e.salt, e.payload))

    def chain(self, first=0):
        """Every record from `first` on follows from the one before."""
        prev = b"\0" * 32
        for i, e in enumerate(self.entries):
            if i >= first:
                e.set(prev=prev)
            prev = wire.leaf_hash(wire.record_bytes(e.record))

    # -- writing

    def commits(self):
        """[(first index, entries)] in their order."""
        out = []
        for i, e in enumerate(self.entries):
            if out and out[-1][1][-1].commit == e.commit:
                out[-1][1].append(e)
            else:
                out.append((i, [e]))
        return out

    def _put_spine(self, tables):
        tables["spine"] = {first.to_bytes(8, "big"):
                           b"".join(wire.record_bytes(e.record) for e in entries)
                           for first, entries in self.commits()}

    def _put_payloads(self, tables):
        genesis = wire.leaf_hash(wire.record_bytes(self.entries[0].record))
        tables["control"], tables["payload"] = {}, {}
        for i, e in enumerate(self.entries):
            if e.kind != wire.EVENT:
                tables["control"][i.to_bytes(8, "big")] = bytes([e.kind]) + (
                    b"" if e.kind == wire.PEER else e.salt + e.payload)
        for first, entries in self.commits():
            for key, items in self._chunks(first, entries):
                month = month_of(self.entries[items[0][0]].record.received_ns)
                tables["payload"][key] = damage.Chunk.of(key, items, genesis, month).pack()

    @staticmethod
    def _chunks(first, entries):
        """[(key, items)]: what one commit keeps, by class and month, in bounded pieces."""
        packs = {}
        out = []
        for i, e in enumerate(entries, first):
            if e.kind not in (wire.EVENT, wire.PEER) or e.payload is None:
                continue
            place = (e.record.class_no, month_of(e.record.received_ns))
            pack = packs.setdefault(place, [])
            if pack and sum(len(p) for _, _, p in pack) + len(e.payload) > CHUNK_PLAIN_MAX:
                out.append((place[0], pack))
                pack = packs[place] = []
            pack.append([i, e.salt, e.payload])
        out += [(place[0], pack) for place, pack in packs.items()]
        return [(class_no.to_bytes(4, "big") + pack[0][0].to_bytes(8, "big"), pack)
                for class_no, pack in out]

    def _put_tiles(self, tables, leaves):
        tables["tile"] = {}
        level, nodes = 0, leaves
        while len(nodes) >= STEP:
            level += 1
            nodes = [wire.tree_hash(nodes[i:i + STEP])
                     for i in range(0, len(nodes) // STEP * STEP, STEP)]
            for first, entries in self.commits():
                a = first // STEP**level
                b = (first + len(entries)) // STEP**level
                if a < b:
                    key = bytes([level]) + a.to_bytes(8, "big")
                    tables["tile"][key] = b"".join(nodes[a:b])

    def _put_rows(self, tables):
        """State rows as the records give them; what no record gives is as it was."""
        seen = {}
        for i, e in enumerate(self.entries):
            if e.kind == wire.EVENT and e.source is not None:
                seen.setdefault((e.source, e.record.epoch), []).append((i, e))
        rows = {k: v for k, v in tables["source"].items() if len(k) == 8}
        for (source, epoch), old in self.rows.items():
            events = seen.get((source, epoch))
            if not any(source is e for e in self.entries):
                continue
            number = self.index(source)
            row = list(old)
            if events:
                last = events[-1][1].record.seq if epoch else old[1]
                holes = last - len(events) if epoch else 0
                row[:5] = [row[0] and self.index(events[0][1].peer), last, holes, events[0][0],
                           events[-1][0]]
                row[6] = max(last, row[6])
            elif old[3]:
                continue
            key, value = struct.pack(">QQ", number, epoch), EPOCH_ROW.pack(*row)
            rows[key] = value + hashlib.sha256(key + value).digest()[:8]
        tables["source"] = rows

    def kept_sizes(self):
        """Sizes whose heads are kept: the last commit's, and those before that were kept already."""
        last = self.commits()[-1][0]
        return sorted({size for size in self.heads if size < last} | {last}) if last else []

    def _put_heads(self, tables, leaves, key):
        tables["head"] = {size.to_bytes(8, "big"): key.note(size, wire.tree_hash(leaves[:size]))
                          for size in self.kept_sizes()}

    def write(self, state, chain=True, tree=True, heads=True, rows=True, signer=True, names=True,
              payloads=True, key=None, number=True, reseal=None):
        """
        The store in `state` becomes this one. Each False leaves as it was: `payloads` commitments,
        `number` the sources' numbers, `chain` prev, `tree` the stored nodes, `rows` state rows,
        `heads` kept notes, `signer` its head, `names` the files identity and vkey. `key`: who signs.
        `reseal`: called with (self, index, entry) for each SEAL, before what follows is chained.
        """
        state = pathlib.Path(state)
        key = key or self.key
        tables = {name: dict(table) for name, table in self.tables.items()}
        self._resolve()
        if number:
            self.number_sources()
        if payloads:
            self.commit_payloads()
        if chain:
            self.chain()
        if reseal:
            for i, e in enumerate(self.entries):
                if e.kind == wire.SEAL:
                    reseal(self, i, e)
                    e.set(commitment=wire.commitment(e.salt, e.payload))
                    self.chain(i + 1)
        leaves = self.leaves()
        self._put_spine(tables)
        self._put_payloads(tables)
        if tree:
            self._put_tiles(tables, leaves)
        if rows:
            self._put_rows(tables)
        if heads:
            self._put_heads(tables, leaves, key)
        damage.write_tables(state / "log", tables)
        if signer:
            slot_only(state / "signer/head", key.note(len(leaves), wire.tree_hash(leaves)),
                      HEAD_SLOT_LEN)
        if names:
            (state / "vkey").write_text(key.vkey + "\n")
            (state / "identity").write_text(key.identity(leaves[0]))
        return len(leaves), wire.tree_hash(leaves)


# ---- seals: FORMATS.md section 6, daemon/signer/seeds.h ------------------------------------------

def child_seed(seed, bit):
    return hashlib.sha256(b"trail-seal-seed/v1\n" + bytes([bit]) + seed).digest()


def seal_leaf(epoch, public):
    return wire.leaf_hash(b"trail-seal-key/v1\n" + struct.pack(">I", epoch) + public)


def tree_path(leaves, index):
    """Audit path in a tree of 2^n leaves, leaf's sibling first."""
    path, row = [], leaves
    while len(row) > 1:
        path.append(row[index ^ 1])
        row = [wire.node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
        index //= 2
    return path


class Seeds:
    """The content of signer/seeds: the roots of what derives the keys that may still sign."""

    def __init__(self, content):
        self.next, self.height, count = struct.unpack(">IBB", content[:6])
        self.nodes = []
        for at in range(8, 8 + 41 * count, 41):
            level, index = struct.unpack(">BQ", content[at:at + 9])
            self.nodes.append((level, index, content[at + 9:at + 41]))
        at = 8 + 41 * count
        end = at + 2 + int.from_bytes(content[at:at + 2], "big")
        self.pending, self.mark = content[at + 2:end], content[end:]

    @classmethod
    def read(cls, path):
        return cls(slot_newest(pathlib.Path(path).read_bytes(), SEEDS_SLOT_LEN)[1])

    @classmethod
    def new(cls, height, root):
        return cls(struct.pack(">IBBH", 0, height, 1, 0) + struct.pack(">BQ", height, 0) + root +
                   b"\0\0")

    def content(self):
        return struct.pack(">IBBH", self.next, self.height, len(self.nodes), bool(self.mark)) + \
            b"".join(struct.pack(">BQ", level, index) + seed
                     for level, index, seed in self.nodes) + \
            struct.pack(">H", len(self.pending)) + self.pending + self.mark

    def write(self, path):
        slot_only(path, self.content(), SEEDS_SLOT_LEN)

    def seed(self, epoch):
        """That of a seal key; KeyError: what derives it is erased."""
        for level, index, seed in self.nodes:
            if epoch >> level == index:
                for bit in range(level - 1, -1, -1):
                    seed = child_seed(seed, epoch >> bit & 1)
                return seed
        raise KeyError(epoch)

    def has(self, epoch):
        return any(epoch >> level == index for level, index, _ in self.nodes)

    def burn(self, count=1):
        """As the signer does after a SEAL: what derives the next `count` keys goes."""
        for _ in range(count):
            level, index, seed = self.nodes.pop(0)
            while level:
                level, index = level - 1, index * 2
                self.nodes.insert(0, (level, index + 1, child_seed(seed, 1)))
                seed = child_seed(seed, 0)
            self.next += 1


def new_seals(state, height=4, root=b"new" + bytes(29)):
    """Seeds and seal.pub of a log that was never sealed, whose genesis names the root that this is."""
    seeds = Seeds.new(height, root)
    publics = [public_of(seeds.seed(k)) for k in range(1 << height)]
    signer = pathlib.Path(state) / "signer"
    seeds.write(signer / "seeds")
    (signer / "seal.pub").write_bytes(
        b"trail-seal-pub/v1\n" + struct.pack(">I", height) + b"".join(publics))
    return wire.tree_hash([seal_leaf(k, public) for k, public in enumerate(publics)])


def seal_publics(state):
    """The public keys of signer/seal.pub."""
    return wire.split((pathlib.Path(state) / "signer/seal.pub").read_bytes()[22:], 32)


class Sealer:
    """Makes SEAL payloads with what keys there are."""

    def __init__(self, origin, publics, seeds):
        self.origin, self.publics, self.seeds = origin, publics, seeds
        self.leaves = [seal_leaf(k, public) for k, public in enumerate(publics)]

    def root(self):
        return wire.tree_hash(self.leaves)

    @staticmethod
    def text(origin, epoch, size, root, time_ns):
        return (f"trail-seal/v1\n{origin}\n{epoch}\n{size}\n{base64.b64encode(root).decode()}\n"
                f"{time_ns}\n").encode()

    def payload(self, epoch, size, root, time_ns, key_epoch=None, seed=None, cosigned=""):
        """
        The SEAL of `epoch`. key_epoch: signed with the key of another one. seed: with a key of
        nobody's.
        """
        key_epoch = epoch if key_epoch is None else key_epoch
        text = self.text(self.origin, epoch, size, root, time_ns)
        seed = seed or self.seeds.seed(key_epoch)
        path = tree_path(self.leaves, key_epoch)
        return pb.Seal(text=text, key=public_of(seed), path=b"".join(path),
                       sig=ed25519(seed, text), cosigned=cosigned
                       ).SerializeToString(deterministic=True)


def seal_parse(payload):
    """(epoch, size, root, time) as the text of a SEAL says."""
    lines = pb.Seal.FromString(payload).text.decode().split("\n")
    return int(lines[2]), int(lines[3]), base64.b64decode(lines[4]), int(lines[5])
