#!/usr/bin/env bash
# A program copies to the clipboard of the user's terminal by OSC 52 with the selection "c" (xterm's
# control sequences), which is what such programs send. Between it and the terminal there are a
# multiplexer, mosh, or both.
# Guess: what is in between passes it on as it came, or not at all.
# Seen: tmux 3.3a (set-clipboard on) sends an OSC 52 of its own, with an empty selection in place of
# the "c", "p" or whatever was asked for. An empty one is xterm's "s0", which is not the clipboard.
# mosh 1.4.0 passes on nothing but "c". So each of the two brings the text to the terminal, and tmux
# inside mosh does not, although the text is in tmux's own buffer. screen 4.9.0 and dvtm 0.15 pass
# nothing on. Base64 without its "=" passes mosh, and does not even reach tmux's buffer.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download tmux=3.3a-3 mosh=1.4.0-1+b1 screen=4.9.0-4 \
    dvtm=0.15+40.g311a8c0-1 libutempter0 libprotobuf32 libevent-core-2.1-7 >/dev/null
for d in ./*.deb; do
    dpkg-deb -x "$d" root
done
cat >try.py <<'PY'
import fcntl, os, pty, re, select, signal, struct, subprocess, sys, termios, time
BIN = os.path.abspath("root/usr/bin")
ENV = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8", PATH=BIN + ":" + os.environ["PATH"],
           SCREENDIR=os.path.abspath("screens"),
           LD_LIBRARY_PATH=os.path.abspath("root/usr/lib/x86_64-linux-gnu"))
ENV.pop("TMUX", None)
os.mkdir("screens", 0o700)
TMUX = ["tmux", "-f", os.path.abspath("tmux.conf"), "-S", os.path.abspath("socket")]
open("tmux.conf", "w").write("set -s set-clipboard on\n")
def terminal(argv, **env):
    """What a terminal gets from argv until it has got the word END, and ends."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, dict(ENV, **env))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.kill(pid, signal.SIGWINCH)
    out, end = b"", time.time() + 30
    while b"END" not in out and time.time() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    time.sleep(0.5)
    while select.select([fd], [], [], 0.2)[0]:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        out += more
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(pid, 0)
    os.close(fd)
    if b"END" not in out:
        sys.exit(f"{argv[0]}: the program's end did not come: {out[-300:]!r}")
    return [m.decode() for m in re.findall(rb"\x1b\](52;[^\x07\x1b]*)", out)]
def program(text):
    """A program that copies: a moment to be seen by its terminal, OSC 52, a word, a moment."""
    open("program", "w").write(f"sleep 2; printf '\\033]52;{text}\\007'; sleep 1; echo E''ND; sleep 3\n")
    return ["sh", os.path.abspath("program")]
def tmux(text):
    seen = terminal(TMUX + ["new", " ".join(program(text))])
    held = subprocess.run(TMUX + ["show-buffer"], env=ENV, capture_output=True, text=True).stdout
    subprocess.run(TMUX + ["kill-server"], env=ENV, stderr=subprocess.DEVNULL)
    return seen, held
def mosh(argv):
    p = subprocess.run(["mosh-server", "new", "-i", "127.0.0.1", "--", *argv], env=ENV,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    port, key = re.search(r"MOSH CONNECT (\d+) (\S+)", p.stdout).groups()
    server = int(re.search(r"pid = (\d+)", p.stderr)[1])
    seen = terminal(["mosh-client", "127.0.0.1", port], MOSH_KEY=key)
    try:
        os.kill(server, signal.SIGTERM)
    except ProcessLookupError:
        pass
    return seen
def show(name, seen, wanted):
    print(f"{name:38} {seen}")
    if seen != wanted:
        sys.exit(f"{name}: not {wanted}")
TEXT = "aGVsbG8="
show("tmux, selection c", tmux("c;" + TEXT), (["52;;" + TEXT], "hello"))
show("tmux, selection p", tmux("p;" + TEXT), (["52;;" + TEXT], "hello"))
show("tmux, c, no padding", tmux("c;" + TEXT.rstrip("=")), ([], ""))
show("mosh, c", mosh(program("c;" + TEXT)), ["52;c;" + TEXT])
show("mosh, c, no padding", mosh(program("c;" + TEXT.rstrip("="))), ["52;c;" + TEXT.rstrip("=")])
show("mosh, empty selection", mosh(program(";" + TEXT)), [])
show("tmux inside mosh, c", mosh(TMUX + ["new", " ".join(program("c;" + TEXT))]), [])
held = subprocess.run(TMUX + ["show-buffer"], env=ENV, capture_output=True, text=True).stdout
subprocess.run(TMUX + ["kill-server"], env=ENV, stderr=subprocess.DEVNULL)
show("  and tmux's buffer", held, "hello")
show("screen, c", terminal(["screen", "-c", "/dev/null"] + program("c;" + TEXT)), [])
show("dvtm, c", terminal(["dvtm", " ".join(program("c;" + TEXT))]), [])
PY
python3 try.py
