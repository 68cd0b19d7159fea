"""A run that does not fit into the server's memory is refused before anything is built, with what would fit."""

from pathlib import Path
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.diagnostics.views import Switches
from gan_core.memory import estimate
from gan_core.runs import budget as module
from gan_core.runs.budget import Budget, OverBudget, free_memory, read_size, within
from gan_core.runs.inline import InlineRunner
from gan_core.runs.protocol import Step, Try, Walk
from gan_core.runs.registry import Registry
from tests.gan_core.runs.support import ask
from tests.gan_core.support import tiny

GIANT = GANConfig(generator_hidden=(4096,) * 6, discriminator_hidden=(4096,) * 6, batch_size=1024)
GB = 10**9


def never(*arguments: Any) -> Any:
    raise AssertionError("nothing is built")


def test_a_giant_run_is_refused_with_figures_and_what_would_fit() -> None:
    registry = Registry(never, budget=Budget(6 * GB, 2 * GB))
    with pytest.raises(OverBudget) as refused:
        registry.create(GIANT)
    assert str(refused.value) == (
        "This run would take 4.28 GB of memory, and a run may take 2.00 GB here. Hidden sizes of 2048, 2048, 2048, 2048, 2048,"
        " 2048 for G and 2048, 2048, 2048, 2048, 2048, 2048 for D would fit."
    )
    assert refused.value.refusal
    with pytest.raises(OverBudget, match=r"A batch size of 512 would fit\.$"):
        Budget(6 * GB, 3 * GB // 2).check(GIANT.replace(generator_hidden=(2048,) * 6, discriminator_hidden=(2048,) * 6))


def test_what_is_said_to_fit_does() -> None:
    budget = Budget(6 * GB, 2 * GB)
    budget.check(GIANT.replace(generator_hidden=(2048,) * 6, discriminator_hidden=(2048,) * 6))


def test_a_restart_with_giant_settings_keeps_the_run() -> None:
    registry = Registry(InlineRunner, budget=Budget(GB, GB))
    run = registry.create(tiny())
    with pytest.raises(OverBudget):
        registry.restart(run.id, GIANT)
    assert registry.get(run.id) is run
    registry.close()


def test_the_laboratory_and_a_walk_are_refused_where_they_do_not_fit_and_the_run_goes_on(tmp_path: Path) -> None:
    needed = estimate(tiny())
    budget = Budget(GB, needed.run + needed.walk)
    runner = within(budget, InlineRunner)("run", tiny(), tmp_path)
    ask(runner, Walk())
    assert budget.held == needed.run + needed.walk
    with pytest.raises(OverBudget, match=r"^The laboratory's copy of this run, with the run itself, would take"):
        runner.send(Try(Switches()))
    assert ask(runner, Step(1)).experiment is None
    runner.close()
    assert budget.held == 0


def test_a_full_server_refuses_until_a_run_has_ended(tmp_path: Path) -> None:
    budget = Budget(estimate(tiny()).run * 3 // 2, GB)
    begin = within(budget, InlineRunner)
    first = begin("first", tiny(), tmp_path)
    with pytest.raises(OverBudget, match="try again when another run has ended") as refused:
        begin("second", tiny(), tmp_path)
    assert not refused.value.refusal, "the same may succeed later"
    first.close()
    begin("second", tiny(), tmp_path).close()


def test_what_cannot_be_made_takes_nothing(tmp_path: Path) -> None:
    budget = Budget(GB, GB)
    with pytest.raises(AssertionError):
        within(budget, never)("run", tiny(), tmp_path)
    assert budget.held == 0


@pytest.mark.parametrize(
    ("text", "size"), [("6 GB", 6 * GB), ("500MB", GB // 2), ("2.5g", 5 * GB // 2), ("1e", 0), ("0", 0)]
)
def test_sizes_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("GAN_MEMORY", text)
    module.server_budget.cache_clear()
    if size:
        assert read_size(text) == module.server_budget().total == size
        assert module.server_budget().per_run == size // 4
    else:
        with pytest.raises(ValueError, match=r"^GAN_MEMORY = .* should be such as '6 GB'"):
            module.server_budget()
    module.server_budget.cache_clear()


def test_free_memory_is_the_least_of_machine_and_container(tmp_path: Path) -> None:
    assert free_memory(tmp_path) == module.UNKNOWN
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
    assert free_memory(tmp_path) == 8000 * 1024
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000\n")
    (group / "memory.max").write_text("max\n")
    assert free_memory(tmp_path) == 8000 * 1024
    (group / "memory.max").write_text("5000\n")
    assert free_memory(tmp_path) == 4000
