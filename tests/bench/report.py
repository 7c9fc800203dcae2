"""What scripts/bench --peers --json FILE has written, for the documents:

    report.py FILE --table             tables in Markdown
    report.py FILE --picture OUT.svg   bars; ours stand out
    report.py FILE --growth            what --growth --json has written, as a table
"""

import argparse
import html
import json
import pathlib

import goals

# (heading, figure, divided by, less is better)
ROWS = (
    ("one download, MB/s", "down1", 1, False),
    ("one upload, MB/s", "up1", 1, False),
    ("fifty downloads, MB/s", "down50", 1, False),
    ("first / last to end", "down50 first/last", 1, False),
    ("cpu-s/GB, one download", "down1 cpu-s/GB", 1, True),
    ("cpu-s/GB, one upload", "up1 cpu-s/GB", 1, True),
    ("cpu-s/GB, fifty downloads", "down50 cpu-s/GB", 1, True),
    ("connections a second, 32 at once", "connections/s, 32 at once", 1, False),
    ("echo, idle, p50, µs", "echo p50 us", 1, True),
    ("p99, µs", "echo p99 us", 1, True),
    ("echo beside a download, p50, ms", "echo beside a download p50 us", 1000, True),
    ("p99, ms", "echo beside a download p99 us", 1000, True),
    ("echo beside ten, p50, ms", "echo beside ten p50 us", 1000, True),
    ("p99, ms", "echo beside ten p99 us", 1000, True),
)
PEAK = "peak memory of the largest process, MB"
PANELS = ("down1", "down50", "down1 cpu-s/GB", "connections/s, 32 at once",
          "echo beside ten p99 us", PEAK)
OURS = ("native", "V3")
BASES = ("before", "nginx chain", "ssh -D GCM")

WIDTH, LABEL, LINE, TOP, GAP = 380, 110, 20, 34, 24
STYLE = """<style>
text { fill: #24292f; font: 12px sans-serif }
.title { font-weight: bold }
.back { fill: #ffffff } .bar { fill: #8c959f } .ours { fill: #0969da }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .back { fill: #0d1117 } .bar { fill: #6e7681 } .ours { fill: #4493f8 }
}
</style>"""


def number(value):
    if value is None:
        return ""
    places = 3 if value < 0.1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{places}f}"


def value_of(way, figure, divisor=1):
    if figure == PEAK:
        return max(way["peak_mb"].values(), default=None)
    value = way["median"].get(figure)
    return value / divisor if value is not None else None


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def tables(report):
    ways = report["ways"]
    names = [name for name in ways if ways[name]["median"]]
    bases = [base for base in BASES if base in names and "native" in names]
    rows = []
    for heading, figure, divisor, _ in (*ROWS, (PEAK, PEAK, 1, True)):
        values = {name: value_of(ways[name], figure, divisor) for name in names}
        ratios = [number(values["native"] / values[base])
                  if values["native"] and values[base] else "" for base in bases]
        rows.append([heading, *map(number, values.values()), *ratios])
    yield markdown(["", *names, *(f"native / {base}" for base in bases)], rows)
    yield markdown(["system calls for each MB of a download", "each program", "together"],
                   [[name, ", ".join(f"{program} {number(n)}" for program, n in calls.items()),
                     number(sum(calls.values()))]
                    for name in names if (calls := ways[name]["calls_per_mb"])])
    yield markdown(["goal", "this run", "wanted", ""], goals.verdicts(ways))


def growth_table(report):
    rows = [[str(r[name]) for name in ("workers", "tunnels", "connections")] +
            [number(r[name]) for name in ("mb_per_s", "cpu_s_per_gb", "tunnel-gateway",
                                          "tunnel-hub", "tunnel-agent")] for r in report["growth"]]
    yield markdown(["workers", "tunnels", "connections", "MB/s", "cpu-s/GB", "gateway, MB",
                    "hub, MB", "agent, MB"], rows)


def text(x, y, words, more=""):
    return f'<text x="{x}" y="{y}"{more}>{html.escape(words)}</text>'


def panel(x, y, title, bars):
    """A heading and (name, value) below each other."""
    most = max(value for _, value in bars)
    out = [text(x, y + 16, title, ' class="title"')]
    for i, (name, value) in enumerate(bars):
        top = y + TOP + i * LINE
        width = max((WIDTH - LABEL - 60) * value / most, 1)
        kind = "ours" if name in OURS else "bar"
        out += [text(x, top + 11, name),
                f'<rect class="{kind}" x="{x + LABEL}" y="{top}" width="{width:.1f}" height="14"/>',
                text(round(x + LABEL + width + 6), top + 11, number(value))]
    return out


def picture(report):
    ways = {name: way for name, way in report["ways"].items()
            if name not in ("direct", "before") and way["median"]}
    known = {figure: (heading, divisor, small) for heading, figure, divisor, small in ROWS}
    known["echo beside ten p99 us"] = ("echo beside ten downloads, p99, ms", 1000, True)
    known[PEAK] = (PEAK, 1, True)
    height = TOP + len(ways) * LINE + GAP
    out = []
    for i, figure in enumerate(PANELS):
        heading, divisor, small = known[figure]
        bars = [(name, value) for name, way in ways.items()
                if (value := value_of(way, figure, divisor)) is not None]
        title = f"{heading} ({'less' if small else 'more'} is better)"
        if bars:
            out += panel(GAP + i % 2 * (WIDTH + GAP), GAP // 2 + i // 2 * height, title, bars)
    width, height = 2 * WIDTH + 3 * GAP, GAP + (len(PANELS) + 1) // 2 * height
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
                      f' viewBox="0 0 {width} {height}">',
                      "<title>scripts/bench --peers: the ways beside each other</title>", STYLE,
                      '<rect class="back" width="100%" height="100%"/>', *out, "</svg>", ""])


parser = argparse.ArgumentParser()
parser.add_argument("file", type=pathlib.Path)
parser.add_argument("--table", action="store_true")
parser.add_argument("--growth", action="store_true")
parser.add_argument("--picture", type=pathlib.Path)
arguments = parser.parse_args()
content = json.loads(arguments.file.read_text())
if arguments.table:
    print("\n\n".join(tables(content)))
if arguments.growth:
    print("\n\n".join(growth_table(content)))
if arguments.picture:
    arguments.picture.write_text(picture(content))
