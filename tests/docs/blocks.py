"""The blocks of a page of Markdown, and what is said about them for the tests: CONTRIBUTING.md,
"Pages", has the rules."""

import pathlib
import re
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ("sh", "console", "python")
MARKS = ("not run", "run by", "before", "exit", "check")
FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*(\S*)\s*$")
COMMENT = re.compile(r"<!--\s*([a-z ]+?):\s*(.*?)\s*-->\s*\Z", re.DOTALL)
OUR_PROGRAM = re.compile(
    r"^(\$ |(sudo )?(tunnel-(hub|agent|gateway|tui)|tunnelctl|localproxy|aws|curl|ssh|cmake) \S)", re.M)


class Mistake(Exception):
    """What is wrong with a page, for its author."""


@dataclass
class Block:
    page: str
    line: int  # of the text's first line
    language: str
    text: str
    marks: dict = field(default_factory=dict)

    @property
    def is_commands(self):
        return self.language in COMMANDS

    @property
    def fate(self):
        """run, run by (another test) or not run; None: neither commands nor a file that is checked."""
        if not self.is_commands:
            return "run" if "check" in self.marks else None
        return next((mark for mark in ("not run", "run by") if mark in self.marks), "run")

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "share/doc").rglob("*.md"))]


def name(path):
    return str(pathlib.Path(path).resolve().relative_to(ROOT))


def _marks(above):
    """{mark: text} of the comments that end the lines above a block."""
    marks, text = {}, "\n".join(above)
    while (start := text.rfind("<!--")) >= 0 and (found := COMMENT.match(text, start)):
        marks = {found[1]: found[2]} | marks
        text = text[:start].rstrip("\n")
    return marks


def blocks(text, page):
    found, lines, opened = [], text.splitlines(), None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, begin = fence, number
        elif opened is not None and line.strip() == opened[2]:
            found.append(Block(page, begin + 2, opened[3], "\n".join(lines[begin + 1:number]) + "\n",
                               _marks(lines[:begin])))
            opened = None
    if opened is not None:
        raise Mistake(f"{page}:{begin + 1}: this block has no end")
    return found


def mistakes(block):
    """What is wrong with the form of a block."""
    if not block.language:
        yield "a block without a language: sh, console and python are run, text and the like are not"
    elif not block.is_commands and OUR_PROGRAM.search(block.text):
        yield f"commands in a block of {block.language}: sh and console are run"
    for mark, text in block.marks.items():
        if mark not in MARKS or not text:
            yield f"a mark that nobody knows, or that says nothing: {mark}: {text}"
        elif mark == "check" and block.is_commands:
            yield "commands are run, not checked"
        elif not block.is_commands and mark != "check" and "check" not in block.marks:
            yield f"'{mark}' is for blocks of commands, and this is one of {block.language}"
    other = block.marks.get("run by")
    if other and not (ROOT / other).is_file():
        yield f"run by {other}, which is not there"
    if "not run" in block.marks and len(block.marks) > 1:
        yield "not run, so other marks have no meaning"
