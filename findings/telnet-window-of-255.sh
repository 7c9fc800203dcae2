#!/usr/bin/env bash
# A telnet client tells the size of its window (NAWS, RFC 1073) as two numbers of 16 bits; a byte of 255 in them is
# doubled, since 255 begins a command. A terminal has 255 columns.
# Guess: all clients double it.
# Seen: inetutils 2.4 and PuTTY 0.78 do. BusyBox 1.35.0, the telnet of many devices, does not: the server finds what
# looks like a command inside of the size.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download busybox=1:1.35.0-4+deb12u1+b1 inetutils-telnet=2:2.4-2+deb12u3 \
    putty-tools=0.78-2+deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >try.py <<'PY'
import fcntl, os, pty, signal, socket, struct, sys, termios

BEGIN, END = b"\xff\xfa\x1f", b"\xff\xf0"

def size_from(command, columns):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ready, go = os.pipe()
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.read(ready, 1)
            os.execv(command[0], [a.replace("PORT", port) for a in command])
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.write(go, b"x")
        server.settimeout(10)
        connection, _ = server.accept()
        connection.settimeout(10)
        connection.sendall(b"\xff\xfd\x1f")  # DO NAWS
        got = b""
        while END not in got.partition(BEGIN)[2]:
            got += connection.recv(1000) or sys.exit("closed")
        connection.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    return got.partition(BEGIN)[2].partition(END)[0].hex(" ")

clients = {"busybox": ["root/bin/busybox", "telnet", "127.0.0.1", "PORT"],
           "inetutils": ["root/usr/bin/inetutils-telnet", "127.0.0.1", "PORT"],
           "plink": ["root/usr/bin/plink", "-telnet", "-P", "PORT", "127.0.0.1"]}
seen = {(name, columns): size_from(command, columns) for name, command in clients.items() for columns in (254, 255)}
for (name, columns), sent in seen.items():
    print(f"{name}, {columns} columns: {sent}")
good = all(seen[name, 254] == "00 fe 00 18" for name in clients)
good = good and seen["inetutils", 255] == seen["plink", 255] == "00 ff ff 00 18"
sys.exit(not (good and seen["busybox", 255] == "00 ff 00 18"))
PY
HOME=$t timeout 50 python3 try.py
