"""tunnel-tui on a pseudo-terminal of our own: every byte it writes is seen."""

import fcntl
import os
import pty
import signal
import struct
import termios
import threading

from programs import DEADLINE, environment, wait_until


class Pseudo:
    def __init__(self, argv, cwd, columns=80, rows=24, **more):
        env = environment(**{"TERM": "xterm-256color", "LANG": "C.UTF-8"} | more)
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.output = bytearray()
        self.news = threading.Condition()
        self.reading = threading.Event()  # cleared: nobody reads, from the next piece on
        self.reading.set()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
                for fd in range(3):
                    os.dup2(self.slave, fd)
                os.closerange(3, 1024)
                os.chdir(cwd)
                os.execve(argv[0], [str(a) for a in argv], env)
            finally:
                os._exit(127)
        self.code = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while self.reading.wait() and (data := os.read(self.master, 65536)):
                with self.news:
                    self.output += data
                    self.news.notify_all()
        except OSError:
            pass

    def resize(self, columns, rows):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, data):
        os.write(self.master, data)

    def fill(self):
        """Until the terminal takes no more. Nobody must be reading."""
        terminal = os.open(os.ttyname(self.slave), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            while os.write(terminal, b" " * 4096):
                pass
        except BlockingIOError:
            pass
        finally:
            os.close(terminal)

    def is_blocking(self):
        """As the others who have that terminal open need it."""
        return os.get_blocking(self.slave)

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wait_output(self, text, after=0):
        """Until that was written."""
        with self.news:
            if not self.news.wait_for(lambda: text in self.output[after:], DEADLINE):
                raise AssertionError(f"waited in vain for {text!r}: {bytes(self.output[-2000:])!r}")

    def ended(self):
        """Its exit code (a signal's negative), or None."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self):
        wait_until(lambda: self.ended() is not None, "the end")
        return self.code

    def terminate(self):
        if self.ended() is None:
            os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def restored(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        self.reading.set()
        if self.ended() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        os.close(self.slave)
        os.close(self.master)
        self.reader.join(DEADLINE)
