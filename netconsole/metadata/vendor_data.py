"""Dynamic vendor data: what services of a cloud's admin say of an instance that asks."""

import asyncio
import base64
import json
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import aiohttp

from netconsole.backend.configuration.option_rules import VendorTarget
from netconsole.backend.configuration.options import Options
from netconsole.backend.injection.answer import hostname
from netconsole.backend.model.errors import Unavailable, said
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.text import decoded

Document = Mapping[str, object]
GOOD: Final = frozenset({200, 201, 202})
LARGEST: Final = 1 << 20
"""Bytes of one answer."""


class DynamicVendorData:
    """Asks the services of vendordata_dynamic_targets about an instance, all at once."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self._options = options
        self._say = say
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def of(self, guest: GuestData) -> Document:
        """Return what each service answers, by its name; `{}` of one that does not.

        Raises Unavailable for such a one where vendordata_dynamic_failure_fatal says so.
        """
        targets = self._options.vendordata_dynamic_targets
        if not targets:
            return {}
        asked = _question(guest, self._options)
        answers = await asyncio.gather(*(self._ask(each, asked) for each in targets))
        return dict(zip((each.name for each in targets), answers, strict=True))

    async def _ask(self, target: VendorTarget, asked: Document) -> object:
        try:
            session = self._opened()
            async with session.post(target.url, json=asked, allow_redirects=False) as response:
                if response.status not in GOOD:
                    raise ValueError(f"HTTP status {response.status}")
                body = await response.content.read(LARGEST + 1)
                while len(body) <= LARGEST and (more := await response.content.read(LARGEST)):
                    body += more
                if len(body) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
                return json.loads(body) if body else {}
        except (aiohttp.ClientError, OSError, RecursionError, ValueError, TimeoutError) as error:
            because = f"vendordata_dynamic_targets {target.name}: {said(error)}"
            self._say(because)
            if self._options.vendordata_dynamic_failure_fatal:
                raise Unavailable(because) from error
            return {}

    def _opened(self) -> aiohttp.ClientSession:
        """Raises OSError where the certificate file cannot be used."""
        if self._session is None:
            options = self._options
            trusted = options.vendordata_dynamic_ssl_certfile or None
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(
                    sock_connect=options.vendordata_dynamic_connect_timeout,
                    sock_read=options.vendordata_dynamic_read_timeout,
                    total=options.vendordata_dynamic_connect_timeout
                    + options.vendordata_dynamic_read_timeout,
                ),
                connector=aiohttp.TCPConnector(
                    limit=16, ssl=ssl.create_default_context(cafile=trusted)
                ),
                headers={"User-Agent": "netconsole"},
            )
        return self._session


def _question(guest: GuestData, options: Options) -> Document:
    """What a service is told of an instance, as nova tells it."""
    instance, user_data = guest.view.instance, guest.user_data
    return {
        "project-id": instance.project_id,
        "instance-id": instance.uuid,
        "image-id": guest.image,
        "user-data": None if user_data is None else decoded(base64.b64encode(user_data)),
        "hostname": hostname(guest, options),
        "metadata": dict(guest.meta),
    }
