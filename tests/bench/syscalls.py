"""How many system calls the programs of a way make for each MB of a download: counted by perf, which
costs them nothing, or by strace -c where perf may not. strace slows them down, which moves how much
they find to read at a time."""

import shutil
import signal
import subprocess
import time

from programs import wait_until
from way import Broken, family

SIZE = {"perf": 300e6, "strace": 50e6}  # bytes of the download


def counter():
    """What can count here, or None."""
    perf = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "true"]
    if shutil.which("perf") and subprocess.run(perf, capture_output=True).returncode == 0:
        return "perf"
    return "strace" if shutil.which("strace") else None


def argv(tool, processes, summary):
    if tool == "perf":
        return ("perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-o", summary,
                "-p", ",".join(map(str, processes)))
    return ("strace", "-f", "-c", "-U", "calls,name", "-o", summary,
            *(word for pid in processes for word in ("-p", pid)))


def attached(tool, tracer, processes):
    """strace says it; perf says nothing, and is quick."""
    if tool == "perf":
        time.sleep(0.3)
        return True
    return sum("attached" in line for line in tracer.output().split("\n")) >= processes


def total(tool, tracer, summary):
    """The sum that the tool has written at its end."""
    for line in summary.read_text().splitlines():
        fields = line.split("," if tool == "perf" else None)
        if tool == "perf" and len(fields) > 2 and fields[0].isdigit():
            return int(fields[0])
        if tool == "strace" and len(fields) == 2 and fields[1] == "total":
            return int(fields[0])
    raise Broken(f"{tool} has written no sum: {tracer.output()[-500:]}")


def trace(case, way, tool):
    """Fills in way.calls."""
    tracers = []
    for program in way.programs:
        processes = family(program.pid)
        summary = case.dir / f"calls{len(case.programs)}"
        tracer = case.start(*argv(tool, processes, summary),
                            ends=(0, 1, -signal.SIGINT, -signal.SIGTERM))
        tracers.append((program.name, tracer, summary))
        wait_until(lambda t=tracer, n=len(processes): attached(tool, t, n) or not t.alive(), tool,
                   10)
        if not tracer.alive():
            raise Broken(f"{tool}: {tracer.output()}")
    way.load("down", int(SIZE[tool]), 1)
    for name, tracer, summary in tracers:
        tracer.process.send_signal(signal.SIGINT)
        tracer.wait()
        way.calls[name] = total(tool, tracer, summary) / SIZE[tool] * 1e6


def trace_all(case, ways):
    """Of all ways that have programs; says of what cannot be traced why."""
    tool, said = counter(), []
    if tool is None:
        return ["system calls are not counted: neither perf nor strace (scripts/setup --bench)"]
    for way in ways:
        try:
            if way.programs and not way.broken:
                trace(case, way, tool)
        except (Broken, AssertionError) as e:
            said.append(f"{way.name}: system calls are not counted: {e}")
    return said
