#!/usr/bin/env bash
# A Modbus server is asked for a function that it does not have: 7 (exception status) or 17 (report server ID), which scanners
# try, 22 (mask write), or 100. The protocol answers with exception 1, "illegal function", so that the client may go on at once.
# Guess: every server does, or has the function.
# Seen: pymodbus does. libmodbus is silent about 7, which it knows by name and does not have; modbus-serial about 7, 17 and 100;
# jsmodbus about all four. Each silence costs the client its timeout, and looks like a device that is gone.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libmodbus5=3.1.6-2.1+deb12u1 python3-pymodbus=3.0.0-7 python3-serial \
    python3-serial-asyncio >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock modbus-serial@8.0.25 jsmodbus@5.0.0
cat >libmodbus.py <<'PY'
import ctypes, glob, sys
library = ctypes.CDLL(glob.glob("root/usr/lib/*/libmodbus.so.5")[0])
library.modbus_new_tcp.restype = library.modbus_mapping_new.restype = ctypes.c_void_p
server, request = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", int(sys.argv[1]))), ctypes.create_string_buffer(260)
registers, listener = ctypes.c_void_p(library.modbus_mapping_new(0, 0, 100, 0)), ctypes.c_int()
listener.value = library.modbus_tcp_listen(server, 1)
while True:
    library.modbus_tcp_accept(server, ctypes.byref(listener))
    while (size := library.modbus_receive(server, request)) >= 0:
        library.modbus_reply(server, request, size, registers)
PY
cat >pymodbus_.py <<'PY'
import sys
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartTcpServer
slave = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0] * 100))
StartTcpServer(context=ModbusServerContext(slaves=slave, single=True), address=("127.0.0.1", int(sys.argv[1])))
PY
cat >modbus-serial.js <<'JS'
const vector = { getHoldingRegister: () => 0, setRegister: () => {} }
new (require('modbus-serial').ServerTCP)(vector, { host: '127.0.0.1', port: Number(process.argv[2]), unitID: 1 })
JS
cat >jsmodbus.js <<'JS'
const server = new (require('net').Server)()
new (require('jsmodbus').server.TCP)(server, { holding: Buffer.alloc(1000) })
server.listen(process.argv[2], '127.0.0.1')
JS
cat >run.py <<'PY'
import os, random, socket, subprocess, sys, time
environment = os.environ | {"PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
def free_port():
    while True:  # below the ports that the kernel hands out
        try:
            with socket.create_server(("127.0.0.1", random.randrange(20000, 32000))) as s:
                return s.getsockname()[1]
        except OSError:
            pass
def dial(port):
    for _ in range(300):
        try:
            return socket.create_connection(("127.0.0.1", port), 2)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("no server")
def ask(c, request):
    c.sendall(b"\0\1\0\0" + (len(request) + 1).to_bytes(2, "big") + b"\1" + request)
    try:
        head = c.recv(7, socket.MSG_WAITALL)
        answer = c.recv(int.from_bytes(head[4:6], "big") - 1, socket.MSG_WAITALL)
    except TimeoutError:
        return "silence"
    return f"exception {answer[1]}" if answer[0] & 0x80 else "an answer"
requests = {"3": bytes.fromhex("0300000001"), "7": b"\x07", "17": b"\x11", "22": bytes.fromhex("16000000f20025"), "100": b"\x64"}
commands = {"pymodbus 3.0.0": ["/usr/bin/python3", "-W", "ignore", "pymodbus_.py"],
            "libmodbus 3.1.6": ["/usr/bin/python3", "libmodbus.py"], "modbus-serial 8.0.25": ["node", "modbus-serial.js"],
            "jsmodbus 5.0.0": ["node", "jsmodbus.js"]}
answer, illegal, silence = "an answer", "exception 1", "silence"
expected = {"pymodbus 3.0.0": [answer, answer, answer, answer, illegal],
            "libmodbus 3.1.6": [answer, silence, answer, answer, illegal],
            "modbus-serial 8.0.25": [answer, silence, silence, illegal, silence], "jsmodbus 5.0.0": [answer] + [silence] * 4}
seen = {}
for name, command in commands.items():
    port = free_port()
    server = subprocess.Popen([*command, str(port)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        seen[name] = []
        for request in requests.values():
            with dial(port) as c:
                seen[name].append(ask(c, request))
    finally:
        server.kill()
        server.wait()
    print(f"{name}: " + ", ".join(f"function {f}: {s}" for f, s in zip(requests, seen[name])), flush=True)
sys.exit(0 if seen == expected else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py
