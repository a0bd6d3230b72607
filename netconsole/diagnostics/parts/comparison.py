"""What a plan is the difference of, so that it can be made again, elsewhere and later."""

from dataclasses import dataclass, replace

from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.records import Records

Chains = tuple[tuple[ChainKey, tuple[Rule, ...]], ...]
"""By their keys, as pairs: the names of an object's values in JSON are texts."""


@dataclass(frozen=True, slots=True)
class ComparedHost:
    """The records, and the host as it was and as it should have been."""

    records: Records
    observed_rest: Observed
    """Without its chains, which stand beside it; as does what is wanted."""
    observed_chains: Chains
    other_chains: Chains
    leading_maps: tuple[tuple[ChainKey, str], ...]
    wanted_rest: Wanted
    wanted_chains: Chains

    @property
    def observed(self) -> Observed:
        """The host as it was."""
        return replace(
            self.observed_rest,
            chains=dict(self.observed_chains),
            other_chains=dict(self.other_chains),
            leading_maps=dict(self.leading_maps),
        )

    @property
    def wanted(self) -> Wanted:
        """The host as it should have been."""
        return replace(self.wanted_rest, chains=dict(self.wanted_chains))


def comparison(records: Records, observed: Observed, wanted: Wanted) -> ComparedHost:
    """Return what is compared, in a form that a file can carry."""
    return ComparedHost(
        records,
        replace(observed, chains={}, other_chains={}, leading_maps={}),
        tuple(observed.chains.items()),
        tuple(observed.other_chains.items()),
        tuple(observed.leading_maps.items()),
        replace(wanted, chains={}),
        tuple(wanted.chains.items()),
    )
