# SPDX-License-Identifier: Apache-2.0
"""
What a shell offers at the Tab key: trail says it from the tables that it reads its command line by,
and each shell shows it. Completing needs no daemon and asks none.
"""
import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
from harness import ROOT, SLOW

SCRIPTS = ROOT / "client" / "cli"


@pytest.fixture
def trail(build):
    """What `trail complete` offers, word for word; a command's summary is cut off."""
    def offers(*words):
        done = subprocess.run([build / "trail", "complete", *words], capture_output=True, text=True,
                              timeout=60, check=False, env={"PATH": os.environ["PATH"]})
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return [line.split("\t")[0] for line in done.stdout.splitlines()]
    offers.program = build / "trail"
    return offers


def run(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False,
                          env={"TRAIL_CONNECT": "unix:/nowhere", "PATH": os.environ["PATH"]})


# ---- what is offered ----------------------------------------------------------------------------

def commands(program):
    """The commands that --help lists."""
    return re.findall(r"^  (\w+) +\S", run(program, "--help").stdout, re.M)


def test_commands_are_those_of_help(trail):
    assert trail("") == commands(trail.program) and len(trail("")) >= 11
    assert trail("help", "") == trail("")
    assert trail("ver") == ["verify"] and trail("--log", "emit", "ver") == ["verify"]
    assert trail("--timeout", "3", "--utc", "ver") == ["verify"] and trail("nonsense", "") == []


@pytest.mark.parametrize("words,offered", [
    (["emit", ""], "create read modify delete execute"),
    (["emit", "e"], "execute"),
    (["emit", "read", ""], ""),
    (["emit", "--source", "s", ""], "create read modify delete execute"),
    (["emit", "--outcome", ""], "success denied failure unknown"),
    (["emit", "--outcome=d"], "--outcome=denied"),
    (["emit", "read", "x", "--medium", ""], "digital paper oral"),
    (["emit", "--actor-type", ""], "user system service anonymous"),
    (["emit", "--attr", ""], ""),
    (["emit", "--time", ""], "today yesterday"),
    (["search", "-S", ""], "today yesterday"),
    (["search", "-rS", ""], "today yesterday"),
    (["search", "-n", ""], ""),
    (["search", ""], "actor: object: subject: action: outcome: source: index: peer: unit: type: "
                     "verb: class: purpose: correlation: id: medium: host:"),
    (["search", "actor:anna", "-pu"], "-purpose:"),
    (["search", "-outcome:d"], "-outcome:denied"),
    (["search", "medium:p"], "medium:paper"),
    (["history", "-ac"], ""),
    (["search", "actor:anna", "-r", "out"], "outcome:"),
    (["search", "action:"], "action:create action:read action:modify action:delete "
                            "action:execute"),
    (["search", "outcome:d"], "outcome:denied"),
    (["search", "--", "actor:anna", "su"], "subject:"),
    (["search", "-o", ""], "short table json csv"),
    (["search", "--fields", "actor.n"], "actor.name"),
    (["search", "--fields=time,actor.n"], "--fields=time,actor.name"),
    (["search", "--same", "s"], "subject"), (["search", "--lang", ""], "en sv"),
    (["report", "act"], "actors actions"), (["report", "actors", "obj"], "object:"),
    (["report", "time", "--by", ""], "minute hour day"), (["report", "-o", ""], "text json csv"),
    (["history", "/x", "--output", "c"], "csv"),
    (["show", "5", "-o", ""], "text short table json csv"),
    (["key", "-o", ""], "text json"),
    (["import", ""], "FILE"),
    (["import", "--format", ""], "jsonl csv"),
    (["import", "x", ""], ""),
    (["--log", ""], "FILE"),
    (["verify", "--log=x"], "FILE"),
    (["verify", "--since=x"], "FILE"),
    (["verify", "--since", ""], "FILE"),
    (["verify", "--vkey", ""], ""),
    (["publish", "-q", ""], "FILE"),
    (["verify", "--checkpoint", ""], "FILE"),
    (["verify", "--payloads=x"], ""),
    (["verify", "--nonsense=x"], ""),
    (["--no"], "--no-pager"),
])
def test_words_that_fit_are_offered(trail, words, offered):
    assert trail(*words) == offered.split()


def test_every_word_that_is_offered_is_taken(trail):
    """An offer that the program refuses would be a trap: exit 3 is the daemon that is not there."""
    for action in trail("emit", ""):
        assert run(trail.program, "emit", action, "x").returncode == 3
    for option in ("--outcome", "--medium", "--actor-type", "--time"):
        for value in trail("emit", option, ""):
            assert run(trail.program, "emit", "read", "x", option, value).returncode == 3, value
    values = {"index:": "7", "class:": "0", "id:": "0198*"}
    words = ("action:", "outcome:", "medium:")
    terms = [t + values.get(t, "x") for t in trail("search", "") if t not in words]
    for term in terms + [t for word in words for t in trail("search", word)]:
        assert run(trail.program, "search", term).returncode == 3, term
        assert run(trail.program, "search", f"-{term}").returncode == 3, term
    for command in commands(trail.program):
        words = {"emit": ["read", "x"], "history": ["x"], "report": ["actors"], "show": ["1"], "prove": ["1"],
                 "publish": ["published"],
                 "import": ["--batch", "b", "/dev/null"]}.get(command, [])
        for form in trail(command, "-o", ""):
            done = run(trail.program, command, *words, "-o", form)
            assert done.returncode == 3, (command, form, done.stderr)


def test_complete_without_a_word_is_a_mistake(trail):
    done = run(trail.program, "complete")
    assert done.returncode == 2 and "words behind trail" in done.stderr


# ---- the shells ---------------------------------------------------------------------------------

LINES = [  # what is typed, and what a Tab makes of it
    ("em", "emit "),
    ("search outc", "search outcome:"),
    ("search outcome:d", "search outcome:denied "),
    ("search actor:a outcome:d", "search actor:a outcome:denied "),
    ("emit read x --outcome=d", "emit read x --outcome=denied "),
    ("emit read x --outc", "emit read x --outcome "),
    ("search -o c", "search -o csv "),
    ("--log evid", "--log evidence\\ file "),
    ("verify --since=evid", "verify --since=evidence\\ file "),
    ("import evid", "import evidence\\ file "),
]


class Screen:
    """A shell at a terminal."""

    def __init__(self, words, build, folder):
        env = {"PATH": f"{build}:{os.environ['PATH']}", "TERM": "dumb", "HOME": str(folder),
               "PS1": "> ", "LC_ALL": "C.UTF-8"}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, env)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def until(self, wanted, seconds=20):
        """All that is shown until `wanted` is."""
        seen, end = "", time.monotonic() + seconds * SLOW
        while wanted not in seen:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.terminal], [], [], left)[0]
            assert ready, f"{wanted!r} is not shown: {seen!r}"
            seen += os.read(self.terminal, 65536).decode(errors="replace")
        return seen

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.pid, 0)


@pytest.fixture
def files(folder):
    (folder / "evidence file").write_text("")
    return folder


def complete_all(screen, typed):
    try:
        screen.type("echo rea''dy\n")
        screen.until("ready")
        for line, becomes in typed:
            screen.type(f"trail {line}\t")
            screen.until(f"trail {becomes}")
            screen.type("\x15")
    finally:
        screen.close()


def test_bash_completes_at_a_terminal(build, files):
    screen = Screen(["bash", "--norc", "--noprofile", "-i"], build, files)
    screen.type(f"bind 'set enable-bracketed-paste off'; . {SCRIPTS}/trail.bash\n")
    complete_all(screen, LINES)


def test_zsh_completes_at_a_terminal(build, files):
    shutil.copy(SCRIPTS / "trail.zsh", files / "_trail")
    screen = Screen(["zsh", "-f", "-i"], build, files)
    screen.type(f"PS1='> '; fpath=({files} $fpath); autoload -Uz compinit; compinit -u -D\n")
    complete_all(screen, LINES)


def test_fish_completes(build, files):
    for line, becomes in LINES:
        script = f"source {SCRIPTS}/trail.fish; complete -C 'trail {line}'"
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True,
                              cwd=files, timeout=60, check=True,
                              env={"PATH": f"{build}:{os.environ['PATH']}", "HOME": str(files)})
        last = becomes.strip().replace("\\ ", "_").split()[-1].replace("_", " ")
        assert last in [x.split("\t")[0] for x in done.stdout.splitlines()], (line, done.stdout)


def bash_offers(build, words):
    """COMPREPLY for the words of a line, the cursor in the last, as bash cuts them."""
    script = (f". {SCRIPTS}/trail.bash\ncompopt() {{ :; }}\nCOMP_WORDS=(\"$@\")\n"
              "COMP_CWORD=$(($# - 1))\n_trail \"$1\"\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", str(build / "trail"), *words],
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("words,offered", [
    (["e"], ["emit"]),
    (["search", "actor", ":", "a", "outcome", ":"], ["success", "denied", "failure", "unknown"]),
    (["search", "outcome", ":", "de"], ["denied"]),
    (["emit", "--outcome", "=", "f"], ["failure"]),
    (["emit", "--outcome", "f"], ["failure"]),
    (["nonsense", ""], []),
])
def test_bash_puts_words_together_that_it_cut(build, words, offered):
    assert bash_offers(build, words) == offered
