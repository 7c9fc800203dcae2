"""A name server on 127.0.0.1 that knows hub.example; prints the names that it is asked for."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "release"))
from name_server import A, NameServer  # noqa: E402

server = NameServer("127.0.0.1", {("hub.example", A): ["127.0.0.1"]})
while True:
    while server.asked:
        print(server.asked.pop(0)[0], flush=True)
    time.sleep(0.02)
