"""Runs the matrix (table.py): every client through a real way, to a service that is there and to one
that is not. TUNNEL_CLIENTS="curl,wget" picks rows by the beginning of their titles."""

import os
import pathlib
import subprocess
import unittest

import certificates
import services
import table
from harness import Case
from programs import BIN, environment, run
from sshd import Sshd

HERE = pathlib.Path(__file__).resolve().parent
WANTED = tuple(filter(None, os.environ.get("TUNNEL_CLIENTS", "").split(",")))


class Matrix(Case):
    def setUp(self):
        super().setUp()
        self.sshd = Sshd(self, self.dir)
        web = self.origin(services.Web(self.dir))
        self.broker = services.broker(self, self.dir)
        self.way = self.open_way({
            "WEB2": services.hg(self, self.dir), "IRC1": self.origin(services.Irc()), "VPN1": services.openvpn(self),
            "HTTP1": web, "SSH1": self.sshd, "WS1": self.origin(services.WebSocketEcho()),
            "SMTP1": self.origin(services.Smtp()), "TLS1": self.origin(services.Tls()),
            "RSYNC1": services.rsync_daemon(self, self.dir), "MQTT1": self.broker})
        self.rows = 0

    def fields(self, client, name):
        folder = self.dir / f"row{self.rows}"
        folder.mkdir()
        self.rows += 1
        host, port = self.way.proxy.split(":")
        print_key = run("ssh-keygen", "-lf", self.sshd.dir / "host.pub").text.split()[1]
        return dict(p=self.way.proxy, host=host, port=port, name=name, dir=folder, bin=BIN, scripts=HERE,
                    node=HERE.parents[1] / "build/npm-clients", key=self.sshd.dir / "client",
                    known=self.sshd.dir / "known_hosts", user=self.sshd.user("x").split("@")[0],
                    fingerprint=print_key, broker=self.broker.split(":")[1],
                    vpn=certificates.certificate())

    def call(self, client, name):
        command = client.command.format(**self.fields(client, name))
        done = subprocess.run(["bash", "-c", f"ulimit -c 0; {command}"], cwd=self.dir, stdin=subprocess.DEVNULL,
                              env=environment(HOME=self.dir), capture_output=True, timeout=90)
        return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")

    def row(self, client):
        code, said = self.call(client, client.name)
        self.assertRegex(said, client.shows)
        if client.cannot:
            self.assertNotEqual(code, 0, said)
            return
        self.assertEqual(code, 0, said)
        if client.refused is None:
            return
        code, said = self.call(client, client.missing)
        self.assertNotRegex(said, client.shows)
        if client.refused:
            self.assertRegex(said, client.refused)
        else:
            self.assertNotEqual(code, 0, said)

    def test_matrix(self):
        for client in table.CLIENTS:
            if WANTED and not client.title.startswith(WANTED):
                continue
            with self.subTest(client.title):
                try:
                    self.row(client)
                    print(f"{client.title}: {'cannot, ' + client.cannot if client.cannot else 'works'}", flush=True)
                except (AssertionError, subprocess.TimeoutExpired):
                    print(f"{client.title}: FAILS", flush=True)
                    raise


class Table(unittest.TestCase):
    def test_there_are_enough_and_no_two_the_same(self):
        titles = [c.title for c in table.CLIENTS]
        self.assertEqual(len(titles), len(set(titles)))
        self.assertGreaterEqual(len([c for c in table.CLIENTS if not c.cannot]), 40)
