"""A reader's terminals: a shell that keeps its variables and folder from command to command, and for
each program that stays a terminal of its own, as a reader would take another window."""

import os
import pathlib
import pty
import re
import select
import shlex
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

from blocks import Mistake

DEADLINE = 90  # seconds, for each command to end and each program to be ready
SANITIZER = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:")

# Reads the names of files with commands, runs them, and answers with their exit codes. What is
# started in the background does not end before its program, whose code is its own.
LOOP = r"""set -m
while read -r -u 8 how file; do
    case $how in
    run) . "$file" >"$file.out" 2>&1 </dev/null 8<&- 9>&-; echo $? >&9 ;;
    start) { trap : TERM; . "$file"; } >"$file.out" 2>&1 </dev/null 8<&- 9>&- & echo $! >&9 ;;
    wait) wait "$file" 2>/dev/null; echo $? >&9 ;;
    esac
done
"""

# Programs that stay: the first words of the command, words that would make it one that ends, and the
# log's line by which a reader sees that it is ready.
BATCH = r"--(check-config|version|help|manual|completion)\b"
STAY = [(re.compile(start), re.compile(f"{but}|{BATCH}" if but else BATCH), ready) for start, but, ready in (
    (r"tunnel-hub( -|$)", "", r"Listening on"),
    (r"tunnel-gateway( -.*(token|--config)|$)", "", r"is up, with"),
    (r"tunnel-gateway( -|$)", "", r"Listening on"),
    (r"tunnel-agent( -|$)", "", r"stands by|waits for approval|Successfully established"),
    (r"localproxy( -|$)", "", r"Successfully established"),
    (r"tunnelctl open .*--run-source", "", r"is up, with"),
    (r"socat TCP-LISTEN:", "", None),
)]
SCREEN = re.compile(r"(ssh -t \S+ )?tunnel-tui(?!.*--(once|json|events|check|render|version|help)\b)")


@dataclass
class Stays:
    name: str
    command: str
    pid: int
    log: pathlib.Path

    def text(self):
        return self.log.read_text(errors="backslashreplace")

    def runs(self):
        try:
            return pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False


def commands(text):
    """The commands of a text, each with the lines that belong to it: bash itself says when one is
    complete."""
    lines, found = [], []
    for line in text.splitlines():
        lines.append(line)
        if line.endswith("\\"):
            continue
        checked = subprocess.run(["bash", "-n"], input="\n".join(lines) + "\n", text=True,
                                 capture_output=True)
        if checked.returncode == 0 and not checked.stderr:
            if any(one.strip() and not one.strip().startswith("#") for one in lines):
                found.append("\n".join(lines))
            lines = []
    if lines:
        raise Mistake(f"a command that has no end: {lines}")
    return found


def first_words(command):
    """The command as one line, without variables and sudo in front of it."""
    line = " ".join(command.replace("\\\n", " ").split())
    return re.sub(r"^((\w+=(\"[^\"]*\"|'[^']*'|\$\([^)]*\)|\S)*|sudo|exec) +)+", "", line)


def stays(command):
    """The line that tells that a program that stays is ready ("" for none); None: it ends."""
    line = first_words(command)
    if line.endswith("&"):
        return None
    for start, but, ready in STAY:
        if start.match(line) and not but.search(line):
            return ready or ""
    return None


class Shell:
    def __init__(self, folder):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="shell-"))
        self.staying, self.number = [], 0
        orders, answers = os.pipe(), os.pipe()
        for fd, to in ((orders[0], 8), (answers[1], 9)):
            os.dup2(fd, to)
        loop = self.folder / "loop"
        loop.write_text(LOOP)
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc", loop], cwd=folder,
                                        stdin=subprocess.DEVNULL, pass_fds=(8, 9))
        for fd in (8, 9):
            os.close(fd)
        self.orders, self.answers = os.fdopen(orders[1], "w"), os.fdopen(answers[0])
        os.close(orders[0])
        os.close(answers[1])

    # ---- commands that end ----

    def _order(self, how, what):
        print(how, what, file=self.orders, flush=True)
        ready, _, _ = select.select([self.answers], [], [], DEADLINE)
        answer = self.answers.readline() if ready else None
        if answer == "":
            raise Mistake("the shell has ended")
        return int(answer) if answer else None

    def _file(self, command):
        self.number += 1
        file = self.folder / str(self.number)
        file.write_text(command + "\n")
        return file, pathlib.Path(f"{file}.out")

    def run(self, command):
        """Exit code and output."""
        file, out = self._file(command)
        code = self._order("run", file)
        text = out.read_text(errors="backslashreplace") if out.exists() else ""
        if code is None:
            raise Mistake(f"it does not end:\n{text}")
        if SANITIZER.search(text):
            raise Mistake(f"a sanitizer's report:\n{text}")
        return code, text

    def as_here(self, command):
        """The command with what is another here than on the page, by the page's setup."""
        file, _ = self._file(command)
        code, text = self.run(f"declare -F as_here >/dev/null || as_here() {{ cat; }}\nas_here <{file}")
        if code != 0:
            raise Mistake(f"as_here: {text}")
        return text.rstrip("\n")

    # ---- programs that stay ----

    def start(self, command, ready):
        """Starts a program in a terminal of its own. The one before of the same name ends first, as
        two of them would be in each other's way on one machine; not for one with --control off,
        which is meant to stand beside it."""
        name = first_words(command).split()[0]
        if "--control off" not in command:
            self.stop_named(name)
        file, out = self._file(command)
        out.touch()
        program = Stays(name, command, self._order("start", file), out)
        self.staying.append(program)
        port = re.search(r"-LISTEN:(\d+)", command)
        self.wait(lambda: listening(int(port[1])) if port else re.search(ready, program.text()),
                  program, f"/{ready}/ in its output")
        return program

    def wait(self, condition, program, what):
        end = time.monotonic() + DEADLINE
        while not condition():
            if not program.runs():
                raise Mistake(f"{program.name} has ended instead of {what}:\n{program.text()[-3000:]}")
            if time.monotonic() > end:
                raise Mistake(f"{program.name}: waited in vain for {what}:\n{program.text()[-3000:]}")
            time.sleep(0.02)

    def stop(self, program):
        self.staying.remove(program)
        if program.runs():
            os.killpg(program.pid, signal.SIGTERM)
        code = self._order("wait", program.pid)
        if code is None:
            raise Mistake(f"{program.name} does not end on SIGTERM:\n{program.text()[-3000:]}")
        if SANITIZER.search(program.text()):
            raise Mistake(f"a sanitizer's report:\n{program.text()}")
        if code != 0 and (code, program.name) != (143, "socat"):
            raise Mistake(f"{program.name} ended with {code}:\n{program.text()[-3000:]}")

    def stop_named(self, name):
        for program in [s for s in self.staying if s.name == name and "--control off" not in s.command]:
            self.stop(program)

    def stop_all(self):
        for program in reversed(self.staying[:]):
            self.stop(program)

    # ---- a program on the whole screen ----

    def screen(self, command):
        """Starts it, waits until it has drawn its last line, and quits."""
        _, text = self.run("pwd; env -0")
        folder, _, env = text.partition("\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "-c", f"stty rows 24 cols 80; exec {command}"],
                       dict(item.split("=", 1) for item in env.split("\0") if item))
        seen, end, quits = b"", time.monotonic() + DEADLINE, False
        while time.monotonic() < end:
            try:
                if select.select([terminal], [], [], 1)[0]:
                    seen += os.read(terminal, 65536)
            except OSError:  # it has ended
                return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode(errors="replace")
            if not quits and b"Quit" in seen:
                quits = True
                os.write(terminal, b"q")
        raise Mistake(f"{shlex.quote(command)} draws nothing, or does not quit: {seen[-2000:]}")


def listening(port):
    """Whether something on this machine listens there."""
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
               for file in ("/proc/net/tcp", "/proc/net/tcp6")
               for line in pathlib.Path(file).read_text().splitlines()[1:])
