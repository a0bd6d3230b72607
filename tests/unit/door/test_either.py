"""Who goes on by themselves as long as the agent is gone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from evidence_samples import HEALTHY

from netconsole.door.connection import AgentGone
from netconsole.door.door import Deliver, Sight, Subscription
from netconsole.door.either import EitherDoor
from netconsole.door.questions import QUESTIONS, HostQuestion
from netconsole.door.recorded import RecordedDoor
from netconsole.door.stream import RemoteSight
from netconsole.watch.frames import RecordedMoment

NETWORKS = QUESTIONS["networks"]
SEEN = RemoteSight(datetime(2026, 1, 1, tzinfo=UTC), HEALTHY)


class PlayedDoor(RecordedDoor):
    """Delivers what a test says, and is gone when it says so."""

    def __init__(self, name: str) -> None:
        super().__init__(name, RecordedMoment(SEEN.taken, HEALTHY, None))
        self.deliver: Deliver | None = None
        self.asked = 0

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> Any:
        self.asked += 1
        return self.host_name

    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        self.deliver = deliver
        return Subscription(self._end, lambda: 1.0)

    def _end(self) -> None:
        self.deliver = None

    def say(self, what: Sight | Exception) -> None:
        assert self.deliver is not None
        self.deliver(what)


def test_while_the_agents_sights_do_not_come_this_process_looks() -> None:
    agents, own = PlayedDoor("agent's"), PlayedDoor("own")
    door = EitherDoor(agents, own)
    seen: list[Sight | Exception] = []
    subscription = door.subscribe(seen.append, 1.0)
    agents.say(SEEN)
    assert (seen, own.deliver, door.remark) == ([SEEN], None, "")
    assert door.ask(NETWORKS, {}) == "agent's"

    agents.say(AgentGone("it hangs"))
    agents.say(AgentGone("it hangs"))
    own.say(SEEN)
    assert seen == [SEEN, SEEN], "what is told by whom it is seen, and no error"
    assert "the agent is gone" in door.remark
    asked = agents.asked
    assert [door.ask(NETWORKS, {}) for _ in range(3)] == ["own"] * 3
    assert agents.asked == asked, "who hangs is asked nothing"

    agents.say(SEEN)
    assert (own.deliver, door.remark, door.ask(NETWORKS, {})) == (None, "", "agent's")
    subscription.end()
    assert agents.deliver is None


def test_what_the_agent_says_of_its_look_is_handed_on() -> None:
    agents, own = PlayedDoor("agent's"), PlayedDoor("own")
    seen: list[Sight | Exception] = []
    EitherDoor(agents, own).subscribe(seen.append)
    error = ValueError("the store cannot be read")
    agents.say(error)
    assert (seen, own.deliver) == ([error], None)
