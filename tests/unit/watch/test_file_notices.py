"""What it concerns that something happened at a path."""

import pytest
from inotify_simple import flags  # type: ignore[import-untyped]  # it has no annotations

from netconsole.backend.model.facility import Facility
from netconsole.backend.service.looking import Places
from netconsole.watch.file_notices import CONTENT, OF_FILES, concerned

STATE = "/var/lib/netconsole"
PLACES = Places(
    f"{STATE}/networks", f"{STATE}/netconsole.sqlite", f"{STATE}/journal", "/run/netconsole"
)
CREATED = int(flags.CREATE)


@pytest.mark.parametrize(
    ("path", "mask", "facilities"),
    [
        (f"{STATE}/networks/nova-br100.leases", CONTENT, {Facility.LEASES, Facility.FILES}),
        (f"{STATE}/networks/nova-br100.pid", CREATED, {Facility.DNSMASQ, Facility.FILES}),
        (f"{STATE}/networks/nova-br100.hosts/web1", CREATED, {Facility.HOSTS}),
        (f"{STATE}/networks/nova-br100.hosts/.netconsole-1", CREATED, set()),
        (f"{STATE}/netconsole.sqlite", CONTENT, {Facility.STORE}),
        (f"{STATE}/netconsole.sqlite-wal", CONTENT, {Facility.STORE}),
        (f"{STATE}/netconsole.sqlite-wal", CREATED, set()),
        (f"{STATE}/netconsole.sqlite-shm", CONTENT, set()),
        (f"{STATE}/host.lock", CONTENT, set()),
        (f"{STATE}/journal/1.open", CREATED, {Facility.JOURNAL}),
        (f"{STATE}/journal/1.open", CONTENT, set()),
        ("/run/netconsole/host-1.json", CREATED, {Facility.MARK}),
        (f"{STATE}/networks", CREATED, OF_FILES),
        (STATE, CREATED, OF_FILES),
        ("/var/lib/other", CREATED, set()),
    ],
)
def test_a_path_says_what_is_read_again(path: str, mask: int, facilities: set[Facility]) -> None:
    assert concerned(PLACES, path, mask) == facilities
