# SPDX-License-Identifier: Apache-2.0
"""
What a file of events says, worked out from its lines alone: the answers that a search of a log into
which it was imported must give. Shares nothing with the project.
"""
import collections
import datetime
import gzip
import json
import random
import subprocess

Act = collections.namedtuple("Act", "time_ns actor action")


def open_lines(path):
    """The lines of a .jsonl, .jsonl.gz or .jsonl.zst file, as bytes."""
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE,
                              check=True).stdout.splitlines(keepends=True)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        return file.readlines()


def time_ns(text):
    """RFC 3339 to ns since 1970: datetime knows microseconds alone."""
    text = text.replace("Z", "+00:00")
    whole, zone = text[:19], text[-6:]
    fraction = text[20:-6]
    seconds = datetime.datetime.fromisoformat(whole + zone)
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (seconds - epoch) // datetime.timedelta(seconds=1) * 10**9 + int(
        fraction.ljust(9, "0") if fraction else 0)


class Oracle:
    """The history of every object of a file, in the order of its lines."""

    def __init__(self, lines):
        self.count = 0
        self.histories = collections.defaultdict(list)
        self.sources = set()
        for line in lines:
            event = json.loads(line)
            self.sources.add(event["source"])
            self.histories[event["object"]["id"]].append(
                Act(time_ns(event["time"]), event["actor"]["id"], event["action"]))
            self.count += 1

    def rare(self):
        """Objects that occur once or twice."""
        return sorted(o for o, acts in self.histories.items() if len(acts) <= 2)

    def frequent(self, count):
        """Those that occur most often."""
        return sorted(sorted(self.histories, key=lambda o: (-len(self.histories[o]), o))[:count])

    def reborn(self):
        """Objects that were deleted, or created after they had been there."""
        return sorted(o for o, acts in self.histories.items() if
                      any(a.action == "DELETE" for a in acts) or
                      sum(a.action == "CREATE" for a in acts) > 1)

    def choose(self, seed, rare, frequent, reborn):
        """So many of each, no object twice; the same for the same seed."""
        rng = random.Random(seed)
        chosen = self.frequent(frequent)
        for some, count in ((self.reborn(), reborn), (self.rare(), rare)):
            some = [o for o in some if o not in chosen]
            chosen += rng.sample(some, min(count, len(some)))
        return chosen
