"""Runs the commands of a page, block by block, as a reader would. Started by `machine`."""

import fcntl
import os
import pathlib
import re
import socket
import struct
import sys

from blocks import ROOT, Mistake, blocks, name
from shell import SCREEN, Shell, commands, first_words, stays

HERE = pathlib.Path(__file__).resolve().parent
# What differs each time, on the page and here.
VARIES = ((re.compile(r"\x1b\[[0-9;]*m"), ""),
          (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
          (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z)?"), "TIME"),
          (re.compile(r"\d\d:\d\d:\d\d"), "TIME"),
          (re.compile(r"(127\.0\.0\.1|198\.51\.100\.\d+|192\.0\.2\.\d+)(:\d{5})?\b"), "ADDRESS"),
          (re.compile(r"[ \t]+"), " "))


def loopback_up():
    """What `ip link set lo up` does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        up = struct.pack("16sh14x", b"lo", 0x1 | 0x40)
        fcntl.ioctl(s, 0x8914, up)  # SIOCSIFFLAGS


def plain(text):
    for pattern, by in VARIES:
        text = pattern.sub(by, text)
    return [line.strip() for line in text.strip("\n").splitlines()]


def as_shown(shown, whole=True):
    """A pattern for what a page shows: "…" stands for any text, and on a line of its own for any
    lines. Not whole: there may be other lines before, between and after."""
    pattern = "" if whole else r"(?:.*\n)*?"
    for line in plain(shown):
        if line == "…":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("…")) + r"\n"
            pattern += "" if whole else r"(?:.*\n)*?"
    return re.compile(pattern)


def fits(shown, text, whole=True):
    seen = "".join(line + "\n" for line in plain(text))
    return bool((as_shown(shown, whole).fullmatch if whole else as_shown(shown, whole).match)(seen))


def dialogue(text):
    """(command, what it shows) of a console block."""
    found, command = [], None
    for line in text.splitlines():
        if line.startswith("$ "):
            command = [line[2:]]
            found.append((command, []))
        elif command and line.startswith("> ") and not found[-1][1]:
            command.append(line[2:])
        elif not found:
            raise Mistake("a console block begins with a command: $ COMMAND")
        elif command[-1].endswith("\\") and not found[-1][1]:
            command.append(line)
        else:
            found[-1][1].append(line)
    return [("\n".join(command), "\n".join(shown)) for command, shown in found]


def check(place, command, code, text, wanted, shown):
    if code != wanted:
        raise Mistake(f"{place}: {command}\nends with {code}, not {wanted}:\n{text}")
    if shown is not None and not fits(shown, text):
        raise Mistake(f"{place}: {command}\nthe page shows:\n{shown}\n\nhere it is:\n{text}")


class Page:
    def __init__(self, page, text, shell):
        self.name, self.text, self.shell = page, text, shell

    def setup(self):
        """What every reader has, and what this page's has besides."""
        inside = self.name.removeprefix("share/doc/").removesuffix(".md")
        for file in (HERE / "home.sh", HERE / "setup" / f"{inside}.sh"):
            if file.exists():
                self.shell.run(f"HERE={HERE}")
                for command in commands(file.read_text()):
                    self.one(name(file), command)

    def one(self, place, command, shown=None, code=0):
        """A command; `shown`: what the page shows of its output."""
        ready = stays(command)
        if SCREEN.match(first_words(command)):
            check(place, command, *self.shell.screen(command), code, None)
        elif ready is not None and code == 0:
            program = self.shell.start(command, "" if shown else ready)
            if shown:
                self.shell.wait(lambda: fits(shown, program.text(), whole=False), program,
                                f"what the page shows:\n{shown}\n")
        else:
            if ready is not None:  # it would stay, but the page says that it ends
                self.shell.stop_named(first_words(command).split()[0])
            done, text = self.shell.run(command)
            check(place, command, done, text, code, shown)

    def block(self, block):
        for command in commands(block.marks.get("before", "")):
            self.one(block.place, self.shell.as_here(command))
        if "check" in block.marks:
            file = self.shell.folder / "block"
            file.write_text(block.text)
            file.chmod(0o600)
            steps = [(f"BLOCK={file}\n{block.marks['check']}", None)]
        elif block.text.startswith("#!") or block.language == "python":
            file = self.shell.folder / "script"
            file.write_text(block.text)
            file.chmod(0o700)
            steps = [(f"{'python3 ' if block.language == 'python' else ''}{file}", None)]
        elif block.language == "console":
            steps = [(command, shown or None) for command, shown in dialogue(block.text)]
        else:
            steps = [(command, None) for command in commands(block.text)]
        for i, (command, shown) in enumerate(steps):
            code = int(block.marks.get("exit", 0)) if i == len(steps) - 1 else 0
            self.one(block.place, self.shell.as_here(command), shown, code)

    def run(self):
        found = [b for b in blocks(self.text, self.name) if b.fate == "run"]
        if found:
            self.setup()
        for block in found:
            print(f"{block.place}: {block.text.splitlines()[0]}", flush=True)
            try:
                self.block(block)
            except Mistake as mistake:
                raise Mistake(f"{block.place}: {mistake}") from None
        self.shell.stop_all()
        return len(found)


def main(path):
    if path == "-":
        page, text = "stdin", sys.stdin.read()
    else:
        page, text = name(path), pathlib.Path(path).read_text()
    loopback_up()
    folder = pathlib.Path(os.environ["HOME"]) / "tunnel"  # as if it were a clone of the repository
    folder.mkdir()
    for item in ROOT.iterdir():
        if item.name != "build" and not item.name.startswith("."):
            (folder / item.name).symlink_to(item)
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(pathlib.Path(os.environ["TUNNEL_BIN"]).parent)
    shell = Shell(folder)
    try:
        print(f"{page}: {Page(page, text, shell).run()} blocks are run")
    except Mistake as mistake:
        print(mistake)
        for program in shell.staying:
            print(f"\n--- {program.command}\n{program.text()[-2000:]}")
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
