"""The examples of thousand-devices.md as they stand there: Ansible's role, installed by ssh and changed
through the hub, and cloud-init, on machines of their own whose init is systemd."""

import json
import re
import shutil
import subprocess
import unittest

import certificates
from api import Key
from box import Box, Unit, impossible
from harness import Case
from programs import BUILD, DEADLINE, RELEASE_BIN, environment, run, wait_until

ROOT = BUILD.parent
EXAMPLES = ROOT / "share/examples"
CLOUD_INIT = BUILD / "cloud-init"
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PYTHON = "/usr/bin/python3"  # Debian's, which has what its packages need
SSHD = """[Service]
Type=notify
RuntimeDirectory=sshd
ExecStart=/usr/sbin/sshd -D -e -f /etc/ssh/config
"""
SSHD_CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/host
AuthorizedKeysFile /etc/ssh/client.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
Subsystem sftp internal-sftp
"""


class Fleet(Case):
    """A hub in the network of the first box."""

    bin = RELEASE_BIN

    def boxes(self, **files):
        """{name: Box} for {name: {path: text}}, on one network, with the hub."""
        found, first = {}, None
        for name, more in files.items():
            found[name] = Box(self, name, first, more)
            first = first or found[name]
            found[name].must("rm", "/etc/systemd/system/tunnel-device.service")
        self.network = first.network
        self.the_hub = self.hub("--keys", self.keys_file(KEY.section()), unsigned=False,
                                before=self.network)
        ca = certificates.certificate().ca
        self.env = environment(
            HOME=self.dir / "home", XDG_RUNTIME_DIR=self.dir, AWS_ACCESS_KEY_ID=KEY.id,
            AWS_SECRET_ACCESS_KEY=KEY.secret, AWS_CA_BUNDLE=ca,
            TUNNEL_ENDPOINT=f"https://localhost:{self.the_hub.port}",
            PATH=f"{RELEASE_BIN}:/usr/sbin:/usr/bin:/bin")
        (self.dir / "home").mkdir()
        return found

    def here(self, *argv):
        """A command of this machine, with the hub's network. A play is many commands."""
        return run(*self.network, *argv, cwd=self.dir, env=self.env, deadline=4 * DEADLINE)

    def must(self, *argv):
        done = self.here(*argv)
        self.assertEqual(done.code, 0, f"{argv}\n{done.text}\n{done.err}")
        return done.text

    def devices(self):
        answer = json.loads(self.must("tunnelctl", "devices", "--json"))
        return {d["device"]: d for d in answer["devices"]}

    def invite(self, uses, file):
        self.must("tunnelctl", "devices", "invite", "--names", "pump-*", "--labels", "site=7",
                  "--uses", str(uses), "--token-file", file)
        return file.read_text().strip()

    def assert_present(self, name):
        wait_until(lambda: self.devices()[name]["present"], f"{name} is present")


RECAP = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.M)


@unittest.skipIf(impossible(), impossible())
@unittest.skipUnless(shutil.which("ansible-playbook", path="/usr/bin"), "no ansible-core is installed")
class Ansible(Fleet):
    def setUp(self):
        super().setUp()
        keys = self.dir / "keys.ssh"
        keys.mkdir()
        for name in ("host", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name],
                           check=True)
        names = ("pump-07", "pump-08", "pump-09")
        ports = {name: 2200 + i for i, name in enumerate(names)}
        self.machines = self.boxes(**{name: {
            "/etc/ssh/config": SSHD_CONFIG.format(port=port),
            "/etc/ssh/host": (keys / "host").read_text(),
            "/etc/ssh/client.pub": (keys / "client.pub").read_text(),
            "/etc/systemd/system/sshd.service": SSHD,
        } for name, port in ports.items()})
        for box in self.machines.values():
            box.must("chmod", "600", "/etc/ssh/host")
            Unit(box, "sshd").must("start")
        # What is another here than in the examples.
        self.vars = {"ansible_user": "root", "ansible_become": False,
                     "ansible_ssh_private_key_file": str(keys / "client"),
                     "ansible_ssh_extra_args": f"-F none -o UserKnownHostsFile={self.dir}/known_hosts "
                                               "-o StrictHostKeyChecking=accept-new -o LogLevel=ERROR",
                     "ansible_python_interpreter": PYTHON,
                     "tunnel_agent_hub": f"localhost:{self.the_hub.port}",
                     "tunnel_agent_ca": str(certificates.certificate().ca),
                     "tunnel_agent_program": str(RELEASE_BIN / "tunnel-agent"),
                     "tunnel_agent_unit": str(ROOT / "share/systemd/tunnel-device.service"),
                     "tunnel_agent_bin": "/opt/bin", "tunnel_agent_delay": 1}
        self.examples = self.dir / "examples"
        shutil.copytree(EXAMPLES / "ansible", self.examples)
        self.ports = ports
        self.direct = self.inventory("direct", lambda port: {"ansible_port": port,
                                                             "ansible_host": "127.0.0.1"})
        self.fleet = self.inventory("fleet", lambda port: {})
        self.env |= {"ANSIBLE_CONFIG": str(self.examples / "ansible.cfg"),
                     "ANSIBLE_HOME": str(self.dir / "ansible"),
                     "ANSIBLE_LOCAL_TEMP": str(self.dir / "ansible"),
                     "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.dir / "cp"), "ANSIBLE_FORKS": "3",
                     "ANSIBLE_TIMEOUT": "60", "ANSIBLE_NOCOLOR": "1"}
        for box in self.machines.values():
            box.must("mkdir", "/opt/bin")

    def inventory(self, name, of_port):
        """Beside the examples': their services, each machine with a port of its own."""
        file = self.dir / f"{name}.json"
        hosts = {host: of_port(port) | {"tunnel_agent_services": {"SSH1": str(port)}}
                 for host, port in self.ports.items()}
        hosts["pump-09"]["tunnel_agent_services"]["HTTP1"] = "80"
        file.write_text(json.dumps({"devices": {"hosts": hosts}}))
        return file

    def play(self, *inventories, more=(), good=True, **variables):
        """(output, {host: changed})"""
        which = [word for file in inventories for word in ("-i", file)]
        done = self.here("/usr/bin/ansible-playbook", *which, "-e", json.dumps(self.vars | variables),
                         self.examples / "install.yml", *more)
        rows = RECAP.findall(done.text)
        bad = [row for row in rows if row[3:] != ("0", "0")]
        self.assertEqual((done.code == 0, not bad), (good, good), f"{done.text}\n{done.err}")
        return done.text + done.err, {row[0]: int(row[2]) for row in rows}

    def gateway_here(self):
        gateway = self.start(*self.network, RELEASE_BIN / "tunnel-gateway", "-e",
                             f"localhost:{self.the_hub.port}", "--ca", certificates.certificate().ca,
                             "--listen", "127.0.0.1:1080", env=self.env, name="tunnel-gateway")
        gateway.wait_line("Listening on")

    def test_role(self):
        names = set(self.machines)
        token = self.invite(3, self.examples / "join")
        text, changed = self.play(self.examples / "inventory.yml", self.direct,
                                  more=("-vv", "--diff"))
        self.assertEqual(set(changed), names, text)
        self.assertNotIn(0, changed.values())
        self.assertNotIn(token, text)
        for name, box in self.machines.items():
            self.assert_present(name)
            self.assertEqual(box.must("stat", "-c", "%a %U", "/etc/tunnel-agent/agent.conf"), "600 root\n")
            box.must("test", "!", "-e", "/etc/tunnel-agent/join")
            box.must("systemctl", "is-enabled", "tunnel-device")
        found = self.devices()
        self.assertEqual({name: row["services"] for name, row in found.items()}, {
            "pump-07": ["SSH1"], "pump-08": ["SSH1"], "pump-09": ["HTTP1", "SSH1"]})
        self.assertEqual({tuple(label.values()) for label in found["pump-08"]["labels"]},
                         {("site", "7"), ("spare", "yes")})
        self.gateway_here()
        text, changed = self.play(self.examples / "through_hub.py", self.fleet)
        self.assertEqual(changed, dict.fromkeys(names, 0), text)
        # The agent that is restarted is the one that the order comes through.
        web = {"SSH1": str(self.ports["pump-07"]), "WEB": "8080"}
        text, changed = self.play(self.examples / "through_hub.py", self.fleet,
                                  more=("--limit", "pump-07"), tunnel_agent_services=web)
        self.assertEqual(set(changed), {"pump-07"})
        wait_until(lambda: self.devices()["pump-07"]["services"] == ["SSH1", "WEB"], "a new service")
        # One that would cut the device off does not get there.
        text, _ = self.play(self.examples / "through_hub.py", self.fleet, more=("--limit", "pump-07"),
                            tunnel_agent_services={"SSH1": "no-port-at-all:"}, good=False)
        self.assertIn("failed to validate", text)
        self.assertEqual(self.devices()["pump-07"]["services"], ["SSH1", "WEB"])


# What a boot of Debian does with our user data, and nothing else.
CLOUD_CONFIG = """datasource_list: [NoCloud]
network: {config: disabled}
system_info: {distro: debian, paths: {cloud_dir: /var/lib/cloud/}}
cloud_init_modules: [write-files, set_hostname]
cloud_config_modules: [runcmd]
cloud_final_modules: [scripts-user]
"""
STAGES = (("init", "--local"), ("init",), ("modules", "--mode", "config"),
          ("modules", "--mode", "final"))


@unittest.skipIf(impossible(), impossible())
@unittest.skipUnless(CLOUD_INIT.is_dir(), "scripts/setup --tests has put no cloud-init into build")
class CloudInit(Fleet):
    def cloud_init(self, box, *words):
        return box.must("env", "PYTHONPATH=/opt/cloud-init/usr/lib/python3/dist-packages", PYTHON, "-m",
                        "cloudinit.cmd.main", *words)

    def test_user_data(self):
        names = ("pump-31", "pump-32")
        boxes = self.boxes(**{name: {
            "/etc/cloud/cloud.cfg": CLOUD_CONFIG,
            "/etc/tunnel-agent/ca.pem": certificates.certificate().ca.read_text(),
            "/var/lib/cloud/seed/nocloud/meta-data": f"instance-id: i-{name}\nlocal-hostname: {name}\n",
        } for name in names})
        token = self.invite(len(names), self.dir / "join")
        example = (EXAMPLES / "cloud-init.yaml").read_text()
        data = example
        for mine, yours in (("join_put-yours-here", token), ("#ca =", "ca ="),
                            ("hub.example:443", f"localhost:{self.the_hub.port}")):
            self.assertEqual(data.count(mine), 1, mine)
            data = data.replace(mine, yours)
        unit = (ROOT / "share/systemd/tunnel-device.service").read_text()
        archive = subprocess.run(["tar", "-C", CLOUD_INIT, "-c", "usr"], capture_output=True, check=True)
        for box in boxes.values():
            box.must("install", "-d", "/opt/cloud-init")
            box.must("tar", "-C", "/opt/cloud-init", "-x", input=archive.stdout)
            box.write("/etc/systemd/system/tunnel-device.service",
                      unit.replace("/usr/bin/tunnel-agent", "/opt/tunnel/bin/tunnel-agent"))
            box.must("systemctl", "daemon-reload")
            box.write("/example.yaml", example)
            said = self.cloud_init(box, "schema", "--config-file", "/example.yaml")
            self.assertIn("Valid cloud-config", said)
            box.write("/var/lib/cloud/seed/nocloud/user-data", data)
            for stage in STAGES:
                self.cloud_init(box, *stage)
            result = json.loads(box.read("/run/cloud-init/result.json"))["v1"]
            self.assertEqual(result["errors"], [])
            self.assertIn("DataSourceNoCloud", result["datasource"])
        for name, box in boxes.items():
            Unit(box, "tunnel-device").wait_log(f'device "{name}" is enrolled')
            self.assert_present(name)
            self.assertEqual(box.must("stat", "-c", "%a", "/etc/tunnel-agent/join"), "600\n")
            box.must("systemctl", "is-enabled", "tunnel-device")


if __name__ == "__main__":
    unittest.main()
