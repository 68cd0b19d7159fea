"""A run that does not fit into the server's memory is refused before anything is built, with what would fit."""

from pathlib import Path

import pytest

from gan_core import GANConfig
from gan_core.diagnostics.views import Switches
from gan_core.memory import estimate
from gan_core.runs import budget as module
from gan_core.runs.budget import PREVIEWS, Budget, OverBudget, free_memory, read_size, within
from gan_core.runs.inline import InlineRunner
from gan_core.runs.previews import KEPT
from gan_core.runs.protocol import Reconfigure, Replay, Step, Try, Walk
from gan_core.runs.registry import Registry
from gan_core.snapshot import Change, Recipe
from tests.gan_core.runs.support import ask, never
from tests.gan_core.support import tiny

GIANT = GANConfig(generator_hidden=(4096,) * 6, discriminator_hidden=(4096,) * 6, batch_size=1024)
GB = 10**9


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


def test_suggested_settings_fit() -> None:
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


def test_a_runner_that_cannot_be_made_takes_no_memory(tmp_path: Path) -> None:
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
        assert module.server_budget().per_run == max(size // 4, estimate(GANConfig()).most)
    else:
        with pytest.raises(ValueError, match=r"^GAN_MEMORY = .* should be such as '6 GB'"):
            module.server_budget()
    module.server_budget.cache_clear()


@pytest.mark.parametrize("free", [GB, 27 * GB // 10, 16 * GB])
def test_a_server_of_any_size_holds_the_lectures_gan_with_its_laboratory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int
) -> None:
    monkeypatch.delenv("GAN_MEMORY", raising=False)
    monkeypatch.delenv("GAN_MEMORY_PER_RUN", raising=False)
    monkeypatch.setattr(module, "free_memory", lambda: free)
    module.server_budget.cache_clear()
    budget = module.server_budget()
    module.server_budget.cache_clear()
    assert budget.per_run == max(budget.total // 4, estimate(GANConfig()).most)
    budget.reserve(PREVIEWS, KEPT)
    runner = within(budget, lambda *_: InlineRunner("run", tiny(), tmp_path))("run", GANConfig(), tmp_path)
    ask(runner, Walk(), Try(Switches()))
    assert budget.held == KEPT + estimate(GANConfig()).most
    runner.close()


def test_a_server_too_small_for_the_lectures_gan_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAN_MEMORY", "50 MB")
    module.server_budget.cache_clear()
    budget = module.server_budget()
    module.server_budget.cache_clear()
    with pytest.raises(OverBudget, match="a run may take 50 MB here"):
        budget.check(GANConfig())


def test_a_run_beside_the_previews_is_refused_for_good_where_it_never_fits() -> None:
    budget = Budget(GB, GB)
    budget.reserve(PREVIEWS, GB // 10)
    with pytest.raises(OverBudget, match="a run may take 900 MB here") as refused:
        budget.reserve("run", 95 * GB // 100)
    assert not refused.value.full


def test_changed_settings_set_aside_what_the_larger_ones_take_and_are_refused_where_that_does_not_fit(
    tmp_path: Path,
) -> None:
    small, large = tiny(), tiny(loss="wasserstein_gp", update_order="simultaneous")
    assert estimate(large).run > estimate(small).run
    budget = Budget(GB, GB)
    runner = within(budget, InlineRunner)("run", small, tmp_path)
    ask(runner, Walk(), Reconfigure(large))
    assert budget.held == estimate(large).run + max(estimate(large).walk, estimate(small).walk)
    ask(runner, Reconfigure(small))
    assert budget.held >= estimate(large).run, "the allocator may keep what the larger settings took"
    budget.reserve("another run", GB - budget.held)
    larger = large.replace(batch_size=64, generator_hidden=(512,))
    with pytest.raises(OverBudget, match=r"^This run with the changed settings would take") as refused:
        runner.send(Reconfigure(larger))
    assert refused.value.full
    assert ask(runner).config == small
    runner.close()


def test_a_recipe_sets_aside_what_its_largest_settings_take(tmp_path: Path) -> None:
    recipe = Recipe(4, (Change(1, {"loss": "wasserstein_gp"}), Change(2, {"update": "D"}), Change(3, {"loss": "bce"})))
    budget = Budget(GB, GB)
    runner = within(budget, InlineRunner)("run", tiny(), tmp_path)
    runner.send(Replay(recipe))
    assert budget.held == estimate(tiny(loss="wasserstein_gp")).run > estimate(tiny()).run
    runner.close()


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
