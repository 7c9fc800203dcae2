#!/usr/bin/env bash
# Terminals take a curly underline as "4:3" and a palette colour as "38:5:208": with a colon what follows belongs to
# the attribute (ITU-T T.416), with a semicolon it is an attribute of its own.
# Guess: a multiplexer that does not know the form shows a plain underline and the colour, or leaves them out.
# Seen: tmux shows both. screen reads "4:3" as "4;3", underlined and italic, and shows italic as reverse video.
# dvtm drops the colon: "4:3" is 43, a yellow background, and the colour is not shown. With semicolons the colour
# is shown by all three, so programs are better off with those.
set -euo pipefail
t=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download tmux=3.3a-3 screen=4.9.0-4 dvtm=0.15+40.g311a8c0-1 libutempter0 \
    libevent-core-2.1-7 ncurses-term=6.4-4 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >show <<'S'
#!/bin/sh
sleep 1
printf '\033[2J\033[H\033[4:3mA\033[0m \033[38:5:208mB\033[0m \033[38;5;208mC\033[0m READY'
sleep 1
S
chmod +x show
mkdir -m 700 sockets
cat >run.py <<'PY'
import fcntl, glob, os, pty, re, select, signal, struct, sys, termios, time
here = os.getcwd()
def shown(*command):
    """What the outer terminal gets for each of the three letters."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SCREENDIR": here + "/sockets", "SHELL": "/bin/sh",
                       "LD_LIBRARY_PATH": glob.glob(here + "/root/usr/lib/*-linux-gnu*")[0],
                       "TERMINFO_DIRS": here + "/root/usr/share/terminfo:/usr/share/terminfo:/lib/terminfo"}
        os.environ.pop("TMUX", None)
        os.execv(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    out, end = b"", time.monotonic() + 20
    while b"READY" not in out and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    os.kill(pid, signal.SIGHUP)
    os.close(fd)
    os.waitpid(pid, 0)
    text = out[:out.rfind(b"READY")].decode()
    found = []
    for letter in "ABC":
        before = re.findall(r"((?:\x1b\[[\d;:?]*[A-Za-z]|\x1b\(B)*)" + letter + "(?=\x1b|\\s)", text)[-1]
        parameters = [p.strip("0;") for p in re.findall(r"\x1b\[([\d;:]*)m", before)]
        found.append(" ".join(p for p in parameters if p not in ("", "39", "49", "39;49", "24", "27")) or "plain")
    return found
root = here + "/root/usr/bin/"
commands = {"tmux 3.3a": (root + "tmux", "-S", here + "/sockets/tmux", "-f", "/dev/null", "new-session", here + "/show"),
            "screen 4.9.0": (root + "screen", "-c", "/dev/null", here + "/show"),
            "dvtm 0.15": (root + "dvtm", here + "/show")}
seen = [shown(*c) for c in commands.values()]
for name, s in zip(commands, seen):
    print("{}: 4:3 -> {}; 38:5:208 -> {}; 38;5;208 -> {}".format(name, *s))
sys.exit(0 if seen == [["4", "38;5;208", "38;5;208"], ["4 7", "38;5;208", "38;5;208"],
                       ["43", "plain", "38;5;208"]] else "this has changed")
PY
/usr/bin/python3 run.py
