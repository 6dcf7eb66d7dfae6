# SPDX-License-Identifier: Apache-2.0
"""
Every recipe of trail-recovery(7), on a real log: the bad day is brought about, the page's own
commands are run, and what the page says of them must be so. The commands are those of the page, to
the letter; only the folders and addresses that it names are others here, and systemctl is us.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness import CONFIG, ROOT

PAGE = ROOT / "daemon" / "trail-recovery.7"
DISPLAY = re.compile(r'^\.\\" run: (.+)\n\.Bd .*\n((?:.*\n)*?)\.Ed$', re.M)
OLD, NEW = "example.org/trail", "example.org/trail-2"
NOT_SEALED = "it is signed, and not sealed yet"
GIB = 2**30


def recipes():
    """Name -> commands, of all displays that have one."""
    return {name: text.replace("\\e\n", "\\\n") for name, text in DISPLAY.findall(PAGE.read_text())}


class Day:
    """A log in $D, a copy in $B, what is kept elsewhere in $E; and who follows the page."""

    def __init__(self, traild, folder):
        self.traild, self.folder = traild, folder
        self.names = {"D": folder / "log", "S": folder / "log/signer", "B": folder / "monday",
                      "E": folder / "elsewhere"}
        self.D, self.S, self.B, self.E = self.names.values()
        self.E.mkdir()
        self.config = folder / "traild.conf"
        self.config.write_text("".join(f'{k} = "{v}"\n' for k, v in CONFIG.items()))
        self.env = dict(os.environ, PATH=f"{traild.traild.parent}:{os.environ['PATH']}", TZ="UTC",
                        XDG_STATE_HOME=str(folder / "client"), LC_ALL="C.UTF-8",
                        **{k: str(v) for k, v in self.names.items()})
        self.recipes = recipes()
        self.done, self.daemon, self.archive = set(), None, None

    # -- the daemon

    def start(self, folder=None, **how):
        run = self.traild.start(folder or self.D, **{"origin": OLD, **how})
        # Always the same address, as it would be: users keep which log they met there.
        link = self.folder / "sock"
        link.unlink(missing_ok=True)
        link.symlink_to(run.address)
        self.env["TRAIL_CONNECT"] = f"unix:{link}"
        self.daemon = run
        return run

    def systemctl(self, words):
        if words in (["stop", "traild.socket", "traild"],
                     ["stop", "traild.socket", "traild", "traild-signer"]):
            if self.daemon and self.daemon.popen.poll() is None:
                self.daemon.stop()
            return
        assert words == ["start", "traild.socket", "traild"], words
        self.start(origin=None)

    # -- the page

    def shell(self, text, code=0):
        done = subprocess.run(["bash", "-euc", text], env=self.env, capture_output=True, text=True,
                              timeout=100, check=False, cwd=self.folder)
        assert done.returncode == code, f"{text}{done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def run(self, name, code=0):
        """Run a recipe as it stands on the page; what it printed. `code` is that of its last part."""
        self.done.add(name)
        text = self.recipes[name].replace("/mnt/larger", str(self.folder / "larger")) \
            .replace("/root/archive", str(self.folder / "reader")) \
            .replace("/etc/trail/traild.conf", str(self.config)) \
            .replace("runuser -u trail -- ", "").replace("-o trail -g trail ", "")
        if self.archive:
            text = text.replace("unix:/run/trail/archive.sock", f"unix:{self.archive.address}")
        said, part = "", ""
        for line in text.splitlines(keepends=True):
            if line.startswith("systemctl "):
                said, part = said + self.shell(part), ""
                self.systemctl(line.split()[1:])
            elif line.endswith(" &\n"):
                said, part = said + self.shell(part), ""
                folder = re.fullmatch(r"traild --state-dir (\S+) --listen \S+ &\n", line)[1]
                self.archive = self.traild.start(folder.replace("$D", str(self.D)), origin=None)
            else:
                part += line
        return said + self.shell(part, code)

    def emit(self, *objects):
        for name in objects:
            self.shell(f"trail emit read {name} --source journal")

    def refused(self, folder=None):
        code, stderr = self.traild.refuse(folder or self.D, origin=OLD)
        assert code == 5, stderr
        return stderr

    def searched(self):
        return self.shell("trail search source:journal -o short")


@pytest.fixture
def day(traild, folder):
    """Three events, an identity and a checkpoint elsewhere, a copy; the daemon still runs."""
    day = Day(traild, folder)
    day.start()
    day.emit("/a", "/b", "/c")
    day.run("identity")
    assert "valid" in day.run("copy")
    return day


def test_every_recipe_of_the_page_is_run_here():
    names = re.findall(r'^\.\\" run: (.+)$', PAGE.read_text(), re.M)
    assert len(names) == len(set(names)) == len(recipes()) >= 15
    source = pathlib.Path(__file__).read_text()
    ours = set(re.findall(r'\.run\("([^"]+)"', source))
    assert ours == set(names)


def test_every_message_that_the_page_names_is_one_of_traild():
    known = set(re.findall(r'"TRAIL-(D\d+)"', (ROOT / "daemon" / "log.c").read_text()))
    named = set(re.findall(r"\bD0\d\d\b", PAGE.read_text()))
    assert len(named) >= 7 and named <= known


def test_what_ends_a_log_with_exit_5_is_in_the_table_of_the_page():
    table = PAGE.read_text().split(".Bl -tag", 1)[1].split("\n.El\n", 1)[0]
    there = set(re.findall(r"\bD0\d\d\b", table))
    for first, last in re.findall(r"\bD(0\d\d) to D(0\d\d)\b", table):
        there |= {f"D{n:03}" for n in range(int(first), int(last))}
    manual = (ROOT / "daemon/traild.8").read_text()
    ends = set(re.findall(r"^\.It Li TRAIL-(D\d+) (?:(?!^\.It ).*\n)*?.*\(exit 5\)", manual, re.M))
    wrong_folder = {"D022"}  # which is no log's bad day
    assert len(ends) >= 9 and ends - there == wrong_folder


# ---- before ----------------------------------------------------------------------------------------

def test_copy_of_a_running_log_covers_the_checkpoint_and_can_go_on(day):
    size = int((day.E / "checkpoint").read_text().splitlines()[1])
    _, report, _ = day.traild.check(day.B)
    assert report["size"] >= size and report["tail"] == "compared"
    assert (day.B / "log").stat().st_mode & 0o77 == 0
    assert (day.B / "log/data.mdb").stat().st_mode & 0o77 == 0
    assert (day.B / "signer").stat().st_mode & 0o77 == 0
    day.daemon.stop()
    shutil.copytree(day.B, day.folder / "twin")
    run = day.traild.start(day.folder / "twin", origin=None)
    run.stop()
    day.traild.assert_valid(day.folder / "twin")


# ---- the key ---------------------------------------------------------------------------------------

def test_key_lost_with_a_copy_goes_on(day):
    day.emit("/after-the-copy")
    day.daemon.kill()
    shutil.rmtree(day.S)
    assert re.search(r"TRAIL-D041 .*signer is missing.*bring it back, or begin a successor log",
                     day.refused())
    assert "valid" in day.run("key lost")
    day.run("key back")
    assert "valid" in day.run("key started")
    day.emit("/later")
    assert [n for n in ("/a", "/after-the-copy", "/later") if n not in day.searched()] == []
    day.daemon.stop()
    day.traild.assert_valid(day.D)


def test_key_lost_but_not_the_head_goes_on_from_that_head(day):
    day.emit("/after-the-copy")
    day.daemon.stop()
    (day.S / "key").unlink()
    assert "TRAIL-D041" in day.refused() and "key is missing" in day.refused()
    head = (day.S / "head").read_bytes()
    assert "valid" in day.run("key lost")
    day.run("key back")
    assert (day.S / "head").read_bytes() != head
    day.run("head back")
    assert (day.S / "head").read_bytes() == head
    assert "valid" in day.run("key started")
    day.daemon.stop()
    day.traild.assert_valid(day.D)


def test_key_lost_without_a_copy_begins_a_successor(day):
    day.daemon.stop()
    shutil.rmtree(day.B / "signer")
    shutil.rmtree(day.S)
    day.refused()
    assert "valid" in day.run("key lost"), "the old log can be proven without its signer"
    succeed(day)
    ended = day.folder / "log.ended"
    code, report, _ = day.traild.check(ended, "--log", day.E / "identity", "--checkpoint",
                                       day.E / "checkpoint")
    assert code == 0 and report["verdict"] == "valid"


def succeed(day):
    """The last steps of every log that ends; and somebody else, who knew the old one."""
    somebody = dict(day.env, XDG_STATE_HOME=str(day.folder / "somebody"))
    shutil.copytree(day.folder / "client", day.folder / "somebody")
    day.run("aside")
    size = (day.E / "checkpoint").read_text().splitlines()[1]
    assert f"succeeds {OLD} at size {size}: disk lost\n" in day.run("successor")
    assert (day.E / "identity-2").read_text() == (day.D / "identity").read_text()
    day.env, ours = somebody, day.env
    assert "another log" in day.shell("trail status", code=5)
    day.run("told")
    assert NEW in day.shell("trail status")
    day.env = ours
    day.run("chain")
    assert (day.E / "identity-1").read_text() == (day.E / "identity").read_text()
    day.daemon.stop()
    day.traild.assert_valid(day.D)


def test_log_that_is_old_is_closed_and_succeeded(day):
    """Nothing is lost, and the old log itself says that it ended."""
    said = day.run("close")
    assert re.search(r"^valid: ", said) and re.search(r"^closed for good by record \d+$", said, re.M)
    assert re.search(f"TRAIL-D080 .*{NOT_SEALED}", said), "it was started a moment ago"
    assert f".Dq {NOT_SEALED} ," in PAGE.read_text()
    assert f"{NOT_SEALED}; say --close again" in day.run("close"), "as the page says"
    assert "TRAIL-D081" in day.traild.refuse(day.D, origin=OLD)[1]
    succeed(day)


# ---- the disk --------------------------------------------------------------------------------------

def lose_disk(day):
    day.daemon.kill()
    shutil.rmtree(day.D)


def test_disk_lost_with_nothing_written_since_goes_on(day):
    lose_disk(day)
    assert "valid" in day.run("disk lost")
    day.run("disk back")
    day.emit("/later")
    assert "/a" in day.searched() and "/later" in day.searched()
    day.daemon.stop()
    day.traild.assert_valid(day.D)


def test_disk_lost_with_events_that_came_since_ends_the_log(day):
    day.emit("/lost")
    lose_disk(day)
    day.env["C"], = map(str, (day.folder / "client/trail").glob("log-*"))
    day.run("client")
    assert re.search(r"checkpoint.size .*the store holds \d+ records, the given checkpoint has \d+: "
                     r"the last \d+ are missing", day.run("disk lost", code=5))
    # Who puts it back all the same is stopped by the first client that saw more.
    day.run("disk back")
    run = day.daemon
    day.shell("trail status", code=3)
    assert run.wait_exit() == 5 and re.search("TRAIL-D03[56]", run.stderr())
    # What is right: read the old log apart, begin another.
    if os.geteuid() == 0:  # as in a package, where the signer is a user of its own
        for path in [day.B / "signer", *(day.B / "signer").iterdir()]:
            os.chown(path, 65534, 65534)
    day.run("archive")
    shown = day.run("archive asked")
    assert all(name in shown for name in ("/a", "/b", "/c")) and "/lost" not in shown
    day.archive.stop()
    succeed(day)
    assert day.traild.check(day.B, "--log", day.E / "identity")[0] == 0, "the copy was touched"


def test_disk_lost_old_store_under_the_newer_signer_is_refused(day):
    """The signer lay on another disk, and knows better."""
    day.emit("/lost")
    day.daemon.stop()
    shutil.rmtree(day.D / "log")
    assert re.search(r"TRAIL-D03[03] ", day.refused())
    shutil.copytree(day.B / "log", day.D / "log")
    assert re.search(r"TRAIL-D032 the store holds \d+ records, but its signer signed \d+",
                     day.refused())


# ---- the host --------------------------------------------------------------------------------------

def sealed(said):
    """The index up to which a verdict calls the log sealed."""
    return int(re.search(r"^sealed until index (\d+), ", said, re.M)[1])


def test_host_stolen_what_holds_is_what_a_checkpoint_elsewhere_covers(day):
    """The thief has all, and signs another history from the copy's end with the log's own key."""
    day.emit("/d")
    day.shell("trail checkpoint > $E/checkpoint")
    day.daemon.stop()
    honest = day.folder / "honest"
    shutil.copytree(day.D, honest)
    shutil.rmtree(day.D)
    shutil.copytree(day.B, day.D)
    day.env["XDG_STATE_HOME"] = str(day.folder / "thief")
    day.start()
    day.emit("/forged-1", "/forged-2", "/forged-3", "/forged-4")
    # It goes on behind the last SEAL, where whoever has no checkpoint must believe the log's key;
    # what was sealed before is in it, and is ours.
    believed = day.shell("trail verify --log $E/identity --payloads")
    assert believed.startswith("valid") and sealed(believed) == sealed(day.run("stolen", code=5))
    shown = day.run("stolen shown", code=5)
    assert "contradict" in shown or "invalid" in shown
    day.daemon.finish()
    code, report, _ = day.traild.check(day.D, "--log", day.E / "identity", "--checkpoint",
                                       day.E / "checkpoint")
    assert code == 5 and report["verdict"] == "invalid"
    # The honest copy bears the checkpoint out; an older one says how much it lacks.
    assert "the last" in day.run("stolen", code=5)
    shutil.rmtree(day.B)
    honest.rename(day.B)
    said = day.run("stolen")
    assert said.startswith("valid") and sealed(said) > 0


# ---- the space -------------------------------------------------------------------------------------

def test_disk_full_refuses_says_so_and_goes_on_when_there_is_room(day):
    """Two gibibytes of ballast: with them the disk is under the reserve, without them above it."""
    ballast = day.folder / "ballast"
    with open(ballast, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, 2 * GIB)
    free = shutil.disk_usage(day.D).free
    if free + GIB > 1024 * GIB:
        pytest.skip("the largest reserve is smaller than this disk")
    day.daemon.stop()
    run = day.start(config={"map_size": 2 * (free + GIB), "reserve": free + GIB})
    day.env["TRAIL_LINES"] = write_lines(day.folder / "lines.jsonl")
    assert "FULL" in day.shell("trail import $TRAIL_LINES", code=3) + day.run("full", code=6)
    assert "TRAIL-D053" in run.stderr() and "TRAIL-D054" not in run.stderr()
    assert "/a" in day.searched(), "what is there can be read"
    ballast.unlink()
    assert "imported 20 events" in day.shell("trail import $TRAIL_LINES")
    assert "TRAIL-D054" in run.stderr()
    assert "imported 0 events (20 already there)" in day.shell("trail import $TRAIL_LINES")
    day.run("full after")
    run.stop()
    day.traild.assert_valid(day.D)


def write_lines(path):
    path.write_text("".join(json.dumps({
        "time": "2026-03-01T12:00:00Z", "action": "READ", "source": "files",
        "actor": {"id": "anna"}, "object": {"id": f"/o/{i}"}}) + "\n" for i in range(20)))
    return str(path)


def test_disk_full_log_moves_to_a_larger_one(day):
    larger = day.folder / "larger"
    larger.mkdir(mode=0o700)
    assert "valid" in day.run("move")
    day.D.rename(day.folder / "old")
    larger.rename(day.D)  # as a mount would
    day.start()
    day.emit("/later")
    assert "/a" in day.searched() and "/later" in day.searched()
    day.daemon.stop()
    day.traild.assert_valid(day.D)


# ---- the clock -------------------------------------------------------------------------------------

def test_clock_wrong_is_said_marked_and_harms_no_proof(day, wrong_clock):
    day.daemon.stop()
    run = day.start(env=wrong_clock.env)
    day.emit("/right")
    wrong_clock(-7200)
    day.emit("/slow-1", "/slow-2")
    assert re.search(r"TRAIL-D055 .*-7\d\d\d s", run.stderr())
    said = day.run("clock")
    assert "/slow-1" in said and "/slow-2" in said and "/right" not in said and "valid" in said
    wrong_clock(0)
    day.emit("/mended")
    found = day.shell("trail search action:modify -o json 2>/dev/null")
    assert json.loads(found)["reason"] == "2 h slow until 14:37"
    run.stop()
    day.traild.assert_valid(day.D)
