#!/usr/bin/env bash
# A Modbus client writes as many registers at once as the protocol lets it: 123 (function 16, "quantity 0x0001 to 0x007B").
# Guess: what a library lets its user ask for it sends; jsmodbus refuses 124 with "InvalidArraySize".
# Seen: libmodbus, pymodbus and modbus-serial send all 123. jsmodbus does up to 120; of 121, 122 and 123 it sends the first 120, and
# says in the same request that there are so many more: a server waits for the rest, or hangs up, and the program sees a timeout,
# as on a bad line. jsmodbus' own server takes 120 and answers "120", which its client takes for success.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libmodbus5=3.1.6-2.1+deb12u1 python3-pymodbus=3.0.0-7 python3-serial \
    python3-serial-asyncio >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock modbus-serial@8.0.25 jsmodbus@5.0.0
cat >with_libmodbus.py <<'PY'
import ctypes, glob, sys
library = ctypes.CDLL(glob.glob("root/usr/lib/*/libmodbus.so.5")[0])
library.modbus_new_tcp.restype = ctypes.c_void_p
client, count = ctypes.c_void_p(library.modbus_new_tcp(b"127.0.0.1", int(sys.argv[1]))), int(sys.argv[2])
library.modbus_connect(client)
library.modbus_write_registers(client, 0, count, (ctypes.c_uint16 * count)(*range(count)))
PY
cat >with_pymodbus.py <<'PY'
import sys
from pymodbus.client import ModbusTcpClient
ModbusTcpClient("127.0.0.1", port=int(sys.argv[1])).write_registers(0, list(range(int(sys.argv[2]))))
PY
cat >with-modbus-serial.js <<'JS'
const client = new (require('modbus-serial'))(), [, , port, count] = process.argv
client.connectTCP('127.0.0.1', { port: Number(port) })
    .then(() => client.writeRegisters(0, [...Array(Number(count)).keys()])).finally(() => process.exit())
JS
cat >with-jsmodbus.js <<'JS'
const { client } = require('jsmodbus'), socket = new (require('net').Socket)(), [, , port, count] = process.argv
const modbus = new client.TCP(socket, 1, 3000)
socket.on('connect', async () => {
    try {
        const { response } = await modbus.writeMultipleRegisters(0, [...Array(Number(count)).keys()])
        console.log(`wrote ${response.body.quantity}`)
    } catch (e) {
        console.log(e.err)
    }
    process.exit()
})
socket.connect({ host: '127.0.0.1', port })
JS
cat >serve-modbus-serial.js <<'JS'
const { ServerTCP } = require('modbus-serial')
const server = new ServerTCP({ setRegister: () => {} }, { host: '127.0.0.1', port: 0, unitID: 1 })
server.on('initialized', () => console.log(server._server.address().port))
JS
cat >serve-jsmodbus.js <<'JS'
const server = new (require('net').Server)()
new (require('jsmodbus').server.TCP)(server, { holding: Buffer.alloc(1000) })
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
JS
cat >run.py <<'PY'
import os, socket, subprocess, sys
environment = os.environ | {"PYTHONPATH": os.getcwd() + "/root/usr/lib/python3/dist-packages"}
def start(*command):
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
def stop(p):
    p.kill()
    p.communicate()
def sent(command, count):  # how many registers the request says it has, and how many it has
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(30)
        client = start(*command, str(s.getsockname()[1]), str(count))
        with s.accept()[0] as c:
            head = c.recv(7, socket.MSG_WAITALL)
            request = c.recv(int.from_bytes(head[4:6], "big") - 1, socket.MSG_WAITALL)
        stop(client)
    return int.from_bytes(request[3:5], "big"), (len(request) - 6) // 2
clients = {"libmodbus 3.1.6": ["/usr/bin/python3", "with_libmodbus.py"],
           "pymodbus 3.0.0": ["/usr/bin/python3", "-W", "ignore", "with_pymodbus.py"],
           "modbus-serial 8.0.25": ["node", "with-modbus-serial.js"], "jsmodbus 5.0.0": ["node", "with-jsmodbus.js"]}
seen = {}
for name, command in clients.items():
    seen[name] = [sent(command, count) for count in (120, 123)]
    print(f"{name}: " + "; ".join(f"says {said} and sends {has}" for said, has in seen[name]), flush=True)
answers = []
for name in ("modbus-serial", "jsmodbus"):
    server = start("node", f"serve-{name}.js")
    try:
        port = server.stdout.readline().strip()
        client = start("node", "with-jsmodbus.js", port, "123")
        answers.append(client.communicate(timeout=60)[0].strip())
    finally:
        stop(server)
    print(f"jsmodbus, 123 registers to a server of {name}: {answers[-1]}", flush=True)
right = [(120, 120), (123, 123)]
expected = {name: right for name in list(clients)[:3]} | {"jsmodbus 5.0.0": [(120, 120), (123, 120)]}
sys.exit(0 if seen == expected and answers == ["Timeout", "wrote 120"] else "this has changed")
PY
timeout 100 /usr/bin/python3 run.py
