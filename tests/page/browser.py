"""A headless Chromium, driven by playwright-core in Node (browser.mjs)."""

import json
import os
import pathlib
import shutil
import subprocess

from programs import environment

HERE = pathlib.Path(__file__).resolve().parent
MODULES = HERE.parents[1] / "build/npm-page"
CHROMIUM = shutil.which("chromium")


def missing():
    """Why there is no browser here; None: there is one."""
    if not shutil.which("node") or not (MODULES / "node_modules").exists() or not CHROMIUM:
        return "needs chromium, node and scripts/setup --tests"
    return None


class Browser:
    def __init__(self, *flags):
        self._node = subprocess.Popen(
            ["node", HERE / "browser.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(PAGE_MODULES=str(MODULES), PAGE_BROWSER=CHROMIUM,
                            PAGE_FLAGS=json.dumps(flags)))

    def close(self):
        self._node.stdin.close()
        try:
            self._node.wait(20)
        except subprocess.TimeoutExpired:
            self._node.kill()
            self._node.wait()
        self._node.stdout.close()

    def _do(self, name, **more):
        self._node.stdin.write(json.dumps({"do": name, **more}) + "\n")
        self._node.stdin.flush()
        line = self._node.stdout.readline()
        assert line, "the browser is gone"
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{name} {more}: {answer['error']}")
        return answer["value"]

    def window(self, **options):
        self._do("window", options=options)

    def leave(self):
        """Without a window until the next one is opened."""
        self._do("leave")

    def open(self, url):
        """The status of the answer."""
        return self._do("open", url=url)

    def run(self, code, argument=None):
        """The value of a JavaScript function in the page."""
        return self._do("run", code=code, argument=argument)

    def wait(self, code, argument=None):
        self._do("wait", code=code, argument=argument)

    def text(self, selector):
        """What is to be read there, also without script."""
        return self._do("text", selector=selector)

    def click(self, selector):
        self._do("click", selector=selector)

    def fill(self, selector, text):
        self._do("fill", selector=selector, text=text)

    def press(self, key):
        self._do("press", key=key)

    def size(self, width, height=800):
        self._do("size", width=width, height=height)

    def hide(self, on):
        self._do("hide", on=on)

    def axe(self):
        """What hinders people with disabilities, as axe-core finds it."""
        return self._do("axe")

    def picture(self, file, whole=True):
        self._do("picture", file=str(file), whole=whole)

    def complaints(self):
        """What the page's console has said of errors since the last call."""
        return self._do("complaints")

    def requests(self):
        return self._do("requests")
