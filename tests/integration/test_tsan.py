"""Tests in which the hub's threads have to do with each other, with a hub that ThreadSanitizer
watches: any report of it fails them (programs.SANITIZER)."""

import os
import pathlib
import unittest

import ops
import test_crash
import test_device_link
import test_hub_control
import test_lifecycle
import test_limits
import test_operations
import test_strangers
import test_workers
from programs import BUILD

HUB = pathlib.Path(os.environ.get("TUNNEL_TSAN_HUB", BUILD / "tsan/bin/tunnel-hub"))
watched = unittest.skipUnless(HUB.exists(), f"{HUB} is not built")


class Tsan:
    hub_binary = HUB

    def take_hub(self, *args, **options):
        """GCC 12's ThreadSanitizer loses a signal that comes in a thread's first blocking call, so
        that one must be over."""
        hub = super().take_hub(*args, **options)
        self.assertEqual(ops.ask(hub, "/healthz")[0], 200)
        return hub


@watched
class Workers(Tsan, test_workers.Workers):
    size = 100_000


@watched
class Storm(Tsan, test_workers.Storm):
    pass


@watched
class Watching(Tsan, test_hub_control.Bytes):
    """Snapshots are read while bytes pass."""

    size = 400_000


@watched
class Rounds(Tsan, test_hub_control.Rounds):
    pass


@watched
class States(Tsan, test_lifecycle.States):
    pass


@watched
class Rotation(Tsan, test_lifecycle.Rotation):
    pass


@watched
class Closing(Tsan, test_lifecycle.Closing):
    pass


@watched
class Devices(Tsan, test_device_link.Links):
    pass


@watched
class Restarts(Tsan, test_crash.Restarts):
    pass


@watched
class Reload(Tsan, test_operations.Reload):
    pass


@watched
class Ending(Tsan, test_operations.Ending):
    pass


@watched
class Door(Tsan, test_strangers.Strangers):
    test_idle = test_exceptions = test_bad_exceptions = None


@watched
class Bandwidth(Tsan, test_limits.Bandwidth):
    pass


if __name__ == "__main__":
    unittest.main()
