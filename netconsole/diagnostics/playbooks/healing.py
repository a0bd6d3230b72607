"""What a playbook has found, and what came of its cure. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netconsole.backend.steps import Plan
from netconsole.diagnostics.model.finding import Finding, Verdict
from netconsole.diagnostics.reasoning.path_effect import NOTHING_TRIED, PathEffect


@dataclass(frozen=True, slots=True)
class Investigation:
    """What was found, in the order of the stages."""

    findings: tuple[Finding, ...]
    delivered: str = ""
    """What was written besides, in a sentence."""

    def known_by(self, others: Iterable[Finding]) -> "Investigation":
        """Return it with what others have found where this one could not look."""
        known = {each.check: each for each in others}
        findings = (
            known.get(each.check, each) if each.verdict == "unknown" else each
            for each in self.findings
        )
        return replace(self, findings=tuple(findings))

    @property
    def finding(self) -> Finding:
        """Return the cause: the first that fails, and can be mended if any can.

        Where nothing fails, the last that has something to say: it has looked closest.
        """
        order: tuple[Verdict, ...] = ("fail", "warn", "unknown", "info", "ok", "not-applicable")
        worst = min(self.findings, key=lambda each: order.index(each.verdict)).verdict
        alike = [each for each in self.findings if each.verdict == worst]
        if not alike[0].found:
            return alike[-1]
        return next((each for each in alike if each.fix), alike[0])


@dataclass(frozen=True, slots=True)
class Healing:
    """A cure that was applied, and the same evidence collected once more."""

    change_id: str
    plan: Plan
    after: Investigation
    cured: Finding
    """What the cure was for."""
    broken: tuple[Finding, ...] = ()
    """What other checks fail now, and did not before."""
    paths: PathEffect = NOTHING_TRIED
    """What became of the paths that matter; nothing where no packets were to be sent."""
    taken_back: Plan | None = None
    """How it was taken back at once, where a path that was answered before was not after it."""

    @property
    def verified(self) -> bool:
        """Whether the evidence shows that the fault is gone, and nothing else came in its place.

        No path may end that was answered before; and where paths end as they did before, others
        must have been healed, or get further: then these end by something else, as by a rule that
        shuts off one instance. Those that another check names a cause of are not among them. What
        remains of the check's own evidence, and no cure takes away, was none of the fault.
        """
        if self.broken or self.taken_back or self.paths.severed or self.paths.is_unchanged:
            return False
        return not any(
            (each.found or each.verdict == "unknown") and each != self.remains
            for each in self._again()
        )

    @property
    def remains(self) -> Finding | None:
        """What the same check finds still, now that what failed is mended, with no cure left.

        It only warns of that, or names what else ends packets, as a rule that shuts off one
        instance, where others that had ended are answered now.
        """
        told: tuple[Verdict, ...] = ("warn", "fail") if self.paths.healed else ("warn",)
        found = (each for each in self._again() if each.verdict in told and not each.fix)
        return next(found, None) if self.cured.verdict == "fail" else None

    def _again(self) -> Iterator[Finding]:
        return (each for each in self.after.findings if each.check == self.cured.check)
