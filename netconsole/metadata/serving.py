"""Serving: the metadata service as long as something runs that carries it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from socket import socket
from typing import Final

from netconsole.backend.injection.vendor_data import static_vendor_data
from netconsole.backend.kernel.neighbours import Neighbours
from netconsole.backend.model.errors import Conflict, NetconsoleError, said
from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.model.guest_requests import GuestRequests
from netconsole.backend.model.records import Records
from netconsole.backend.service.service import Service
from netconsole.backend.survey.survey import Survey
from netconsole.backend.system.garbage import rarely_looked_for
from netconsole.metadata.accepting import Accepting
from netconsole.metadata.answering import GuestAnswering
from netconsole.metadata.connections import MetadataServer
from netconsole.metadata.guests import Guests
from netconsole.metadata.identity import Identity
from netconsole.metadata.limits import ConnectionLimits
from netconsole.metadata.listening import (
    at_address,
    at_bridge,
    bridges_of,
    indexes,
    most_connections,
)
from netconsole.metadata.presence import ServicePresence
from netconsole.metadata.saying import Sparing
from netconsole.metadata.tally import Counted, Tally
from netconsole.metadata.vendor_data import DynamicVendorData
from netconsole.watch.followed import Followed
from netconsole.watch.watch import Watch

ENDING_SECONDS: Final = 1.0
"""For requests under way, once the service is told to end."""
FOLLOW_SECONDS: Final = 1.0
"""A picture waits so long for it to listen where it should."""
RETRY_SECONDS: Final = 5.0
"""Where it could not listen it tries again."""


class MetadataService:
    """Listens where guests' requests arrive, which follows the looks of a watch."""

    def __init__(self, service: Service, say: Callable[[str], None]) -> None:
        self._service = service
        self.say = Sparing(say)
        """Says a sentence for the log."""
        self._tally = Tally()
        self._limits = ConnectionLimits(
            most_connections(), service.options.metadata_rate, self._has_many_behind
        )
        self.survey: Survey | None = None
        """By which it listens; None before the first look at the host."""
        self._following = asyncio.Lock()
        self._devices: Mapping[str, str] = {}
        self._leased = frozenset[str]()
        """The instances of this host that have their addresses by DHCP, by name."""
        self._leased_before: frozenset[str] | None = None
        """Those that had them when the service began, and have had them since."""
        self._open: dict[str | None, tuple[int, Accepting]] = {}
        self._answering: GuestAnswering | None = None
        self.settled = asyncio.Event()
        """Whether it listens, as far as that can be, by a first look at the host."""
        self.failed: NetconsoleError | None = None
        """Why it does not listen somewhere where it should; None where it does."""
        self.is_served = False
        """Whether that is because another service of ours serves guests here."""
        self._presence = ServicePresence(self._port)

    @property
    def places(self) -> tuple[str, ...]:
        """The bridges, or the address, at which it listens."""
        address = self._service.options.metadata_listen or ""
        return tuple(sorted(address if bridge is None else bridge for bridge in self._open))

    def counted(self) -> Counted:
        """Return the figures since the service began."""
        return self._tally.counted(self._leased - (self._leased_before or frozenset()))

    def requests(self) -> tuple[GuestRequests, ...]:
        """Return what each instance of this host has asked."""
        if self.survey is None:
            return ()
        names = _names(self.survey.records, self._service.options.host)
        return self._tally.of(sorted(names.values()), self._leased)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer as long as this is entered. Raises OSError where the kernel is not to be asked."""
        options = self._service.options
        async with AsyncExitStack() as parts:
            guests = Guests(self._service)
            parts.callback(guests.close)
            neighbours = parts.enter_context(Neighbours())
            vendor = static_vendor_data(options.vendordata_jsonfile_path, self.say)
            dynamic = await parts.enter_async_context(DynamicVendorData(options, self.say))
            identity = Identity(
                *(self._service, guests, neighbours, self._of_devices, self._tally, self.say)
            )
            self._answering = GuestAnswering(
                *(self._service, identity, vendor, dynamic, self._tally, self.say)
            )
            parts.callback(self._answering.close)
            parts.enter_context(self._presence)
            parts.push_async_callback(self._close_all)
            if options.metadata_listen is not None:
                await self._follow({None: 0})
            yield

    def _of_devices(self) -> Mapping[str, str]:
        return self._devices

    async def look(self, survey: Survey) -> None:
        """Listen where a survey says that guests are led here, and nowhere else."""
        self.survey = survey
        self._leased = _leased(survey.records, self._service.options.host)
        before = self._leased if self._leased_before is None else self._leased_before
        self._leased_before = before & self._leased
        names = {each.uuid: each.name for each in survey.records.instances}
        self._devices = {
            each.device: names.get(each.instance_uuid, "") for each in survey.records.ports
        }
        if self._service.options.metadata_listen is not None:
            await self._follow({None: 0})
        else:
            await self._follow(indexes(bridges_of(survey)))
        if not self.settled.is_set():
            rarely_looked_for()
            self.settled.set()

    async def _follow(self, wanted: Mapping[str | None, int]) -> None:
        async with self._following:
            await self._listen_at(wanted)

    async def _listen_at(self, wanted: Mapping[str | None, int]) -> None:
        for bridge in [each for each, held in self._open.items() if wanted.get(each) != held[0]]:
            await self._close(bridge)
        self.failed = None
        for bridge, index in wanted.items():
            if bridge in self._open:
                continue
            try:
                self._listen(bridge, index, self._socket(bridge))
            except NetconsoleError as error:
                self.failed = error
        if self._open or self.failed is not None:
            is_first = self._presence.take()
            self.is_served = isinstance(self.failed, Conflict) and not is_first

    @property
    def _port(self) -> int:
        options = self._service.options
        return options.metadata_listen_port or options.metadata_port

    def _socket(self, bridge: str | None) -> socket:
        if bridge is not None:
            return at_bridge(bridge, self._port)
        return at_address(self._service.options.metadata_listen or "", self._port)

    def _listen(self, bridge: str | None, index: int, listener: socket) -> None:
        if self._answering is None:
            listener.close()
            return
        server = MetadataServer(self._answering.handle, bridge)
        self._open[bridge] = (
            index,
            Accepting(listener, server, self._limits, self._turn_away),
        )

    def _has_many_behind(self, address: str) -> bool:
        """Whether it is a proxy's."""
        options = self._service.options
        return options.service_metadata_proxy or (
            options.use_forwarded_for and address in options.metadata_proxies
        )

    def _turn_away(self, address: str) -> None:
        self._tally.turned_away()
        self.say(f"{address} makes too many connections: some are not taken")

    async def _close(self, bridge: str | None) -> None:
        _, accepting = self._open.pop(bridge)
        await accepting.close(ENDING_SECONDS)

    async def _close_all(self) -> None:
        self._answering = None
        for bridge in list(self._open):
            await self._close(bridge)


def _names(records: Records, host: str) -> dict[str, str]:
    """The instances of a host by uuid."""
    return {each.uuid: each.name for each in records.instances if each.host == host}


def _leased(records: Records, host: str) -> frozenset[str]:
    names = _names(records, host)
    return frozenset(
        names[each.instance_uuid]
        for each in records.fixed_ips
        if each.leased and each.instance_uuid in names
    )


@dataclass(slots=True)
class _Following:
    """Has the service look, and says once what goes wrong."""

    metadata: MetadataService
    goes_on: bool
    """Whether it says so at the first look as well."""
    told: str = ""

    async def look(self, survey: Survey) -> bool:
        """Whether it listens elsewhere than before."""
        metadata = self.metadata
        is_first, places = not metadata.settled.is_set(), metadata.places
        await metadata.look(survey)
        complaint = "" if metadata.failed is None else said(metadata.failed)
        if complaint not in ("", self.told) and (self.goes_on or not is_first):
            metadata.say(complaint)
        self.told = complaint
        return metadata.places != places


@asynccontextmanager
async def metadata_serving(
    service: Service, watch: Watch, say: Callable[[str], None], *, goes_on: bool = True
) -> AsyncIterator[MetadataService]:
    """Serve metadata on a host that a watch looks at. What goes wrong later is told by `say`.

    So is that it cannot listen at first, if it `goes_on` then and tries again. Pictures of the
    watch are taken once it listens where it should.
    """
    metadata, loop = MetadataService(service, say), asyncio.get_running_loop()
    following = _Following(metadata, goes_on)

    def follow(survey: Survey) -> Followed:
        looking = asyncio.run_coroutine_threadsafe(following.look(survey), loop)
        again = NOTHING
        with suppress(TimeoutError, CancelledError):
            if looking.result(FOLLOW_SECONDS):
                again = Again.of(Facility.LISTENERS)
        failed = None if metadata.is_served else metadata.failed
        return Followed(again, "" if failed is None else said(failed))

    async def retry() -> None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            survey = metadata.survey if metadata.failed is not None else None
            if survey is not None and await following.look(survey):
                watch.soon(Again.of(Facility.LISTENERS))

    async with metadata.serving():
        leave = watch.follow(follow)
        retrying = asyncio.create_task(retry())
        try:
            yield metadata
        finally:
            leave()
            retrying.cancel()
