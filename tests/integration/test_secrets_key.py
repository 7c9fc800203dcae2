"""The key that seals devices' symmetric keys: it is told when it is the wrong one, and nothing in the
state directory gives the keys away."""

import base64
import os
import unittest

import certificates
from api import ApiError
from harness import Case, write_secret
from programs import environment, run


class SecretsKey(Case):
    def secret(self, name):
        return write_secret(self.dir / name, base64.b64encode(os.urandom(32)).decode() + "\n")

    def test_restarts(self):
        right, wrong = self.secret("right"), self.secret("wrong")
        hub = self.hub("--secrets-key", right)
        made = hub.api.of_hub("CreateDevice", device="pump")
        hub.terminate()
        for file in (self.dir / "state").iterdir():
            stored = file.read_bytes()
            for key in made["primaryKey"], made["secondaryKey"]:
                self.assertNotIn(key.encode(), stored)
                self.assertNotIn(base64.b64decode(key), stored)
        with self.assertRaises(AssertionError):
            self.hub("--secrets-key", wrong, ends=(1,))
        self.programs[-1].wait_line("it is not the key with which the symmetric keys of device pump "
                                    "were sealed")
        hub = self.hub()
        hub.wait_line("devices whose symmetric keys cannot be opened.*: 1")
        with self.assertRaises(ApiError) as e:
            hub.api.of_hub("RotateDeviceKeys", device="pump", key="PRIMARY")
        self.assertIn("--secrets-key", e.exception.message)
        hub.terminate()
        hub = self.hub("--secrets-key", right)
        again = hub.api.of_hub("RotateDeviceKeys", device="pump", key="PRIMARY")
        self.assertEqual(set(again), {"device", "azureId", "primaryKey"})

    def test_credential_of_systemd(self):
        folder = self.dir / "credentials"
        folder.mkdir()
        write_secret(folder / "secrets-key", base64.b64encode(os.urandom(32)).decode())
        hub = self.hub(env=environment(CREDENTIALS_DIRECTORY=folder))
        self.assertIn("primaryKey", hub.api.of_hub("CreateDevice", device="pump"))

    def test_what_is_no_key(self):
        file = write_secret(self.dir / "short", "c2hvcnQ=\n")
        cert = certificates.certificate()
        done = run(self.program("tunnel-hub"), "--check-config", "--cert", cert.cert, "--key",
                   cert.key, "--state", self.dir / "s", "--secrets-key", file)
        self.assertIn("is not the base64 of 32 bytes", done.err, done)
        self.assertNotEqual(done.code, 0)


if __name__ == "__main__":
    unittest.main()
