"""The rules that new `default` groups of projects get; those that there are keep theirs."""

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.security_groups import traffic_options
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.group_rules import DefaultRule, told
from netconsole.backend.model.phrases import command
from netconsole.backend.store import security_groups


@dataclass(frozen=True, slots=True)
class AddDefaultRule(Change[DefaultRule]):
    """Let something in to every `default` group that is made from now on."""

    traffic: TypedTraffic = field(default_factory=TypedTraffic)

    @property
    def title(self) -> str:
        return spelled("secgroup defaults add", **traffic_options(self.traffic))

    def write(self, connection: Connection, options: Options) -> Written[DefaultRule]:
        rule = _asked(self.traffic)
        if _present(connection, rule) is not None:
            shown = command("secgroup", "defaults", "list")
            raise Conflict(
                f"the rule {told(rule)} is one of new default groups already: {shown} shows which "
                "are"
            )
        return Written(security_groups.insert_default_rule(connection, rule))


@dataclass(frozen=True, slots=True)
class DeleteDefaultRule(Change[DefaultRule]):
    """Let something in no more to `default` groups that are made from now on."""

    traffic: TypedTraffic = field(default_factory=TypedTraffic)

    @property
    def title(self) -> str:
        return spelled("secgroup defaults delete", **traffic_options(self.traffic))

    def write(self, connection: Connection, options: Options) -> Written[DefaultRule]:
        rule = _asked(self.traffic)
        present = _present(connection, rule)
        if present is None:
            shown = command("secgroup", "defaults", "list")
            raise NotFound(
                f"new default groups get no rule {told(rule)}: {shown} shows which they get"
            )
        security_groups.delete_default_rule(connection, present)
        return Written(present)


def _asked(traffic: TypedTraffic) -> DefaultRule:
    """The rule that is meant, which has no id. Raises InvalidValue."""
    protocol, first, last = traffic.numbers(needed=True)
    if protocol is None or first is None or last is None:
        raise InvalidValue("protocol", "", "is needed")
    return DefaultRule(0, protocol, first, last, traffic.range())


def _present(connection: Connection, rule: DefaultRule) -> DefaultRule | None:
    every = security_groups.default_rules(connection)
    return next((one for one in every if replace(one, id=0) == rule), None)
