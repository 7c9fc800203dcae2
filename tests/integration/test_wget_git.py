"""wget, and git over http and over ssh."""

import hashlib
import subprocess
import unittest

from harness import Case
from origins import Http, content
from programs import environment, run
from sshd import Sshd


class Wget(Case):
    def test_download(self):
        web = self.origin(Http())
        way = self.open_way({"HTTP1": web})
        env = environment(http_proxy=f"http://{way.proxy}/")
        done = run("wget", "-nv", "-t1", "-O", "-", "http://HTTP1.tunnel/bytes/2000000", env=env)
        self.assertEqual(done.code, 0, done.err)
        self.assertTrue(done.out == b"".join(content(2_000_000)))
        again = run("wget", "-nv", "-t1", "-O", "/dev/null", "http://http1.tunnel/a",
                    "http://http1.tunnel/b", env=env)
        self.assertEqual(again.code, 0, again.err)
        self.assertEqual(web.seen[-2:], ["/a", "/b"])

    def test_refusal_is_shown(self):
        way = self.open_way({"HTTP1": self.origin(Http())})
        done = run("wget", "-nv", "-t1", "-O", "-", "http://HTTP9.tunnel/",
                   env=environment(http_proxy=f"http://{way.proxy}/"))
        self.assertEqual(done.code, 8, done)
        self.assertIn("502", done.err)
        self.assertIn('no service "http9"; have HTTP1', done.err)


class Git(Case):
    def setUp(self):
        super().setUp()
        self.repository = self.dir / "project"
        self.git("init", "-q", "-b", "main", self.repository)
        self.file = self.repository / "file"
        self.file.write_bytes(b"".join(content(400_000)))
        self.git("-C", self.repository, "add", "file")
        self.git("-C", self.repository, "commit", "-q", "-m", "a file")

    def git(self, *args, **more):
        env = environment(GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                          GIT_TERMINAL_PROMPT="0", GIT_AUTHOR_NAME="t", GIT_AUTHOR_EMAIL="t@t",
                          GIT_COMMITTER_NAME="t", GIT_COMMITTER_EMAIL="t@t", **more)
        done = run("git", *args, cwd=self.dir, env=env)
        self.assertEqual(done.code, 0, done)
        return done

    def assert_cloned(self, where):
        self.assertEqual(hashlib.sha256((where / "file").read_bytes()).digest(),
                         hashlib.sha256(self.file.read_bytes()).digest())

    def test_clone_over_http(self):
        bare = self.dir / "project.git"
        self.git("clone", "-q", "--bare", self.repository, bare)
        self.git("-C", bare, "update-server-info")
        web = self.origin(Http())
        web.files = {f"/project.git/{path.relative_to(bare)}": path.read_bytes()
                     for path in bare.rglob("*") if path.is_file()}
        way = self.open_way({"GIT": web}, gateway=["--http-services", "GIT"])
        for scheme in ("socks5h", "http"):
            with self.subTest(scheme):
                where = self.dir / f"clone-{scheme}"
                self.git("-c", f"http.proxy={scheme}://{way.proxy}", "clone", "-q",
                         "http://git.tunnel/project.git", where)
                self.assert_cloned(where)

    def test_clone_and_push_over_ssh(self):
        sshd = Sshd(self, self.dir)
        way = self.open_way({"SSH1": sshd})
        options = [str(o) for o in sshd.options(f"nc -X 5 -x {way.proxy} %h %p")]
        command = subprocess.list2cmdline(["ssh", *options])
        where = self.dir / "clone-ssh"
        url = f"ssh://{sshd.user('ssh1.tunnel')}{self.repository}"
        self.git("clone", "-q", url, where, GIT_SSH_COMMAND=command)
        self.assert_cloned(where)
        (where / "new").write_text("new\n")
        self.git("-C", where, "add", "new")
        self.git("-C", where, "commit", "-q", "-m", "new")
        self.git("-C", where, "push", "-q", "origin", "HEAD:refs/heads/other",
                 GIT_SSH_COMMAND=command)
        self.assertIn("new", self.git("-C", self.repository, "ls-tree", "other").text)


if __name__ == "__main__":
    unittest.main()
