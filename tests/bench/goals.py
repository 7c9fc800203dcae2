"""What the native way is held against in a run of scripts/bench --peers."""

# (figure, other way, the goal as a share of its figure)
SHARES = (
    ("down1 cpu-s/GB", "before", 0.6),
    ("up1 cpu-s/GB", "before", 0.6),
    ("down1 cpu-s/GB", "nginx chain", 0.65),
    ("up1 cpu-s/GB", "nginx chain", 0.65),
    ("down1", "nginx chain", 1.4),
    ("up1", "nginx chain", 1.4),
    ("down1", "ssh -D GCM", 1.0),
    ("up1", "ssh -D GCM", 1.0),
    ("down50", "nginx chain", 1.3),
    ("down50", "V3", 1.0),
    ("connections/s, 32 at once", "direct", 0.5),
    ("echo p50 us", "direct", 3.0),
)
# (figure, the goal)
BOUNDS = (
    ("down50 first/last", 0.9),
    ("echo beside a download p99 us", 2500),
    ("echo beside ten p99 us", 5000),
)
PEAKS = (("tunnel-agent", 8), ("tunnel-gateway", 6), ("tunnel-hub", 6))  # MB


def judged(what, value, goal, small):
    """small: less is better."""
    reached = value <= goal if small else value >= goal
    return (what, f"{value:.2f}" if value < 100 else f"{value:.0f}",
            f"{'at most' if small else 'at least'} {goal:g}", "reached" if reached else "missed")


def small_is_good(figure):
    return "cpu" in figure or figure.endswith(" us")


def verdicts(ways):
    """(what, value, goal, "reached" or "missed") of all that this run has figures of. ways: those
    of a report."""
    if "native" not in ways:
        return
    native = ways["native"]["median"]
    for figure, other, goal in SHARES:
        there = ways.get(other, {"median": {}})["median"].get(figure)
        if there and native.get(figure):
            yield judged(f"{figure}, native / {other}", native[figure] / there, goal,
                         small_is_good(figure))
    for figure, goal in BOUNDS:
        if native.get(figure):
            yield judged(figure, native[figure], goal, small_is_good(figure))
    for program, goal in PEAKS:
        if program in ways["native"]["peak_mb"]:
            yield judged(f"peak RSS of {program}, MB", ways["native"]["peak_mb"][program], goal,
                         True)
    earlier = ways.get("before", {"calls_per_mb": {}})["calls_per_mb"]
    for program, calls in ways["native"]["calls_per_mb"].items():
        if program in earlier:
            yield judged(f"system calls per MB of {program}, native / before",
                         calls / earlier[program], 0.5, True)
