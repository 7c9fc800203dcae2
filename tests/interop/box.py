"""A machine of its own whose init is systemd (systemd_box), with the programs of the release build in
/opt/tunnel and our units. Commands run inside it; nothing of it is left on this machine."""

import functools
import os
import pathlib
import re
import shutil
import signal

import certificates
from programs import RELEASE_BIN, run, wait_until

HERE = pathlib.Path(__file__).resolve().parent
UNITS = HERE.parents[1] / "share/systemd"
PROGRAMS = ("tunnel-hub", "tunnel-agent", "tunnel-gateway", "tunnelctl")
USER = 1000
HUB_USER = 990
PASSWD = f"""root:x:0:0::/root:/bin/sh
tunnel-hub:x:{HUB_USER}:{HUB_USER}::/var/lib/tunnel-hub:/bin/sh
me:x:{USER}:{USER}::/home/me:/bin/sh
sshd:x:991:65534::/run/sshd:/usr/sbin/nologin
nobody:x:65534:65534::/:/usr/sbin/nologin
"""
GROUP = f"root:x:0:\ntunnel-hub:x:{HUB_USER}:\nme:x:{USER}:\nnogroup:x:65534:\n"
# What our units name; those of a whole machine are not there.
TARGETS = ("box", "sysinit", "basic", "shutdown", "network-online", "sockets", "default", "exit")
LOG = "[Service]\nStandardOutput=append:{folder}/%N.log\nStandardError=inherit\n"
QUICK = "[Service]\nRestartSec=100ms\n"
MANAGER = f"""[Service]
Type=notify
User=me
Delegate=yes
RuntimeDirectory=user/{USER}
RuntimeDirectoryMode=0700
Environment=XDG_RUNTIME_DIR=/run/user/{USER} HOME=/home/me SYSTEMD_UNIT_PATH=/etc/systemd/user
ExecStart=/usr/lib/systemd/systemd --user --unit=box.target
"""


def _fill(files, more):
    """The files of the machine below `files`."""
    def put(path, text):
        (files / path).parent.mkdir(parents=True, exist_ok=True)
        (files / path).write_text(text)

    for path, text in more.items():
        put(path.lstrip("/"), text)
    put("etc/passwd", PASSWD)
    put("etc/group", GROUP)
    put("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    put("etc/hosts", "127.0.0.1 localhost\n")
    shutil.copy("/etc/ld.so.cache", files / "etc")
    for kind, folder in (("system", "/var/log"), ("user", "/home/me")):
        for name in TARGETS:
            put(f"etc/systemd/{kind}/{name}.target", "[Unit]\nDefaultDependencies=no\n")
        put(f"etc/systemd/{kind}/service.d/log.conf", LOG.format(folder=folder))
    for unit in UNITS.iterdir():
        kind = "user" if unit.name == "tunnel-gateway.service" else "system"
        put(f"etc/systemd/{kind}/{unit.name}",
            unit.read_text().replace("/usr/bin/", "/opt/tunnel/bin/"))
        if unit.suffix == ".service":
            put(f"etc/systemd/{kind}/{unit.name}.d/quick.conf", QUICK)
    put("etc/systemd/system/manager.service", MANAGER)
    (files / "opt/tunnel/bin").mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy(RELEASE_BIN / name, files / "opt/tunnel/bin")
    own = certificates.certificate()
    (files / "etc/tunnel-hub").mkdir()
    for file, name in ((own.cert, "hub.pem"), (own.key, "hub.key"), (own.ca, "ca.pem")):
        shutil.copy(file, files / "etc/tunnel-hub" / name)
        os.chown(files / "etc/tunnel-hub" / name, HUB_USER, HUB_USER)
    (files / "home/me/.config").mkdir(parents=True)
    for path in (files / "home/me", *(files / "home/me").rglob("*")):
        os.chown(path, USER, USER)


class Box:
    def __init__(self, case, name="machine", beside=None, more=()):
        """`beside`: the box whose network it shares. `more`: further files, {path: text}."""
        self.files, self.init, self.group = case.dir / name, None, ""
        _fill(self.files, dict(more))
        how = (HERE / "systemd_box", self.files)
        if beside:
            how = (*beside.network, *how, "beside")
        self.program = case.start(*how, name=name, ends=(-signal.SIGKILL, 1))
        case.addCleanup(self.end)
        self.group = self.program.wait_line("cgroup (/.*)")[1]
        self.init = wait_until(self._find_init, "systemd")
        wait_until(lambda: self.run("systemctl", "is-active", "box.target").code == 0, "the machine")

    def _find_init(self):
        assert self.program.alive(), self.program.output()
        tasks = pathlib.Path(f"/proc/{self.program.pid}/task/{self.program.pid}")
        for child in (tasks / "children").read_text().split():
            if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
        return None

    def end(self):
        """All of it at once, and its cgroups."""
        if self.program.alive():
            os.kill(self.init or self.program.pid, signal.SIGKILL)
            self.program.wait()
        for folder, _, _ in os.walk(self.group, topdown=False):
            wait_until(functools.partial(_removed, folder), f"the end of {folder}")

    # ---- commands ----

    @property
    def network(self):
        """Words before a command of this machine that is to have the box's network."""
        return "nsenter", "-t", self.init, "-n"

    def run(self, *argv, input=b"", user=None):
        who = ("-S", user, "-G", user) if user else ()
        env = (f"XDG_RUNTIME_DIR=/run/user/{USER}", "HOME=/home/me") if user else ()
        return run("nsenter", "-t", self.init, "-m", "-p", "-n", "-i", "-u", "-C", "-r", "-w", *who,
                   "env", "-i", "PATH=/opt/tunnel/bin:/usr/sbin:/usr/bin", *env, *argv, input=input)

    def must(self, *argv, **options):
        done = self.run(*argv, **options)
        assert done.code == 0, f"{argv}: {done}\n{self.read('/dev/kmsg')}"
        return done.text

    def write(self, path, text, mode="600", owner="root"):
        self.must("install", "-D", "-m", mode, "-o", owner, "/dev/stdin", path, input=text.encode())

    def read(self, path):
        return self.run("cat", path).text


def _removed(folder):
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


class Unit:
    """A service of the machine, or of its user's."""

    def __init__(self, box, name, user=None):
        self.box, self.name, self.user = box, name, user
        self.how = ("systemctl", "--user") if user else ("systemctl",)
        self.log_file = f"/home/me/{name}.log" if user else f"/var/log/{name}.log"

    def call(self, verb):
        return self.box.run(*self.how, verb, self.name, user=self.user)

    def must(self, verb):
        done = self.call(verb)
        assert done.code == 0, f"{verb} {self.name}: {done}\n{self.log()}\n{self.box.read('/dev/kmsg')}"

    def show(self, name):
        return self.box.must(*self.how, "show", "--value", "-p", name, self.name, user=self.user).strip()

    @property
    def pid(self):
        return self.show("MainPID")

    @property
    def restarts(self):
        return int(self.show("NRestarts"))

    def log(self):
        return self.box.read(self.log_file)

    def wait_log(self, pattern, times=1):
        wait_until(lambda: len(re.findall(pattern, self.log())) >= times, f"{self.name}: {pattern}")

    def wait_restarts(self, more):
        goal = self.restarts + more
        wait_until(lambda: self.restarts >= goal, f"{self.name} is started again")


@functools.cache
def impossible():
    """Why this machine lets nobody do that, or None."""
    if os.geteuid() != 0:
        return "only root may make namespaces of every kind"
    if not pathlib.Path("/usr/lib/systemd/systemd").exists():
        return "systemd is not installed"
    if not (RELEASE_BIN / "tunnel-hub").exists():
        return "build/release is not built"
    namespaces = run("unshare", "--mount", "--pid", "--fork", "--ipc", "--uts", "--net", "--cgroup",
                     "mount", "-t", "tmpfs", "box", "/mnt")
    if namespaces.code != 0:
        return f"no namespaces here: {namespaces.err.strip()}"
    if not re.search(r"^\S+ \S+ cgroup2 rw", pathlib.Path("/proc/mounts").read_text(), re.M):
        return "no cgroup2 that can be written"
    return None
