# SPDX-License-Identifier: Apache-2.0
"""What client.py checks: records, leaves and paths, from trail-format(7) and RFC 9162 alone."""
import hashlib
import struct
import sys

# version kind flags class source peer received_ns epoch seq commitment prev
RECORD = struct.Struct(">BBHIQQQQQ32s32s")
EVENT, SOURCE, PEER = 1, 2, 3  # kinds of records


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_of(record):
    return sha256(b"\0", record)


def demand(fits, otherwise):
    if not fits:
        print(f"the daemon lies: {otherwise}", file=sys.stderr)
        sys.exit(5)


def root_over(leaf, index, size, path):
    """The root to which a path leads: RFC 9162, 2.1.3.2. None: its length is not the right one."""
    node, last = index, size - 1
    for step in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            leaf = sha256(b"\1", step, leaf)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            leaf = sha256(b"\1", leaf, step)
        node, last = node >> 1, last >> 1
    return leaf if last == 0 else None


def check(items, size, root):
    """Each opens its commitment and is in the tree: by its path, or by the prev of the next one."""
    demand(all(len(item.record) == RECORD.size for item in items), "a record has not 112 bytes")
    beside = {item.index: item for item in items}
    for item in items:
        # Without a salt: its payload was erased, and nothing is left to open.
        demand(not (item.salt or item.payload) or
               sha256(b"\2", item.salt, item.payload) == RECORD.unpack(item.record)[-2],
               f"record {item.index} commits to something else")
        leaf, follower = leaf_of(item.record), beside.get(item.index + 1)
        if follower and not item.path:
            demand(leaf == RECORD.unpack(follower.record)[-1],
                   f"record {item.index} is not the one that the next one names")
        else:
            demand(root_over(leaf, item.index, size, item.path) == root,
                   f"record {item.index} is not in the tree")


def name_of(named, index, kind, message):
    """Sources and peers are named by records, too; 0 is the log itself."""
    if index == 0:
        return "traild"
    demand(index in named and RECORD.unpack(named[index].record)[1] == kind,
           f"record {index} names nobody")
    name = message.FromString(named[index].payload).name
    demand(name or kind == PEER, f"record {index} has lost its name: only a peer's can be erased")
    return name
