"""PyTorch's global defaults, which belong to the user, change no number of a run."""

import ast
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import gan_core
from gan_core import Trainer
from gan_core.data import DATASETS, load_dataset
from gan_core.data.dataset import Dataset
from gan_core.runs.inline import InlineRunner
from gan_core.runs.protocol import Step, Walk
from gan_core.training import arithmetic
from tests.gan_core.support import points, same, tiny, tiny_trainer
from tests.gan_core.training.engines.makers import made, on_every_engine, trained

FACTORIES = {"zeros", "ones", "empty", "full", "rand", "randn", "tensor", "linspace", "eye"}
# Sizes from which oneDNN computes the products, where it does at all.
WIDE: dict[str, Any] = {"generator_hidden": (512, 512), "discriminator_hidden": (512,), "batch_size": 64}


@contextmanager
def default(dtype: torch.dtype) -> Iterator[None]:
    """Make this PyTorch's default, with nothing cached from before."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    arithmetic.onednn_computes_in_float32.cache_clear()
    try:
        yield
    finally:
        torch.set_default_dtype(before)
        arithmetic.onednn_computes_in_float32.cache_clear()


@pytest.fixture(params=[torch.float64, torch.float16], ids=str)
def other_dtype(request: Any) -> Iterator[torch.dtype]:
    with default(request.param):
        yield request.param


@pytest.fixture(scope="module")
def usual() -> dict[str, Any]:
    """Runs under the usual default."""
    states: dict[str, Any] = {}
    for engine in ("autograd", "manual", "CUDA graph"):
        states[engine] = trained(made(engine)).state_dict()
    for loss in ("bce", "bce_saturating", "least_squares", "hinge", "wasserstein_gp"):
        states[loss] = trained(tiny_trainer(loss=loss), 3).state_dict()
    states["wide"] = trained(Trainer(tiny(**WIDE)), 2).state_dict()
    return states


def names(state: dict[str, Any]) -> set[torch.dtype]:
    return {tensor.dtype for network in ("generator", "discriminator") for tensor in state[network].values()}


@on_every_engine
def test_networks_are_float32_and_the_numbers_the_same_on_every_engine(
    usual: dict[str, Any], other_dtype: torch.dtype, engine: str
) -> None:
    state = trained(made(engine)).state_dict()
    assert names(state) == {torch.float32, torch.int64}
    assert same(state, usual[engine])


@pytest.mark.parametrize("loss", ["bce", "bce_saturating", "least_squares", "hinge", "wasserstein_gp"])
def test_the_numbers_are_the_same_with_every_loss(usual: dict[str, Any], other_dtype: torch.dtype, loss: str) -> None:
    trainer = tiny_trainer(loss=loss)
    metrics = trained(trainer, 3).step()
    assert {value.dtype for value in metrics} == {torch.float32}
    other = tiny_trainer(loss=loss)
    assert same(trained(other, 3).state_dict(), usual[loss])


def test_the_numbers_are_the_same_with_wide_layers(usual: dict[str, Any], other_dtype: torch.dtype) -> None:
    assert same(trained(Trainer(tiny(**WIDE)), 2).state_dict(), usual["wide"])


@on_every_engine
def test_a_default_that_changes_while_a_run_trains_changes_no_number(usual: dict[str, Any], engine: str) -> None:
    trainer = trained(made(engine), 2)
    with default(torch.float64):
        assert same(trained(trainer, 5).state_dict(), usual[engine])


def test_a_default_device_changes_no_number(usual: dict[str, Any]) -> None:
    data = points()
    with torch.device("meta"):
        trainer = trained(Trainer(tiny(generator_batch_norm=True), data))
        wide = trained(Trainer(tiny(**WIDE)), 2)
    assert same(trainer.state_dict(), usual["manual"])
    assert same(wide.state_dict(), usual["wide"])


def test_samples_in_another_float_dtype_as_of_numpy_are_read_as_float32() -> None:
    doubled = Dataset("points", "Points", points().samples.double(), (6,))
    assert same(trained(Trainer(tiny(), doubled)).state_dict(), trained(tiny_trainer()).state_dict())


def digests(folder: Path) -> dict[str, str]:
    """Return a hash of every bundled dataset, and of what a run on 2-D data and one on images show."""
    found = {}
    for name in DATASETS:
        if DATASETS[name].kind == "points" and name not in ("drawn", "own_points"):
            samples = load_dataset(tiny(dataset=name)).samples
            assert samples.dtype == torch.float32, name
            found[name] = hashlib.sha256(samples.numpy()).hexdigest()
    for dataset in ("eight_gaussians", "digits"):
        runner = InlineRunner("run", tiny(dataset=dataset, latent_dim=2), Path(tempfile.mkdtemp(dir=folder)))
        for command in (Step(2), Walk("turn")):
            runner.send(command)
        snapshot = runner.poll().snapshot
        assert snapshot is not None
        found[f"run on {dataset}"] = hashlib.sha256(snapshot.fake).hexdigest() + repr(snapshot.trace.values.tolist())
        if snapshot.points is not None:
            found["view"] = repr(snapshot.points)
    return found


def test_data_and_views_are_the_same_under_a_default_that_was_set_before_the_first_import(tmp_path: Path) -> None:
    code = (
        "import torch; torch.set_default_dtype(torch.float64); import json, pathlib; "
        "from tests.gan_core.training.test_default_dtype import digests; "
        f"print(json.dumps(digests(pathlib.Path({str(tmp_path)!r}))))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert made.returncode == 0, made.stderr
    other, here = json.loads(made.stdout), digests(tmp_path)
    assert {name for name in here if other[name] != here[name]} == set()


def test_every_tensor_that_the_core_makes_names_its_dtype() -> None:
    unnamed = [
        f"{path.name}:{node.lineno}"
        for path in Path(gan_core.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in FACTORIES
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "torch"
        and not any(keyword.arg == "dtype" for keyword in node.keywords)
    ]
    assert unnamed == []
