"""Examples of Hypothesis without a time limit."""

from hypothesis import HealthCheck, settings


def unhurried() -> None:
    """A busy machine makes any example slow: time says nothing about the code here."""
    settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("busy")
