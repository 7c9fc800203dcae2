"""A hub's operations listener."""

import re
import urllib.error
import urllib.request

from programs import DEADLINE

LABEL = r'[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)"
                    r"(?:\{" + LABEL + "(?:," + LABEL + r")*\})?"
                    r" (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN)$")


def ask(hub, path):
    """(status, text) of a page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{hub.ops_port}{path}",
                                    timeout=DEADLINE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def metrics(hub):
    """{'name{labels}': value}; raises when the text is not Prometheus's format (version 0.0.4)."""
    status, text = ask(hub, "/metrics")
    assert status == 200, (status, text)
    assert text.endswith("\n"), text[-100:]
    kinds, found, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped"), line
            assert name not in kinds, f"{name} twice"
            kinds[name], family = kind, name
        elif line.startswith("# HELP "):
            assert len(line.split(" ", 3)) == 4, line
        elif line and not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line}"
            name = re.sub("_(bucket|sum|count)$", "", match[1]) \
                if kinds.get(family) == "histogram" else match[1]
            assert name == family, f"{line} is not below its TYPE"
            key = line.rpartition(" ")[0]
            assert key not in found, f"{key} twice"
            found[key] = float(match[2])
    return found
