"""What a node looks at of itself before others do: its certificate, and the names that it tells."""

import shutil
import signal
import unittest

import certificates
from cluster import ClusterCase, hub_metrics, open_at
from programs import wait_until

REFUSE = "the other nodes will refuse it: "


class NodeKeys(ClusterCase):
    def refused(self, sentence, proof=None, **instead):
        """The node does not start, and says why."""
        self.proof = proof
        port, words = self.node_options("a")
        for option, value in instead.items():
            words[words.index(f"--{option.replace('_', '-')}") + 1] = value
        cert = certificates.certificate()
        hub = self.start(self.program("tunnel-hub"), "--listen", f"127.0.0.1:{port}", "--cert",
                         cert.cert, "--key", cert.key, "--state", self.dir / "state", *words,
                         ends=(1,))
        self.assertEqual(hub.wait(), 1)
        self.assertIn(sentence, hub.output())

    def test_certificate(self):
        right = certificates.certificate(ca="cluster")
        other = certificates.certificate(ca="cluster2")
        self.refused(REFUSE + "certificate not signed by a trusted authority",
                     certificates.Certificate(right.cert, right.key, other.ca))
        self.refused(REFUSE + "certificate is for hub.example, not 127.0.0.1",
                     certificates.certificate(ca="cluster", names="DNS:hub.example"))

    def test_names(self):
        for nowhere in ("0.0.0.0:9443", "[::]:9443", "9443"):
            self.refused("is what the other nodes dial", cluster_listen=nowhere)

    def test_its_time(self):
        """Whose clock is wrong, nobody knows."""
        self.proof = certificates.certificate(ca="cluster", start="20200101000000Z",
                                              end="20200201000000Z")
        hub = self.node("a")
        hub.wait_line(REFUSE + "certificate expired: that of CN=hub was valid until 2020-02-01")

    def test_announce(self):
        words = "localhost:1", "hub.example:1"
        for name, where in zip("ab", words):
            self.node(name, "--announce", where, announce=False)
        warning = "the certificate is not for hub.example, to which --announce has clients sent"
        self.nodes["b"].wait_line(warning)
        self.assertFalse(self.nodes["a"].has_line("the certificate is not for"))

    def test_another_authority(self):
        """Nodes that trust each other not: a client that tries again and again is logged once."""
        a = self.node("a", announce=False)
        self.proof = certificates.certificate(ca="cluster2")
        b = self.node("b", announce=False)
        self.wait_nodes(a, 2)
        tokens = open_at(a.api, self.dir, ["SSH1"])
        self.agent(b, tokens, {"SSH1": "127.0.0.1:1"})
        self.gateway(a, tokens, up=False)
        wait_until(lambda: hub_metrics(a)['tunnel_hub_forwards_total{result="unreached"}'] >= 3,
                   "it has tried again")
        told = [line for line in a.lines if "node b cannot be reached: certificate not" in line]
        self.assertEqual(len(told), 1, told)

    def test_reload(self):
        """A certificate that does not fit is not taken."""
        right = certificates.certificate(ca="cluster")
        files = [self.dir / name for name in ("cert", "key", "ca")]
        for kind, to in zip(("cert", "key", "ca"), files):
            shutil.copy(getattr(right, kind), to)
        self.proof = certificates.Certificate(*files)
        hub = self.node("a")
        shutil.copy(certificates.certificate(ca="cluster2").ca, files[2])
        hub.process.send_signal(signal.SIGHUP)
        hub.wait_line("trusted authority: that of CN=hub is issued by CN=test cluster; going on "
                      "with those in use")


if __name__ == "__main__":
    unittest.main()
