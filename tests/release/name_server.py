"""A DNS server that is wrong in the ways that name servers are (RFC 1035; UDP and TCP)."""

import select
import socket
import struct
import threading

A, AAAA = 1, 28
SERVFAIL, NXDOMAIN = 2, 3
TRUNCATED = 0x0200


class NameServer:
    """answers: {(name, type): a list of addresses; a tuple of addresses for which UDP's answer is
    empty and says to ask by TCP; or SERVFAIL}"""

    def __init__(self, address, answers):
        self.answers = answers
        self.asked = []  # (name, type, "udp" or "tcp")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 53))
        self.tcp = socket.create_server((address, 53))
        self.end, self.ending = socket.socketpair()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def close(self):
        self.end.close()
        self.thread.join()
        for s in (self.udp, self.tcp, self.ending):
            s.close()

    def _serve(self):
        while True:
            ready, _, _ = select.select([self.udp, self.tcp, self.ending], [], [])
            if self.ending in ready:
                return
            if self.udp in ready:
                query, client = self.udp.recvfrom(512)
                self.udp.sendto(self._answer(query, "udp"), client)
            if self.tcp in ready:
                self._serve_tcp(self.tcp.accept()[0])

    def _serve_tcp(self, client):
        client.settimeout(5)
        with client, client.makefile("rb") as queries:
            while len(size := queries.read(2)) == 2:
                answer = self._answer(queries.read(struct.unpack("!H", size)[0]), "tcp")
                client.sendall(struct.pack("!H", len(answer)) + answer)

    def _answer(self, query, way):
        name, at = [], 12
        while query[at] > 0:
            name.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        kind = struct.unpack_from("!H", query, at + 1)[0]
        question = query[12:at + 5]
        name = ".".join(name)
        self.asked.append((name, kind, way))
        found = self.answers.get((name, kind), [] if self._known(name) else NXDOMAIN)
        flags, records = 0x8180, []
        if isinstance(found, tuple):
            found = TRUNCATED if way == "udp" else list(found)
        if found in (SERVFAIL, NXDOMAIN, TRUNCATED):
            flags |= found
        else:
            records = found
        family = socket.AF_INET if kind == A else socket.AF_INET6
        data = [socket.inet_pton(family, r) for r in records]
        return (query[:2] + struct.pack("!HHHHH", flags, 1, len(data), 0, 0) + question
                + b"".join(struct.pack("!HHHIH", 0xc00c, kind, 1, 1, len(d)) + d for d in data))

    def _known(self, name):
        return any(name == known for known, _ in self.answers)
