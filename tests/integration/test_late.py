"""A hub whose registry never answers at once (tests/unit/late_registry.h): whoever asks it must be
able to wait, as for one that keeps its tunnels elsewhere."""

import os
import pathlib
import unittest

import test_device_link
import test_device_notices
import test_devices
import test_hub
import test_hub_control
import test_lifecycle
import test_limits
import test_workers
from programs import BUILD

HUB = pathlib.Path(os.environ.get("TUNNEL_LATE_HUB", BUILD / "debug/tests/late_hub"))


class Late:
    hub_binary = HUB


class Handshake(Late, test_hub.Handshake):
    pass


class Tunnels(Late, test_hub_control.Tunnels):
    pass


class Rotation(Late, test_lifecycle.Rotation):
    pass


class Closing(Late, test_lifecycle.Closing):
    pass


class Certified(Late, test_device_link.Certified):
    pass


class Links(Late, test_device_link.Links):
    pass


class Operators(Late, test_device_notices.Operators):
    pass


class Healed(Late, test_device_notices.Healed):
    pass


class Connects(Late, test_limits.Connects):
    pass


class Workers(Late, test_workers.Workers):
    size = 100_000


class Storm(Late, test_workers.Storm):
    pass


class Devices(Late, test_devices.Operations):
    pass


class Connecting(Late, test_devices.Connecting):
    pass


if __name__ == "__main__":
    unittest.main()
