"""Each step is of a kind that the option repair_drift can name."""

import pytest
from step_samples import SAMPLES

from netconsole.backend.model.step_kind import STEP_KINDS
from netconsole.backend.steps import Step
from netconsole.backend.steps.kinds import kind_of


@pytest.mark.parametrize(
    "step", [step for step, _ in SAMPLES], ids=lambda step: type(step).__name__
)
def test_each_step_has_a_kind(step: Step) -> None:
    assert kind_of(step) in STEP_KINDS
