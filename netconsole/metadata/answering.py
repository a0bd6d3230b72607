"""GuestAnswering: each request, by who makes it and with what."""

import asyncio
import base64
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDict

from netconsole.backend.changes.guest_password import LONGEST, SetGuestPassword
from netconsole.backend.injection.answer import RANDOM_SEED_BYTES, GuestDocument, Occasion
from netconsole.backend.injection.lookup import lookup, versions
from netconsole.backend.model.errors import Conflict, InvalidValue, NetconsoleError, said
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.text import decoded
from netconsole.backend.service.service import Service
from netconsole.metadata import tokens
from netconsole.metadata.connections import NearResponse
from netconsole.metadata.documents import KeptDocuments
from netconsole.metadata.identity import Identity, Refusal
from netconsole.metadata.pacing import Pacing
from netconsole.metadata.reading import Malformed, TooLong, TooSlow, body_of
from netconsole.metadata.tally import Tally
from netconsole.metadata.targets import path_of
from netconsole.metadata.tokens import TokenKey
from netconsole.metadata.vendor_data import Document, DynamicVendorData

READING: Final = (hdrs.METH_GET, hdrs.METH_HEAD)
TOO_MANY: Final = 429
HELD_UP_SECONDS: Final = 1.0
"""So late is each answer that says so: who does not heed it costs no more than who does."""
_PHRASES: Final = {
    400: "bad request",
    401: "a token is needed",
    403: "forbidden",
    404: "not found",
    405: "not allowed",
    408: "the request did not come in time",
    409: "there is a password already",
    TOO_MANY: "too many requests",
    503: "not available now",
}


class GuestAnswering:
    """Answers requests; for the thread of one event loop."""

    def __init__(
        self,
        service: Service,
        identity: Identity,
        vendor: Document,
        dynamic: DynamicVendorData,
        tally: Tally,
        say: Callable[[str], None],
    ) -> None:
        self._service = service
        self._options = service.options
        self._identity = identity
        self._vendor = vendor
        self._dynamic = dynamic
        self._tally = tally
        self._say = say
        self._pacing = Pacing(self._options.metadata_rate)
        self._documents = KeptDocuments()
        self._key = TokenKey()
        self._setting: set[str] = set()
        """The instances whose password is being kept."""
        self._writer = ThreadPoolExecutor(max_workers=2, thread_name_prefix="metadata-password")

    def close(self) -> None:
        """Begin nothing more; what is being kept is finished."""
        self._writer.shutdown(wait=False, cancel_futures=True)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request. What is not foreseen is answered as not available, and told of."""
        began = time.perf_counter()
        name: str | None = None
        try:
            found = await self._identity.of(request)
            if isinstance(found, Refusal):
                response = self._of_stranger(request, found)
            else:
                name = found.view.instance.name
                response = await self._of_guest(request, found)
        except NetconsoleError as error:
            self._say(f"a request was not answered: {said(error)}")
            response = _refused(503, {"Retry-After": "1"})
        taken = time.perf_counter() - began
        self._tally.answered(name, request.method, request.raw_path, response.status, taken)
        if response.status == TOO_MANY:
            await asyncio.sleep(HELD_UP_SECONDS)
        return response

    def _of_stranger(self, request: web.BaseRequest, refusal: Refusal) -> web.Response:
        """Refuse who is no guest, and whoever sends by its address as seldom as a guest."""
        wait = self._pacing.wait(request.remote or "", time.monotonic())
        return _too_many(wait) if wait else _refused(refusal.status)

    async def _of_guest(self, request: web.BaseRequest, guest: GuestData) -> web.Response:
        uuid = guest.view.instance.uuid
        if wait := self._pacing.wait(uuid, time.monotonic()):
            return _too_many(wait)
        path = path_of(request.raw_path)
        if path is None:
            return _refused(404)
        if path == tokens.TOKEN_PATH and self._options.metadata_tokens != "off":
            return self._token(request, uuid)
        if not self._is_admitted(request, uuid):
            return _refused(401)
        if request.method == hdrs.METH_POST and _is_of_password(path):
            return await self._keep_password(request, guest, path)
        if request.method not in READING:
            return await self._not_allowed(request, guest, path)
        return await self._found(request, guest, path)

    def _token(self, request: web.BaseRequest, uuid: str) -> web.Response:
        """Give a token, whose answer reaches the guest and nobody behind it."""
        if request.method != hdrs.METH_PUT:
            return _refused(405, {"Allow": "PUT"})
        if "X-Forwarded-For" in request.headers:
            return _refused(403)
        seconds = tokens.lifetime(request.headers.get(tokens.LIFETIME))
        if seconds is None:
            return _refused(400)
        token = self._key.issue(uuid, seconds, time.monotonic())
        headers = _headers("text/plain", {tokens.LIFETIME: str(seconds)})
        return NearResponse(body=token.encode(), headers=headers)

    def _is_admitted(self, request: web.BaseRequest, uuid: str) -> bool:
        use = self._options.metadata_tokens
        token = request.headers.get(tokens.TOKEN)
        if use == "off" or (token is None and use == "optional"):
            return True
        return token is not None and self._key.holds(token, uuid, time.monotonic())

    async def _found(
        self, request: web.BaseRequest, guest: GuestData, path: tuple[str, ...]
    ) -> web.Response:
        requester = self._identity.address_of(request)
        found = self._documents.of(guest, path, requester)
        if found is None:
            found = await self._made(guest, path, requester)
        elif found.seed_at is not None:
            found = found.seeded(os.urandom(RANDOM_SEED_BYTES))
        return _refused(404) if found is None else _answer(found.content, found.media_type)

    async def _made(
        self, guest: GuestData, path: tuple[str, ...], requester: str
    ) -> GuestDocument | None:
        """What is at a path, made anew; it is kept where it depends on neither day nor services."""
        is_dynamic = path[-1:] == ("vendor_data2.json",)
        occasion = Occasion(
            today=datetime.now(UTC).date(),
            random_seed=os.urandom(RANDOM_SEED_BYTES),
            vendor_data=self._vendor,
            dynamic_vendor_data=await self._dynamic.of(guest) if is_dynamic else {},
            requester=requester,
        )
        found = lookup(guest, path, self._options, occasion)
        if found is not None and not is_dynamic and versions(path, occasion.today) is None:
            self._documents.keep(guest, path, requester, found)
        return found

    async def _not_allowed(
        self, request: web.BaseRequest, guest: GuestData, path: tuple[str, ...]
    ) -> web.Response:
        """Say what may be asked where something is; where nothing is nothing may."""
        occasion = Occasion(datetime.now(UTC).date(), b"", self._vendor)
        if lookup(guest, path, self._options, occasion) is None:
            return _refused(404)
        allowed = (*READING, *([hdrs.METH_POST] if _is_of_password(path) else []))
        return _refused(405, {"Allow": ", ".join(allowed)})

    async def _keep_password(
        self, request: web.BaseRequest, guest: GuestData, path: tuple[str, ...]
    ) -> web.Response:
        """Keep what the guest posts, once: a password, encrypted with its first key."""
        instance = guest.view.instance
        occasion = Occasion(datetime.now(UTC).date(), b"", self._vendor)
        if lookup(guest, path, self._options, occasion) is None:
            return _refused(404)
        if guest.password:
            return _refused(409)
        try:
            body = await body_of(request, LONGEST)
        except (Malformed, TooLong):
            return _refused(400, close=True)
        except TooSlow:
            return _refused(408, close=True)
        if instance.uuid in self._setting or self._service.read_only_because is not None:
            return _refused(503, {"Retry-After": "1"})
        self._setting.add(instance.uuid)
        loop = asyncio.get_running_loop()
        change = SetGuestPassword(instance.uuid, decoded(base64.b64encode(body)))
        doing = loop.run_in_executor(self._writer, self._service.do, change)
        doing.add_done_callback(lambda _: self._setting.discard(instance.uuid))
        try:
            await asyncio.shield(doing)
        except InvalidValue:
            return _refused(400)
        except Conflict:
            return _refused(409)
        return _answer(b"", "text/plain")


def _is_of_password(path: tuple[str, ...]) -> bool:
    return len(path) == 3 and path[0] == "openstack" and path[2] == "password"


def _too_many(wait: float) -> web.Response:
    return _refused(TOO_MANY, {"Retry-After": str(int(wait) + 1)})


def _refused(
    status: int, more: Mapping[str, str] | None = None, *, close: bool = False
) -> web.Response:
    response = _answer(f"{status} {_PHRASES[status]}\n".encode(), "text/plain", more, status)
    if close:
        response.force_close()
    return response


def _answer(
    content: bytes, media_type: str, more: Mapping[str, str] | None = None, status: int = 200
) -> web.Response:
    return web.Response(body=content, status=status, headers=_headers(media_type, more))


def _headers(media_type: str, more: Mapping[str, str] | None = None) -> CIMultiDict[str]:
    return CIMultiDict({hdrs.CONTENT_TYPE: media_type, hdrs.SERVER: "netconsole", **(more or {})})
