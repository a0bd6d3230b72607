"""Answers of the metadata service, and what they depend on beside the instance. Pure."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.wording import dhcp

JSON = "application/json"
TEXT = "text/plain"

RANDOM_SEED_BYTES = 512


@dataclass(frozen=True, slots=True)
class GuestDocument:
    """What is found at a path: a document, or the list of what is below it."""

    content: bytes = field(repr=False)
    media_type: str = TEXT
    seed_at: int | None = None
    """Where in it `random_seed` begins, in base64; None where it has none."""

    def seeded(self, random_seed: bytes) -> "GuestDocument":
        """Return it with other random bytes, as many as there are in it."""
        if self.seed_at is None:
            return self
        seed = base64.b64encode(random_seed)
        begin, end = self.content[: self.seed_at], self.content[self.seed_at + len(seed) :]
        return GuestDocument(begin + seed + end, self.media_type, self.seed_at)


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an answer depends on that neither the store nor the configuration says."""

    today: date
    """In UTC: versions of a later day are not listed, but answered."""
    random_seed: bytes = field(repr=False)
    """RANDOM_SEED_BYTES, other ones at each request: guests seed their random numbers with it."""
    vendor_data: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What the file of vendordata_jsonfile_path holds."""
    dynamic_vendor_data: Mapping[str, object] = field(default_factory=dict, repr=False)
    """What each of vendordata_dynamic_targets answered, by its name."""
    requester: str = ""
    """The address that asks: what an instance without a fixed address of IPv4 is told is its."""


def hostname(guest: GuestData, options: Options) -> str:
    """Return the instance's host name, with the domain in which dnsmasq has it."""
    name = dhcp.hostname(guest.view.instance.hostname)
    return f"{name}.{options.dhcp_domain}" if options.dhcp_domain else name


def document(value: object) -> GuestDocument:
    """Return a JSON document."""
    return GuestDocument(json.dumps(value).encode(), JSON)


def listing(names: list[str]) -> GuestDocument:
    """Return the names of what is below a path, a line each, the last without its end, as in
    nova."""
    return GuestDocument("\n".join(names).encode())
