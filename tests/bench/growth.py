"""What growth costs: the same bytes by more connections, through one tunnel and through several,
with one worker of the hub and with two."""

import subprocess
import time

from peers import Peers
from way import LOAD, Broken, Way

CONNECTIONS = (1, 10, 100, 1000, 4000)
TUNNELS = (1, 200)
WORKERS = (1, 2)


def tunnels(case, peers, n, workers):
    """n native ways through one hub."""
    first = peers.ours("growth", hub=("--workers", workers))
    more = []
    for _ in range(n - 1):
        way = case.open_way({"LOAD": f"127.0.0.1:{peers.port}"}, agent=["-v", "4"],
                            gateway=["-v", "4", "--open-grace", "0"])
        more.append(Way("growth", f"{way.port}/LOAD.tunnel:1", [way.gateway, way.agent]))
    return [first, *more]


def transfer(ways, connections, size):
    """MB/s and CPU seconds of all ways at once."""
    each = connections // len(ways)
    before = sum(way.cpu_seconds() for way in ways)
    began = time.monotonic()
    loads = [subprocess.Popen([LOAD, "down", way.target, str(int(size / connections)), str(each)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
             for way in ways]
    try:
        errors = [load.communicate(timeout=300)[1] for load in loads]
    except subprocess.TimeoutExpired:
        raise Broken("a download does not end") from None
    finally:
        for load in loads:
            if load.poll() is None:
                load.kill()
                load.wait()
    if any(load.returncode for load in loads):
        raise Broken("; ".join(filter(None, errors)))
    seconds = time.monotonic() - began
    return size / seconds / 1e6, sum(way.cpu_seconds() for way in ways) - before


def row(ways, connections, size):
    speed, cpu = transfer(ways, connections, size)
    for way in ways:
        way.note_peaks()
    peaks = {name: max(way.peaks.get(name, 0) for way in ways)
             for name in ("tunnel-gateway", "tunnel-hub", "tunnel-agent")}
    return {"mb_per_s": speed, "cpu_s_per_gb": cpu / size * 1e9, **peaks}


def measure(case, port, size):
    """Prints the table, and returns its rows. Connecting is part of the time, and each row's peaks
    are those of the rows before it with the same programs as well."""
    print(f"\n{'workers':>8}{'tunnels':>9}{'connections':>13}{'MB/s':>8}{'cpu-s/GB':>10}"
          f"{'gateway':>9}{'hub':>7}{'agent':>7}  peak RSS MB", flush=True)
    peers, rows = Peers(case, port), []
    for workers in WORKERS:
        for n in TUNNELS:
            started = len(case.programs)
            ways = tunnels(case, peers, n, workers)
            for connections in CONNECTIONS:
                if connections < n:
                    continue
                even = connections - connections % n
                rows.append(dict(workers=workers, tunnels=n, connections=even,
                                 **row(ways, even, size)))
                show(rows[-1])
            for program in case.programs[started:]:
                program.terminate()
    return rows


def show(r):
    print(f"{r['workers']:8}{r['tunnels']:9}{r['connections']:13}{r['mb_per_s']:8.0f}"
          f"{r['cpu_s_per_gb']:10.2f}{r['tunnel-gateway']:9.1f}{r['tunnel-hub']:7.1f}"
          f"{r['tunnel-agent']:7.1f}", flush=True)
