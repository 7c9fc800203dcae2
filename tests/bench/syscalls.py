"""How many system calls the programs of a way make for each MB of a download, by strace -c. Traced
programs are slower than they are, which moves how much they find to read at a time: the figures are
for comparisons in one run."""

import shutil
import signal

from programs import wait_until
from way import Broken, family

SIZE = 50e6


def attached(tracer, processes):
    return sum("attached" in line for line in tracer.output().split("\n")) >= processes


def total(tracer, summary):
    """The sum that strace has written at its end."""
    for line in summary.read_text().splitlines():
        fields = line.split()
        if len(fields) == 2 and fields[1] == "total":
            return int(fields[0])
    raise Broken(f"strace has written no sum: {tracer.output()[-500:]}")


def trace(case, way):
    """Fills in way.calls."""
    tracers = []
    for program in way.programs:
        processes = family(program.pid)
        summary = case.dir / f"calls{len(case.programs)}"
        tracer = case.start("strace", "-f", "-c", "-U", "calls,name", "-o", summary,
                            *(word for pid in processes for word in ("-p", pid)),
                            ends=(0, 1, -signal.SIGINT, -signal.SIGTERM))
        tracers.append((program.name, tracer, summary))
        wait_until(lambda t=tracer, n=len(processes): attached(t, n) or not t.alive(), "strace", 10)
        if not tracer.alive():
            raise Broken(f"strace: {tracer.output()}")
    way.load("down", int(SIZE), 1)
    for name, tracer, summary in tracers:
        tracer.process.send_signal(signal.SIGINT)
        tracer.wait()
        way.calls[name] = total(tracer, summary) / SIZE * 1e6


def trace_all(case, ways):
    """Of all ways that have programs; says of what cannot be traced why."""
    if not shutil.which("strace"):
        return ["system calls are not counted: strace is not installed (scripts/setup --bench)"]
    said = []
    for way in ways:
        try:
            if way.programs and not way.broken:
                trace(case, way)
        except (Broken, AssertionError) as e:
            said.append(f"{way.name}: system calls are not counted: {e}")
    return said
