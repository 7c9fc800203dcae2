"""What is shipped besides the programs fits together: Debian's packages and the examples, without
building all anew (tests/release does)."""

import configparser
import pathlib
import re
import subprocess
import unittest

import yaml

from programs import BIN, RELEASE_BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEBIAN = ROOT / "share/packaging/debian"
EXAMPLES = ROOT / "share/examples"
UNITS = ROOT / "share/systemd"
PROGRAMS = ("tunnel-hub", "tunnel-agent", "tunnel-gateway", "tunnelctl", "tunnel-tui", "localproxy")


def version():
    return re.search(r"^project\(tunnel VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1]


class Debian(unittest.TestCase):
    def test_packages(self):
        """Each program is in the package of its name, with its page and completions."""
        control = (DEBIAN / "control").read_text()
        self.assertEqual(set(re.findall(r"^Package: (\S+)$", control, re.M)), {*PROGRAMS, "tunnel-doc"})
        for name in PROGRAMS:
            paths = [line.split()[0] for line in (DEBIAN / f"{name}.install").read_text().splitlines()]
            for path in (f"usr/bin/{name}", f"usr/share/man/man1/{name}.1",
                         f"usr/share/bash-completion/completions/{name}",
                         f"usr/share/zsh/site-functions/_{name}",
                         f"usr/share/fish/vendor_completions.d/{name}.fish"):
                self.assertIn(path, paths)

    def test_units(self):
        """Each is in one package, and tells when it is ready."""
        packed = [pathlib.Path(line.split()[0]).name for file in DEBIAN.glob("*.install")
                  for line in file.read_text().splitlines() if "systemd" in line]
        self.assertEqual(sorted(packed), sorted(p.name for p in UNITS.iterdir()))
        for unit in UNITS.glob("*.service"):
            self.assertRegex(unit.read_text(), r"(?m)^Type=notify$")

    def test_version(self):
        for file in (DEBIAN / "changelog", EXAMPLES / "compose.yaml"):
            self.assertIn(version(), file.read_text(), file)
        self.assertTrue((EXAMPLES / f"yocto/tunnel-agent_{version()}.bb").exists())

    def test_scripts(self):
        scripts = [*DEBIAN.glob("*.postinst"), *DEBIAN.glob("*.postrm"),
                   EXAMPLES / "openwrt/tunnel-agent.init"]
        self.assertGreater(len(scripts), 3)
        for script in scripts:
            done = subprocess.run(["sh", "-n", script], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), script)
            done = subprocess.run(["shellcheck", "-s", "sh", script], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)

    @unittest.skipUnless((RELEASE_BIN.parent / "installed.txt").exists(), "build/release is not built")
    def test_made(self):
        """Packages are made of the programs of build/release, and lintian finds no error in them."""
        done = subprocess.run([ROOT / "scripts/packages", "--quick"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        made = re.findall(r"^ *\d+  ([a-z-]+)_", done.stdout, re.M)
        self.assertEqual(sorted(made), sorted((*PROGRAMS, "tunnel-doc")))


class Agent(unittest.TestCase):
    def test_carries_little(self):
        """What only other programs need is not linked into the devices' one."""
        names = subprocess.check_output(["nm", "--defined-only", BIN / "tunnel-agent"], text=True)
        self.assertIn(" br_", names)
        self.assertEqual(re.findall(r" ((?:sqlite3_|redis|cJSON_)\w+)$", names, re.M), [])


class Examples(unittest.TestCase):
    def test_compose(self):
        """Nobody has rights, and nothing but volumes and memory is written to."""
        services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
        self.assertEqual(set(services), {"hub", "agent"})
        for name, service in services.items():
            self.assertEqual(service["user"], "65532:65532")
            self.assertTrue(service["read_only"])
            self.assertEqual(service["cap_drop"], ["ALL"])
            self.assertIn(f"tunnel-{name}", service["healthcheck"]["test"])

    def test_yocto(self):
        """The licence is the one that the recipe was written for, and the unit is there."""
        recipe = (EXAMPLES / f"yocto/tunnel-agent_{version()}.bb").read_text()
        said = re.search(r"file://LICENSE;md5=(\w+)", recipe)[1]
        real = subprocess.check_output(["md5sum", ROOT / "LICENSE"], text=True).split()[0]
        self.assertEqual(said, real)
        unit = configparser.ConfigParser(strict=False, interpolation=None)
        unit.optionxform = str
        unit.read(UNITS / re.search(r'SYSTEMD_SERVICE:\S+ = "(\S+)"', recipe)[1])
        self.assertIn("/usr/bin/tunnel-agent", unit["Service"]["ExecStart"])
        self.assertEqual(recipe.count("{"), recipe.count("}"))


if __name__ == "__main__":
    unittest.main()
