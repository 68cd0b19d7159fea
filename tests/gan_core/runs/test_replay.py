"""A run that repeats another one from its recipe, over every runner."""

import time
from pathlib import Path
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.data.drawing import STARTER
from gan_core.runs.protocol import (
    Command,
    Pause,
    Play,
    Reconfigure,
    Replay,
    Report,
    Sample,
    Speed,
    Step,
    Stop,
    Update,
    Walk,
)
from gan_core.snapshot import Change, Recipe, Snapshot
from tests.gan_core.runs.support import Make, ask, trained, until, weights
from tests.gan_core.support import same, tiny


def recipe_of(snapshot: Snapshot) -> Recipe:
    return Recipe(snapshot.iteration, snapshot.changes)


def is_paused(report: Report) -> bool:
    return report.settled and report.state == "paused"


def with_changes(config: GANConfig, *changes: dict[str, Any]) -> list[Command]:
    """Return commands that change settings one after the other, with iterations and single updates between."""
    commands: list[Command] = [Step(3)]
    for number, values in enumerate(changes):
        config = config.replace(**values)
        commands += [Reconfigure(config), Step(number), Update("D"), Update("G"), Step(4), Reconfigure(config)]
    return [*commands, Update("D")]


CASES = {
    "images": (
        tiny(seed=5, discriminator_batch_norm=True),
        [
            {"learning_rate_g": 0.01, "leaky_slope": 0.0},
            {"loss": "hinge", "d_steps": 2},
            {"update_order": "simultaneous"},
        ],
    ),
    "a drawing": (tiny(dataset="drawn", drawing=STARTER), [{"drawing": "_" * 170 + "8"}, {"g_steps": 1}]),
}


@pytest.mark.parametrize(("config", "changes"), CASES.values(), ids=CASES)
def test_a_replay_ends_in_the_weights_of_the_run(
    make: Make, tmp_path: Path, config: GANConfig, changes: list[dict[str, Any]]
) -> None:
    first = make(config, "first")
    ask(first, *with_changes(config, *changes))
    first.send(Play(Stop(iteration=40)))
    original = until(first, is_paused).snapshot
    assert original is not None
    second = make(original.initial, "second")
    ask(second, Speed(1))  # which slows no replay down
    began = time.monotonic()
    second.send(Replay(recipe_of(original)))
    rebuilt = until(second, is_paused).snapshot
    assert rebuilt is not None
    assert time.monotonic() - began < 10
    assert same(weights(tmp_path / "second"), weights(tmp_path / "first"))
    assert (rebuilt.iteration, rebuilt.updates_d, rebuilt.updates_g) == (40, original.updates_d, original.updates_g)
    assert (rebuilt.initial, rebuilt.changes, rebuilt.config) == (original.initial, original.changes, original.config)
    assert (rebuilt.marks, rebuilt.singles) == (original.marks, original.singles)
    assert len(original.changes) == 3 * len(changes) + 1, "a change to the same settings is none"
    assert (rebuilt.rebuilding, rebuilt.stopped) == (None, "Rebuilt up to iteration 40.")
    both = [ask(runner, Step(3)).iteration for runner in (first, second)]
    assert both == [43, 43]
    assert same(weights(tmp_path / "second"), weights(tmp_path / "first"))


def test_a_recipe_of_single_updates_alone_needs_no_iteration(make: Make, tmp_path: Path) -> None:
    original = ask(make(tiny(), "first"), Update("D"), Update("G"))
    runner = make(tiny(), "second")
    ask(runner)
    runner.send(Replay(recipe_of(original)))
    rebuilt = until(runner, is_paused).snapshot
    assert rebuilt is not None
    assert (rebuilt.iteration, rebuilt.changes) == (0, original.changes)
    assert same(weights(tmp_path / "second"), weights(tmp_path / "first"))


ENDS = {
    "pause": (Pause(), "paused", "Rebuilding ended at iteration "),
    "setting": (Reconfigure(tiny(g_steps=3)), "paused", "Rebuilding ended at iteration "),
    "step": (Step(1), "paused", ""),
    "play": (Play(), "running", ""),
}


@pytest.mark.parametrize(("command", "state", "sentence"), ENDS.values(), ids=ENDS)
def test_a_command_ends_a_replay(make: Make, tmp_path: Path, command: Command, state: str, sentence: str) -> None:
    runner = make()
    ask(runner, Replay(Recipe(1_000_000, (Change(999_999, {"g_steps": 1}),))), state="running")
    busy = until(runner, lambda report: report.snapshot is not None and report.snapshot.iteration > 3).snapshot
    assert busy is not None
    assert busy.rebuilding == Recipe(1_000_000, (Change(999_999, {"g_steps": 1}),))
    ask(runner, Sample(3), Speed(100), state="running")  # neither of which ends it
    assert ask(runner, state="running").rebuilding is not None
    ended = ask(runner, command, state=state)
    assert ended.rebuilding is None
    assert ended.stopped.startswith(sentence)
    assert (ended.stopped == "") == (sentence == "")
    if command == Pause():
        assert same(weights(tmp_path / "run"), trained(ended.iteration))


def test_iterations_in_large_blocks_do_not_miss_a_change(
    make_inline: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny()
    original = ask(make_inline(config, "first"), Step(70), Reconfigure(config.replace(learning_rate_g=0.01)), Step(20))
    monkeypatch.setattr("gan_core.runs.active_run.BLOCK", 10.0)
    runner = make_inline(config, "second")
    runner.send(Replay(recipe_of(original)))
    rebuilt = until(runner, is_paused).snapshot
    assert rebuilt is not None
    assert (rebuilt.iteration, rebuilt.changes) == (90, original.changes)
    assert same(weights(tmp_path / "second"), weights(tmp_path / "first"))


def test_a_change_in_the_middle_of_an_iteration_makes_a_run_unrepeatable_for_good(make: Make, tmp_path: Path) -> None:
    runner = make()
    changed = ask(
        runner,
        Step(2),
        Walk("turn"),
        Step(1),
        Reconfigure(tiny(g_steps=1)),
        Walk("stage"),
        Reconfigure(tiny(g_steps=1)),
    )
    assert changed.repeatable
    assert not ask(runner, Reconfigure(tiny(g_steps=3)), Step(1)).repeatable
    runner.close()
    assert not ask(make()).repeatable, "also after a restart"
