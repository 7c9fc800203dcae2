"""Draws a terminal's screen as SVG, for the documents. Reads what `tmux capture-pane -ep` prints:

    tmux capture-pane -ep -t demo | python3 scripts/picture.py > share/doc/tunnel-tui.svg
"""

import html
import re
import sys
import unicodedata

WIDTH, HEIGHT, MARGIN = 8.4, 18, 10
NBSP = "\u00a0"  # because viewers collapse runs of blanks
FRONT, BACK = "#d4d4d4", "#1b1d21"
BASIC = ["#2e3436", "#e0605a", "#73b35f", "#d7af5f", "#5f87c7", "#b877b8", "#4fb3b3", "#d3d7cf",
         "#6a6f76", "#ff7b72", "#8fd67a", "#f0d080", "#82aaff", "#d79bd7", "#7fdbdb", "#ffffff"]


def colour(number):
    """The colour with that number in the palette of 256."""
    if number < 16:
        return BASIC[number]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    number -= 16
    steps = [0, 95, 135, 175, 215, 255]
    return "#%02x%02x%02x" % (steps[number // 36], steps[number // 6 % 6], steps[number % 6])


class Pen:
    """The look of the next characters, by the last escape sequences (SGR)."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.front = self.back = None
        self.bold = self.dim = self.underline = self.reverse = False

    def take(self, numbers):
        while numbers:
            n = numbers.pop(0)
            if n == 0:
                self.reset()
            elif n in (1, 2, 4, 7):
                setattr(self, {1: "bold", 2: "dim", 4: "underline", 7: "reverse"}[n], True)
            elif n in (38, 48) and numbers[:1] == [5]:
                setattr(self, "front" if n == 38 else "back", colour(numbers[1]))
                del numbers[:2]
            elif n in (39, 49):
                setattr(self, "front" if n == 39 else "back", None)
            else:
                for base, name, first in ((30, "front", 0), (40, "back", 0), (90, "front", 8),
                                          (100, "back", 8)):
                    if base <= n < base + 8:
                        setattr(self, name, colour(n - base + first))

    def look(self):
        front, back = self.front or FRONT, self.back or BACK
        if self.reverse:
            front, back = back, front
        return front, back, self.bold, self.dim, self.underline


def cells(line, pen):
    """Yields (character, columns, look) for a line."""
    for piece in re.split(r"(\x1b\[[0-9;]*m|\x1b\([B0]|[\x0e\x0f])", line):
        if piece.startswith("\x1b["):
            pen.take([int(n or 0) for n in piece[2:-1].split(";")])
        elif not piece.startswith(("\x1b", "\x0e", "\x0f")):
            for c in piece:
                yield c, 2 if unicodedata.east_asian_width(c) in "WF" else 1, pen.look()


def draw(lines):
    out, pen, widest = [], Pen(), 1
    for row, line in enumerate(lines):
        column, runs = 0, []
        for c, wide, look in cells(line, pen):
            if runs and runs[-1][0] == look and wide == 1:
                runs[-1][3] += c
                runs[-1][2] += wide
            else:
                runs.append([look, column, wide, c])
            column += wide
        widest = max(widest, column)
        y = MARGIN + row * HEIGHT
        for (front, back, bold, dim, underline), at, n, text in runs:
            x, width = MARGIN + at * WIDTH, n * WIDTH
            if back != BACK:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{HEIGHT}"'
                           f' fill="{back}"/>')
            if text.strip():
                more = ' font-weight="bold"' * bold + ' opacity="0.6"' * dim
                more += ' text-decoration="underline"' * underline
                out.append(f'<text x="{x:.1f}" y="{y + 13}" textLength="{width:.1f}"'
                           f' fill="{front}"{more}>{html.escape(text).replace(" ", NBSP)}</text>')
    width, height = widest * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}"'
        f' viewBox="0 0 {width:.0f} {height}"'
        ' font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14">',
        f'<rect width="100%" height="100%" rx="6" fill="{BACK}"/>', *out, "</svg>", ""])


sys.stdout.write(draw(sys.stdin.read().rstrip("\n").split("\n")))
