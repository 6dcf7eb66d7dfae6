#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A witness (C2SP tlog-witness) that behaves, or does not: for what a log's courier must survive. It
keeps its state in memory and its keys in the arguments. As a module:

    witness = FakeWitness("witness.example/w1", logs=[vkey])
    witness.url, witness.vkey           what goes into a policy
    witness.mode = "slow"               from the next request on; see MODES
    witness.requests                    [Request(method, path, body, status)] so far
    witness.wait(3, 10)                 until 3 requests were answered, 10 s at the most
    witness.held[origin]                Held(size, root, note); forget() and hold() change it
    witness.down(); witness.up()        refuses connections; again at the same port
    witness.close()

As a program it prints "URL VKEY" and serves until it is ended; a line on stdin changes the mode:

    fake_witness.py [--name N] [--seed HEX] [--port P] [--host H] [--mode M] [LOG_VKEY...]
"""
import argparse
import collections
import hashlib
import http.server
import os
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tlog  # noqa: E402

Held = collections.namedtuple("Held", "size root note")
Request = collections.namedtuple("Request", "method path body status")
Answer = collections.namedtuple("Answer", "status headers body")

# What each mode does instead of behaving. A lie is told where an honest witness would say 200.
MODES = {
    "honest": "as the specification says",
    "slow": "honest, after delay_s seconds",
    "hang": "reads the request and says nothing until the mode changes or it is closed",
    "cut": "sends half of the answer and hangs up",
    "close": "hangs up without an answer",
    "origin": "cosigns a checkpoint of another origin",
    "other_size": "cosigns a checkpoint of one leaf more",
    "future": "cosigns as of next year",
    "past": "cosigns as of 1970",
    "other_key": "signs under its own name and id with another key",
    "other_name": "answers with a good line of another witness",
    "log_line": "answers with the log's own signature line",
    "twice": "answers with two good lines, of different times",
    "strangers": "a good line between lines of witnesses that nobody knows",
    "garbage": "200 and bytes that are no signature line",
    "empty": "200 and nothing",
    "huge": "200 and sixteen MiB",
    "endless": "200 and bytes for ever, without a length",
    "fork": "422: what it saw does not fit",
    "conflict_plain": "409 as text/plain, as some say that the root differs",
    "conflict_huge": "409 with a size that the log has not reached",
    "conflict_nonsense": "409 whose body is no size",
    "conflict_loop": "409 with another size each time",
    "busy": "429 with Retry-After: 1",
    "unknown": "404",
    "forbidden": "403",
    "bad_request": "400",
    "error": "500",
    "redirect": "302 to itself",
    "trickle": "honest, one byte a second",
}


def other_seed(seed):
    return hashlib.sha256(b"another key" + seed).digest()


class FakeWitness:
    def __init__(self, name="witness.example/fake", logs=(), seed=b"\x77" * 32, host="127.0.0.1",
                 port=0, mode="honest"):
        self.key = tlog.Key(name, tlog.COSIGNATURE, seed)
        self.logs = {key.name: key for key in map(tlog.Key.of, logs)}
        self.host, self.port = host, port
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.mode, self.delay_s, self.clock_offset_s = mode, 2.0, 0
        self.held, self.requests = {}, []
        self.tls = None  # an SSLContext: https from the next connection on
        self.server = None
        self.up()

    # -- what the test reads and changes

    @property
    def vkey(self):
        return self.key.vkey

    @property
    def url(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        with self.changed:
            self._mode = mode
            self.changed.notify_all()

    def trust(self, vkey):
        key = tlog.Key.of(vkey)
        self.logs[key.name] = key

    def hold(self, origin, size, root, note=None):
        """It has seen this, wherever that came from: another tree, a longer one."""
        with self.lock:
            self.held[origin] = Held(size, root, note)

    def forget(self):
        with self.lock:
            self.held.clear()

    def wait(self, count, seconds, method="POST"):
        """The requests of the method, when there are `count` of them; else an assertion fails."""
        def seen():
            return [r for r in self.requests if r.method == method]
        with self.changed:
            assert self.changed.wait_for(lambda: len(seen()) >= count, seconds), \
                f"{len(seen())} requests instead of {count}"
            return seen()

    def up(self):
        assert self.server is None
        self.server = _Server(self)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def down(self):
        server, self.server = self.server, None
        if server:
            server.shutdown()
            server.hang_up()
            with self.changed:
                self.changed.notify_all()
            server.server_close()
            self.thread.join()

    close = down

    # -- what it does

    def now(self):
        return int(time.time()) + self.clock_offset_s

    def seen(self, method, path, body, status):
        with self.changed:
            self.requests.append(Request(method, path, body, status))
            self.changed.notify_all()

    def line(self, text):
        return self.key.line(text, self.now())

    def judge(self, body):
        """The checks in the order of the specification; (Answer, text or None)."""
        try:
            old, path, note = tlog.parse_add(body)
            text, lines = tlog.split_note(note)
            cp = tlog.parse_checkpoint(text)
        except (ValueError, AssertionError):
            return plain(400, "malformed"), None
        key = self.logs.get(cp.origin)
        if key is None:
            return plain(404, "unknown origin"), None
        verdicts = [v for v in (key.fits(text, line) for line in lines) if v is not None]
        if not verdicts or not all(verdicts):
            return plain(403, "no signature of this log"), None
        if old > cp.size:
            return plain(400, "old is larger than the checkpoint"), None
        with self.lock:
            return self._extend(old, path, cp, text, note)

    def _extend(self, old, path, cp, text, note):
        held = self.held.get(cp.origin, Held(0, tlog.Tree().root(), None))
        if old != held.size:
            return conflict(held.size), None
        if old == 0:
            fits = not path and (cp.size or cp.root == held.root)
        else:
            fits = tlog.consistent(old, held.root, cp.size, cp.root, path)
        if not fits:
            return plain(422, "does not extend what was seen"), None
        line = self.line(text)
        self.held[cp.origin] = Held(cp.size, cp.root, note + line)
        return Answer(200, {"Content-Type": "text/plain; charset=utf-8"}, line.encode()), text

    def add_checkpoint(self, body):
        early = EARLY.get(self.mode)
        if early:
            return early(self)
        answer, text = self.judge(body)
        lie = LIES.get(self.mode)
        if text is not None and lie:
            return Answer(200, {"Content-Type": "text/plain"}, lie(self, text, body))
        return answer

    def checkpoint(self, digest):
        with self.lock:
            for origin, held in self.held.items():
                if hashlib.sha256(origin.encode()).hexdigest() == digest and held.note:
                    return Answer(200, {"Content-Type": "text/plain; charset=utf-8"}, held.note.encode())
        return plain(404, "never cosigned")


def plain(status, sentence):
    return Answer(status, {"Content-Type": "text/plain"}, (sentence + "\n").encode())


def conflict(size, kind="text/x.tlog.size"):
    return Answer(409, {"Content-Type": kind}, f"{size}\n".encode())


def _loop(witness):
    witness.looped = (getattr(witness, "looped", 0) + 1) % 7
    return conflict(witness.looped)


# Answers that do not look at the request.
EARLY = {
    "fork": lambda w: plain(422, "does not extend what was seen"),
    "conflict_plain": lambda w: plain(409, "root hash mismatch"),
    "conflict_huge": lambda w: conflict(2**62),
    "conflict_nonsense": lambda w: Answer(409, {"Content-Type": "text/x.tlog.size"}, b"many\n"),
    "conflict_loop": _loop,
    "busy": lambda w: Answer(429, {"Retry-After": "1"}, b"later\n"),
    "unknown": lambda w: plain(404, "unknown origin"),
    "forbidden": lambda w: plain(403, "no signature of this log"),
    "bad_request": lambda w: plain(400, "malformed"),
    "error": lambda w: plain(500, "out of order"),
    "redirect": lambda w: Answer(302, {"Location": w.url + "/add-checkpoint"}, b""),
}


def _changed_text(text, **what):
    cp = tlog.parse_checkpoint(text)._replace(**what)
    return tlog.checkpoint_text(*cp)


def _other_key(witness, text, _body):
    stranger = tlog.Key(witness.key.name, tlog.COSIGNATURE, other_seed(witness.key.seed))
    stranger.keyid = witness.key.keyid
    return stranger.line(text, witness.now()).encode()


def _stranger(witness, name):
    return tlog.Key(name, tlog.COSIGNATURE, other_seed(name.encode() + witness.key.seed))


# Bodies of 200 that an honest witness would not send; most are no good line of this witness.
LIES = {
    "origin": lambda w, text, body: w.line(_changed_text(text, origin="elsewhere.example/log")).encode(),
    "other_size": lambda w, text, body: w.line(
        _changed_text(text, size=tlog.parse_checkpoint(text).size + 1)).encode(),
    "future": lambda w, text, body: w.key.line(text, w.now() + 366 * 86400).encode(),
    "past": lambda w, text, body: w.key.line(text, 1).encode(),
    "other_key": _other_key,
    "other_name": lambda w, text, body: _stranger(w, "stranger.example/w").line(text, w.now()).encode(),
    "log_line": lambda w, text, body: tlog.split_note(tlog.parse_add(body)[2])[1][0].encode(),
    "twice": lambda w, text, body: (w.key.line(text, w.now() - 5) + w.line(text)).encode(),
    "strangers": lambda w, text, body: "".join(
        [_stranger(w, "a.example").line(text, 1), w.line(text),
         _stranger(w, "b.example").line(text, 2)]).encode(),
    "garbage": lambda w, text, body: b"\xff\x00 not a line",
    "empty": lambda w, text, body: b"",
    "huge": lambda w, text, body: b"x" * (16 << 20),
    "endless": lambda w, text, body: None,
}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, witness):
        self.witness = witness
        self.open, self.open_lock, self.gone = set(), threading.Lock(), False
        self.address_family = socket.AF_INET6 if ":" in witness.host else socket.AF_INET
        super().__init__((witness.host, witness.port), _Handler)

    def get_request(self):
        connection, address = super().get_request()
        if self.witness.tls:
            # Its thread shakes hands, when it reads.
            connection = self.witness.tls.wrap_socket(connection, server_side=True,
                                                      do_handshake_on_connect=False)
        with self.open_lock:
            self.open.add(connection)
        return connection, address

    def shutdown_request(self, request):
        with self.open_lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self):
        self.gone = True
        with self.open_lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def handle_error(self, request, client_address):
        """A client that hung up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake-witness"

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        witness = self.server.witness
        parts = self.path.split("/")
        known = len(parts) >= 3 and parts[-1] == "checkpoint"
        self.give(witness.checkpoint(parts[-2]) if known else plain(404, "nothing here"), b"")

    def do_POST(self):  # pylint: disable=invalid-name
        witness = self.server.witness
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.path.endswith("/add-checkpoint"):
            self.give(plain(404, "nothing here"), body)
            return
        if witness.mode == "slow":
            time.sleep(witness.delay_s)
        if witness.mode == "hang":
            witness.seen("POST", self.path, body, 0)
            with witness.changed:
                witness.changed.wait_for(lambda: witness.mode != "hang" or self.server.gone)
            self.close_connection = True
            return
        if witness.mode == "close":
            witness.seen("POST", self.path, body, 0)
            self.close_connection = True
            return
        self.give(witness.add_checkpoint(body), body)

    def give(self, answer, body):
        witness, mode = self.server.witness, self.server.witness.mode
        witness.seen(self.command, self.path, body, answer.status)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.body is None:
            self.close_connection = True
            self.end_headers()
            while not self.server.gone and witness.mode == mode:
                self.wfile.write(b"\xe2\x80\x94 x AAAA\n" * 1000)
            return
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if mode == "cut":
            self.wfile.write(answer.body[:len(answer.body) // 2])
            self.close_connection = True
        elif mode == "trickle":
            for i in range(len(answer.body)):
                self.wfile.write(answer.body[i:i + 1])
                time.sleep(1)
        else:
            self.wfile.write(answer.body)


def main():
    parser = argparse.ArgumentParser(epilog="modes: " + "; ".join(f"{m}: {w}" for m, w in MODES.items()))
    parser.add_argument("logs", nargs="*", metavar="LOG_VKEY")
    parser.add_argument("--name", default="witness.example/fake")
    parser.add_argument("--seed", type=bytes.fromhex, default=b"\x77" * 32)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--mode", choices=MODES, default="honest")
    args = parser.parse_args()
    witness = FakeWitness(args.name, args.logs, args.seed, args.host, args.port, args.mode)
    print(witness.url, witness.vkey, flush=True)
    for line in sys.stdin:
        if line.strip() in MODES:
            witness.mode = line.strip()
            print(line.strip(), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(0)
