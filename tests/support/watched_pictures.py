"""Runs on a private host: watches it, and answers questions about the pictures, a line each.

It reads commands from standard input, one a line, and answers each with one line of JSON:
`latest` (what the latest picture says, with how many looks there were), `glance`, `soon`, `quit`.
"""

import json
import sys

from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.watch.picture import Picture
from netconsole.watch.watch import Watch


def told(picture: Picture | None) -> object:
    """What a test asks of a picture."""
    if picture is None:
        return None
    seen = picture.survey.observed
    return {
        "links": {name: link.up for name, link in seen.links.items()},
        "addresses": sorted(f"{each.interface} {each.address}" for each in seen.addresses),
        "commands": picture.survey.plan.commands,
        "dnsmasq": [list(each.pids) for each in seen.dnsmasq],
        "instances": sorted(each.name for each in picture.survey.records.instances),
        "networks": sorted(each.label for each in picture.survey.records.networks),
        "leases": {bridge: len(each) for bridge, each in seen.leases.items()},
        "leased": sorted(row.address for row in picture.survey.records.fixed_ips if row.leased),
        "packets": sum(rule.packets for rules in seen.chains.values() for rule in rules),
        "changed": sorted(each.value for each in picture.changed),
        "findings": None
        if picture.findings is None
        else {each.check: each.verdict for each in picture.findings},
        "unreadable": dict(seen.unreadable),
    }


def main() -> None:
    """Answer until there are no more questions."""
    errors: list[str] = []
    pictures: list[Picture] = []

    def deliver(result: Picture | Exception) -> None:
        if isinstance(result, Picture):
            pictures.append(result)
        else:
            errors.append(repr(result))

    examines = "--examine" in sys.argv
    watch = Watch(Service(load()), examine_seconds=600.0 if examines else None)
    watch.subscribe(deliver)
    watch.start()
    for line in sys.stdin:
        match line.strip():
            case "latest":
                answer: object = {
                    "picture": told(watch.latest()),
                    "pictures": len(pictures),
                    "errors": errors,
                    "looks": watch.looks,
                    "heard": watch.heard,
                }
            case "glance":
                watch.glance()
                answer = None
            case "soon":
                watch.soon()
                answer = None
            case _:
                break
        print(json.dumps(answer), flush=True)
    watch.stop()


main()
