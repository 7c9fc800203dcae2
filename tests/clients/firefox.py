"""firefox.py FOLDER URL NAME=VALUE…: shows the text of a page as Firefox has it, headless, in a new profile with
these preferences; driven by Marionette, which it brings along. Exit code 1: an error page of its own."""

import json
import pathlib
import socket
import subprocess
import sys
import time

QUIET = {"browser.shell.checkDefaultBrowser": False, "datareporting.policy.dataSubmissionEnabled": False,
         "app.normandy.enabled": False, "network.captive-portal-service.enabled": False,
         "network.connectivity-service.enabled": False, "browser.aboutwelcome.enabled": False,
         "toolkit.telemetry.enabled": False, "extensions.update.enabled": False,
         "browser.safebrowsing.provider.mozilla.updateURL": "", "services.settings.server": "data:,",
         "network.proxy.allow_hijacking_localhost": True, "marionette.port": 0}


class Marionette:
    """Each message is its length, a colon and JSON."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.file = self.socket.makefile("rb")
        self.read()  # the greeting

    def read(self):
        digits = b""
        while (c := self.file.read(1)) != b":":
            digits += c
        return json.loads(self.file.read(int(digits)))

    def call(self, command, **parameters):
        text = json.dumps([0, 1, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, _, error, value = self.read()
        if error:
            raise SystemExit(f"{error['error']}: {error['message']}")
        return value


def port_of(profile, program):
    """It writes down which port it took."""
    file = profile / "MarionetteActivePort"
    while program.poll() is None:
        if file.exists() and (text := file.read_text()):
            return int(text)
        time.sleep(0.05)
    raise SystemExit("firefox ended")


def main(folder, url, *preferences):
    profile = pathlib.Path(folder) / "profile"
    profile.mkdir()
    pairs = [p.split("=", 1) for p in preferences]
    wanted = {**QUIET, **{k: json.loads(v) if v.isdigit() or v in ("true", "false") else v for k, v in pairs}}
    (profile / "user.js").write_text("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n"
                                             for k, v in wanted.items()))
    with open(profile / "log", "wb") as log, subprocess.Popen(
            ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", profile],
            stdout=log, stderr=log) as program:
        try:
            browser = Marionette(port_of(profile, program))
            browser.call("WebDriver:NewSession", capabilities={"alwaysMatch": {"pageLoadStrategy": "normal"}})
            browser.call("WebDriver:Navigate", url=url)
            print(browser.call("WebDriver:ExecuteScript", script="return document.body.innerText", args=[])["value"])
        finally:
            program.terminate()


main(*sys.argv[1:])
