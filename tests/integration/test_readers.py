# SPDX-License-Identifier: Apache-2.0
"""
LMDB has a table of those who read, which other programs (mdb_copy, mdb_stat) share with the daemon.
A program that takes all of it makes the daemon say BUSY, and not that the store is damaged.
"""
import ctypes
import os

import pytest
import wire
from wire import Client, pb

NOTLS, RDONLY = 0x200000, 0x20000
READERS_FULL = -30790


class Reader:
    """A program beside the daemon that has its store open; in this process."""

    def __init__(self, state_dir):
        self.lmdb = ctypes.CDLL("liblmdb.so.0")
        self.env = ctypes.c_void_p()
        self.transactions = []
        assert self.lmdb.mdb_env_create(ctypes.byref(self.env)) == 0
        assert self.lmdb.mdb_env_open(self.env, os.fsencode(state_dir / "log"),
                                      NOTLS | RDONLY, 0o600) == 0

    def begin(self):
        transaction = ctypes.c_void_p()
        code = self.lmdb.mdb_txn_begin(self.env, None, RDONLY, ctypes.byref(transaction))
        if code == 0:
            self.transactions.append(transaction)
        return code

    def take_all(self):
        """Every place in the table."""
        code = 0
        while code == 0:
            code = self.begin()
        assert code == READERS_FULL
        return len(self.transactions)

    def end(self):
        for transaction in self.transactions:
            self.lmdb.mdb_txn_abort(transaction)
        self.transactions = []

    def close(self):
        self.end()
        self.lmdb.mdb_env_close(self.env)


@pytest.fixture
def reader(traild):
    run = traild.start()
    beside = Reader(run.state_dir)
    yield run, beside
    beside.close()


def test_a_full_table_of_readers_is_busy_and_no_damage(reader, traild):
    run, beside = reader
    events = [wire.event(i) for i in range(3)]
    with Client(run.address) as c:
        c.append("files", 1, 1, events)
        note = c.want("checkpoint", checkpoint=pb.CheckpointRequest()).checkpoint
        assert beside.take_all() > 100
        again = pb.Append(source="files", epoch=1, first_seq=1, events=events)
        greeting = pb.Hello(protocol=1, checkpoint=note)
        for body in ({"append": again}, {"hello": greeting}, {"prove": pb.Prove(index=1)},
                     {"search": pb.Search(query="")}):
            assert c.error(**body).code == pb.BUSY, body
        # What is new needs no place in it.
        c.append("files", 1, 4, [wire.event(4)])
        beside.end()
        assert c.append("files", 1, 1, events).runs[0].duplicate
        assert c.hello(checkpoint=note).consistency
        assert len(c.search("source:files").all()) == 4
    run.stop()
    traild.assert_valid(run.state_dir)
