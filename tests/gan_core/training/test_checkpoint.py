"""A trainer's state in a file: it continues bit for bit, and nothing else is taken for one."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core import Trainer
from gan_core.training.checkpoint import Checkpoint, CheckpointError, read_header, restore
from tests.gan_core.support import tiny

CONFIGS: dict[str, dict[str, Any]] = {
    "lecture": {},
    "momentum": {"optimizer_g": "sgd", "optimizer_d": "sgd", "sgd_momentum": 0.9},
    "plain sgd": {"optimizer_d": "sgd", "sgd_momentum": 0.0},
    "penalty": {"loss": "wasserstein_gp"},
    "points": {"dataset": "eight_gaussians", "latent_dim": 2, "discriminator_batch_norm": True},
    "simultaneous": {"update_order": "simultaneous", "d_steps": 3},
}


def state(trainer: Trainer) -> tuple[dict[str, Any], dict[str, Any]]:
    held = Checkpoint.of(trainer)
    return held.arrays, held.record


def equal(one: Trainer, other: Trainer) -> bool:
    (arrays, record), (others, other_record) = state(one), state(other)
    return (
        record == other_record
        and list(arrays) == list(others)
        and all(map(np.array_equal, arrays.values(), others.values()))
    )


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=list(CONFIGS))
@pytest.mark.parametrize("before", [0, 1, 17])
def test_a_restored_trainer_goes_on_as_the_original(tmp_path: Path, changes: dict[str, Any], before: int) -> None:
    original = Trainer(tiny(**changes))
    for _ in range(before):
        original.step()
    Checkpoint.of(original, copy=False).write(tmp_path / "state")
    restored = Trainer(tiny(**changes))
    restored.step()
    restore(restored, Checkpoint.read((tmp_path / "state").read_bytes()))
    assert equal(original, restored)
    for _ in range(15):
        assert str([*map(float, original.step())]) == str([*map(float, restored.step())])  # NaN equals itself as text
    assert equal(original, restored)


def test_a_copied_checkpoint_does_not_change_with_the_trainer() -> None:
    trainer = Trainer(tiny())
    trainer.step()
    held = Checkpoint.of(trainer)
    before = {name: array.copy() for name, array in held.arrays.items()}
    trainer.step()
    assert all(np.array_equal(held.arrays[name], array) for name, array in before.items())
    assert not equal(trainer, Trainer(tiny()))


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    trainer = Trainer(tiny())
    trainer.step()
    for name in "abcd":
        Checkpoint.of(trainer).write(tmp_path / name)
    assert len({(tmp_path / name).read_bytes() for name in "abcd"}) == 1


@pytest.fixture(scope="module")
def saved_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trainer = Trainer(tiny())
    trainer.step()
    path = tmp_path_factory.mktemp("saved") / "state"
    Checkpoint.of(trainer).write(path)
    return path


@pytest.fixture
def saved(saved_path: Path) -> bytes:
    return saved_path.read_bytes()


def changed(saved: bytes, name: str, value: Any) -> Checkpoint:
    held = Checkpoint.read(saved)
    arrays = {**held.arrays, name: value}
    return Checkpoint({key: array for key, array in arrays.items() if array is not None}, held.record)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("generator.0.weight", None, "lacks generator.0.weight"),
        (
            "generator.0.weight",
            np.zeros((2, 3), np.float32),
            r"float32 \[2, 3\]; with these settings it should be float32",
        ),
        ("discriminator.0.bias", np.zeros(12), "discriminator.0.bias is float64"),
        ("generator.99.weight", np.zeros(3, np.float32), "generator.99.weight belongs to no network"),
        ("optimizer_g.2.step", None, "lacks a part of optimizer_g"),
        ("optimizer_g.2.exp_avg", None, "lacks a part of optimizer_g"),
        ("optimizer_d.0.exp_avg", np.zeros(1, np.float32), "optimizer_d.0.exp_avg is float32"),
        ("optimizer_d.0.momentum_buffer", np.zeros(1, np.float32), "momentum_buffer belongs to no network"),
        ("sampler.order", np.zeros(1797, np.int64), "order of the samples"),
        ("random.noise_d", np.zeros(5, np.uint8), "random.noise_d is uint8"),
    ],
)
def test_arrays_that_do_not_suit_the_settings_are_refused_and_change_nothing(
    saved: bytes, name: str, value: Any, reason: str
) -> None:
    trainer, untouched = Trainer(tiny()), Trainer(tiny())
    with pytest.raises(CheckpointError, match=reason):
        restore(trainer, changed(saved, name, value))
    assert equal(trainer, untouched)


@pytest.mark.parametrize(
    "entry", [{"position": -1}, {"position": 10**6}, {"epoch": "x"}, {"updates": {}}, {"iteration": 1e99}]
)
def test_numbers_that_no_run_has_are_refused(saved: bytes, entry: dict[str, Any]) -> None:
    held = Checkpoint.read(saved)
    with pytest.raises(CheckpointError, match="damaged"):
        restore(Trainer(tiny()), Checkpoint(held.arrays, held.record | entry))


def test_the_header_alone_gives_the_record(saved: bytes, tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(saved)
    assert read_header(tmp_path / "state") == Checkpoint.read(saved).record
    assert Checkpoint.read(saved).config == tiny()
    assert Checkpoint.read(saved).iteration == 1


def test_a_generator_for_download_is_no_run(tmp_path: Path) -> None:
    from gan_core.export.weights import save_networks

    save_networks(tmp_path, Trainer(tiny()))
    with pytest.raises(CheckpointError, match="not a run that this program has saved"):
        Checkpoint.read((tmp_path / "generator.safetensors").read_bytes())


@given(st.floats(0, 1), st.sampled_from(["cut", "start", "byte", "digit", "header"]), st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_damaged_bytes_are_refused_or_restore_a_run(saved_path: Path, where: float, kind: str, foreign: bytes) -> None:
    saved = saved_path.read_bytes()
    end = len(saved) if kind in ("cut", "byte") else int.from_bytes(saved[:8], "little")
    at = int(where * (end - 1))
    made = {"cut": saved[:at], "start": saved[at:], "header": foreign + saved[len(foreign) :]}
    damaged = made.get(kind, saved[:at] + (b"7" if kind == "digit" else b"\xff") + saved[at + 1 :])
    for data in (damaged, foreign):
        with suppress(
            ValueError
        ):  # CheckpointError, or a config that this machine refuses; any other error fails the test
            held = Checkpoint.read(data)
            restore(trainer := Trainer(held.config), held)
            trainer.step()


def test_a_record_nested_too_deeply_is_refused() -> None:
    record = "[" * 100_000 + "]" * 100_000
    header = json.dumps({"__metadata__": {"format": "gan-run-1", "record": record}}).encode()
    with pytest.raises(CheckpointError):
        Checkpoint.read(len(header).to_bytes(8, "little") + header)
