"""What stands on a config drive: the documents of the metadata service, as files. Pure."""

import json
from collections.abc import Iterator

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection import ec2, openstack
from netconsole.backend.injection.answer import Occasion
from netconsole.backend.model.guest_data import GuestData

ON_THE_SERVICE_ALONE = "password"
"""A guest posts it there; a drive takes nothing."""


def documents(
    guest: GuestData, options: Options, occasion: Occasion
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a config drive for an instance: their paths, and what is in them."""
    for version in ec2.VERSIONS:
        if guest.user_data is not None:
            yield f"ec2/{version}/user-data", guest.user_data
        meta_data = ec2.meta_data(guest, version, options, occasion)
        yield f"ec2/{version}/meta-data.json", json.dumps(meta_data).encode()
    for version in openstack.VERSIONS:
        number = openstack.dated(version)
        for name in openstack.documents_of(guest, number):
            if name == "meta_data.json":
                told = openstack.meta_data(guest, number, options, occasion)
                if guest.admin_password is not None:
                    told["admin_pass"] = guest.admin_password
                yield f"openstack/{version}/{name}", json.dumps(told).encode()
            elif name != ON_THE_SERVICE_ALONE:
                found = openstack.document(guest, name, number, options, occasion)
                yield f"openstack/{version}/{name}", found.content
    network, files = openstack.contents(guest, options)
    for number, content in (
        *network.items(),
        *((each, file.content) for each, file in files.items()),
    ):
        yield f"openstack/{openstack.CONTENT}/{number}", content
