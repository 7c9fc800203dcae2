#!/usr/bin/env bash
# Modbus/TCP over a slow link: one answer comes after the client's timeout, when the next request is under way. Each message
# carries a transaction number, so that an answer can be told from another one's.
# Guess: the late answer is dropped by its number, or the client connects anew; the next request gets its own answer.
# Seen: modbus-serial does the former and pymodbus the latter. libmodbus takes one answer for each request: after one
# late answer every request of the connection fails with "Invalid data", for good; with its error recovery on, the next
# one does. jsmodbus fails the next one or two. A program on libmodbus has to dial again after every timeout itself.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libmodbus-dev=3.1.6-2.1+deb12u1 libmodbus5=3.1.6-2.1+deb12u1 \
    python3-pymodbus=3.0.0-7 python3-serial python3-serial-asyncio >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
npm install --silent --no-audit --no-fund --no-package-lock --omit=optional modbus-serial@8.0.25 jsmodbus@5.0.0
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export LD_LIBRARY_PATH="$lib" PYTHONPATH="$t/root/usr/lib/python3/dist-packages"
cat >with-libmodbus.c <<'C'
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    modbus_t *m = modbus_new_tcp("127.0.0.1", atoi(argv[argc - 1]));
    modbus_set_response_timeout(m, 1, 0);
    if (argc > 2)
        modbus_set_error_recovery(m, MODBUS_ERROR_RECOVERY_LINK | MODBUS_ERROR_RECOVERY_PROTOCOL);
    if (modbus_connect(m) != 0)
        return 1;
    for (int register_ = 1; register_ <= 6; register_++) {
        uint16_t value;
        if (modbus_read_registers(m, register_, 1, &value) == 1)
            printf("%d ", value);
        else
            printf("%s ", errno == ETIMEDOUT ? "timeout" : errno == EMBBADDATA ? "error" : "other");
    }
    return 0;
}
C
gcc -I root/usr/include/modbus -o with-libmodbus with-libmodbus.c -L "$lib" -lmodbus
cat >with_pymodbus.py <<'PY'
import logging, sys
from pymodbus.client import ModbusTcpClient
logging.disable()
client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]), timeout=1)
client.connect()
for register in range(1, 7):
    answer = client.read_holding_registers(register, 1, slave=1)
    print("timeout" if answer.isError() else answer.registers[0], end=" ")
PY
cat >client.js <<'JS'
const [, , name, port] = process.argv
async function clients() {
    if (name === 'modbus-serial') {
        const client = new (require('modbus-serial'))()
        await client.connectTCP('127.0.0.1', { port: Number(port) })
        client.setID(1)
        client.setTimeout(1000)
        return async register => (await client.readHoldingRegisters(register, 1)).data[0]
    }
    const socket = require('net').connect(Number(port), '127.0.0.1')
    const client = new (require('jsmodbus').client.TCP)(socket, 1, 1000)
    await require('events').once(socket, 'connect')
    return async register => (await client.readHoldingRegisters(register, 1)).response.body.valuesAsArray[0]
}
clients().then(async read => {
    for (let register = 1; register <= 6; register++) {
        const error = e => /^Time/.test(e.err || e.message) ? 'timeout' : 'error'
        process.stdout.write(await read(register).catch(error) + ' ')
    }
    process.exit()
})
JS
cat >run.py <<'PY'
import socket, struct, subprocess, sys, threading
def request(c):
    head = c.recv(6, socket.MSG_WAITALL)
    return head and head + c.recv(head[5], socket.MSG_WAITALL)
def answer(asked):  # one register, whose value is a hundred times its number
    register = struct.unpack(">H", asked[8:10])[0]
    return asked[:4] + b"\0\5" + asked[6:8] + b"\2" + struct.pack(">H", 100 * register)
def serve(c, late):
    with c:
        held = request(c) if late else b""
        while asked := request(c):
            if held:
                c.sendall(answer(held))
                held = b""
            c.sendall(answer(asked))
def accept(server, late):
    while True:
        c = server.accept()[0]
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(c, late), daemon=True).start()
        late = False
def run(command, late):
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(server, late), daemon=True).start()
    port = str(server.getsockname()[1])
    return subprocess.run([*command, port], stdout=subprocess.PIPE, text=True, timeout=60).stdout.split()
clients = {"libmodbus 3.1.6": ["./with-libmodbus"], "libmodbus 3.1.6, error recovery": ["./with-libmodbus", "recover"],
           "pymodbus 3.0.0": ["/usr/bin/python3", "with_pymodbus.py"],
           "modbus-serial 8.0.25": ["node", "client.js", "modbus-serial"], "jsmodbus 5.0.0": ["node", "client.js", "jsmodbus"]}
expected = [["timeout"] + ["error"] * 5, ["timeout", "error", "300", "400", "500", "600"],
            ["timeout", "200", "300", "400", "500", "600"], ["timeout", "200", "300", "400", "500", "600"]]
changed = False
for number, (name, command) in enumerate(clients.items()):
    prompt, late = run(command, False), run(command, True)
    print(f"{name}: {' '.join(prompt)}; first answer late: {' '.join(late)}", flush=True)
    changed |= prompt != [str(100 * register) for register in range(1, 7)]
    if number < len(expected):
        changed |= late != expected[number]
    else:  # whether one or two fail depends on how the answers come
        changed |= late[:2] != ["timeout", "error"] or late[3:] != ["400", "500", "600"]
sys.exit("this has changed" if changed else 0)
PY
/usr/bin/python3 run.py
