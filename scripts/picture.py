"""Draws a terminal's screen as SVG, for the documents. Reads what `tmux capture-pane -epN` prints:

    tmux capture-pane -epN -t demo | /usr/bin/python3 scripts/picture.py > share/doc/tunnel-tui.svg

Every character is an outline of DejaVu Sans Mono at its own place, and graphs and lines are shapes:
a viewer needs no font, and cannot shift a column by having another one. Needs Debian's
python3-fonttools and fonts-dejavu-core.
"""

import html
import re
import sys
import unicodedata

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

WIDTH, HEIGHT, MARGIN, SIZE, BASE = 8.4, 18, 10, 14, 13  # BASE: from a row's top to its letters
TITLE = "tunnel-tui in a terminal"
FONTS = "/usr/share/fonts/truetype/dejavu/"
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


class Glyphs:
    """The outlines that a picture uses; each is defined once."""

    def __init__(self):
        self.faces = [(TTFont(FONTS + f"DejaVuSans{name}.ttf"), bold) for name, bold in
                      (("Mono", False), ("Mono-Bold", True), ("", False))]
        self.names, self.defined = {}, []

    def name(self, c, bold):
        """Of the outline of c, in the first face that has it; None: no face has."""
        if (c, bold) not in self.names:
            name = f"c{len(self.names)}"
            self.names[c, bold] = name if self._define(name, c, bold) else None
        return self.names[c, bold]

    def _define(self, name, c, bold):
        if path := shape(c):
            self.defined.append(f'<path id="{name}" d="{path}"/>')
            return True
        faces = [f for f, is_bold in self.faces if is_bold == bold]
        faces += [f for f, is_bold in self.faces if is_bold != bold]
        face = next((f for f in faces if ord(c) in f.getBestCmap()), None)
        if not face:
            return False
        pen = SVGPathPen(face.getGlyphSet(), ntos=lambda v: str(round(v)))
        face.getGlyphSet()[face.getBestCmap()[ord(c)]].draw(pen)
        scale = SIZE / face["head"].unitsPerEm
        self.defined.append(f'<path id="{name}" transform="scale({scale:.5f} {-scale:.5f})"'
                            f' d="{pen.getCommands()}"/>')
        return True


def box(x, y, width, height):
    return f"M{x:.5g} {y:.5g}h{width:.5g}v{height:.5g}h{-width:.5g}z"


def shape(c):
    """The path of a character that reaches its cell's edges; None: of another. The origin is that of
    an outline: the left end of the line on which letters stand."""
    n, top = ord(c), -BASE
    if 0x2800 <= n < 0x2900:  # braille: dots 1 to 3 and 7 at the left, 4 to 6 and 8 at the right
        places = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
        return "".join(box(WIDTH * (0.14 + 0.46 * x), top + HEIGHT * (0.08 + 0.24 * y), 2.2, 2.2)
                       for bit, (x, y) in enumerate(places) if n >> bit & 1)
    if 0x2581 <= n <= 0x2588:
        part = HEIGHT * (n - 0x2580) / 8
        return box(0, top + HEIGHT - part, WIDTH, part)
    x, y = WIDTH / 2, top + HEIGHT / 2
    ends = {"\u2500": "lr", "\u2502": "ud", "\u250c": "rd", "\u2510": "ld", "\u2514": "ru",
            "\u2518": "lu"}.get(c)
    pieces = {"l": (0, y - 0.5, x, 1), "r": (x, y - 0.5, x, 1),
              "u": (x - 0.5, top, 1, HEIGHT / 2), "d": (x - 0.5, y, 1, HEIGHT / 2)}
    return "".join(box(*pieces[e]) for e in ends) if ends else None


class Picture:
    def __init__(self):
        self.glyphs = Glyphs()
        self.backs = []   # rectangles, which are below everything else
        self.fronts = {}  # (colour, dim) -> what is drawn in it

    def run(self, row, column, width, text, look):
        """Draws text of one look; wide characters come alone."""
        front, back, bold, dim, underline = look
        x, y = MARGIN + column * WIDTH, MARGIN + row * HEIGHT
        out = self.fronts.setdefault((front, dim), [])
        if back != BACK:
            self.backs.append(f'<rect x="{x:.1f}" y="{y}" width="{width * WIDTH:.1f}"'
                              f' height="{HEIGHT}" fill="{back}"/>')
        if underline:
            out.append(f'<path d="{box(x, y + HEIGHT - 2, width * WIDTH, 1)}"/>')
        if set(text) == {"\u2500"}:  # a line across the screen is one shape
            out.append(f'<path d="{box(x, y + HEIGHT / 2 - 0.5, width * WIDTH, 1)}"/>')
            return
        for i, c in enumerate(text):
            if not c.isspace() and (name := self.glyphs.name(c, bold)):
                out.append(f'<use xlink:href="#{name}" x="{x + i * WIDTH:.1f}" y="{y + BASE}"/>')

    def svg(self, columns, rows):
        width, height = columns * WIDTH + 2 * MARGIN, rows * HEIGHT + 2 * MARGIN
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
               f' width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">',
               f"<title>{html.escape(TITLE)}</title>", "<defs>", *self.glyphs.defined, "</defs>",
               f'<rect width="100%" height="100%" rx="6" fill="{BACK}"/>', *self.backs]
        for (colour, dim), drawn in self.fronts.items():
            faint = ' opacity="0.6"' * dim
            out += [f'<g fill="{colour}"{faint}>', *drawn, "</g>"] if drawn else []
        return "\n".join([*out, "</svg>", ""])


def draw(lines):
    picture, pen, widest = Picture(), Pen(), 1
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
        for look, at, n, text in runs:
            picture.run(row, at, n, text, look)
    return picture.svg(widest, len(lines))


sys.stdout.write(draw(sys.stdin.read().rstrip("\n").split("\n")))
