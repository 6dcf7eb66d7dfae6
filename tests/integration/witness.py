# SPDX-License-Identifier: Apache-2.0
"""
Starts, asks and ends trail-witness. READY comes through NOTIFY_SOCKET, ends through the process
itself; a request is one connection unless the test wants otherwise.

    witness = Witness(build, folder, logs=[path, ...])      started and READY
    witness.urls, witness.vkey                              where, and what a policy needs
    witness.add(body) -> Answer(status, kind, body)
    witness.stop(), .kill(), .start()                       start() goes on with the same folder
"""
import collections
import hashlib
import http.client
import itertools
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys

import wire
from harness import ROOT, SLOW, hand_over

sys.path.insert(0, str(ROOT / "tests" / "support"))
import tlog  # noqa: E402

Answer = collections.namedtuple("Answer", "status kind body")
COUNT = itertools.count()
LINE = re.compile(r"trail-witness: TRAIL-W\d{3} \S")


class Refused(Exception):
    """It ended before it was ready."""

    def __init__(self, code, stderr):
        super().__init__(f"trail-witness ended with {code}:\n{stderr}")
        self.code, self.stderr = code, stderr


class Witness:
    def __init__(self, build, folder, logs=(), name="witness.example/w1",
                 listen=("127.0.0.1:0", "[::1]:0"), state="witness", wrapper=(), handed=(),
                 start=True):
        self.program = pathlib.Path(build) / "trail-witness"
        self.folder, self.state = pathlib.Path(folder), pathlib.Path(folder) / state
        self.logs, self.name, self.listen, self.wrapper = list(logs), name, list(listen), list(wrapper)
        self.popen, self.urls, self.handed = None, [], list(handed)
        number = next(COUNT)
        self.stderr_path, self.notify_path = self.folder / f"w{number}.stderr", self.folder / f"w{number}.n"
        self._key = None
        if start:
            self.start()

    # -- its life

    def command(self):
        words = hand_over(self.handed) if self.handed else []
        words += [*self.wrapper, str(self.program), "--state-dir", str(self.state)]
        words += ["--name", self.name] if self.name else []
        for log in self.logs:
            words += ["--log", str(log)]
        for address in self.listen:
            words += ["--listen", address]
        return words

    def start(self):
        path = str(self.notify_path)
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.bind(path)
        try:
            with open(self.stderr_path, "wb") as stderr:
                self.popen = subprocess.Popen(
                    self.command(), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                    env=dict(os.environ, NOTIFY_SOCKET=path),
                    pass_fds=[s.fileno() for s in self.handed])
            self._wait_ready(notify)
        finally:
            notify.close()
            os.unlink(path)
        self.urls = re.findall(r"http://[^\s,]+", self.read_stderr())
        return self

    def _wait_ready(self, notify):
        ended = os.pidfd_open(self.popen.pid)
        try:
            while True:
                ready, _, _ = select.select([notify, ended], [], [], 60 * SLOW)
                if notify in ready:
                    if notify.recv(4096).startswith(b"READY=1"):
                        return
                    continue
                if not ready:
                    self.popen.kill()
                raise Refused(self.popen.wait() if ready else "no end", self.read_stderr())
        finally:
            os.close(ended)

    def read_stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def ids(self):
        return re.findall(r"TRAIL-W\d{3}", self.read_stderr())

    def wait_for(self, identity, count=1):
        """Until that line was said; nothing else tells of a reload."""
        for _ in range(int(600 * SLOW)):
            if self.ids().count(identity) >= count:
                return
            select.select([], [], [], 0.05)
        raise AssertionError(f"no {identity}:\n{self.read_stderr()}")

    def reload(self):
        before = self.ids().count("TRAIL-W003")
        self.popen.send_signal(signal.SIGHUP)
        self.wait_for("TRAIL-W003", before + 1)

    def stop(self):
        self.popen.send_signal(signal.SIGTERM)
        code = self.popen.wait(30 * SLOW)
        assert code == 0, f"it ended with {code}:\n{self.read_stderr()}"
        bad = [line for line in self.read_stderr().splitlines() if not LINE.match(line)]
        assert not bad, f"lines without an id: {bad}"

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def finish(self):
        if self.popen and self.popen.poll() is None:
            self.stop()

    # -- asking

    @property
    def vkey(self):
        return self.run("key").stdout.strip()

    @property
    def key(self):
        self._key = self._key or tlog.Key.of(self.vkey)
        return self._key

    def run(self, *words):
        """Another run of the program on the same folder, which only looks."""
        return subprocess.run([str(self.program), *words, "--state-dir", str(self.state)],
                              capture_output=True, text=True, timeout=60 * SLOW, check=False)

    @property
    def port(self):
        return int(self.urls[0].rsplit(":", 1)[1])

    def ask(self, method, path, body=None, which=0, connection=None):
        connection = connection or self.connect(which)
        connection.request(method, path, body)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers["Content-Type"], answer.read())

    def connect(self, which=0):
        host, port = self.urls[which].removeprefix("http://").rsplit(":", 1)
        return http.client.HTTPConnection(host.strip("[]"), int(port), timeout=30 * SLOW)

    def add(self, body, **how):
        return self.ask("POST", "/add-checkpoint", body, **how)

    def checkpoint(self, origin):
        return self.ask("GET", f"/{hashlib.sha256(origin.encode()).hexdigest()}/checkpoint")

    def cosigned(self, log, old, new):
        """Add a checkpoint that must be cosigned: the time of the cosignature."""
        answer = self.add(log.add(old, new))
        assert answer.status == 200, answer
        text, _ = tlog.split_note(log.note(new))
        lines = answer.body.decode().splitlines(keepends=True)
        assert len(lines) == 1
        time_s = self.key.fits(text, lines[0])
        assert time_s, "the cosignature does not verify"
        return time_s


def log_file(folder, log, name="log"):
    path = pathlib.Path(folder) / name
    path.write_text(log.vkey + "\n")
    return path


def small_log(origin="example.org/audit", seed=bytes(range(32)), size=64, salt=b""):
    return tlog.Log(origin, seed, [salt + bytes([i % 256, i // 256]) for i in range(size)])


# ---- a log of ours that has witnesses -----------------------------------------------------------

def made_log(traild, state):
    """A log that was there before it had witnesses; its vkey."""
    run = traild.start(state)
    with wire.Client(run.address) as c:
        c.append("journal", 1, 1, [wire.event(1)])
    run.stop()
    return (pathlib.Path(state) / "vkey").read_text().strip()


def witnessed(run, seq):
    """Write one event and wait for the quorum: (text, signature lines) of the answer's checkpoint."""
    with wire.Client(run.address, claims=[("journal", 1)]) as c:
        answer = c.append("journal", 1, seq, [wire.event(seq)], ack=wire.pb.WITNESSED,
                          wait_ms=int(20_000 * SLOW))
    return tlog.split_note(answer.checkpoint.decode())


def policy_file(folder, witnesses, quorum):
    lines = [f"witness w{i} {vkey} {url}" for i, (vkey, url) in enumerate(witnesses)]
    lines += ["group g %d %s" % (quorum, " ".join(f"w{i}" for i in range(len(witnesses)))), "quorum g"]
    (folder / "policy").write_text("\n".join(lines) + "\n")
    return str(folder / "policy")
