"""Manual pages and completions, as cmake --install puts them in place: what --help shows is in both,
troff finds nothing to complain about, and the shells understand what they are given."""

import pathlib
import re
import shutil
import tempfile
import unittest

from harness import Case
from programs import BIN, environment, run
from shells import Bash, Fish, Zsh

SHELLS = {"bash": "bash-completion/completions/{}", "zsh": "zsh/site-functions/_{}",
          "fish": "fish/vendor_completions.d/{}.fish"}
SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
OURS = ("tunnel-agent", "tunnel-gateway", "tunnel-hub", "tunnelctl", "localproxy")


class Manual(Case):
    @classmethod
    def setUpClass(cls):
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="tunnel-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        done = run("cmake", "--install", BIN.parent, "--prefix", "/usr",
                   env=environment(DESTDIR=cls.root))
        if done.code != 0:
            raise AssertionError(f"cmake --install: {done}")
        cls.share = cls.root / "usr/share"
        cls.programs_there = sorted(p.name for p in (cls.root / "usr/bin").iterdir())

    def setUp(self):
        super().setUp()
        self.work, self.home = self.dir / "work", self.dir / "home"
        (self.work / "folder").mkdir(parents=True)
        (self.work / "file.pem").touch()
        self.home.mkdir()

    def printed(self, program, *words):
        done = run(self.root / "usr/bin" / program, *words, cwd=self.dir)
        self.assertEqual((done.code, done.err), (0, ""), (program, words))
        return done.text

    def commands(self, program):
        """As the help's usage has them."""
        return re.findall(rf"^  {program} ([a-z]+)\b", self.printed(program, "--help"), re.M)

    def options(self, program, *command):
        """Those of --help: {"-v", "--verbose", ...}."""
        found = re.findall(r"^  (?:(-\w), |    )(--[a-z0-9-]+)",
                           self.printed(program, *command, "--help"), re.M)
        return {name for pair in found for name in pair if name}

    def everything(self):
        """Each program, and each of its commands, with its options."""
        for program in self.programs_there:
            for command in [[]] + [[word] for word in self.commands(program)]:
                yield [program, *command], self.options(program, *command)

    # ---- files ----

    def test_each_program_has_its_files(self):
        self.assertLessEqual(set(OURS), set(self.programs_there))
        for program in self.programs_there:
            page = self.share / f"man/man1/{program}.1"
            self.assertTrue(page.read_text().startswith(self.printed(program, "--manual")))
            for shell, place in SHELLS.items():
                self.assertEqual((self.share / place.format(program)).read_text(),
                                 self.printed(program, "--completion", shell))

    def test_only_these(self):
        for program in self.programs_there:
            done = run(self.root / "usr/bin" / program, "--completion", "tcsh")
            self.assertEqual(done.code, 2 if program == "tunnel-tui" else 1)  # as its page says
            self.assertIn("is none of bash, zsh and fish", done.err)
        for words in (["--manual"], ["--completion=bash"]):
            done = run(self.root / "usr/bin/tunnelctl", "open", *words)
            self.assertEqual(done.code, 1, done)
            self.assertIn("about the whole program", done.err)

    def test_full_disk(self):
        done = run("sh", "-c", f"exec {self.root}/usr/bin/tunnel-agent --manual >/dev/full")
        self.assertEqual(done.code, 1)
        self.assertIn("the output could not be written", done.err)

    # ---- pages ----

    def rendered(self, program):
        page = self.share / f"man/man1/{program}.1"
        done = run("groff", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n", page)
        self.assertEqual((done.code, done.err), (0, ""), program)
        return done.text

    def test_all_options(self):
        for words, options in self.everything():
            page = self.rendered(words[0])
            for name in options:
                self.assertRegex(page, rf"(?m)^ +(-\w, )?{name}\b(?!-)", (words, name))

    def test_all_commands(self):
        self.assertEqual(len(self.commands("tunnelctl")), 9)
        self.assertEqual(self.commands("tunnel-gateway"), ["connect", "services", "devices", "print"])
        for program in self.programs_there:
            page = self.rendered(program)
            for command in self.commands(program):
                self.assertRegex(page, rf"(?m)^   {command}$")

    def test_parts_by_hand(self):
        for program in OURS:
            page = self.rendered(program)
            sections = re.findall(r"^[A-Z][A-Z ]+$", page, re.M)
            self.assertEqual(len(sections), len(set(sections)), sections)
            for section in ("NAME", "SYNOPSIS", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS",
                            "SEE ALSO"):
                self.assertIn(section, sections, program)
            self.assertRegex(page, r"/share/doc/tunnel/\w+\.md\n")
            for other in re.findall(r"\b([a-z-]+)\(1\)", page[page.index("SEE ALSO"):]):
                self.assertIn(other, self.programs_there)

    # ---- completions ----

    def test_bash(self):
        bash = Bash(self.share, self.work)
        for words, options in self.everything():
            if words == ["tunnelctl"]:
                options = {"-h", "--help", "-V", "--version"}
            self.assertEqual(set(bash.offers(*words, "-")), options, words)
        for program in self.programs_there:
            self.assertEqual(sorted(bash.offers(program, "")), sorted(self.commands(program)))
        for line, offers in (
                (["tunnelctl", "op"], ["open"]),
                (["tunnelctl", "open", "--th"], ["--thing"]),
                (["tunnelctl", "open", ""], []),
                (["tunnelctl", "open", "--thing", ""], []),
                (["tunnelctl", "open", "--", "--th"], []),
                (["tunnelctl", "list", "--log-format", ""], ["text", "json"]),
                (["tunnelctl", "list", "--log-format", "="], ["text", "json"]),
                (["tunnelctl", "list", "--log-format", "=", "j"], ["json"]),
                (["tunnelctl", "list", "--short", "="], []),
                (["tunnel-gateway", "-k", "con"], []),
                (["tunnel-gateway", "print", "p"], ["pac"]),
                (["tunnel-gateway", "-y", ""], ["V1", "V2"]),
                (["tunnel-agent", "-y", ""], ["V1"]),
                (["tunnel-agent", "-e", ""], []),
                (["tunnel-agent", "-c", ""], ["folder"]),
                (["tunnel-agent", "--capath", "=", "f"], ["folder"]),
                (["tunnel-agent", "--ca", "f"], ["file.pem", "folder"])):
            self.assertEqual(sorted(bash.offers(*line)), sorted(offers), line)

    def test_fish(self):
        fish = Fish(self.share, self.work, self.home)
        for words, options in self.everything():
            if words == ["tunnelctl"]:
                options = {"-h", "--help", "-V", "--version"}
            self.assertEqual(set(fish.offers(" ".join(words) + " -")), options, words)
        for line, offers in (
                ("tunnelctl ", self.commands("tunnelctl")),
                ("tunnelctl op", ["open"]),
                ("tunnelctl open --th", ["--thing"]),
                ("tunnelctl open --thing ", []),
                ("tunnelctl open ", []),
                ("tunnelctl list --log-format ", ["text", "json"]),
                ("tunnel-gateway ", self.commands("tunnel-gateway")),
                ("tunnel-gateway -k con", []),
                ("tunnel-gateway print ", ["ssh-config", "pac", "unit"]),
                ("tunnel-agent -y ", ["V1"]),
                ("tunnel-agent -e ", []),
                ("tunnel-agent -c ", ["folder/"]),
                ("tunnel-agent --ca f", ["file.pem", "folder/"])):
            self.assertEqual(sorted(fish.offers(line)), sorted(offers), line)

    def test_zsh(self):
        for program in self.programs_there:
            done = run("zsh", "-n", self.share / f"zsh/site-functions/_{program}")
            self.assertEqual((done.code, done.err), (0, ""), program)
        zsh = Zsh(self.share, self.work, self.home)
        self.addCleanup(zsh.close)
        for line, completed in (
                ("tunnelctl op", "tunnelctl open "),
                ("tunnelctl --vers", "tunnelctl --version "),
                ("tunnelctl open --th", "tunnelctl open --thing="),
                ("tunnelctl open f", "tunnelctl open f"),
                ("tunnelctl open --thing f", "tunnelctl open --thing f"),
                ("tunnelctl list --log-format=j", "tunnelctl list --log-format=json "),
                ("tunnelctl untag --no-ss", "tunnelctl untag --no-ssl-host-verify "),
                ("tunnel-gateway con", "tunnel-gateway connect "),
                ("tunnel-gateway -k con", "tunnel-gateway -k con"),
                ("tunnel-gateway print p", "tunnel-gateway print pac "),
                ("tunnel-gateway connect --fd", "tunnel-gateway connect --fdpass "),
                ("tunnel-hub --limits-preset=g", "tunnel-hub --limits-preset=generous "),
                ("tunnel-agent -e f", "tunnel-agent -e f"),
                ("tunnel-agent -d 22 --destination-a", "tunnel-agent -d 22 --destination-app="),
                ("tunnel-agent -c f", "tunnel-agent -c folder/"),
                ("tunnel-agent --ca=fi", "tunnel-agent --ca=file.pem "),
                ("localproxy -m s", "localproxy -m src ")):
            self.assertEqual(zsh.completed(line), completed)


class Installation(Case):
    """cmake --install with a prefix of its own, and its end. (Here, since the build's list of what
    was installed is of the last one.)"""

    def test_prefix(self):
        prefix = self.dir / "opt"
        done = run("cmake", "--install", BIN.parent, "--prefix", prefix)
        self.assertEqual(done.code, 0, done)
        manifest = self.dir / "manifest"
        shutil.copy(BIN.parent / "install_manifest.txt", manifest)
        for unit in sorted((prefix / "lib/systemd").rglob("*.service")):
            text = unit.read_text()
            for path in re.findall(r"(?:ExecStart=|file:)(\S+)", text):
                self.assertTrue(path.startswith(f"{prefix}/"), path)
                self.assertTrue(pathlib.Path(path).exists(), path)
        page = (prefix / "share/man/man1/tunnel-hub.1").read_text()
        self.assertIn(f"{prefix}/share/doc/tunnel/hub.md", page)
        unit = run(prefix / "bin/tunnel-gateway", "print", "unit").text
        self.assertEqual(unit, (prefix / "lib/systemd/user/tunnel-gateway.service").read_text())
        own = prefix / "share/doc/tunnel/notes"
        own.write_text("not the installation's\n")
        done = run("cmake", "-D", f"manifest={manifest}", "-P", SCRIPTS / "uninstall.cmake")
        self.assertEqual(done.code, 0, done)
        self.assertEqual([p for p in prefix.rglob("*") if not p.is_dir()], [own])

    def test_half_a_build(self):
        """Nothing is installed when something is missing, and what to do is said."""
        build = self.dir / "build"
        build.mkdir()
        (build / "installed.txt").write_text(f"{BIN}/tunnel-hub\n{build}/bin/localproxy\n")
        done = run("cmake", "-D", f"check_list={build}/installed.txt", "-D", f"check_build={build}",
                   "-P", SCRIPTS / "install_check.cmake")
        self.assertNotEqual(done.code, 0)
        self.assertRegex(done.err, r"localproxy is not\s+built")
        self.assertIn("--target programs", " ".join(done.err.split()))


if __name__ == "__main__":
    unittest.main()
