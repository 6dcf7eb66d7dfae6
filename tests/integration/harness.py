# SPDX-License-Identifier: Apache-2.0
"""
Starts, watches and ends traild. Nothing here waits for a length of time: readiness comes through
NOTIFY_SOCKET, ends through pidfds; limits only bound what must never happen. (kill_amid() is the
exception, and says why.)
"""
import json
import os
import pathlib
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SLOW = float(os.environ.get("TRAIL_SLOW", "1"))
FULL = os.environ.get("TRAIL_FULL", "") == "1"
SEED = int(os.environ.get("TRAIL_SEED", "1"))
CONFIG = {
    "map_size": os.environ.get("TRAIL_MAP_SIZE", "8G"),
    "reserve": "1M",
    "seal_height": 4,
}
# Every line of the daemon and its signer bears one (daemon/log.c).
WITH_ID = re.compile(r"(traild(-signer|-courier)?: |<\d>)TRAIL-[DSC]\d{3} \S")


class StartFailed(Exception):
    """traild ended before it was ready."""

    def __init__(self, code, stderr):
        super().__init__(f"traild ended with {code} before it was ready:\n{stderr}")
        self.code = code
        self.stderr = stderr


def private_kib(pid):
    """
    Memory that is the process's alone. The kernel calls the pages of the mapped store private, too,
    while nobody else maps them: those are its cache, and it takes them back when it likes.
    """
    total, store = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as smaps:
        for line in smaps:
            if line.startswith("Private_"):
                total += 0 if store else int(line.split()[1])
            elif not line.split(None, 1)[0].endswith(":"):
                store = line.rstrip().endswith("/data.mdb")
    return total


def wait_fd(fd, seconds):
    """Whether `fd` became readable in time."""
    poller = select.poll()
    poller.register(fd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


class Process:
    """A process that is not necessarily our child: its pidfd says when it ends."""

    def __init__(self, pid):
        self.pid = pid
        self.fd = os.pidfd_open(pid)

    def signal(self, number):
        signal.pidfd_send_signal(self.fd, number)

    def ended(self, seconds):
        return wait_fd(self.fd, seconds)

    def kill(self):
        """Kill it if it still lives."""
        try:
            self.signal(signal.SIGKILL)
        except ProcessLookupError:
            pass

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


def hand_over(sockets):
    """
    Words in front of a command: it gets `sockets` from descriptor 3 on, as sd_listen_fds(3) says.
    They must be in pass_fds. $LISTEN_PID is a number that only the process itself knows.
    """
    fds = [s.fileno() for s in sockets]
    assert not set(fds) & set(range(3, 3 + len(fds))), "too few descriptors are open"
    moves = " ".join(f"{3 + i}<&{fd} {fd}<&-" for i, fd in enumerate(fds))
    script = f'exec {moves}; export LISTEN_PID=$$ LISTEN_FDS={len(fds)}; exec "$@"'
    return ["bash", "-c", script, "bash"]


def children(pid):
    found = []
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found += [int(x) for x in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Traild:
    """One run of traild on `state_dir`; `address` is the path of its socket."""

    def __init__(self, factory, state_dir, config, env, wrapper, origin, uid, handed, notify,
                 more):
        self.factory = factory
        self.slow = factory.slow
        self.state_dir = pathlib.Path(state_dir)
        self.number = factory.next_number()
        self.address = str(factory.folder / f"s{self.number}")
        self.stderr_path = factory.folder / f"stderr{self.number}"
        self.signer = None  # a child of this traild; a unit of its own stays None
        self.has_child = "signer_socket" not in (config or {})
        self.notify = None
        self.process = None
        self.finished = False
        self._spawn(config, env, wrapper, origin, uid, handed, notify, more)

    # -- starting

    def _config_file(self, config):
        settings = dict(CONFIG)
        settings.update(config or {})
        path = self.factory.folder / f"conf{self.number}"
        path.write_text("".join(f'{name} = "{value}"\n' for name, value in settings.items()))
        path.chmod(0o644)
        return path

    def _spawn(self, config, env, wrapper, origin, uid, handed, keep, more):
        notify_path = str(self.factory.folder / f"n{self.number}")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        notify.bind(notify_path)
        os.chmod(notify_path, 0o666)
        # strace is a process of its own, which is handed nothing; valgrind becomes the program.
        words = list(wrapper or []) + (hand_over(handed) if handed else []) + self.factory.wrapper
        if uid is not None:
            words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] + words
        program = self.factory.traild if uid is None else self.factory.programs_for_all()
        command = words + [str(program), "--config", str(self._config_file(config)),
                           "--state-dir", str(self.state_dir)]
        if not handed:
            command += ["--listen", f"unix:{self.address}"]
        if origin:
            command += ["--origin", origin]
        command += more
        environment = dict(os.environ, NOTIFY_SOCKET=notify_path, **(env or {}))
        with open(self.stderr_path, "wb") as stderr:
            self.popen = subprocess.Popen(command, env=environment, stderr=stderr,
                                          stdin=subprocess.DEVNULL, stdout=stderr,
                                          pass_fds=[s.fileno() for s in handed])
        ready = False
        try:
            self._wait_ready(notify)
            ready = True
        finally:
            if keep and ready:
                self.notify = notify
            else:
                notify.close()
                os.unlink(notify_path)

    def _wait_ready(self, notify):
        ended = os.pidfd_open(self.popen.pid)
        poller = select.poll()
        poller.register(notify, select.POLLIN)
        poller.register(ended, select.POLLIN)
        text, self.before_ready = b"", []
        try:
            while not text.startswith(b"READY=1"):
                if text:
                    self.before_ready.append(text.decode())
                ready = poller.poll(60_000 * self.slow)
                if not any(fd == notify.fileno() for fd, _ in ready):
                    if not ready:
                        self.popen.kill()
                    code = self.popen.wait()
                    raise StartFailed(code if ready else "no end", self.stderr())
                text, control, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(12))
        finally:
            os.close(ended)
        # Behind a wrapper the daemon is another process than the one that was started.
        pid = next(struct.unpack("3i", data)[0] for level, kind, data in control
                   if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS))
        self.process = Process(pid)
        if not self.has_child:
            return
        signers = [c for c in children(pid) if name_of(c).startswith("traild-signer")]
        assert len(signers) == 1, f"traild has {len(signers)} signers"
        self.signer = Process(signers[0])

    # -- looking

    @property
    def pid(self):
        return self.process.pid

    @property
    def signer_pid(self):
        return self.signer.pid

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    # -- ending

    def wait_exit(self, seconds=30):
        """Its exit code, as the one who started it sees it (negative: a signal)."""
        try:
            code = self.popen.wait(seconds * self.slow)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"traild does not end\n{self.stderr()}") from None
        assert not self.signer or self.signer.ended(30 * self.slow), \
            "the signer outlived its daemon"
        return code

    def stop(self):
        """SIGTERM: it drains and ends with 0, and its signer with it."""
        self.process.signal(signal.SIGTERM)
        code = self.wait_exit()
        assert code == 0, f"traild ended with {code}:\n{self.stderr()}"

    def kill(self):
        """SIGKILL to traild alone; the signer must go by itself."""
        self.process.signal(signal.SIGKILL)
        self.wait_exit()

    def kill_signer(self):
        """SIGKILL to the signer alone; traild must end by itself, with 3."""
        self.signer.signal(signal.SIGKILL)
        code = self.wait_exit()
        assert code == 3, f"without its signer traild ended with {code}:\n{self.stderr()}"

    def finish(self):
        """It ends if it still runs, in good order: only then does it say what memory it lost."""
        try:
            if not self.finished and self.process and self.popen.poll() is None:
                self.stop()
        finally:
            self.end()

    def end(self):
        """At once, whatever state it is in."""
        if self.finished:
            return
        self.finished = True
        if self.notify:
            self.notify.close()
        if self.popen.poll() is None:
            if self.process:
                self.process.kill()
            self.popen.kill()
            self.popen.wait()
        for process in (self.process, self.signer):
            if process:
                if process is self.signer and not process.ended(10 * self.slow):
                    process.kill()
                process.close()


def kill_amid(run, peers, kill, rng, most):
    """
    Let every peer have its round on a thread of its own, and kill() when 1..most answers have
    come to them. A peer's round(address, answered) ends with its connection; what it did not
    expect it leaves in peer.fault.
    """
    enough, lock, left = threading.Event(), threading.Lock(), [rng.randrange(1, most + 1)]

    def answered():
        with lock:
            left[0] -= 1
            if left[0] == 0:
                enough.set()

    def look_for_faults():
        for peer in peers:
            if peer.fault:
                raise peer.fault

    threads = [threading.Thread(target=p.round, args=(run.address, answered), daemon=True)
               for p in peers]
    for t in threads:
        t.start()
    while not enough.wait(1):
        look_for_faults()
    # Not to wait for anything, but to meet every phase of the work: answers come at its end.
    time.sleep(rng.random() * 0.004)
    kill()
    for t in threads:
        t.join(60 * SLOW)
        assert not t.is_alive(), "a client hangs although the daemon is gone"
    look_for_faults()


class Factory:
    """traild.start(...) starts one; what a test leaves running is ended with it."""

    def __init__(self, build, folder, slow=1.0):
        self.traild = build / "traild"
        self.trail = build / "trail"
        self.signer = build / "traild-signer"
        self.folder = folder
        self.slow = slow
        self.wrapper = shlex.split(os.environ.get("TRAIL_WRAPPER", ""))
        self.started = []
        self._number = 0

    def programs_for_all(self):
        """A copy of traild and its signer where any user may reach them: a checkout may be private."""
        folder = self.folder / "programs"
        if not folder.exists():
            folder.mkdir()
            for program in (self.traild, self.signer, self.traild.with_name("traild-courier")):
                shutil.copy(program, folder)
            folder.chmod(0o755)
        return folder / "traild"

    def next_number(self):
        self._number += 1
        return self._number

    def start(self, state_dir=None, config=None, env=None, wrapper=None, origin="example.org/test",
              uid=None, handed=(), notify=False, more=()):
        """
        A daemon that is READY. state_dir: a new one in the test's folder unless given. config:
        settings besides CONFIG's. wrapper: words in front of it. uid: run as that user and group.
        handed: sockets that it gets as a service manager gives them, instead of --listen. notify:
        go on listening, on run.notify, to what it says to the manager. more: further words.
        Raises StartFailed.
        """
        if state_dir is None:
            state_dir = self.folder / f"state{self._number + 1}"
        run = Traild.__new__(Traild)
        try:
            run.__init__(self, state_dir, config, env, wrapper, origin, uid, list(handed), notify,
                         list(more))
        finally:
            if hasattr(run, "popen"):
                self.started.append(run)
        return run

    def refuse(self, state_dir, **how):
        """A start that must fail: (exit code, stderr)."""
        try:
            run = self.start(state_dir, **how)
        except StartFailed as failed:
            return failed.code, failed.stderr
        run.finish()
        raise AssertionError("traild started, though it must not")

    def check(self, state_dir, *more, env=None):
        """`traild check -o json`: (exit code, the JSON value, stderr). Negative: a signal."""
        command = self.wrapper + [str(self.traild), "check", "--state-dir", str(state_dir),
                                  "-o", "json", *map(str, more)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600 * self.slow,
                              env=dict(os.environ, **(env or {})), check=False)
        try:
            value = json.loads(done.stdout)
        except json.JSONDecodeError:
            value = None
        return done.returncode, value, done.stderr

    def assert_valid(self, state_dir):
        code, value, stderr = self.check(state_dir)
        assert code == 0 and value and value["verdict"] == "valid", \
            f"check says {code}: {json.dumps(value, indent=1)}\n{stderr}"
        return value

    def finish(self):
        complaints = []
        for run in self.started:
            run.finish()
            text = run.stderr()
            print(f"--- stderr of traild {run.number} ---\n{text}", file=sys.stderr)
            if not self.wrapper:
                complaints += [f"a line without an id: {line}" for line in text.splitlines()
                               if not WITH_ID.match(line)]
        assert not complaints, "\n".join(complaints)
