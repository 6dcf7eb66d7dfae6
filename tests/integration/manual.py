# SPDX-License-Identifier: Apache-2.0
"""What a manual page says, read from its macros: which options it has, which arguments, which codes."""
import re

WORD = re.compile(r'"[^"]*"|\S+')
DELIMITERS = {",", ".", ";", ":", "(", ")", "[", "]", "|", "?", "!"}
CALLABLE = {"Ar", "Fl", "Cm", "Nm", "Op", "Oo", "Oc", "Li", "Ns", "No", "Pa", "Ev", "Dv", "Va", "Em",
            "Sy", "Pq", "Ql", "Qq", "Dq", "Xr", "Ic", "Fn", "Sx"}


class Page:
    """Sections by name, each a list of lines; comments are left out."""

    def __init__(self, path):
        self.sections, name = {"": []}, ""
        for line in path.read_text().splitlines():
            if line.startswith('.\\"'):
                continue
            if line.startswith(".Sh "):
                name = line[4:].strip('"')
                self.sections[name] = []
            else:
                self.sections[name].append(line)

    def lines(self, *names):
        return [line for name in names for line in self.sections.get(name, [])]


def tokens(line):
    return [w.strip('"') for w in WORD.findall(line[1:])] if line.startswith(".") else []


def options(lines):
    """Every option that an Fl names: "--log", "-o"."""
    found = set()
    for line in lines:
        in_flag = False
        for word in tokens(line):
            if word in CALLABLE or word == "It":
                in_flag = word == "Fl"
            elif in_flag and word not in DELIMITERS and word not in ("=",):
                found.add("-" + word)
    return found


def items(lines):
    """(head, lines below it) of each item of the outermost lists."""
    out, depth = [], 0
    for line in lines:
        if line.startswith(".Bl"):
            depth += 1
        if line.startswith(".It") and depth == 1:
            out.append((line, []))
        elif out and depth > 0:
            out[-1][1].append(line)
        if line.startswith(".El"):
            depth -= 1
    return out


def arguments(line):
    """The arguments of a synopsis line, those of options left out."""
    found, after = [], None
    words = " ".join(tokens(line)).replace("Ns Oo = Ns Ar FILE Oc", "").split()
    for word in words:
        if word in ("Oc", "Op"):
            after = None
        elif word in CALLABLE:
            after = "option" if after in ("Fl", "option") and word in ("Ar", "Ns", "Cm", "Fl") else word
        elif after == "Ar" and word not in DELIMITERS and word != "...":
            found.append(word)
        elif after == "Fl":
            after = "option"
    return found


def displays(lines):
    """Commands that are shown: one-line displays and literal blocks, as a shell is to get them."""
    out, block = [], None
    for line in lines:
        if line.startswith(".Dl "):
            out.append(plain(line[4:]))
        elif line.startswith(".Bd -literal"):
            block = []
        elif line.startswith(".Ed") and block is not None:
            out.append("\n".join(block))
            block = None
        elif block is not None:
            block.append(plain(line))
    return out


def plain(text):
    return text.replace("\\(dq", '"').replace("\\e", "\\").replace("\\(pc", "\u00b7")
