"""What an instance is answered at a path of the metadata service. Pure."""

from collections.abc import Sequence
from datetime import date

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection import answer, ec2, openstack
from netconsole.backend.injection.answer import GuestDocument, Occasion
from netconsole.backend.model.guest_data import GuestData


def lookup(
    guest: GuestData, path: Sequence[str], options: Options, occasion: Occasion
) -> GuestDocument | None:
    """Return what is at a path, whose names come one by one: ("openstack", "latest", "user_data").

    What begins with neither `openstack` nor `ec2` is of EC2. None where nothing is.
    """
    listed = versions(path, occasion.today)
    if listed is not None:
        return listed
    first, *rest = path
    if first == "openstack":
        return openstack.item(guest, rest, options, occasion)
    return ec2.item(guest, rest if first == "ec2" else path, options, occasion)


def versions(path: Sequence[str], today: date) -> GuestDocument | None:
    """Return the list of an API's versions, where a path asks for one: it is the same for
    everybody."""
    match path:
        case ["openstack"]:
            return answer.listing(list(openstack.versions(today)))
        case [] | ["ec2"]:
            return answer.listing(list(ec2.VERSIONS))
        case _:
            return None
