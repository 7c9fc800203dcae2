#!/usr/bin/env bash
# A plain TCP relay in front of a service, and a client that says all, ends its sending side and waits for the answer
# (printf … | nc, rsync daemons, HTTP/1.0 scripts). There is no protocol to know here; bytes and ends are all that there is.
# Guess: a program made to hand on a TCP connection hands on the end of one direction, and leaves the other one open.
# Seen: of five only socat does (for as long as its -t says). systemd-socket-proxyd, redir, rinetd and simpleproxy end both
# directions with the first end, and the answer is lost: the client sees an orderly end and no bytes.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download systemd=252.39-1~deb12u2 libsystemd-shared=252.39-1~deb12u2 libip4tc2 \
    libkmod2 redir=3.3-1 rinetd=0.73-1 simpleproxy=3.5-1+b2 socat=1.7.4.4-2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
cat >activate.py <<'PY'
import os, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
os.dup2(s.fileno(), 3)  # where systemd puts the first socket that a unit listens on
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
PY
cat >run.py <<'PY'
import glob, os, random, signal, socket, subprocess, sys, threading, time
libraries = glob.glob(os.getcwd() + "/root/usr/lib/*-linux-gnu*")[0]
environment = os.environ | {"LD_LIBRARY_PATH": f"{libraries}:{libraries}/systemd"}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def serve(c):
    with c:
        try:
            while c.recv(100):
                pass
            time.sleep(1)
            c.sendall(b"answer")
        except OSError:
            pass
server = socket.create_server(("127.0.0.1", 0))
service = f"127.0.0.1:{server.getsockname()[1]}"
def accept():
    while True:
        threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
def commands(port):
    here = f"127.0.0.1:{port}"
    with open("rinetd.conf", "w") as f:
        f.write(f"{here} {service}\n".replace(":", " "))
    return {"none": None,
            "socat 1.7.4.4": ["root/usr/bin/socat", "-t20", f"TCP-LISTEN:{port},bind=127.0.0.1,fork", f"TCP:{service}"],
            "systemd-socket-proxyd 252": ["/usr/bin/python3", "activate.py", str(port), "root/lib/systemd/systemd-socket-proxyd",
                                          service],
            "redir 3.3": ["root/usr/bin/redir", "-n", here, service],
            "rinetd 0.73": ["root/usr/sbin/rinetd", "-f", "-c", "rinetd.conf"],
            "simpleproxy 3.5": ["root/usr/bin/simpleproxy", "-L", here, "-R", service]}
def ask(port):
    with socket.create_connection(("127.0.0.1", port), 30) as c:
        c.sendall(b"question")
        time.sleep(0.5)
        c.shutdown(socket.SHUT_WR)
        return c.recv(100).decode() or "nothing"
def through(name):
    port = free_port()
    command = commands(port)[name]
    if command is None:
        return ask(server.getsockname()[1])
    p = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        return ask(port)
    except OSError as e:
        return str(e)
    finally:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()
seen = {}
for name in commands(0):
    seen[name] = through(name)
    print(f"{name}: {seen[name]}", flush=True)
sys.exit(0 if list(seen.values()) == ["answer"] * 2 + ["nothing"] * 4 else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py
