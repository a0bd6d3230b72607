"""Steps that are one program's doing, for fixes that no record of the store asks for."""

from dataclasses import dataclass

from netconsole.backend.steps.step import Argv, ProgramStep, Step


@dataclass(frozen=True, slots=True)
class RunProgram(ProgramStep):
    """Run a program; `back` is the argument list that takes it back, empty where none does."""

    argv: Argv
    back: Argv = ()

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return (self.argv,)

    @property
    def inverse(self) -> Step | None:
        return RunProgram(self.back, self.argv) if self.back else None
