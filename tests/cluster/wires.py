"""A node's way to Redis that can be cut."""

from tcp_relay import Relay


class Wire(Relay):
    """When it is cut nothing passes any more, and nobody is told."""

    cut = False

    def passes(self, source, sink, data):
        if not self.cut:
            super().passes(source, sink, data)

    def mend(self):
        """Those that were cut end; who comes again is let through."""
        self.cut = False
        self.drop()
