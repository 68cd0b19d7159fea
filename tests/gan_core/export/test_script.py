"""An exported script repeats the run, number for number."""

import csv
import gzip
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, load_dataset
from gan_core.data.code import data_code, needs_data_file
from gan_core.data.import_torchvision import import_torchvision
from gan_core.data.own.samples import keep
from gan_core.data.registry import Source
from gan_core.export.script import CLOSE, SCRIPT_FILE, TOLERANCE, training_script
from gan_core.losses import LOSSES
from gan_core.snapshot import Change
from tests.gan_core.export.repeats import CASES, ITERATIONS, Losses, on_points, pytorch_restored, small, train
from tests.gan_core.support import points

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"


def run_script(text: str, folder: Path) -> dict[str, Any]:
    """Execute a script in ``folder`` and return its variables."""
    (folder / SCRIPT_FILE).write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, pytorch_restored():
        patch.chdir(folder)
        return runpy.run_path(SCRIPT_FILE)


def losses_in(folder: Path) -> Losses:
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [(int(row["iteration"]), float(row["loss_d"]), float(row["loss_g"])) for row in csv.DictReader(file)]


def states(script: dict[str, Any], trainer: Trainer) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return each number of both networks in the script and in the trainer, running statistics included."""
    return [
        pair
        for name, ours in (("generator", trainer.generator), ("discriminator", trainer.discriminator))
        for pair in zip(script[name].state_dict().values(), ours.state_dict().values(), strict=True)
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_script_has_the_losses_and_the_weights_of_the_run(name: str, tmp_path: Path) -> None:
    config, changes = CASES[name]
    trainer, losses = train(config, changes, ITERATIONS)
    script = run_script(training_script(config, ITERATIONS, changes), tmp_path)
    assert losses_in(tmp_path) == losses
    assert all(torch.equal(theirs, ours) for theirs, ours in states(script, trainer))


def test_there_are_cases_for_every_loss() -> None:
    used = {config.loss for config, _ in CASES.values()}
    used |= {change.values["loss"] for _, changes in CASES.values() for change in changes if "loss" in change.values}
    assert used == set(LOSSES)


def test_the_lectures_script_repeats_its_run_in_a_process_of_its_own(tmp_path: Path) -> None:
    config = GANConfig(device="cpu")
    text = training_script(config, CLOSE)
    (tmp_path / SCRIPT_FILE).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, SCRIPT_FILE], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"iteration {CLOSE}: D loss 0." in done.stdout
    found = losses_in(tmp_path)
    assert found == train(config, (), CLOSE, threads=1)[1]
    assert np.abs(np.subtract(found, train(config, (), CLOSE)[1])).max() <= TOLERANCE


def test_the_lectures_script_is_short_and_needs_no_gan_core() -> None:
    text = training_script(GANConfig(), 2000)
    assert 60 <= len(text.splitlines()) <= 120
    assert max(map(len, text.splitlines())) <= 120
    assert "gan_core" not in text
    assert "# D block\n    real = next(real_batches)\n" in text
    assert "# G block\n    for _ in range(2):\n        fake = generator(draw_noise(noise_g))\n" in text


@pytest.mark.parametrize("name", [name for name in DATASETS if not DATASETS[name].torchvision and "own" not in name])
def test_the_lines_of_a_dataset_make_its_samples_bit_for_bit(name: str) -> None:
    config = GANConfig(dataset=name) if name == "digits" else on_points(name)
    found = run_data(config)
    dataset = load_dataset(config)
    assert torch.equal(found, dataset.batch(torch.arange(dataset.count)))


def run_data(config: GANConfig) -> torch.Tensor:
    """Execute the lines of a dataset and return its samples."""
    code = data_code(config)
    assert not needs_data_file(config)
    variables: dict[str, Any] = {"torch": torch}
    exec("\n".join((*code.imports, code.lines)), variables)
    samples: torch.Tensor = variables["samples"]
    return samples


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"needs MNIST's test files in {MNIST}")
@pytest.mark.parametrize("classes", [(), (3, 8)])
def test_the_lines_of_mnist_make_its_samples_bit_for_bit(
    classes: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_torchvision()  # where torchvision is built for another PyTorch than this one, importing it alone fails
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        content = gzip.decompress((MNIST / f"t10k-{kind}.gz").read_bytes())
        for split in ("train", "t10k"):
            (raw / f"{split}-{kind}").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_DATA_DIR", "data")
    config = GANConfig(dataset="mnist", classes=classes)
    dataset = load_dataset(config)
    assert torch.equal(run_data(config), dataset.batch(torch.arange(dataset.count)))


OWN: dict[str, np.ndarray] = {
    "own_pictures": np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8),
    "own_points": np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32),
}


@pytest.mark.parametrize("name", OWN)
def test_the_script_reads_own_data_from_a_file_beside_it(name: str, tmp_path: Path) -> None:
    own = tmp_path / "data.npy"
    config = small(dataset=name, picture_size=8, batch_size=16, own_data=keep(OWN[name], own))
    text = training_script(config, ITERATIONS)
    assert "data.npy" in text.split('"""')[1]
    run_script(text, tmp_path)
    assert losses_in(tmp_path) == train(config, (), ITERATIONS, load_dataset(config, own))[1]


def test_the_script_reads_a_new_dataset_from_a_file_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "six", Source("Six numbers", "tests.gan_core.support:load_points"))
    np.save(tmp_path / "data.npy", points().samples.numpy())
    config = small(dataset="six", batch_size=8)
    run_script(training_script(config, ITERATIONS, features=6), tmp_path)
    assert losses_in(tmp_path) == train(config, (), ITERATIONS)[1]


def test_the_script_computes_in_bfloat16_as_the_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.training.arithmetic.bfloat16_is_native", lambda: True)
    config = small(precision="bfloat16", generator_hidden=(256,), discriminator_hidden=(256,), batch_size=16)
    text = training_script(config, CLOSE)
    begin, end = text.index("BFLOAT16 = any("), text.index("if device.type ==")
    run_script(f"{text[:begin]}BFLOAT16 = True\n{text[end:]}", tmp_path)
    trainer, losses = train(config, (), CLOSE)
    assert trainer.arithmetic.dtype == torch.bfloat16
    assert losses_in(tmp_path) == losses


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([Change(1, {"g_steps": 3})], "    if iteration == 2:\n        g_steps = 3\n"),
        ([Change(1, {"gradient_penalty": 3.0})], None),  # this loss has no penalty
        ([Change(1, {"drawing": ""})], None),
    ],
)
def test_the_script_names_the_changes_that_the_run_uses(changes: Sequence[Change], expected: str | None) -> None:
    text = training_script(small(), 3, changes)
    assert ("if iteration ==" in text) == (expected is not None)
    assert (expected or "") in text
