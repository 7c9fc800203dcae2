"""ssh, scp and sftp with a real sshd, through nc and through `tunnel-gateway connect`."""

import unittest

from harness import Case
from origins import content
from programs import run
from sshd import Sshd


class Ssh(Case):
    def setUp(self):
        super().setUp()
        self.sshd = Sshd(self, self.dir)
        self.way = self.open_way({"SSH1": self.sshd})

    def ways_in(self):
        nc = f"nc -X 5 -x {self.way.proxy} %h %p"
        connect = f"{self.program('tunnel-gateway')} connect %h %p --gateway {self.way.proxy}"
        return {
            "nc -X 5": nc,
            "nc -X 5, name as typed": nc.replace("%h", "%n"),
            "nc -X connect": nc.replace("-X 5", "-X connect"),
            "tunnel-gateway connect": connect,
        }

    def ssh(self, how, *command, host="SSH1.tunnel", **options):
        return run("ssh", *self.sshd.options(how), self.sshd.user(host), *command, cwd=self.dir,
                   **options)

    def test_command(self):
        for name, how in self.ways_in().items():
            with self.subTest(name):
                done = self.ssh(how, "echo over $((40 + 2)) && exit 7")
                self.assertEqual((done.text, done.code), ("over 42\n", 7), done)

    def test_stdin_to_its_end(self):
        data = b"".join(content(3_000_000))
        for name, how in self.ways_in().items():
            with self.subTest(name):
                done = self.ssh(how, "cat", input=data)
                self.assertEqual(done.code, 0, done.err)
                self.assertTrue(done.out == data, "cat gave something else back")

    def test_names(self):
        how = self.ways_in()["nc -X 5"]
        for host in ("ssh1.tunnel", "SSH1.tunnel.", "Ssh1.TUNNEL"):
            with self.subTest(host):
                done = self.ssh(how, "echo hello", host=host)
                self.assertEqual(done.text, "hello\n", done)

    def test_scp_both_ways(self):
        data = b"".join(content(5_000_000))
        (self.dir / "there").write_bytes(data)
        for name, how in self.ways_in().items():
            with self.subTest(name):
                far, back = self.dir / "far", self.dir / "back"
                remote = f"{self.sshd.user('ssh1.tunnel')}:{far}"
                options = self.sshd.options(how)
                up = run("scp", *options, self.dir / "there", remote)
                self.assertEqual(up.code, 0, up)
                down = run("scp", *options, remote, back)
                self.assertEqual(down.code, 0, down)
                self.assertTrue(far.read_bytes() == data == back.read_bytes())
                far.unlink()
                back.unlink()

    def test_sftp(self):
        (self.dir / "there").write_bytes(b"".join(content(1_000_000)))
        for name, how in self.ways_in().items():
            with self.subTest(name):
                script = f"put {self.dir}/there {self.dir}/up\nget {self.dir}/up {self.dir}/down\n"
                done = run("sftp", *self.sshd.options(how), "-b", "-",
                           self.sshd.user("ssh1.tunnel"), input=script.encode())
                self.assertEqual(done.code, 0, done)
                self.assertEqual((self.dir / "down").read_bytes(),
                                 (self.dir / "there").read_bytes())
                (self.dir / "up").unlink()
                (self.dir / "down").unlink()

    def test_several_sessions_at_once(self):
        how = self.ways_in()["nc -X 5"]
        sessions = [self.start("ssh", *self.sshd.options(how), self.sshd.user("ssh1.tunnel"),
                               f"echo start {i}; read line; echo end {i}", stdin=-1)
                    for i in range(5)]
        for i, session in enumerate(sessions):
            session.wait_line(f"start {i}")
        for i, session in enumerate(sessions):
            session.process.stdin.write(b"go\n")
            session.process.stdin.close()
            session.wait_line(f"end {i}")
            self.assertEqual(session.wait(), 0)

    def test_no_such_service_says_why(self):
        connect = self.ways_in()["tunnel-gateway connect"]
        done = self.ssh(connect, "true", host="SSH9.tunnel")
        self.assertEqual(done.code, 255, done)
        self.assertRegex(done.err, 'no service "ssh9"; have SSH1')

    def test_printed_configuration(self):
        printed = run(self.program("tunnel-gateway"), "print", "ssh-config",
                      "--gateway", self.way.proxy)
        self.assertEqual(printed.code, 0, printed)
        self.assertIn("Host *.tunnel", printed.text)
        self.assertIn(self.way.proxy, printed.text)
        config = self.dir / "ssh_config"
        config.write_text(printed.text)
        done = run("ssh", "-F", config, "-i", self.sshd.dir / "client", "-o", "BatchMode=yes",
                   "-o", "StrictHostKeyChecking=accept-new", "-o", "ControlMaster=no",
                   "-o", "ControlPath=none",
                   "-o", f"UserKnownHostsFile={self.sshd.dir}/known_hosts",
                   self.sshd.user("ssh1.tunnel"), "echo by configuration")
        self.assertEqual(done.text, "by configuration\n", done)


class UnixSocket(Case):
    def test_connect_through_a_socket_path(self):
        sshd = Sshd(self, self.dir)
        path = self.dir / "gateway.sock"
        tokens = self.tunnel({"SSH1": sshd})
        hub = self.hub()
        self.agent(hub, tokens, {"SSH1": sshd})
        self.gateway(hub, tokens, listen=str(path))
        how = f"{self.program('tunnel-gateway')} connect %h %p --gateway {path}"
        done = run("ssh", *sshd.options(how), sshd.user("ssh1.tunnel"), "echo by path")
        self.assertEqual(done.text, "by path\n", done)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_gateway_not_there(self):
        done = run(self.program("tunnel-gateway"), "connect", "SSH1.tunnel", "22",
                   "--gateway", self.dir / "nobody.sock")
        self.assertNotEqual(done.code, 0, done)
        self.assertIn("nobody.sock", done.err)


if __name__ == "__main__":
    unittest.main()
