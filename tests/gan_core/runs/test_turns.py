"""More runs than places train in turns, in a fair order."""

import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe

import pytest

from gan_core.runs import turns as module
from gan_core.runs.turns import Turn, Turns


class Learner:
    """A run's side in a thread: it needs turns until ``stop``, and counts how often it was asked to train."""

    def __init__(self, turns: Turns) -> None:
        self.end, childs_end = Pipe()
        self.commands, self._childs_commands = Pipe()
        self.turn = Turn(childs_end)
        self._childs_end = childs_end
        self.trained = 0
        self.heard: list[object] = []
        self.needs = True
        turns.join(self.end)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self.heard[-1:] != ["stop"]:
            while self._childs_commands in self.turn.wait(self._childs_commands, self.needs, 0 if self.needs else None):
                self.heard.append(self._childs_commands.recv())
                if self.heard[-1] == "stop":
                    break
                self.needs = self.heard[-1] != "pause"
            if self.turn.has:
                self.trained += 1
                time.sleep(0.001)  # an iteration
        self._childs_end.close()  # as the process does when it ends

    def stop(self) -> None:
        self.commands.send("stop")
        self._thread.join(5)
        assert not self._thread.is_alive()


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    """Two places, with turns of a tenth of a second among four runs."""
    monkeypatch.setattr(module, "ROUND", 0.2)
    monkeypatch.setattr(module, "SHORTEST", 0.01)
    return Turns(at_once=2)


@pytest.fixture
def learners(turns: Turns) -> Iterator[list[Learner]]:
    made: list[Learner] = []
    yield made
    for learner in made:
        learner.stop()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.002)  # the turns are another thread's


def test_runs_for_which_there_are_places_train_and_stand_in_no_queue(turns: Turns, learners: list[Learner]) -> None:
    learners += [Learner(turns) for _ in range(2)]
    until(lambda: all(learner.trained > 20 for learner in learners))
    assert [turns.place(learner.end) for learner in learners] == [None, None]


def test_more_runs_take_turns_and_all_come_forward(turns: Turns, learners: list[Learner]) -> None:
    learners += [Learner(turns) for _ in range(5)]
    most = 0

    def all_have_trained() -> bool:
        nonlocal most
        most = max(most, sum(place is not None and place.ahead == 0 for place in map(turns.place, ends)))
        return all(learner.trained > 60 for learner in learners)

    ends = [learner.end for learner in learners]
    until(all_have_trained)
    assert most == 2
    trained = [learner.trained for learner in learners]
    assert min(trained) > 0.4 * max(trained), trained
    places = [place for place in map(turns.place, ends) if place]
    assert {(place.runs, place.at_once) for place in places} == {(5, 2)}
    assert {place.ahead for place in places} <= {0, 1, 2, 3}


def test_who_waits_is_told_how_many_are_ahead_and_how_long_that_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORTEST", 60.0)  # no turn ends within this test
    monkeypatch.setattr(module, "LONGEST", 60.0)
    turns = Turns(at_once=1)
    learners = [Learner(turns) for _ in range(3)]
    until(lambda: len([place for learner in learners if (place := turns.place(learner.end))]) == 3)
    places = sorted((turns.place(learner.end) for learner in learners), key=lambda place: place.ahead if place else -1)
    assert [(place.ahead, place.seconds) for place in places if place] == [(0, 0), (1, 60), (2, 120)]
    for learner in learners:
        learner.stop()


def test_a_pause_and_the_end_of_a_process_free_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHORTEST", 60.0)
    monkeypatch.setattr(module, "LONGEST", 60.0)
    turns = Turns(at_once=1)
    first = Learner(turns)
    until(lambda: first.trained > 0)
    second, third = Learner(turns), Learner(turns)
    until(lambda: turns.place(second.end) is not None and turns.place(third.end) is not None)
    assert second.trained == third.trained == 0
    first.commands.send("pause")  # a command is heard in the middle of a turn
    until(lambda: second.trained + third.trained > 0)
    training, waiting = (second, third) if second.trained else (third, second)
    waiting.commands.send("hello")  # and while a run waits
    until(lambda: waiting.heard == ["hello"])
    training.stop()
    until(lambda: waiting.trained > 0)
    for learner in (first, waiting):
        learner.stop()
    turns.leave(first.end)  # it has left already
