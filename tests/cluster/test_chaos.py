"""A short run of scripts/chaos."""

import random
import unittest

from chaos import ChaosCase


class Chaos(ChaosCase):
    size, rate = 60_000_000, 4_000_000

    def test_twenty_seconds(self):
        self.chaos(20, random.SystemRandom().randrange(1 << 32))


if __name__ == "__main__":
    unittest.main()
