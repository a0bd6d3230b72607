"""What who sends has told of its packets."""

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
