"""The AWS CLI against our hub, apart from the settings of the person who runs the tests. Not called
awscli, which is the name of the package that the CLI itself imports."""

import concurrent.futures
import json
import os

import certificates
from api import Key
from harness import Case
from programs import environment, run

AWS = "/usr/bin/aws"  # Debian's; another one may come first in PATH
KEY = Key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def side_by_side(calls):
    """Runs {name: function}, as many at once as there are cores; {name: result}."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        running = {name: pool.submit(call) for name, call in calls.items()}
        return {name: future.result() for name, future in running.items()}


class AwsCase(Case):
    def aws(self, command, *args, key=KEY, bundle="option", endpoint=None, ca=None,
            **variables):
        """aws iotsecuretunneling COMMAND, trusting the test's authority by --ca-bundle or
        AWS_CA_BUNDLE, signing by the environment."""
        ca = ca or certificates.certificate().ca
        how = {"HOME": self.dir / "home", "AWS_CONFIG_FILE": self.dir / "no-config",
               "AWS_SHARED_CREDENTIALS_FILE": self.dir / "no-credentials",
               "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
               "AWS_DEFAULT_REGION": "us-east-1"}
        if key:
            how |= {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret}
        else:
            args = (*args, "--no-sign-request")
        if bundle == "option":
            args = (*args, "--ca-bundle", ca)
        else:
            how["AWS_CA_BUNDLE"] = ca
        endpoint = endpoint or f"https://localhost:{self._hub.port}"
        return run(AWS, "iotsecuretunneling", command, "--endpoint-url", endpoint, *args,
                   cwd=self.dir, env=environment(**how, **variables))

    def told(self, *args, **options):
        """The output of a command that works."""
        done = self.aws(*args, **options)
        self.assertEqual(done.code, 0, done)
        return json.loads(done.text) if done.text.strip() else {}

    def assert_error(self, done, code, pattern="."):
        self.assertEqual(done.code, 254, done)
        self.assertRegex(done.err, rf"An error occurred \({code}\) when calling the \w+ operation.*"
                                   rf": .*{pattern}")
