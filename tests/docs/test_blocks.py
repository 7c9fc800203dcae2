"""The form of all pages' blocks, and how many of them are run. The last lines of its output are the
count."""

import unittest

from blocks import Block, blocks, mistakes, name, pages

PAGE = """# A page
```text
not for the shell
```
<!-- not run: it needs
     two lines -->
```sh
reboot
```
<!-- before: echo a -->
<!-- exit: 1 -->

```console
$ false
```
"""


class Blocks(unittest.TestCase):
    def test_form_of_all_pages(self):
        wrong = [f"{b.place}: {why}" for path in pages()
                 for b in blocks(path.read_text(), name(path)) for why in mistakes(b)]
        self.assertEqual(wrong, [], "\n" + "\n".join(wrong))

    def test_count(self):
        sums = {"run": 0, "run by": 0, "not run": 0}
        print()
        for path in pages():
            fates = [b.fate for b in blocks(path.read_text(), name(path)) if b.fate]
            for fate in fates:
                sums[fate] += 1
            if fates:
                print(f"  {name(path):36}", ", ".join(
                    f"{fates.count(f)} {f}" for f in sums if f in fates).replace(
                        "run by", "run by another test"))
        print(f"  all pages: {sums['run']} blocks are run here, {sums['run by']} by other tests, "
              f"{sums['not run']} are not run")
        self.assertGreater(sums["run"], sums["not run"])

    def test_blocks(self):
        text, reboot, false = blocks(PAGE, "page")
        self.assertEqual((text.fate, text.line, text.text), (None, 3, "not for the shell\n"))
        self.assertEqual((reboot.fate, reboot.place), ("not run", "page:8"))
        self.assertEqual(reboot.marks, {"not run": "it needs\n     two lines"})
        self.assertEqual((false.fate, false.marks), ("run", {"before": "echo a", "exit": "1"}))
        file, = blocks("<!-- check: cat $BLOCK -->\n```ini\na = b\n```\n", "page")
        self.assertEqual((file.fate, file.marks), ("run", {"check": "cat $BLOCK"}))
        self.assertEqual([list(mistakes(b)) for b in (text, reboot, false, file)], [[]] * 4)

    def test_mistakes(self):
        for language, text, marks in (
                ("", "x\n", {}), ("text", "$ ls\n", {}), ("text", "tunnel-hub --cert x\n", {}),
                ("ini", "a = b\n", {"not run": "why"}), ("sh", "ls\n", {"not run": ""}),
                ("sh", "ls\n", {"never": "mind"}), ("sh", "ls\n", {"run by": "tests/nowhere.py"}),
                ("sh", "ls\n", {"not run": "why", "exit": "1"}), ("sh", "ls\n", {"check": "true"})):
            with self.subTest(language=language, text=text, marks=marks):
                self.assertEqual(len(list(mistakes(Block("page", 1, language, text, marks)))), 1)


if __name__ == "__main__":
    unittest.main()
