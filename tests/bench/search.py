#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
What it costs to ask who did what, among ten million municipal events: traild, and beside it, in the
same run and with the same parameters, PostgreSQL 15 with the indexes that a good engineer would make.

    search.py [--events N] [--asks N] [--folder F] [STEP...]

Steps, all of them in this order unless some are named:

    fill           a store with events, each from the system that emits it
    ask            the questions: through the library, which verifies each row, and on the wire
    ingest         events/s with the index and without, in pairs; how far the index lags
    rebuild        the index deleted, and built anew
    fill-postgres  the same events by COPY; the indexes; the last tenth with the indexes there
    ask-postgres   the same questions
    table          print what was measured; fail where the two systems answered differently

Single steps need --folder, where stores and results stay until `--remove`. Otherwise everything
lies in a temporary folder and goes at the end. Nothing but the answers is asserted.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from postgres import Postgres, missing  # noqa: E402
from run import CONFIG, Bench, data_file, first_line, print_machine, say, trail  # noqa: E402

ROOT = HERE.parent.parent
ORIGIN = "bench.example/log"
STEPS = ["fill", "ask", "ingest", "rebuild", "fill-postgres", "ask-postgres", "table"]

INDEX_OFF = {"index": "false"}
# Records at the log's end that the index leaves to the scan (setting index_run).
INDEX_TAIL = 4096
# Looks at the status between two merges may see none.
QUIET_LOOKS = 10


class Search:
    """The folder with both systems, and what was measured in it."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.bench = Bench(options.build.resolve(), folder, options.ingest_events)
        # What clients of an earlier step took for the log of that name.
        for kept in folder.glob("client*"):
            shutil.rmtree(kept)
        self.file = folder / "results.json"
        self.results = json.loads(self.file.read_text()) if self.file.exists() else {}
        self.postgres = Postgres(self.results.get("postgres_folder", folder / "postgres"))

    def put(self, name, value):
        self.results[name] = value
        self.file.write_text(json.dumps(self.results) + "\n", encoding="utf-8")

    def start(self):
        return self.bench.factory.start(self.folder / "store", config=CONFIG, origin=ORIGIN)

    def call(self, mode, *words):
        """One run of the C program `search`."""
        return self.bench.call("search", mode, "--events", self.options.events, "--seed",
                               self.options.seed, *words)

    def ask(self, *words):
        words += ("--only", self.options.only) if self.options.only else ()
        return self.call("ask", "--asks", self.options.asks, *words)["questions"]


def end(daemon):
    daemon.stop()
    daemon.finish()


# ---- traild -------------------------------------------------------------------------------------


def status_of(search, daemon):
    return json.loads(trail(search.bench, daemon, "status", "-o", "json")[2])


def wait_for_index(search, daemon, merged=False, seconds=3600):
    """
    Seconds until the index reaches the log's end, but for its tail, and, if `merged`, its files are
    merged; None: this daemon has none.
    """
    begun, quiet = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        status, now = status_of(search, daemon), time.monotonic()
        if "indexed" not in status:
            return None
        there = status["indexed"] + INDEX_TAIL >= status["size"] and status["index_missing"] == 0
        if not there or (merged and status["index_merges"]):
            quiet = 0
        elif quiet == 0:
            since, quiet = now, 1
        else:
            quiet += 1
        if quiet >= (QUIET_LOOKS if merged else 1):
            return since - begun
        time.sleep(0.05)
    raise RuntimeError(f"after {seconds} s the index does not reach the log's end")


def has_index(search):
    daemon = search.start()
    known = "indexed" in status_of(search, daemon)
    end(daemon)
    return known


def fill(search):
    shutil.rmtree(search.folder / "store", ignore_errors=True)
    daemon = search.start()
    before = data_file(daemon).stat().st_size
    done = search.call("fill", "--connect", daemon.address)
    done["index_behind_seconds"] = wait_for_index(search, daemon)
    done["index_merged_seconds"] = wait_for_index(search, daemon, merged=True)
    status = status_of(search, daemon)
    done["store_bytes"] = (data_file(daemon).stat().st_size - before) / done["events"]
    if "index_bytes" in status:
        done["index_bytes"] = status["index_bytes"] / done["events"]
    end(daemon)
    search.put("fill", done)


def read_into_cache(folder):
    """Both systems are asked with warm caches."""
    for path in folder.rglob("*"):
        if path.is_file():
            subprocess.run(["cat", str(path)], stdout=subprocess.DEVNULL, check=True)


def ask(search):
    daemon = search.start()
    wait_for_index(search, daemon, merged=True)
    read_into_cache(search.folder / "store")
    search.put("floor", search.call("floor", "--connect", daemon.address, "--asks",
                                    max(search.options.asks, 100)))
    say("ask through the library")
    search.put("trail", search.ask("--connect", daemon.address))
    say("ask on the wire")
    search.put("wire", search.ask("--connect", daemon.address, "--wire"))
    end(daemon)
    search.put("rows", search.bench.call("rows", "--store", search.folder / "store" / "log"))


def ingest_once(search, more):
    """16 connections on a new store; the index is looked at meanwhile, whether there is one or not."""
    bench = search.bench
    daemon = bench.factory.start(None, config=dict(CONFIG, **more), origin=ORIGIN)
    looker = subprocess.Popen([str(bench.programs / "search"), "lag", "--connect", daemon.address,
                               "--events", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        done = bench.load(daemon, bench.events)
        behind = wait_for_index(search, daemon) or 0
        lag = json.loads(looker.communicate()[0])
        return {"rate": done["rate"], "most": lag["most"], "behind": behind,
                "indexed_rate": done["events"] / (done["seconds"] + behind)}
    finally:
        looker.kill()
        looker.wait()
        bench.drop(daemon)


def ingest(search):
    """Pairs next to each other in time, in turns which comes first."""
    if not has_index(search):
        say("left out: ingest with index on and off: this daemon has no index")
        return
    pairs = []
    for i in range(search.options.pairs):
        runs = {}
        for on in ((True, False) if i % 2 == 0 else (False, True)):
            runs[on] = ingest_once(search, {} if on else INDEX_OFF)
        pairs.append({"on": runs[True], "off": runs[False]})
    search.put("ingest", pairs)


def rebuild(search):
    index = search.folder / "store" / "index"
    if not has_index(search):
        say("left out: rebuilding the index: this daemon has none")
        return
    shutil.rmtree(index)
    daemon = search.start()
    seconds = wait_for_index(search, daemon)
    merged = seconds + wait_for_index(search, daemon, merged=True)
    size = status_of(search, daemon)["size"]
    end(daemon)
    search.put("rebuild", {"seconds": seconds, "merged_seconds": merged, "rate": size / seconds})


# ---- PostgreSQL ---------------------------------------------------------------------------------


def without_libpq(search):
    done = subprocess.run([str(search.bench.programs / "search"), "fill", "--events", "1",
                           "--postgres", "host=/nowhere"], capture_output=True, text=True,
                          check=False)
    return done.stderr.strip() if "without libpq" in done.stderr else None


def without_postgres(search):
    why = missing() or without_libpq(search)
    if why:
        say(f"left out: {why}")
        search.put("postgres_missing", why)
    return why is not None


def copy(search, *words):
    return search.call("fill", "--postgres", search.postgres.connection, *words)


def fill_postgres(search):
    if without_postgres(search):
        return
    search.postgres.remove()
    search.postgres.create()
    search.put("postgres_folder", str(search.postgres.folder))
    search.postgres.start()
    try:
        search.postgres.sql_file("postgres_table.sql")
        # Nine tenths as one loads much, and the last as a log grows: its indexes are there, and
        # each batch is durable.
        most = search.options.events - search.options.events // 10
        done = copy(search, "--last", most)
        begun = time.monotonic()
        search.postgres.sql_file("postgres_indexes.sql")
        done["index_seconds"] = time.monotonic() - begun
        grown = copy(search, "--first", most, "--commit", 1000)
        done["indexed_rate"], done["all"] = grown["rate"], done["events"] + grown["events"]
        search.postgres.sql("VACUUM (FREEZE, ANALYZE) event")
        done["tables_bytes"] = int(search.postgres.sql("SELECT pg_table_size('event')"))
        done["indexes_bytes"] = int(search.postgres.sql("SELECT pg_indexes_size('event')"))
        search.put("fill_postgres", done)
    finally:
        search.postgres.stop()


def ask_postgres(search):
    if without_postgres(search):
        return
    search.postgres.start()
    try:
        search.postgres.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        search.postgres.sql("SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE oid = 'event'::regclass "
                            "OR oid IN (SELECT indexrelid FROM pg_index "
                            "WHERE indrelid = 'event'::regclass)")
        say("ask PostgreSQL")
        search.put("postgres", search.ask("--postgres", search.postgres.connection))
        say("ask PostgreSQL, each reading written down")
        search.put("logged", search.ask("--postgres", search.postgres.connection, "--logged"))
        search.put("postgres_version", search.postgres.sql("SHOW server_version").strip())
    finally:
        search.postgres.stop()


# ---- the table ----------------------------------------------------------------------------------


def differences(search):
    """What traild and PostgreSQL answered differently, a line each."""
    found = []
    for ours, theirs in zip(search.results.get("trail", []), search.results.get("postgres", [])):
        if ours.get("left_out") or theirs.get("left_out"):
            continue
        for a, b in zip(ours["answers"], theirs["answers"], strict=True):
            if a != b:
                found.append(f"{ours['name']}: {a[0].strip()}: traild gave {a[1]} rows ({a[2]}), "
                             f"PostgreSQL {b[1]} ({b[2]})")
    return found


def pair(series, which):
    """p50 / p99 in ms."""
    if not series or series.get("left_out"):
        return "-"
    return f"{series[f'{which}_p50_us'] / 1000:.2f} / {series[f'{which}_p99_us'] / 1000:.2f}"


def ratio(ours, theirs):
    """How much longer they take to the last row, p50."""
    if any(not s or s.get("left_out") for s in (ours, theirs)):
        return "-"
    return f"{theirs['last_p50_us'] / ours['last_p50_us']:.2f}"


def rows_of(series):
    shown = [s for s in series if s and not s.get("left_out")]
    return f"{statistics.median(a[1] for a in shown[0]['answers']):,.0f}" if shown else "-"


SYSTEMS = [("trail", "traild"), ("wire", "on the wire"), ("postgres", "PostgreSQL"),
           ("logged", "PG, logged")]


def print_questions(search):
    results = search.results
    all_series = [results.get(key) for key, _ in SYSTEMS]
    names = [s["name"] for s in next((x for x in all_series if x), [])]
    for which in ("last", "first"):
        print(f"\n{f'to the {which} row, ms, p50 / p99':52}{'rows':>7}"
              + "".join(f"{name:>18}" for _, name in SYSTEMS)
              + (f"{'PG/traild':>11}{'logged/':>9}" if which == "last" else ""))
        for i, name in enumerate(names):
            series = [x[i] if x else None for x in all_series]
            ratios = (f"{ratio(series[0], series[2]):>11}{ratio(series[0], series[3]):>9}"
                      if which == "last" else "")
            print(f"{name:52}{rows_of(series):>7}"
                  + "".join(f"{pair(s, which):>18}" for s in series) + ratios)
    print(f"""
each question {search.options.asks} times, reports a tenth of that, always with other parameters
rows: the median of the answers. -: cannot be asked there
traild: every row verified by the library, the reading durable in the log before the answer leaves
on the wire: the same daemon, the rows believed. PostgreSQL: neither. PG, logged: a durable INSERT
that tells of the reading goes before each question. PG/traild, logged/: their p50 by traild's""")
    floor = results.get("floor")
    if floor:
        print(f"floor of traild: one durable append {pair(floor, 'append')}, "
              f"one event by its number {pair(floor, 'show')}")
    steps = results.get("rows")
    if steps:
        print("CPU of one row that lies far from the others, us: "
              + ", ".join(f"{name} {steps[f'{name}_us']:.1f}" for name in
                          ("record", "chunk", "payload", "proof", "encode"))
              + "; at the client: "
              + ", ".join(f"{name} {steps[f'{name}_us']:.1f}" for name in ("decode", "verify")))


def line(name, text):
    print(f"{name:58}{text}")


def print_ingest(search):
    pairs = search.results.get("ingest")
    name = "ingest with the index / without it"
    if not pairs:
        line(name, "not measured")
        line("index behind, at full ingest", "not measured")
        return
    for name, key in ((name, "rate"), ("the same until all is indexed", "indexed_rate")):
        ratios = [p["on"][key] / p["off"]["rate"] for p in pairs]
        line(name, f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, "
                   f"{len(pairs)} pairs; {statistics.median(p['on'][key] for p in pairs):,.0f} "
                   f"by {statistics.median(p['off']['rate'] for p in pairs):,.0f} events/s)")
    line("index behind, at full ingest",
         f"at most {max(p['on']['most'] for p in pairs):,} records; none "
         f"{max(p['on']['behind'] for p in pairs):.1f} s after the last ack")


def print_stores(search):
    filled, theirs = search.results.get("fill"), search.results.get("fill_postgres")
    rebuilt = search.results.get("rebuild")
    print()
    if filled:
        line("traild: filled by 40 sources, generator included",
             f"{filled['rate']:,.0f} events/s, {filled['seconds']:.1f} s")
        line("traild: disk per event", f"{filled['store_bytes']:.0f} bytes")
        line("traild: index per event", f"{filled['index_bytes']:.1f} bytes"
             if "index_bytes" in filled else "not measured")
        print_ingest(search)
        line("index built anew", f"{rebuilt['rate']:,.0f} events/s, {rebuilt['seconds']:.1f} s; merged after "
             f"{rebuilt['merged_seconds']:.1f} s"
             if rebuilt else "not measured")
    if theirs:
        events = theirs["all"]
        line("PostgreSQL: COPY without indexes, generator included",
             f"{theirs['rate']:,.0f} events/s, {theirs['seconds']:.1f} s; "
             f"indexes then {theirs['index_seconds']:.1f} s")
        line("PostgreSQL: COPY with indexes, 1,000 a commit",
             f"{theirs['indexed_rate']:,.0f} events/s (the last tenth)")
        line("PostgreSQL: disk per event", f"table {theirs['tables_bytes'] / events:.0f}, "
             f"indexes {theirs['indexes_bytes'] / events:.0f} bytes")


def table(search):
    options = search.options
    print(f"versions     {first_line(str(search.bench.factory.trail), '--version')}; PostgreSQL "
          f"{search.results.get('postgres_version', search.results.get('postgres_missing', '-'))}")
    print(f"events       {options.events:,} municipal ones, seed {options.seed}; caches warm")
    print_questions(search)
    print_stores(search)
    found = differences(search)
    if found:
        print(f"\nTHE ANSWERS DIFFER, {len(found)} times:", *found[:10], sep="\n  ", flush=True)
        return 1
    if "trail" in search.results and "postgres" in search.results:
        print("\nanswers: the same from both systems")
    return 0


# ---- all ----------------------------------------------------------------------------------------


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=", ".join(STEPS))
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--scratch", type=pathlib.Path, default=ROOT / "build",
                        help="folder on the file system to be measured")
    parser.add_argument("--folder", type=pathlib.Path, help="keep stores and results there")
    parser.add_argument("--remove", action="store_true", help="remove that folder at the end")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--asks", type=int, default=300, help="of each question")
    parser.add_argument("--only", help="questions with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=3, help="of runs with and without the index")
    parser.add_argument("--ingest-events", type=int, default=2_000_000, help="of each such run")
    options = parser.parse_args()
    unknown = set(options.steps) - set(STEPS)
    if unknown:
        parser.error(f"no such step: {', '.join(sorted(unknown))} (there are {', '.join(STEPS)})")
    if options.steps and not options.folder:
        parser.error("single steps need --folder")
    return options


def run(options, folder):
    search = Search(options, folder)
    code = 0
    print_machine(folder)
    try:
        for step in options.steps or STEPS:
            say(step)
            code = globals()[step.replace("-", "_")](search) or code
    finally:
        for daemon in search.bench.factory.started:
            daemon.finish()
        if options.remove or not options.folder:
            search.postgres.remove()
        else:
            search.postgres.stop()
    if options.folder and options.remove:
        shutil.rmtree(folder)
    return code


def main():
    options = parse()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        return run(options, options.folder.resolve())
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as folder:
        # PostgreSQL runs as another user, and reaches its own folder in it.
        os.chmod(folder, 0o711)
        return run(options, pathlib.Path(folder))


if __name__ == "__main__":
    sys.exit(main())
