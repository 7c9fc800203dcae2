#!/usr/bin/python3
"""An inventory of Ansible: the devices that are present at the hub, reached through the gateway.

    ansible-playbook -i through_hub.py install.yml
    ansible -i through_hub.py site_7 -m ping

Endpoint, authorities and access key are tunnelctl's: TUNNEL_ENDPOINT, AWS_CA_BUNDLE, AWS_PROFILE. A
gateway must run here, with an access key (tunnel-gateway -e HUB). Each label is a group. Variables of
groups and hosts are in group_vars and host_vars beside this file, as always."""

import json
import re
import subprocess
import sys

SSH = "-o ProxyCommand='tunnel-gateway connect %h %p'"


def group(label):
    """Names of groups are those of Python: site=7 is site_7."""
    return re.sub(r"\W", "_", f"{label['key']}_{label['value']}")


def inventory(devices):
    found = {"devices": {"hosts": []}, "_meta": {"hostvars": {}}}
    for one in devices:
        if "SSH1" not in one["services"]:
            continue
        name = one["device"]
        label = re.sub("[:_]", "-", name)
        found["_meta"]["hostvars"][name] = {"ansible_host": f"SSH1.{label}.tunnel",
                                            "ansible_ssh_common_args": SSH}
        for where in {"devices", *map(group, one["labels"])}:
            found.setdefault(where, {"hosts": []})["hosts"].append(name)
    return found


done = subprocess.run(["tunnelctl", "devices", "--present", "--json"], stdout=subprocess.PIPE)
if done.returncode != 0:
    sys.exit("through_hub.py: tunnelctl does not list the devices")
json.dump(inventory(json.loads(done.stdout)["devices"]), sys.stdout, indent=1)
