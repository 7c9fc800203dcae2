"""A program's control endpoint as a test wants it: canned snapshots on a unix socket, also slow,
broken, of another schema, with ten thousand streams, or gone."""

import copy
import json
import os
import socket
import threading
import urllib.parse

from acceptor import Acceptor

TIME = 1_700_000_000


def stream(number, **more):
    """A stream as share/doc/control.md has it; more: members in place of these."""
    state = ("open", "half", "connecting", "open", "draining")[number % 5]
    return {"id": number, "client": f"127.0.0.1:{40000 + number}", "pid": 1000 + number,
            "process": ("ssh", "curl", "firefox")[number % 3], "uid": 1000,
            "via": ("socks5", "connect", "http")[number % 3],
            "asked": f"ssh{number % 7}.tunnel", "service": ("SSH1", "HTTP1")[number % 2],
            "tunnel": "pump-07", "stream_id": number % 9 + 1, "connection_id": number,
            "state": state, "opened": TIME - number, "age": 10.5 + number,
            "bytes_down": 1000 * number, "bytes_up": 77 * number, "frames_down": number,
            "frames_up": number, "rate_down": 10.0 * number, "rate_up": 3.0 * number,
            "mean_down": 10.0 * number, "mean_up": 3.0 * number, "peak_down": 20.0 * number,
            "peak_up": 9.0 * number, "queued_down": 0, "queue_limit": 262144,
            "requested": 0.001, "started": 0.002, "answered": 0.03, "first_byte": 0.028} | more


def snapshot(streams=5, **more):
    """A gateway with two services; more: members in place of these."""
    many = [stream(i + 1) for i in range(streams)]
    return {"schema": 1, "program": "tunnel-gateway", "role": "source", "version": "0.1.0",
            "instance": "first", "host": "gw1", "pid": 4242, "time": TIME + 0.5, "clock": 1000.0,
            "uptime": 273600.0, "listen": ["127.0.0.1:1080"],
            "totals": {"open": streams, "max": streams, "served": 1204, "refused": 3, "failed": 1,
                       "bytes_down": 3446711910, "bytes_up": 429916160,
                       "rate_down": 1300234.0, "rate_up": 114688.0,
                       "refusals": {"no-service": 3}, "errors": {"peer-reset": 1}},
            "tunnels": [{"name": "pump-07", "hub": "wss://hub.example:443", "state": "up",
                         "state_for": 273500.0, "round_trip": 0.023, "round_trip_max": 0.061,
                         "connections": 1}],
            "services": [{"id": name, "tunnel": "pump-07", "host": f"{name.lower()}.tunnel",
                          "state": "ready", "open": streams // 2, "max": streams, "served": 600,
                          "bytes_down": 1000000, "bytes_up": 1000, "rate_down": 5000.0,
                          "first_byte": 0.03} for name in ("HTTP1", "SSH1")],
            "streams": many,
            "history": {"seconds": samples(60), "tens": samples(6)},
            "events": {"last": 2, "list": [
                {"event": "open", "number": 1, "time": TIME - 60, "stream": 1,
                 "client": "127.0.0.1:40001", "via": "socks5", "service": "SSH1",
                 "tunnel": "pump-07"},
                {"event": "refuse", "number": 2, "time": TIME - 2, "client": "127.0.0.1:40009",
                 "via": "socks5", "asked": "ssh9.tunnel", "reason": "no-service",
                 "text": "no such service"}]}} | more


def ended(number, **more):
    """A stream that has ended."""
    return stream(number, state="closed", reason=("client-closed", "peer-reset")[number % 2],
                  closed_at=TIME - number, closed_for=number + 0.5, rate_down=0, rate_up=0) | more


# ---- pages, as share/doc/control.md has them ----

NUMBERS = {"id", "age", "idle", "bytes_down", "bytes_up", "rate_down", "rate_up", "first_byte",
           "queued", "closed_at"}
KEYS = {"client": lambda s: s.get("process") or s["client"].rpartition(":")[0],
        "user": lambda s: s.get("user", ""), "service": lambda s: s.get("service", ""),
        "device": lambda s: s.get("tunnel", "")}


def fits(row, text):
    """Words that are contained in a member, or in any."""
    for word in text.lower().split():
        name, equal, value = word.partition("=")
        name = {"device": "tunnel"}.get(name, name)
        where = [row.get(name, "")] if equal else row.values()
        if not any((value if equal else word) in str(v).lower() for v in where):
            return False
    return True


def page(rows, query, prefix="", limit="limit", sort="-id"):
    """The rows of the request, and what is said about them."""
    text, order = query.get(prefix + "filter", ""), query.get(prefix + "sort", sort)
    name = order.lstrip("-")
    those = sorted((r for r in rows if fits(r, text)), key=lambda r: r["id"])
    those.sort(key=lambda r: r.get(name, 0 if name in NUMBERS else ""),
               reverse=(name in NUMBERS) != order.startswith("-"))
    start = int(query.get(prefix + "from", 0))
    found = [i for i, r in enumerate(those, 1) if str(r["id"]) == query.get("find")]
    return those[start:start + int(query[limit])], {
        "total": len(rows), "matching": len(those), "from": start,
        "found": found[0] if found and not prefix else 0, "filter": text, "sort": order}


def groups(rows, kind):
    sums = {}
    for r in rows:
        g = sums.setdefault(KEYS[kind](r), {"open": 0, "served": 0, "bytes_down": 0, "bytes_up": 0,
                                            "rate_down": 0, "rate_up": 0})
        g["served"] += 1
        g["open"] += r["state"] != "closed"
        for name in ("bytes_down", "bytes_up", "rate_down", "rate_up"):
            g[name] += r[name]
    rows = [{"key": k, "peak": 2 * g["rate_down"]} | g for k, g in sums.items()]
    return sorted(rows, key=lambda g: (-g["bytes_down"] - g["bytes_up"], g["key"]))


def paged(shot, query):
    """The snapshot with no more rows than the request asks for."""
    closed = shot.pop("closed_streams", [])
    rows, kind = shot["streams"], query.get("groups")
    if kind:
        shot["groups"] = {"by": kind, "rows": groups(rows + closed, kind)}
    if kind and "group" in query:
        rows = [r for r in rows if KEYS[kind](r) == query["group"]]
        closed = [r for r in closed if KEYS[kind](r) == query["group"]]
    if "limit" in query:
        shot["streams"], shot["streams_page"] = page(rows, query)
        shot["streams_page"]["total"] = len(rows)
    if "trend" in query:
        shot["streams"] = [r | {"trend": [r["id"] * k for k in range(8)]} for r in shot["streams"]]
    if "closed" in query:
        some, about = page(closed, query, "closed_", "closed", "closed_at")
        shot["closed"] = about | {"rows": some}
    return shot


def samples(n):
    return {"last": n, "down": [1000 * (i % 17) for i in range(n)],
            "up": [100 * (i % 5) for i in range(n)]}


def hub_is_down(shot):
    """The same while the hub cannot be reached."""
    shot = copy.deepcopy(shot)
    shot["tunnels"][0].update(state="down", state_for=42.0, retry_in=5.0, reason="refused",
                              text="connection refused")
    for service in shot["services"]:
        service["state"] = "offline"
    return shot


class Fake:
    """Listens at `path`. `shot` is what it says; its "closed_streams" are those that have ended. Each
    look is one second later. `gate`: while it is cleared, nothing is answered. `pages`: whether it
    knows pages, which older programs do not."""

    def __init__(self, path, shot=None, pages=True):
        self.pages = pages
        self.path = str(path)
        self.shot = snapshot() if shot is None else shot
        self.raw = None  # bytes in place of a snapshot
        self.status = 200
        self.close_status = 204
        self.looks = 0
        self.targets, self.deleted, self.sizes = [], [], []
        self.rows = 0  # of streams in the last answer
        self.gate = threading.Event()
        self.gate.set()
        self.lock = threading.RLock()
        self.connections, self.followers = [], []
        self.start()

    def start(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(64)
        self.acceptor = Acceptor(listener, self._came)

    def stop(self):
        """Gone, as a program that was killed; start() brings it back."""
        acceptor, self.acceptor = self.acceptor, None
        if acceptor:
            os.unlink(self.path)
            acceptor.close()
        with self.lock:
            for c in self.connections:
                try:
                    c.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.connections.clear()
            self.followers.clear()

    close = stop

    def emit(self, **event):
        """An event, to all who read /v1/events."""
        line = (json.dumps(event) + "\n").encode()
        with self.lock:
            for c in self.followers:
                c.sendall(b"%x\r\n%b\r\n" % (len(line), line))

    def _came(self, c):
        with self.lock:
            self.connections.append(c)
        threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        with c, c.makefile("rb") as reader:
            try:
                while line := reader.readline():
                    while reader.readline().strip():
                        pass
                    method, target, _ = line.decode().split()
                    self.gate.wait()
                    self._answer(c, method, target)
            except (OSError, ValueError):
                pass

    def _answer(self, c, method, target):
        path, _, query = target.partition("?")
        with self.lock:
            self.targets.append(target)
            if method == "DELETE":
                self._delete(c, path)
            elif path == "/v1/events":
                c.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                self.followers.append(c)
            else:
                self.looks += 1
                body = self.raw or self._snapshot(query)
                self.sizes.append(len(body))
                self._send(c, self.status, body)

    def _snapshot(self, query):
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        seen = self._seen(asked)
        self.rows = len(seen["streams"])
        return json.dumps(seen, separators=(",", ":")).encode()

    def _send(self, c, status, body):
        c.sendall(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body)

    def _delete(self, c, path):
        number = int(path.rpartition("/")[2])
        self.deleted.append(number)
        if self.close_status == 204:
            self.shot["streams"] = [s for s in self.shot["streams"] if s["id"] != number]
            c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        else:
            self._send(c, self.close_status, b"it is not allowed here\n")

    def _seen(self, query):
        """The snapshot without what the reader has."""
        shot = dict(self.shot)
        shot["streams"] = list(shot.get("streams", []))
        for member in ("time", "clock", "uptime"):
            if member in shot:
                shot[member] += self.looks
        history = shot.get("history", {})
        shot["history"] = {name: newer(history[name], int(query.get(known, 0)))
                           for name, known in (("seconds", "history"), ("tens", "tens"))
                           if name in history}
        events = shot.get("events", {"last": 0, "list": []})
        known = int(query.get("events", 0))
        shot["events"] = {"last": events["last"],
                          "list": [e for e in events["list"] if e["number"] > known]}
        return paged(shot, query if self.pages else {})


def newer(series, known):
    n = max(0, min(len(series["down"]), series["last"] - known))
    return {"last": series["last"], "down": series["down"][len(series["down"]) - n:],
            "up": series["up"][len(series["up"]) - n:]}
