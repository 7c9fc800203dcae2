"""What the golden screens show: snapshots as a program would send them, made up, the same each
time. `python3 scenes.py NAME` prints one as NDJSON (for tunnel-tui --replay)."""

import calendar
import functools
import json
import math
import sys

NOW = float(calendar.timegm((2026, 1, 15, 12, 41, 7)))
K, M, G = 1 << 10, 1 << 20, 1 << 30


def wave(n, peak, step, floor=0):
    """n samples between floor and peak that look like traffic."""
    ups = (abs(math.sin(i / step) * math.sin(i / 2.3 + 1)) ** 1.5 for i in range(n))
    return [floor + int(u * (peak - floor)) for u in ups]


def history(seconds=200, peak_down=4.1 * M, peak_up=900 * K):
    tens = min(360, max(1, seconds))
    return {
        "seconds": {
            "last": 7000 + seconds,
            "down": wave(seconds, peak_down, 17.0),
            "up": wave(seconds, peak_up, 11.0),
        },
        "tens": {
            "last": 700,
            "down": wave(tens, 7 * peak_down, 31.0),
            "up": wave(tens, 7 * peak_up, 23.0),
        },
    }


def stream(id, client, service, **more):
    s = {
        "id": id,
        "client": client,
        "via": "socks5",
        "asked": f"{service.lower()}.tunnel:22",
        "service": service,
        "tunnel": "pump-07",
        "stream_id": 7,
        "connection_id": id % 100,
        "state": "open",
        "age": 4.2,
        "queue_limit": 262144,
        "requested": 0.001,
        "started": 0.0012,
        "answered": 0.04,
        "first_byte": 0.025,
    } | more
    s["opened"] = NOW - s["age"]
    s.setdefault("mean_down", s.get("rate_down", 0))
    s.setdefault("mean_up", s.get("rate_up", 0))
    s.setdefault("peak_down", 1.9 * M)
    s.setdefault("peak_up", 220 * K)
    return s


def five_streams():
    return [
        stream(1102, "[2001:db8::17a4:1]:40112", "SSH1", via="connect", state="half", age=4920,
               bytes_down=1069548, bytes_up=90112, ended_up=True),
        stream(1171, "127.0.0.1:49822", "SSH1", age=724, bytes_down=int(4.4 * M),
               bytes_up=310 * K, rate_down=32.1 * K, rate_up=14.2 * K, pid=8123, process="ssh",
               uid=1000, frames_down=3412, frames_up=2907, pauses_down=2, paused_down=0.31,
               first_byte=0.061,
               history={"last": 724, "down": wave(60, 1.9 * M, 9.0), "up": wave(60, 220 * K, 5.0)}),
        stream(1198, "192.0.2.20:61544", "HTTP1", via="http", age=31, bytes_down=220 * K,
               bytes_up=18 * K, rate_down=2.1 * K, rate_up=98 * K, first_byte=0.027),
        stream(1203, "127.0.0.1:50310", "HTTP1", age=4, bytes_down=41 * K, bytes_up=2 * K,
               first_byte=0),
        stream(1204, "127.0.0.1:50312", "HTTP1", bytes_down=int(9.81 * M), bytes_up=1126,
               rate_down=1.21 * M, queued_down=96 * K),
    ]


def service(id, host, tunnel="pump-07", **more):
    return {"id": id, "host": host, "tunnel": tunnel, "state": "ready"} | more


def services():
    return [
        service("HTTP1", "http1.tunnel", open=3, max=16, served=1101, bytes_down=int(2.9 * G),
                bytes_up=301 * M, rate_down=1.21 * M, rate_up=98 * K, first_byte=0.021),
        service("SSH1", "ssh1.tunnel", open=2, max=3, served=101, failed=1, refused=2,
                bytes_down=310 * M, bytes_up=108 * M, rate_down=32.1 * K, rate_up=14.2 * K,
                first_byte=0.058, errors={"peer-reset": 1}, refusals={"limit": 2}),
        service("plc:modbus_2", "plc-modbus-2.tunnel", max=1, served=2, bytes_down=1126,
                bytes_up=640),
    ]


def events():
    return [
        {"event": "down", "number": 88, "time": NOW - 5937, "tunnel": "pump-07",
         "reason": "timeout", "text": "no byte for 60 s"},
        {"event": "up", "number": 89, "time": NOW - 5935, "tunnel": "pump-07"},
        {"event": "close", "number": 90, "time": NOW - 31, "stream": 1197,
         "client": "127.0.0.1:50298", "service": "SSH1", "age": 492, "bytes_down": 1258291,
         "bytes_up": 92160, "reason": "service-closed"},
        {"event": "refuse", "number": 91, "time": NOW - 9, "client": "127.0.0.1:50301",
         "via": "socks5", "asked": "ssh9.tunnel:22", "reason": "no-service",
         "text": "no such service; have HTTP1 SSH1 plc:modbus_2"},
        {"event": "refuse", "number": 92, "time": NOW - 6, "client": "192.0.2.20:61540",
         "via": "http", "asked": "www.example.com:80", "reason": "forbidden", "count": 213},
        {"event": "open", "number": 93, "time": NOW - 4, "stream": 1204,
         "client": "127.0.0.1:50312", "via": "socks5", "asked": "http1.tunnel:80",
         "service": "HTTP1"},
    ]


def tunnel(name="pump-07", **more):
    return {"name": name, "hub": "wss://hub.example.net", "state": "up", "state_for": 273600,
            "round_trip": 0.023, "round_trip_max": 0.061, "connections": 2} | more


def gateway():
    return {
        "schema": 1, "program": "tunnel-gateway", "role": "source", "version": "0.1.0",
        "instance": "1f", "host": "gw1", "pid": 4711, "time": NOW, "clock": 9000.5,
        "uptime": 273650, "listen": ["127.0.0.1:1080"],
        "totals": {"open": 5, "max": 19, "served": 1204, "refused": 3, "failed": 1,
                   "bytes_down": int(3.21 * G), "bytes_up": 410 * M, "rate_down": 1.24 * M,
                   "rate_up": 112 * K},
        "tunnels": [tunnel()],
        "services": services(),
        "streams": five_streams(),
        "history": history(),
        "events": {"last": 93, "list": events()},
    }


# ---- the scenes: each gives the snapshots in their order ----


def main():
    return [gateway()]


def empty():
    s = gateway()
    s["streams"] = []
    s["totals"] = {"open": 0, "max": 0, "served": 0, "refused": 0, "failed": 0, "bytes_down": 0,
                   "bytes_up": 0}
    for one in s["services"]:
        for name in set(one) - {"id", "host", "tunnel", "state"}:
            del one[name]
    s["events"] = {"last": 0, "list": []}
    s["history"] = {"seconds": {"last": 3, "down": [0, 0, 0], "up": [0, 0, 0]}}
    return [s]


def one():
    s = gateway()
    s["streams"] = s["streams"][1:2]
    s["totals"] |= {"open": 1}
    return [s]


def many(n=41):
    s = gateway()
    names = ["HTTP1", "SSH1", "plc:modbus_2"]
    vias = ["socks5", "socks4", "connect", "http", "port"]
    s["streams"] = [
        stream(i + 1, f"192.0.2.{i % 250 + 1}:{40000 + i * 7 % 20000}", names[i % 3],
               via=vias[i % 5], age=(n - i) * 13.0, bytes_down=i * i * 1000,
               bytes_up=i * 900, rate_down=float(i * 7919 % 100003) if i % 4 else 0,
               rate_up=float(i * 104729 % 50021) if i % 3 else 0,
               state=["open", "open", "half", "open", "draining", "connecting"][i % 6])
        for i in range(n)
    ]
    s["totals"] |= {"open": n, "max": n, "served": n}
    return [s]


def ten_thousand():
    return many(10000)


def closed():
    s = gateway()
    reasons = ["peer-reset", "stream-replaced", "client-closed"]
    for one, reason in zip(s["streams"], reasons):
        one |= {"state": "closed", "reason": reason, "closed_for": 2.5, "rate_down": 0,
                "rate_up": 0, "mean_down": 0, "mean_up": 0}
    return [s]


def names():
    """Long, wide, combining, hostile."""
    s = gateway()
    long = "x" * 124 + "-end"
    wide = "泵房七號-水泵"
    odd = "e\u0301tage \u202e\u001b[31mred\u0007 \U0001f4a7 \u200d"
    for one, name in zip(s["services"], (long, wide, odd)):
        one |= {"id": name, "host": name + ".tunnel", "tunnel": name}
    for one, name in zip(s["streams"], (long, wide, odd, long, wide)):
        one |= {"service": name, "tunnel": name, "asked": name + ":22"}
    s["streams"][2]["client"] = "/run/user/1000/" + "d" * 60 + "/client.sock"
    s["streams"][3]["process"] = odd
    s["tunnels"] = [tunnel(long)]
    s["host"] = wide
    s["events"]["list"][3] |= {"asked": odd, "text": wide * 12}
    return [s]


def ipv6():
    s = gateway()
    s["listen"] = ["[::1]:1080"]
    addresses = ["[::1]:22", "[2001:db8:1:2:3:4:5:6]:65535", "[fe80::1%eth0]:40000",
                 "[2001:db8::1]:1", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"]
    for one, address in zip(s["streams"], addresses):
        one["client"] = address
    return [s]


def backwards():
    """Counters, samples and clocks that go back or jump."""
    first, second = gateway(), gateway()
    second["time"] = NOW - 86400 * 400
    second["clock"] = 5.0
    second["uptime"] = 0
    second["totals"] |= {"bytes_down": 10, "bytes_up": 0, "served": 2, "rate_down": 9e15}
    second["history"] = history(20)
    second["history"]["seconds"]["last"] = 30
    second["streams"][0] |= {"age": 0, "opened": 0, "bytes_down": 9007199254740992,
                             "rate_down": 1e15}
    second["streams"][1] |= {"age": 5e8, "first_byte": 4000, "bytes_down": 1}
    return [first, second]


def hub_down():
    s = gateway()
    s["tunnels"] = [tunnel(state="down", state_for=2, retry_in=4.6, reason="timeout",
                           text="no byte for 60 s", round_trip=0)]
    for one in s["services"]:
        one["state"] = "offline"
        one["open"] = 0
        one.pop("rate_down", None)
        one.pop("rate_up", None)
    s["streams"] = []
    s["totals"] |= {"open": 0, "rate_down": 0, "rate_up": 0}
    s["events"] = {"last": 94, "list": s["events"]["list"][:3]}
    s["events"]["list"].append({"event": "down", "number": 94, "time": NOW - 2,
                                "tunnel": "pump-07", "reason": "timeout",
                                "text": "no byte for 60 s"})
    return [s]


def no_device():
    """The hub is there, and says that the device is not."""
    s = hub_down()[0]
    text = "device pump-07 is not connected, last seen 09:46:28; is tunnel-agent running there?"
    s["tunnels"] = [tunnel(state="no-device", state_for=12, reason="device-offline",
                           text="the device is not connected")]
    for one in s["services"]:
        one["state"] = "no-device"
    s["events"]["list"][-1] |= {"event": "no-device", "reason": "device-offline", "text": text}
    return [s]


def ending():
    """58 minutes before the tunnel expires."""
    s = gateway()
    s["tunnels"][0] |= {"expires_in": 3490.2}
    s["events"]["list"].append({
        "event": "ending", "number": 94, "time": NOW - 2, "tunnel": "pump-07",
        "text": "the tunnel expires in 59 min, and what is open in it ends then; both ends need "
                "the tokens of a new one"})
    return [s]


def ending_fleet():
    """One of three ends soon."""
    s = fleet()[0]
    for one, left in zip(s["tunnels"], (86400, 9000, 612)):
        one |= {"state": "up", "expires_in": left}
    return [s]


def over():
    s = hub_down()[0]
    s["tunnels"] = [tunnel(state="over", state_for=4000, reason="tunnel-closed", round_trip=0,
                           text="the tunnel was closed by its owner")]
    return [s]


def fleet():
    """Several tunnels, one of them in trouble; reading only."""
    s = gateway()
    s["readonly"] = True
    s["tunnels"] += [tunnel("pump-09", state="connecting", state_for=3.0), tunnel("valve-1")]
    s["services"].append(service("SSH1", "ssh1.pump-09.tunnel", "pump-09", state="offline"))
    return [s]


def native():
    """A native session: windows, what bounds them, round trip end to end, an outlived hub."""
    s = gateway()
    s["tunnels"][0] |= {"far_end": "tunnel.native-1", "far_round_trip": 0.045}
    for one in s["streams"]:
        one |= {"stream_id": 0, "window_down": 1468006, "window_up": 262144, "bound_down": "reader",
                "queued_down": 98304, "queue_limit": 1468006, "resumed": 2}
    return [s]


def nameless():
    """One tunnel, and it has no name."""
    s = gateway()
    for one in s["tunnels"] + s["services"] + s["streams"]:
        one.pop("tunnel", None)
    s["tunnels"][0].pop("name")
    return [s]


def agent():
    s = gateway()
    s |= {"program": "tunnel-agent", "role": "destination", "host": "pump-07", "listen": []}
    targets = {"HTTP1": "127.0.0.1:80", "SSH1": "[::1]:22", "plc:modbus_2": "192.168.7.21:502"}
    for one in s["services"]:
        del one["host"]
        one["target"] = targets[one["id"]]
    for one in s["streams"]:
        for name in ("client", "via", "asked", "pid", "process", "uid"):
            one.pop(name, None)
        one["target"] = targets[one["service"]]
    s["events"]["list"] = [
        {"event": "open", "number": 93, "time": NOW - 4, "stream": 1204, "service": "HTTP1",
         "target": "127.0.0.1:80"},
    ]
    return [s]


def standby():
    """An agent that stands by as a device: its link is the first of the tunnels."""
    s = agent()[0]
    s["device"] = {"name": "press-7", "state": "present", "accepting": True, "tunnels": 1}
    link = {"name": "press-7", "hub": "wss://hub.example:443", "state": "up", "state_for": 86400,
            "round_trip": 0.023, "round_trip_max": 0.3, "connections": 1}
    s["tunnels"].insert(0, link)
    return [s]


def standby_maintenance():
    s = standby()[0]
    del s["device"]["accepting"]
    return [s]


def standby_refused():
    """The hub is there and does not let it in."""
    s = standby()[0]
    s["device"] = {"name": "press-7", "state": "refused", "text": "the device is disabled",
                   "accepting": True}
    s["tunnels"], s["services"], s["streams"] = s["tunnels"][:1], [], []
    s["tunnels"][0] = {"name": "press-7", "hub": "wss://hub.example:443", "state": "down",
                       "state_for": 42, "retry_in": 31, "reason": "rejected", "connections": 3,
                       "text": 'the hub refused the device "press-7": the device is disabled'}
    return [s]


def standby_pending():
    s = standby()[0]
    s["device"] = {"name": "press-7", "state": "pending", "accepting": True}
    s["tunnels"], s["services"], s["streams"] = s["tunnels"][:1], [], []
    s["tunnels"][0] |= {"state": "connecting", "text": "waits for an operator's approval"}
    return [s]


def ending_agent():
    s = agent()[0]
    s["tunnels"][0] |= {"expires_in": 40.2}
    return [s]


def hub():
    s = gateway()
    s |= {"program": "tunnel-hub", "role": "hub", "host": "hub1", "services": [], "tunnels": [],
          "listen": ["0.0.0.0:443"], "readonly": True, "open_tunnels": 12}
    for i, one in enumerate(s["streams"]):
        for name in ("via", "tunnel", "pid", "process", "uid", "stream_id", "connection_id"):
            one.pop(name, None)
        one |= {"client": f"198.51.100.{7 + i}:5{i}210", "target": f"203.0.113.{9 * i + 1}:41{i}44",
                "service": f"pump-{i + 4:02}", "asked": f"9f3c{i}a1e-77b0-4c1f-9a55-d1e0c0ffee00"}
    s["events"]["list"] = []
    return [s]


def hub_certificate():
    """The hub's certificate ends in twelve days."""
    s = hub()[0]
    s["certificate_ends"] = NOW + 12.5 * 86400
    s["events"]["list"].append({
        "event": "certificate", "number": 93, "time": NOW - 4,
        "text": "the certificate expires on 2026-01-28 00:41 UTC, in 12 days"})
    return [s]


def nodes_redis(state="failing", state_for=42.0, text="Redis does not answer"):
    """A node of a cluster whose Redis is away, or is back."""
    s = nodes()[0]
    s["store"] = {"name": "redis", "state": state, "state_for": state_for,
                  "since": NOW - state_for, "text": text}
    s["events"]["list"].append({"event": "store-failing", "number": 93, "time": NOW - 42,
                                "text": "Redis does not answer; what changes has to wait"})
    return [s]


def hub_devices_log():
    """Devices that come and go, one of them with a name that is no good."""
    s = hub()[0]
    s["events"]["list"] = [
        {"event": "device-enrolled", "number": 90, "time": NOW - 40, "asked": "pump-07", "client": "192.0.2.7:50312"},
        {"event": "device-present", "number": 91, "time": NOW - 40, "asked": "pump-07", "client": "192.0.2.7:50312"},
        {"event": "device-away", "number": 92, "time": NOW - 3, "asked": "pump\x1b[2J-09", "client": "192.0.2.9:50312",
         "reason": "reset", "text": "the connection was reset"}]
    return [s]


def nodes_redis_back():
    s = nodes_redis("works", 3.0, "Redis answers again")[0]
    s["events"]["list"].append({"event": "store-works", "number": 94, "time": NOW - 3,
                                "text": "Redis answers again", "age": 39.0})
    return [s]


def hub_store():
    s = hub()[0]
    s["store"] = {"name": "file", "state": "failing", "state_for": 4000.0,
                  "text": "what changes cannot be stored"}
    return [s]


def hub_expired():
    s = hub_certificate()[0]
    s["certificate_ends"] = NOW - 60
    s["events"]["list"][0]["text"] = "the certificate expired on 2026-01-15 12:40 UTC"
    return [s]


def lost():
    """The last picture is 8 s old, and the fourth try is next."""
    return main() + [{"event": "lost", "text": "connection closed by peer", "age": 8, "count": 4}]


def paused():
    """A pause hides the second picture, which came seven seconds and three events later."""
    first, second = later()
    return [first, {"event": "keys", "text": "p"}, second]


def later():
    """Two pictures, seven seconds and three events apart."""
    first, second = gateway(), gateway()
    second["time"] = NOW + 7
    second["clock"] += 7
    second["totals"]["bytes_down"] += 100 * M
    second["history"]["seconds"]["last"] += 7
    second["events"]["last"] = 96
    for i in range(3):
        second["events"]["list"].append({"event": "open", "number": 94 + i, "time": NOW + 1 + i,
                                         "stream": 1205 + i, "client": f"127.0.0.1:5040{i}",
                                         "via": "socks5", "asked": "http1.tunnel:80",
                                         "service": "HTTP1"})
    return [first, second]


def device(name, state, state_for, services=("SSH1", "HTTP1"), labels=(("site", "7"),), **more):
    return {
        "device": name,
        "state": state,
        "present": state == "present",
        "since": NOW - state_for,
        "state_for": state_for,
        "enrolled": NOW - 40 * 86400,
        "address": "192.0.2.7:50312",
        "version": "1.2.0",
        "carrier": "device-link",
        "services": list(services),
        "labels": [{"key": k, "value": v} for k, v in labels],
    } | more


def with_devices(rows, total=None, start=0, matching=None, **counts):
    of = {s: sum(r["state"] == s for r in rows) for s in ("pending", "away", "present", "disabled")}
    total = len(rows) if total is None else total
    s = hub()[0]
    s["devices"] = of | counts | {"total": total, "from": start, "rows": rows,
                                  "matching": total if matching is None else matching}
    return [s]


def pages():
    """A program that tells users, idle times and trends, as it does of pages."""
    s = native()[0]
    users = ("ann", "", "bob", "ann", "")
    trends = ([0, 0, 0, 0, 0, 0, 0, 0], [5, 3, 9, 80, 40, 0, 7, 12], [1, 1, 2, 2, 3, 3, 4, 4],
              [0, 0, 9000, 0, 0, 0, 0, 0], [8, 7, 6, 5, 4, 3, 2, 1])
    for one, user, idle, trend in zip(s["streams"], users, (4000, 0, 31, 95, 2), trends):
        one |= {"user": user, "idle": idle, "trend": trend}
    s["streams"][4]["process"] = "firefox"
    return [s]


def groups():
    """The same with groups by client, of which one is all that were not kept."""
    s = pages()[0]
    s["groups"] = {"by": "client", "rows": [
        {"key": "firefox", "open": 1, "served": 811, "failed": 3, "bytes_down": int(2.8 * G),
         "bytes_up": 290 * M, "rate_down": 1.21 * M, "peak": 9.1 * M},
        {"key": "ssh", "open": 1, "served": 90, "bytes_down": 300 * M, "bytes_up": 100 * M,
         "rate_down": 32.1 * K, "rate_up": 14.2 * K, "peak": 2 * M},
        {"key": "192.0.2.20", "open": 1, "served": 12, "bytes_down": 2 * M, "rate_up": 98 * K},
        {"key": "x" * 200, "served": 4, "bytes_up": 900},
        {"key": "\u202e\x1b[2J; rm -rf ~", "served": 1, "bytes_up": 700},
        {"other": True, "served": 288, "bytes_down": 90000}]}
    return [s]


def ended(n=41, keep=1000):
    """Some of the last streams that have ended."""
    s = pages()[0]
    reasons = ["client-closed", "service-closed", "peer-reset", "device-offline"]
    rows = [stream(1200 - i, f"192.0.2.{i % 250 + 1}:{40000 + i * 7 % 20000}",
                   ("HTTP1", "SSH1", "plc:modbus_2")[i % 3], via=("socks5", "connect", "http")[i % 3],
                   state="closed", age=3.0 + i * i, bytes_down=i * i * 1000, bytes_up=i * 900,
                   reason=reasons[i % 4], closed_for=1.5 + 40 * i, closed_at=NOW - 1.5 - 40 * i)
            for i in range(n)]
    s["closed"] = {"total": keep, "matching": keep, "from": 0, "found": 0, "filter": "",
                   "sort": "closed_at", "rows": rows}
    return [s]


def ended_none():
    return ended(0, 0)


def ended_names():
    """Hostile texts."""
    s = ended(4, 4)[0]
    odd = "e\u0301tage \u202e\u001b[31mred\u0007 \U0001f4a7"
    for row, name in zip(s["closed"]["rows"], (odd, "x" * 300, "=1+1", "-oProxyCommand=x")):
        row |= {"client": name, "service": name, "tunnel": name, "reason": name, "asked": name}
    return [s]


def past():
    """Ten minutes of history, the last quarter of an hour in tens; an event in it."""
    s = gateway()
    s["history"] = history(600)
    s["clock"] = 9000.5
    s["events"]["list"][2]["time"] = NOW - 90
    return [s]


def moment(**page):
    """Who was there three seconds ago, as the program tells: of one that is open its bytes are known,
    of those that have ended since only that they were there, unless they ended just then."""
    s = past()[0]
    rows = s["streams"]
    for row in rows:
        for name in [n for n in row if n.split("_")[0] in ("peak", "mean", "queued", "queue", "window", "frames",
                                                           "pauses", "paused", "trend", "idle", "first", "bound")]:
            del row[name]
        row["counted"] = True
    gone, ended = dict(rows[1]), dict(rows[2])
    gone |= {"id": 1188, "client": "127.0.0.1:49001", "age": 61, "process": "scp"}
    ended |= {"id": 1190, "client": "127.0.0.1:49002", "age": 2, "state": "closed", "reason": "service-closed",
              "rate_down": 0, "rate_up": 0}
    for name in ("counted", "bytes_down", "bytes_up", "rate_down", "rate_up"):
        gone.pop(name, None)
    s["streams"] = [*rows[:3], gone, ended]
    s["streams_page"] = {"total": 5, "matching": 5, "at": s["clock"] - 3} | page
    sums_then(s)
    return [s]


def sums_then(s):
    """What services and groups were then: of one nothing but how many, of another all."""
    for i, one in enumerate(s["services"]):
        one["then"] = {"open": 2 - i % 3, "served": 90 + i, "failed": i % 2}
        if i > 0:
            one["then"] |= {"counted": True, "rated": True, "bytes_down": 2048 * i, "rate_down": 1024 * i}
    s["totals"]["then"] = {"open": 4, "served": 1190, "rated": True, "rate_down": 2048, "rate_up": 7}
    s["groups"] = {"by": "client", "rows": [
        {"key": "firefox", "open": 1, "served": 811, "bytes_down": 1 << 30, "peak": 1 << 20,
         "then": {"open": 3, "served": 700, "failed": 2, "rated": True, "rate_down": 4096}},
        {"key": "ssh", "open": 1, "served": 90,
         "then": {"open": 1, "served": 80, "counted": True, "rated": True, "bytes_down": 300 << 20,
                  "rate_up": 512}}]}


def moment_lacks():
    """Too many have ended since."""
    s = moment(lacks=True)[0]
    for one in s["services"] + s["groups"]["rows"] + [s["totals"]]:
        del one["then"]
    return [s]


def moment_none():
    s = moment(total=0, matching=0)[0]
    s["streams"] = []
    return [s]


def past_later():
    """The same seven seconds later."""
    first, second = past()[0], past()[0]
    second["time"], second["clock"] = NOW + 7, first["clock"] + 7
    second["history"]["seconds"]["last"] += 7
    return [first, {"event": "keys", "text": "<Left><Left><Left>"}, second]


def labels():
    """A fleet: what needs somebody first, and labels in columns."""
    places = ("north hall", "south hall", "yard")
    rows = [device(f"press-{i:02}", ("pending", "away", "present")[min(i, 2)], 40 + 1000 * i,
                   labels=[("line", str(i % 3)), ("place", places[i % 3])]
                   + [("owner", "m\u00fcller")] * (i % 4 == 0) + [("\u202eevil", "\x1b[2J")] * (i == 3))
            for i in range(12)]
    return with_devices(rows)


def devices_none():
    return with_devices([])


def devices_three():
    return with_devices([
        device("press-02", "pending", 40, services=(), labels=()),
        device("pump-09", "away", 9400, version="1.1.0", address="[2001:db8::17a4:1]:40112",
               labels=(("site", "7"), ("line", "north hall"), ("owner", "m\u00fcller\u202e"))),
        device("pump-07", "present", 724),
    ])


def node(name, state="up", **more):
    return {"node": name, "state": state, "self": False, "address": f"{name}.inside:8444",
            "announce": f"{name}.hub.example.net", "version": "1.2.0", "epoch": 1} | more


def nodes():
    """A cluster, seen from its node b, with a fleet; six seconds later a node drains, and one is
    dead, which then tells of nothing any more."""
    first, second = devices_three()[0], devices_three()[0]
    for s, later in ((first, 0), (second, 6)):
        for d, name in zip(s["devices"]["rows"], ("b", "", "a")):
            d |= {"node": name} if name else {}
        s["clock"] += later
        s["time"] += later
        s["nodes"] = [
            node("a", tunnels=1234, ends=2210, devices=5102, bytes=3 * G + later * 1300 * K),
            node("b", self=True, tunnels=3, ends=5, devices=4801, bytes=410 * M + later * 12 * K),
            node("c", "draining" if later else "up", bytes=7 * M, version="1.1.0"),
            node("hub-in-the-far-north-1", "dead" if later else "up", tunnels=40, ends=61,
                 devices=97, bytes=M, announce="", epoch=7)]
    return [first, second]


def nodes_reading(**how):
    """The fleet of a node that has not read the other nodes' devices."""
    snapshots = nodes()
    for s in snapshots:
        s["devices"] |= {"total": 12345, "present": 12000, "away": 344} | (how or {"reading": True})
    return snapshots


def nodes_reading_none():
    return nodes_reading(reading=True, rows=[], matching=0)


def nodes_lacks():
    return nodes_reading(lacks=True, read_ago=4.0)


def nodes_old():
    return nodes_reading(read_ago=42.0)


def nodes_unknown():
    """One look, so no rates; states and texts that are none."""
    s = hub()[0]
    s["nodes"] = [node("x" * 60, "\u202eodd\x1b[2J", self=True, version="\x1b[31m"), node("b")]
    return [s]


def devices_states():
    return with_devices([
        device("a" * 128, "present", 5, services=[f"S{i:02}" for i in range(64)]),
        device("valve-1", "disabled", 86400 * 400),
        device("valve-2", "present", 60, maintenance=True),
        device("never", "away", 0, address="", version="", since=0),
    ])


def devices_ten_thousand():
    """The rows of one screen out of ten thousand, somewhere in the middle."""
    rows = [device(f"plant{i % 9}-press-{i:05}", "away" if i < 188 else "present", 100 + 7 * i)
            for i in range(180, 240)]
    return with_devices(rows, total=10000, start=180, present=9812, away=188)


def devices_ten_thousand_first():
    rows = [device(f"plant{i % 9}-press-{i:05}", "away", 100 + 7 * i) for i in range(60)]
    return with_devices(rows, total=10000, present=9812, away=188)


SCENES = {f.__name__.replace("_", "-"): f for f in (
    main, empty, one, many, ten_thousand, closed, names, ipv6, backwards, hub_down, no_device,
    ending, ending_fleet, ending_agent, over, fleet,
    native, nameless, agent, standby, standby_maintenance, standby_pending, standby_refused, hub, hub_certificate,
    hub_expired, lost, paused, later,
    pages, groups, ended, ended_none, ended_names, past, past_later, moment, moment_lacks,
    moment_none, labels,
    nodes, nodes_unknown, nodes_redis, nodes_redis_back, hub_devices_log, hub_store, nodes_reading, nodes_reading_none, nodes_lacks, nodes_old,
    devices_none, devices_three, devices_states, devices_ten_thousand,
    devices_ten_thousand_first)}


@functools.lru_cache
def ndjson(name):
    lines = [json.dumps(s, ensure_ascii=False) for s in SCENES[name]()]
    return "".join(line + "\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(ndjson(sys.argv[1]))
