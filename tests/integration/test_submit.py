# SPDX-License-Identifier: Apache-2.0
"""libtrail as a program uses it that never waits for one answer: submit, callbacks, flush."""
import ctypes
import signal

import pytest

OWED_MAX = 128  # checkpoints that may wait to be proven; half of them have some proven
TIMEOUT = -13
DONE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


@pytest.fixture
def lib(build, traild):
    program = traild.traild.read_bytes()
    if b"__asan_init" in program or b"__tsan_init" in program:
        pytest.skip("the interpreter cannot load a library with a sanitizer")
    lib = ctypes.CDLL(str(build / "libtrail.so"))
    for name in ("trail_new", "trail_event_new", "trail_batch_new"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.trail_error.restype = ctypes.c_char_p
    return lib


class Sender:
    """Batches of one event, each submitted by the callback of the one before: `count` in all."""

    def __init__(self, lib, daemon, count):
        self.lib, self.daemon, self.count, self.answers = lib, daemon, count, []
        self.handle = ctypes.c_void_p(lib.trail_new())
        self.event = ctypes.c_void_p(lib.trail_event_new())
        self.batch = ctypes.c_void_p(lib.trail_batch_new())
        self.done = DONE(self.landed)
        lib.trail_event_set_now(self.event)
        lib.trail_event_set_action(self.event, 2)
        lib.trail_event_set(self.event, 2, b"anna")
        lib.trail_event_set(self.event, 9, b"/o")
        assert lib.trail_set_state_dir(self.handle, b"") == 0
        assert lib.trail_open(self.handle, f"unix:{daemon.address}".encode()) == 0

    def submit(self):
        none = ctypes.c_uint64(0)
        assert self.lib.trail_batch_begin(self.batch, b"s", none, none) == 0
        assert self.lib.trail_batch_add(self.batch, self.event) == 0
        assert self.lib.trail_submit(self.handle, self.batch, self.done, None) == 0

    def landed(self, _ctx, err, _receipt):
        self.answers.append(err)
        if err == 0 and len(self.answers) < self.count:
            self.submit()

    def __enter__(self):
        self.submit()
        return self

    def __exit__(self, *_):
        self.lib.trail_free(self.handle)
        self.lib.trail_event_free(self.event)
        self.lib.trail_batch_free(self.batch)


def test_proofs_owed_do_not_pile_up_in_a_flush(lib, traild):
    """A commit and a checkpoint for each batch; what is stored is never called refused."""
    with Sender(lib, traild.start(), 3 * OWED_MAX) as s:
        assert lib.trail_flush(s.handle, 60000) == 0, lib.trail_error(s.handle)
        assert s.answers == [0] * 3 * OWED_MAX


def test_a_connection_that_ends_for_want_of_a_proof_is_told_to_all(lib, traild):
    daemon = traild.start()

    class Stopper(Sender):
        def landed(self, ctx, err, receipt):
            if len(self.answers) == OWED_MAX // 2:
                daemon.popen.send_signal(signal.SIGSTOP)
            super().landed(ctx, err, receipt)

    with Stopper(lib, daemon, 3 * OWED_MAX) as s:
        assert lib.trail_set_timeout(s.handle, 500) == 0
        try:
            told = 0
            while told == 0:
                told = lib.trail_process(s.handle, 60000)
        finally:
            daemon.popen.send_signal(signal.SIGCONT)
        assert told == TIMEOUT
        assert s.answers == [0] * (OWED_MAX // 2 + 1) + [TIMEOUT]
        assert lib.trail_in_flight(s.handle) == 0
