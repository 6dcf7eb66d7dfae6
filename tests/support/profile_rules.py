# SPDX-License-Identifier: Apache-2.0
"""
Which files a profile of AppArmor lets a program touch: enough of apparmor.d(5) to read ours and the
abstractions of Debian that they include. No kernel is asked, so it tells of paths and of reading or
writing alone.
"""
import collections
import pathlib
import re

ETC = pathlib.Path("/etc/apparmor.d")
Rule = collections.namedtuple("Rule", "pattern access deny")
FILE = re.compile(r'^(?P<word>(?:audit |deny |owner |allow |file )*)"?(?P<path>(?:/|@\{)[^\s"]*)"?\s+'
                  r"(?P<access>[a-zA-Z]+),$")


class Profile:
    def __init__(self, path):
        self.variables = {"PROC": ["/proc/"], "pid": ["[0-9]*"], "tid": ["[0-9]*"]}
        self.rules = []
        self._seen = set()
        self._read(pathlib.Path(path))

    def _read(self, path):
        if path in self._seen:
            return
        self._seen.add(path)
        for line in path.read_text().splitlines():
            self._line(re.sub(r"\s*#(?!include).*", "", line).strip())

    def _line(self, line):
        included = re.match(r"#?include\s+(?:if exists\s+)?<([^>]+)>", line)
        if included:
            target = ETC / included[1]
            for path in sorted(target.iterdir()) if target.is_dir() else [target]:
                if path.is_file():
                    self._read(path)
            return
        variable = re.match(r"@\{(\w+)\}\s*\+?=\s*(.*)", line)
        if variable:
            self.variables.setdefault(variable[1], []).extend(variable[2].split())
            return
        rule = FILE.match(line)
        if rule:
            for path in self._expand(rule["path"]):
                self.rules.append(Rule(glob(path), rule["access"], "deny" in rule["word"]))

    def _expand(self, path):
        name = re.search(r"@\{(\w+)\}", path)
        if not name:
            return [re.sub("/+", "/", path)]
        return [p for value in self.variables.get(name[1], [])
                for p in self._expand(path.replace(name[0], value, 1))]

    def allows(self, path, access):
        """access: "r" or "w"."""
        matching = [r for r in self.rules if r.pattern.fullmatch(path)]
        return any(access in r.access for r in matching if not r.deny) and \
            not any(access in r.access for r in matching if r.deny)


def glob(text):
    """apparmor.d(5), GLOBBING: * and ? stop at /, ** does not; [abc], {a,b}."""
    out, depth, i = "", 0, 0
    while i < len(text):
        c = text[i]
        if text.startswith("**", i):
            out, i = out + ".*", i + 1
        elif c in "*?":
            out += {"*": "[^/]*", "?": "[^/]"}[c]
        elif c == "[":
            end = text.index("]", i)
            out, i = out + text[i:end + 1], end
        elif c == "{":
            out, depth = out + "(?:", depth + 1
        elif c == "}":
            out, depth = out + ")", depth - 1
        elif c == "," and depth:
            out += "|"
        else:
            out += re.escape(c)
        i += 1
    return re.compile(out)
