"""One seed gives one run, and each setting changes only the random streams it uses."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from gan_core.seeds import derive, stream
from tests.gan_core.support import Recorded, copied, points, same, tiny, tiny_trainer

STREAMS = ("weights_g", "weights_d", "data_order", "noise_d", "noise_g", "gradient_penalty", "real_samples")


def drawn(iterations: int = 3, **changes: Any) -> dict[str, Any]:
    """Return a run's initial weights and what its updates have sampled."""
    trainer = Recorded(tiny(**changes), points())
    weights = {"weights_g": copied(trainer.generator), "weights_d": copied(trainer.discriminator)}
    for _ in range(iterations):
        trainer.step()
    draws_d = trainer.drawn("D")
    return {
        **weights,
        "data_order": [draw["real"] for draw in draws_d],
        "noise_d": [draw["noise"] for draw in draws_d],
        "noise_g": [draw["noise"] for draw in trainer.drawn("G")],
    }


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        ({"g_steps": 5}, {"noise_g"}),  # samples more from the same stream
        ({"d_steps": 2}, {"data_order", "noise_d"}),
        ({"discriminator_hidden": (20, 5)}, {"weights_d"}),
        ({"generator_hidden": (20, 5)}, {"weights_g"}),
        ({"generator_batch_norm": False}, {"weights_g"}),
        ({"loss": "wasserstein_gp"}, set()),
        ({"update_order": "simultaneous"}, set()),
        ({"learning_rate_g": 0.01}, set()),
        ({"latent_dim": 5}, {"weights_g", "noise_d", "noise_g"}),
        ({"batch_size": 7}, {"data_order", "noise_d", "noise_g"}),
    ],
    ids=lambda value: str(sorted(value)),
)
def test_changing_a_setting_changes_only_the_random_streams_it_uses(change: dict[str, Any], touched: set[str]) -> None:
    before, after = drawn(), drawn(**change)
    assert {name for name in before if not same(before[name], after[name])} == touched
    if set(change) & {"g_steps", "d_steps"}:  # and what is there of both is the same
        assert all(same(before[name], after[name][: len(before[name])]) for name in touched)


def test_another_seed_changes_everything() -> None:
    before, after = drawn(), drawn(seed=1)
    assert {name for name in before if not same(before[name], after[name])} == set(before)
    assert same(before, drawn())


def test_streams_of_different_seeds_or_names_differ() -> None:
    seeds = {derive(seed, name) for seed in range(50) for name in STREAMS}
    assert len(seeds) == 50 * len(STREAMS)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive(0, "weights_g") == derive(0, "weights_g")
    assert torch.equal(torch.rand(3, generator=stream(4, "noise_d")), torch.rand(3, generator=stream(4, "noise_d")))


def test_the_derivation_of_seeds_has_not_changed() -> None:
    """With another derivation, every seed would give another run."""
    assert derive(0, "weights_g") == 8827513221689298434


def test_training_does_not_use_the_global_random_state() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(987654321)  # a state that no other test leaves
        before = torch.get_rng_state(), np.random.get_state(legacy=False), random.getstate()
        trainer = tiny_trainer(loss="wasserstein_gp", discriminator_batch_norm=True)
        trainer.step()
        assert torch.equal(torch.get_rng_state(), before[0])
        assert repr(np.random.get_state(legacy=False)) == repr(before[1])
        assert random.getstate() == before[2]


def test_the_global_random_state_does_not_change_training() -> None:
    runs = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            trainer = tiny_trainer(loss="wasserstein_gp")
            trainer.step()
        runs.append((copied(trainer.generator), copied(trainer.discriminator)))
    assert same(*runs)
