"""Programs under test and their helpers: started, watched by their log lines, and ended."""

import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time

BUILD = pathlib.Path(__file__).resolve().parents[2] / "build"
BIN = pathlib.Path(os.environ.get("TUNNEL_BIN", BUILD / "debug/bin"))
RELEASE_BIN = pathlib.Path(os.environ.get("TUNNEL_RELEASE_BIN", BUILD / "release/bin"))

# How long a condition may take to come true. Generous: sanitized programs, two cores, and other
# tests beside this one. Nothing waits this long when all is well.
DEADLINE = float(os.environ.get("TUNNEL_DEADLINE", "90"))

# Some tests open a thousand connections.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))

HERE = pathlib.Path(__file__).resolve().parent
SANITIZER = re.compile(r"(ERROR|WARNING|SUMMARY): \w+Sanitizer|runtime error:")
FOREIGN = re.compile(r"(?i)(.*_proxy|AWS_.*|AWSIOT_.*|SSL_CERT_.*|SSH_AUTH_SOCK|NOTIFY_SOCKET|"
                     r"LISTEN_.*|NODE_.*|npm_.*|XDG_RUNTIME_DIR)$")


def environment(**more):
    """The environment of every process: no proxies, keys or tokens of the person who runs the
    tests."""
    env = {k: v for k, v in os.environ.items() if not FOREIGN.match(k)}
    env["ASAN_OPTIONS"] = "detect_leaks=1:abort_on_error=0:exitcode=99"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    env["TSAN_OPTIONS"] = f"halt_on_error=0:exitcode=66:suppressions={HERE / 'tsan.supp'}"
    env["LC_ALL"] = "C.UTF-8"
    env.update({k: str(v) for k, v in more.items()})
    return env


def wait_until(condition, what, deadline=None):
    """Returns condition()'s first true value; for what has no event to wait for."""
    end = time.monotonic() + (deadline or DEADLINE)
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


class Program:
    """A running program. Its output (stdout and stderr) is kept line by line."""

    def __init__(self, argv, cwd, env=None, stdin=subprocess.DEVNULL, name=None, ends=(0,),
                 pass_fds=()):
        self.argv = [str(a) for a in argv]
        self.name = name or pathlib.Path(self.argv[0]).name
        self.ends = ends  # exit codes that are right at teardown
        self.port = 0
        self.lines = []
        self.raw = []    # the same as bytes
        self._news = threading.Condition()
        self._ended = False
        # Killed with us, should the test run itself be killed (ctest's time limit).
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.argv], cwd=cwd,
            env=env or environment(), stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            pass_fds=pass_fds)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self.process.pid

    def _read(self):
        for line in self.process.stdout:
            with self._news:
                self.raw.append(line)
                self.lines.append(line.decode("utf-8", "backslashreplace").rstrip("\r\n"))
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def output(self):
        with self._news:
            return "\n".join(self.lines)

    def mark(self):
        """A place in the output, for wait_line(after=)."""
        with self._news:
            return len(self.lines)

    def wait_line(self, pattern, after=0, deadline=None):
        """Waits for a line that matches and returns the match."""
        end = time.monotonic() + (deadline or DEADLINE)
        wanted, seen = re.compile(pattern), after
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    match = wanted.search(line)
                    if match:
                        return match
                seen = max(seen, len(self.lines))
                left = end - time.monotonic()
                if self._ended or left <= 0:
                    why = "it ended" if self._ended else "time is up"
                    text = "\n".join(self.lines[-40:])
                    raise AssertionError(f"{self.name}: no line /{pattern}/ ({why}):\n{text}")
                self._news.wait(left)

    def has_line(self, pattern, after=0):
        with self._news:
            return any(re.search(pattern, line) for line in self.lines[after:])

    def rss(self):
        """Resident memory in bytes."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024

    def alive(self):
        return self.process.poll() is None

    def wait(self, deadline=None):
        """Waits until it ends by itself; returns its exit code."""
        try:
            code = self.process.wait(deadline or DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n" + self.output()[-4000:]) from None
        self._reader.join(DEADLINE)
        return code

    def terminate(self):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """SIGKILL, as a power cut would do it."""
        self.process.kill()
        self.ends = (-signal.SIGKILL,)
        self.wait()

    def finish(self):
        """Ends it in good order; returns what was wrong with it, or None."""
        forced = False
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                forced = True
                self.process.kill()
                self.process.wait()
        self._reader.join(DEADLINE)
        self.process.stdout.close()
        if self._left_behind():
            return f"{self.name}: left processes of its own behind"
        if SANITIZER.search(self.output()):
            return f"{self.name}: sanitizer report:\n{self.output()}"
        if forced:
            return f"{self.name}: did not end on SIGTERM:\n{self.output()[-4000:]}"
        if self.process.returncode not in self.ends:
            return (f"{self.name}: exit code {self.process.returncode}, not {self.ends}:\n"
                    + self.output()[-4000:])
        return None

    def _left_behind(self):
        """Whether its group still has processes; ends them."""
        def group_is_empty():
            try:
                os.killpg(self.pid, 0)
                return False
            except ProcessLookupError:
                return True
        try:
            wait_until(group_is_empty, "the end of its group", 30)
            return False
        except AssertionError:
            os.killpg(self.pid, signal.SIGKILL)
            return True


class Result:
    """What a finished command did."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr.decode("utf-8", "backslashreplace")

    @property
    def text(self):
        return self.out.decode("utf-8", "backslashreplace")

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.text[:2000]}\nstderr: {self.err[-4000:]}"


def run(*argv, input=b"", cwd=None, env=None, deadline=None):
    """Runs a command to its end; input=None leaves stdin open to nothing."""
    give = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    argv = [str(a) for a in argv]
    try:
        done = subprocess.run(argv, capture_output=True, cwd=cwd, env=env or environment(),
                              timeout=deadline or DEADLINE, **give)
    except subprocess.TimeoutExpired as e:
        raise AssertionError(f"{argv} does not end; stdout: {(e.stdout or b'')[-500:]} "
                             f"stderr: {(e.stderr or b'')[-500:]}") from None
    result = Result(done)
    if SANITIZER.search(result.err):
        raise AssertionError(f"{argv[0]}: {result}")
    return result
