"""What who sends has told of its packets."""

import errno

import pytest

from netconsole.diagnostics.tracing.ending import cannot_send
from netconsole.diagnostics.tracing.sending import parse_sent

SENT = "3 10.0.0.2\n3 sent\n"


def test_an_error_of_its_own_kernel_is_no_reply() -> None:
    own = parse_sent(f"{SENT}3 heard error 10.0.0.2 3 1\n")[3].resolved_or_not()
    assert (own.is_unresolved, own.reply, own.answered_by, own.source) == (True, "", "", "10.0.0.2")


def test_what_others_answer_stays() -> None:
    for said in ("error 10.0.0.1 3 1", "error 10.0.0.2 3 3", "answer 10.0.0.2"):
        told = parse_sent(f"{SENT}3 heard {said}\n")[3]
        assert told.reply
        assert told.resolved_or_not() == told


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("error 10.0.0.3 3 3", "refusal"),
        ("error 10.0.0.3 3 13", "refusal"),
        ("error 10.0.0.3 3 1", "error"),
        ("error 10.0.0.1 3 3", "error"),
        ("error 10.0.0.1 3 13", "error"),
        ("answer 10.0.0.3", "answer"),
    ],
)
def test_a_refusal_is_the_destinations_own(said: str, reply: str) -> None:
    """As a reset is; what another hop says is where it ended."""
    told = parse_sent(f"{SENT}3 heard {said}\n")[3]
    assert told.refused_or_not("10.0.0.3").reply == reply


def test_why_it_was_not_sent_is_known_by_the_number_of_the_error_whatever_its_words() -> None:
    told = parse_sent("3 failed 1 pas permis du tout\n4 failed 0 it is gone\n")
    assert (told[3].error_number, told[3].refusal) == (errno.EPERM, "pas permis du tout")
    ending = cannot_send("web1", told[3].refusal, told[3].error_number)
    assert ending.why == "its own packet filter drops it (pas permis du tout)"
    assert cannot_send("web1", told[4].refusal, told[4].error_number).why == "it is gone"


def test_one_that_was_sent_is_not_refused_by_what_comes_later() -> None:
    assert parse_sent(f"{SENT}3 failed 1 Operation not permitted\n")[3].refusal == ""
