"""Questions: everything that can be asked of one host, said once.

Each is a method whose arguments and result are annotated; `QUESTIONS` is made of them, and of that
the routes of the agent, what is sent to it, and its OpenAPI document. What the types are stands
where they are defined, and is imported only when an answer has to become a value.
"""
# The bodies are empty: `_question` makes them.
# mypy: disable-error-code="empty-body"
# ruff: noqa: B027

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from inspect import Parameter, cleandoc, signature
from typing import TYPE_CHECKING, Literal, TypeVar, cast, get_args

if TYPE_CHECKING:
    from netconsole.backend.changes.quota import Quota
    from netconsole.backend.model.group_rules import DefaultRule
    from netconsole.backend.model.guest_data import GuestSummary, KeyPair
    from netconsole.backend.model.guest_requests import GuestRequests
    from netconsole.backend.model.records import (
        DnsDomain,
        DnsEntry,
        FixedIP,
        FixedIPView,
        FloatingIP,
        InstanceView,
        Network,
        SecurityGroup,
        SecurityGroupView,
        VpnView,
    )
    from netconsole.backend.survey.enforcement import Answer
    from netconsole.backend.survey.guarding import Guarding
    from netconsole.backend.survey.status import Status
    from netconsole.backend.transaction.journal_entry import JournalEntry
    from netconsole.diagnostics.model.finding import Finding
    from netconsole.door.proposal import Proposal

Protocol = Literal["tcp", "udp", "icmp"]


@dataclass(frozen=True, slots=True)
class QuestionParameter:
    """One argument of a question."""

    name: str
    is_number: bool
    is_needed: bool
    choices: tuple[str, ...] = ()
    """What it may be; anything where there are none."""


@dataclass(frozen=True, slots=True)
class HostQuestion:
    """One thing that can be asked."""

    name: str
    says: str
    """What it asks for, in one or more sentences."""
    parameters: tuple[QuestionParameter, ...]
    result: str
    """The type of the answer, as it is annotated."""
    home: str
    """The module where that type's names are known."""
    for_changers: bool = False
    """Whether it is answered only to those who may change the host."""

    @property
    def path(self) -> str:
        """Where an agent answers it."""
        return f"/v1/{self.name}"

    @property
    def answer_type(self) -> object:
        """The type of the answer; its module is imported for it."""
        names = {**vars(import_module(self.home)), "Iterable": Iterable}
        return eval(self.result, names)  # noqa: S307  our own annotation


Method = TypeVar("Method", bound=Callable[..., object])


def _question(home: str, *, for_changers: bool = False) -> Callable[[Method], Method]:
    """Make a method of `Questions` of one that is only declared.

    `home` is the module, in netconsole, where the names of its answer's type are known. What is
    `for_changers` is a secret for those who only look.
    """

    def declare(method: Method) -> Method:
        declared = signature(method)
        _, *parameters = declared.parameters.values()
        question = HostQuestion(
            method.__name__,
            cleandoc(method.__doc__ or ""),
            tuple(map(_parameter, parameters)),
            str(declared.return_annotation),
            f"netconsole.{home}",
            for_changers,
        )

        def ask(self: "Questions", *args: object, **kwargs: object) -> object:
            asked = declared.bind(self, *args, **kwargs).arguments
            del asked["self"]
            return self.ask(question, asked)

        vars(ask)["question"] = question
        return cast(Method, update_wrapper(ask, method))

    return declare


def _parameter(given: Parameter) -> QuestionParameter:
    choices = get_args(given.annotation) if given.annotation is Protocol else ()
    is_number = str(given.annotation) in ("int", "int | None", "<class 'int'>")
    is_needed = given.default is Parameter.empty
    return QuestionParameter(given.name, is_number, is_needed, choices)


class Questions(ABC):
    """What can be asked of a host, through whichever door."""

    @abstractmethod
    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> object:
        """Answer a question. Raises what its method says, and Unavailable."""

    @_question("backend.survey.status")
    def status(self) -> "Status":
        """What this host holds and should hold, and the steps between."""

    @_question("door.proposal")
    def plan(self) -> "Proposal":
        """The steps between the host and the store.

        Raises Unavailable where it cannot be known, Conflict where something stands in the way.
        """

    @_question("diagnostics.model.finding")
    def findings(self) -> "tuple[Finding, ...]":
        """What the checks say; no packet is sent for it."""

    @_question("backend.survey.guarding")
    def guards(self) -> "Guarding":
        """What each port of this host may send as, and what of its guest was stopped.

        Raises Unavailable where the counters cannot be read.
        """

    @_question("backend.model.guest_requests")
    def guest_requests(self) -> "tuple[GuestRequests, ...]":
        """What each instance of this host has asked the metadata service, by its name.

        Raises Unavailable where no agent serves it.
        """

    @_question("backend.model.records")
    def networks(self) -> "tuple[Network, ...]":
        """Every network, in the order in which they were made."""

    @_question("backend.model.records")
    def network(self, name: str) -> "Network":
        """A network by its label or uuid; raises NotFound."""

    @_question("backend.model.records")
    def fixed_ips(self, network: str) -> "tuple[FixedIP, ...]":
        """Every address of a network, in order; raises NotFound."""

    @_question("backend.model.records")
    def fixed_ip(self, address: str) -> "FixedIPView":
        """An address with its network and instance; raises InvalidValue or NotFound."""

    @_question("backend.model.records")
    def fixed_ip_views(self, network: str | None = None) -> "Iterable[FixedIPView]":
        """Every address of a network, or of all, one network after the other; raises NotFound."""

    @_question("backend.model.records")
    def instances(self) -> "tuple[InstanceView, ...]":
        """Every instance with its ports and addresses."""

    @_question("backend.model.records")
    def instance(self, name: str) -> "InstanceView":
        """An instance by its name or uuid; raises NotFound."""

    @_question("backend.model.records")
    def floating_ips(self) -> "tuple[FloatingIP, ...]":
        """Every floating address, in the order in which they were made."""

    @_question("backend.model.records")
    def dns_domains(self) -> "tuple[DnsDomain, ...]":
        """Every domain that names of floating addresses are in, by name."""

    @_question("backend.model.records")
    def dns_entries(
        self, domain: str | None = None, *, name: str | None = None, address: str | None = None
    ) -> "tuple[DnsEntry, ...]":
        """The names of floating addresses: those in a domain, of a name, of an address, or all.

        Raises InvalidValue, and NotFound where there is no such domain.
        """

    @_question("backend.model.records")
    def vpns(self) -> "tuple[VpnView, ...]":
        """Every network that keeps an address for its project's VPN, with the VPN's instance."""

    @_question("backend.model.records")
    def security_groups(self, project: str | None = None) -> "tuple[SecurityGroupView, ...]":
        """The security groups of a project, or of all, each with its rules and members.

        The `default` of each is among them, as it will be where it is not made yet.
        """

    @_question("backend.model.records")
    def security_group(self, project: str, name: str) -> "SecurityGroupView":
        """A project's group by name or id, its `default` in any case; raises NotFound."""

    @_question("backend.model.records")
    def security_groups_of(self, instance: str) -> "tuple[SecurityGroup, ...]":
        """The groups that an instance is in; raises NotFound."""

    @_question("backend.model.guest_data")
    def guest_summary(self, instance: str) -> "GuestSummary":
        """What an instance is told beside its network: sizes and names; raises NotFound."""

    @_question("backend.model.guest_data", for_changers=True)
    def user_data(self, instance: str) -> "str | None":
        """The user data of an instance, in base64; raises NotFound, and ReadOnly."""

    @_question("backend.model.guest_data", for_changers=True)
    def guest_password(self, instance: str) -> "str | None":
        """The password that a guest posted, in base64, still encrypted; raises as `user_data`."""

    @_question("backend.model.guest_data")
    def key_pairs(self, project: str | None = None) -> "tuple[KeyPair, ...]":
        """The key pairs of a project, or of all, by name."""

    @_question("backend.model.guest_data", for_changers=True)
    def public_key(self, project: str, name: str) -> "str":
        """The public key of a project's key pair; raises NotFound, and ReadOnly."""

    @_question("backend.survey.enforcement")
    def admissions(
        self,
        source: str,
        instance: str,
        protocol: Protocol,
        *,
        source_project: str | None = None,
        port: int | None = None,
        icmp_type: int | None = None,
        icmp_code: int = 0,
    ) -> "tuple[Answer, ...]":
        """Whether something that a source sends reaches an instance, by the records and the rules.

        `source` is an address, an instance or a group, which may be `source_project`'s. Raises
        InvalidValue, NotFound, Conflict, and Unavailable where the store cannot be read.
        """

    @_question("backend.model.group_rules")
    def default_rules(self) -> "tuple[DefaultRule, ...]":
        """The rules that new `default` groups get."""

    @_question("backend.changes.quota")
    def quotas(self, project: str) -> "tuple[Quota, ...]":
        """What a project may have, and what it has."""

    @_question("backend.transaction.journal_entry")
    def history(self) -> "tuple[JournalEntry, ...]":
        """The changes of this host, the newest first."""


QUESTIONS: Mapping[str, HostQuestion] = {
    name: vars(method)["question"]
    for name, method in vars(Questions).items()
    if "question" in getattr(method, "__dict__", {})
}
"""Every question by its name."""
