"""Much, many and slow: everything is compared by hash."""

import concurrent.futures
import hashlib
import subprocess
import unittest

from harness import Case
from origins import Echo, Http, Late, Mute, Sender, content, content_hash
from programs import run, wait_until
from sockets import get_hash, http_connect, read_all, read_exactly, socks5

MB = 1_000_000
LARGE = 64 * 1024 * 1024


class Bulk(Case):
    def test_64_mb_down(self):
        way = self.open_way({"HTTP1": self.origin(Http())})
        for form in (["--socks5-hostname", way.proxy], ["-x", f"http://{way.proxy}"]):
            with self.subTest(form[0]):
                done = run("curl", "-sS", *form, f"http://HTTP1.tunnel/bytes/{LARGE}",
                           cwd=self.dir, deadline=300)
                self.assertEqual(done.code, 0, done.err)
                self.assertEqual(len(done.out), LARGE)
                self.assertEqual(hashlib.sha256(done.out).hexdigest(), content_hash(LARGE))

    def test_64_mb_up(self):
        way = self.open_way({"HTTP1": self.origin(Http())})
        file = self.dir / "large"
        with open(file, "wb") as f:
            f.writelines(content(LARGE))
        for form in (["--socks5-hostname", way.proxy], ["-x", f"http://{way.proxy}"]):
            with self.subTest(form[0]):
                done = run("curl", "-sS", *form, "-T", file, "http://HTTP1.tunnel/put",
                           deadline=300)
                self.assertEqual(done.text, content_hash(LARGE), done)

    def test_64_mb_both_ways_at_once(self):
        """An echo with a reader beside the writer."""
        way = self.open_way({"ECHO": self.origin(Echo())})
        s = socks5(way.port, "ECHO.tunnel")
        s.settimeout(300)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            def write():
                for piece in content(LARGE):
                    s.sendall(piece)
            writing = pool.submit(write)
            digest, left = hashlib.sha256(), LARGE
            while left > 0:
                data = s.recv(min(left, 262144))
                self.assertTrue(data, f"closed with {left} to come")
                digest.update(data)
                left -= len(data)
            writing.result()
        self.assertEqual(digest.hexdigest(), content_hash(LARGE))
        s.close()

    def test_200_parallel(self):
        web = self.origin(Http())
        way = self.open_way({"HTTP1": web})
        sizes = [1 + (i * 7919) % 300_000 for i in range(200)]
        wanted = {n: content_hash(n) for n in sizes}

        def one(i):
            connect = http_connect if i % 2 else socks5
            s = connect(way.port, "HTTP1.tunnel")
            s.settimeout(300)
            with s:
                return get_hash(s, f"/bytes/{sizes[i]}")

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            for i, answer in enumerate(pool.map(one, range(200))):
                self.assertEqual(answer, (200, sizes[i], wanted[sizes[i]]))

    def test_200_open_at_the_same_moment(self):
        """None is answered before all are open; each then gets its own bytes back."""
        echo = self.origin(Echo())
        way = self.open_way({"ECHO": echo}, gateway=["--linger", "1s", "--open-grace", "0"])
        sockets = [socks5(way.port, "ECHO.tunnel") for _ in range(200)]
        wait_until(lambda: echo.open_clients == 200, "200 at the service")
        for i, s in enumerate(sockets):
            s.sendall(b"%6d" % i * 1000)
        for i, s in enumerate(sockets):
            self.assertEqual(read_exactly(s, 6000), b"%6d" % i * 1000)
            s.close()
        self.wait_no_clients(echo)


class Slow(Case):
    def test_slow_reader_gets_everything(self):
        """It reads nothing until the service is stuck, then in small pieces."""
        sender = self.origin(Sender(30 * MB))
        way = self.open_way({"BIG": sender})
        slow = socks5(way.port, "BIG.tunnel")
        slow.settimeout(300)
        wait_until(lambda: sender.stuck(), "the service is stopped by back-pressure")
        digest, n = hashlib.sha256(), 0
        while data := slow.recv(20_000):
            digest.update(data)
            n += len(data)
        self.assertEqual((n, digest.hexdigest()), (30 * MB, content_hash(30 * MB)))

    def test_curl_at_a_limited_rate(self):
        way = self.open_way({"HTTP1": self.origin(Http())})
        done = run("curl", "-sS", "--limit-rate", "3M", "-x", f"http://{way.proxy}",
                   f"http://HTTP1.tunnel/bytes/{12 * MB}", deadline=300)
        self.assertEqual(hashlib.sha256(done.out).hexdigest(), content_hash(12 * MB), done.err)

    def test_service_that_does_not_read_for_a_while(self):
        mute = self.origin(Mute(20 * MB))
        way = self.open_way({"MUTE": mute})
        client = self.start("nc", "-N", "-X", "5", "-x", way.proxy, "MUTE.tunnel", "1",
                            stdin=subprocess.PIPE)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            def write():
                for piece in content(20 * MB):
                    client.process.stdin.write(piece)
                client.process.stdin.close()
            writing = pool.submit(write)
            wait_until(lambda: mute.open_clients == 1, "the service's client")
            mute.go.set()
            writing.result()
        wait_until(lambda: mute.received == 20 * MB, "all bytes at the service")
        client.wait_line(content_hash(20 * MB))  # not before the service has sent it
        mute.close()
        self.assertEqual(client.wait(), 0)

    def test_slow_origin(self):
        """Half of the answer, then a long silence, then the rest."""
        web = self.origin(Http())
        way = self.open_way({"HTTP1": web})
        for form in (["--socks5-hostname", way.proxy], ["-x", f"http://{way.proxy}"]):
            web.go.clear()
            out = self.dir / "out"
            out.unlink(missing_ok=True)
            client = self.start("curl", "-sS", "-o", out, "-N", *form,
                                "http://HTTP1.tunnel/stalled/400000")
            wait_until(lambda: out.exists() and out.stat().st_size == 200_000, "the first half")
            self.assertTrue(client.alive())
            web.go.set()
            self.assertEqual(client.wait(), 0, client.output())
            self.assertEqual(hashlib.sha256(out.read_bytes()).hexdigest(), content_hash(400_000))


class HalfClose(Case):
    def test_answer_after_the_clients_end(self):
        """V1 to V3 cannot tell the service about it, but the answer comes, all of it."""
        late = self.origin(Late(tail=3 * MB))
        way = self.open_way({"LATE": late})
        want = late.answer(5 * MB)
        for connect in (socks5, http_connect):
            with self.subTest(connect.__name__):
                s = connect(way.port, "LATE.tunnel")
                s.settimeout(300)
                s.sendall(late.request(5 * MB))
                s.shutdown(1)
                self.assertTrue(read_all(s) == want)

    def test_silence_after_the_clients_end_is_limited(self):
        echo = self.origin(Echo())
        way = self.open_way({"ECHO": echo}, gateway=["--linger", "1s"])
        s = socks5(way.port, "ECHO.tunnel")
        s.sendall(b"hello")
        s.shutdown(1)
        self.assertEqual(read_all(s), b"hello")
        self.wait_no_clients(echo)

    def test_origin_ends_first_and_everything_arrives(self):
        """The service sends and closes at once: the tail must not be lost."""
        n = 3_000_000
        way = self.open_way({"SEND": self.origin(Sender(n))})
        for _ in range(5):
            s = socks5(way.port, "SEND.tunnel")
            s.settimeout(300)
            data = read_all(s)
            self.assertEqual(len(data), n)
            self.assertEqual(hashlib.sha256(data).hexdigest(), content_hash(n))


if __name__ == "__main__":
    unittest.main()
