"""What the documents point to is there: files and headings (as GitHub names them) of links, and
paths in the text."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def documents():
    return sorted(p for p in ROOT.rglob("*.md")
                  if p.relative_to(ROOT).parts[0] not in ("build", ".git"))


def anchor(heading):
    """As GitHub makes it: of the text that is shown, lower case, without punctuation."""
    shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")


def anchors(text):
    found = {}
    for heading in HEADING.findall(FENCE.sub("", text)):
        name = anchor(heading)
        found[name] = found.get(name, -1) + 1
    numbered = {f"{name}-{i}" for name, n in found.items() for i in range(1, n + 1)}
    return set(found) | numbered | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def links(path, text):
    """(target, file, heading) of the links to files."""
    for target in LINK.findall(re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))):
        if not re.match(r"[a-z][a-z0-9+.-]*:", target):
            file, _, name = target.partition("#")
            yield target, (path.parent / file).resolve() if file else path, name


def dead_links(path, text):
    for target, to, name in links(path, text):
        if not to.exists():
            yield f"{target}: there is no such file"
        elif name and name not in anchors(to.read_text()):
            yield f"{target}: there is no such heading"


PAGE = re.compile(r"share/doc/(?:tunnel/)?([\w/-]+\.md)(?:#([\w-]+))?")


def dead_pages(text):
    """Pages and headings that a source, an example or a manual names."""
    for page, name in PAGE.findall(text):
        to = ROOT / "share/doc" / page
        if not to.is_file() or (name and name not in anchors(to.read_text())):
            yield f"{page}{'#' if name else ''}{name}: there is no such page or heading"


PLACES = r"(?:core|gateway|tui|tests|scripts|share|proto|findings)"
PATH = re.compile(PLACES + r"/[\w./-]*\w")


def sources():
    return {p.name for place in ("core", "gateway", "tui", "tests", "proto")
            for p in (ROOT / place).rglob("*.[ch]")}


def is_there(path):
    pattern = re.sub("MODULE|NAME", "*", path)
    return any(any(ROOT.glob(pattern + ending)) for ending in ("", ".c", ".h"))


def dead_paths(text, names):
    """Files and folders of ours that the text names; a source may be named without its ending, or
    (one of `names`) without its folder; MODULE and NAME stand for any name. What stands behind -R
    is the name of a test."""
    for code in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        for path in re.sub(r"-R \S+", "", code).split():
            if (PATH.fullmatch(path) and not is_there(path)) or (
                    re.fullmatch(r"[a-z]\w*\.[ch]", path) and path not in names):
                yield f"{path}: there is no such file"


class Documents(unittest.TestCase):
    def test_links(self):
        dead = [f"{p.relative_to(ROOT)}: {why}" for p in documents()
                for why in dead_links(p, p.read_text())]
        self.assertEqual(dead, [])
        self.assertGreater(len(documents()), 20)

    def test_every_page_is_found(self):
        """By links, from the README on."""
        found, new = set(), [ROOT / "README.md"]
        while new:
            path = new.pop()
            found.add(path)
            new += {to for _, to, _ in links(path, path.read_text())
                    if to.suffix == ".md" and to.is_file()} - found
        pages = {p for p in documents() if p.is_relative_to(ROOT / "share/doc")}
        self.assertEqual({str(p.relative_to(ROOT)) for p in pages - found}, set())

    def test_pages_that_are_named_elsewhere(self):
        """In sources, scripts, examples, units, manuals and tests."""
        texts = [p for place in ("core", "gateway", "tui", "proto", "scripts", "share")
                 for p in sorted((ROOT / place).rglob("*"))
                 if p.is_file() and p.suffix not in (".md", ".png", ".svg")]
        texts += [p for end in ("py", "c", "h") for p in sorted((ROOT / "tests").rglob(f"*.{end}"))]
        dead = [f"{p.relative_to(ROOT)}: {why}" for p in texts
                for why in dead_pages(p.read_text(errors="replace"))]
        self.assertEqual(dead, [])

    def test_paths(self):
        names = sources()
        dead = [f"{p.relative_to(ROOT)}: {why}" for p in documents() if p.name != "CHANGELOG.md"
                for why in dead_paths(p.read_text(), names)]
        self.assertEqual(dead, [])

    def test_the_test_sees_dead_paths(self):
        text = "`core/net` `core/tls/record.h` `core/tunnel/conn` core/x `a/b` `tests/unit/*.c`\n"
        text += "`a.c`\n"
        self.assertEqual(list(dead_paths(text, {"a.c"})), [])
        text += "`core/nowhere.h` and `scripts/test core/nothing`, `b.c`, `scripts/test -R tui/x`\n"
        self.assertEqual([line.partition(":")[0] for line in dead_paths(text, {"a.c"})],
                         ["core/nowhere.h", "core/nothing", "b.c"])

    def test_the_test_sees_dead_links(self):
        text = ("# The hub's `keys`, and [more](README.md)\n\n## A\n\n## A\n"
                "```\n[e](nowhere.md)\n# No heading\n```\n`[f](nowhere.md)`\n"
                "[a](README.md) [d](https://x.example/#z)\n")
        self.assertEqual(anchors(text), {"the-hubs-keys-and-more", "a", "a-1"})
        self.assertEqual(list(dead_links(ROOT / "page.md", text)), [])
        dead = list(dead_links(ROOT / "page.md", text + "[g](nowhere.md) [h](README.md#no)\n"))
        self.assertEqual([line.partition(":")[0] for line in dead], ["nowhere.md", "README.md#no"])


if __name__ == "__main__":
    unittest.main()
