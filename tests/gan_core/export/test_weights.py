"""The exported files contain the run's networks and sample the page's own fakes."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.export.snippet import IMPORT, LOAD, LOAD_TORCH_FILE, generator_snippet
from gan_core.export.weights import as_torch_file, read_metadata, save_networks
from gan_core.networks import build_network
from gan_core.sampling import generate, sample_noise
from gan_core.training.headless import train_into
from gan_core.training.results import Plan, Results
from tests.gan_core.support import same, tiny, tiny_trainer

CONFIGS: dict[str, dict[str, Any]] = {
    "lecture": {},
    "no BatchNorm": {"generator_batch_norm": False},
    "BatchNorm first": {"batch_norm_position": "before_activation", "batch_norm_momentum": 0.123456789},
    "deep, odd slope": {"generator_hidden": (9, 7, 5), "leaky_slope": 0.123456789, "latent_dim": 3},
    "ReLU": {"leaky_slope": 0.0, "generator_hidden": (8,)},
    "uniform noise": {"noise": "uniform"},
}


@pytest.fixture
def trained() -> Trainer:
    trainer = tiny_trainer()
    for _ in range(3):
        trainer.step()
    return trainer


def test_the_files_contain_both_networks_config_and_iteration(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    assert {path.name for path in tmp_path.iterdir()} == {"generator.safetensors", "discriminator.safetensors"}
    for name in ("generator", "discriminator"):
        path = tmp_path / f"{name}.safetensors"
        assert same(load_file(path), dict(getattr(trained, name).state_dict()))
        metadata = read_metadata(path.read_bytes())
        assert GANConfig.from_json(metadata["config"]) == trained.config
        assert metadata["iteration"] == "3"


def test_the_torch_file_is_loaded_by_the_usual_idiom(trained: Trainer, tmp_path: Path) -> None:
    save_networks(tmp_path, trained)
    (tmp_path / "generator.pt").write_bytes(as_torch_file((tmp_path / "generator.safetensors").read_bytes()))
    generator = build_network(trained.config.replace(seed=5), "G", 6)
    generator.load_state_dict(torch.load(tmp_path / "generator.pt"))
    assert same(dict(generator.state_dict()), dict(trained.generator.state_dict()))
    state = torch.load(tmp_path / "generator.pt", weights_only=True)
    assert list(state) == list(trained.generator.state_dict())
    assert GANConfig.from_json(state.config) == trained.config
    assert state.iteration == 3


def test_the_same_run_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process too: its hashes, and the order of a set or of Rust's maps, differ."""
    code = (
        "import sys; from pathlib import Path; from gan_core.export.weights import as_torch_file, save_networks; "
        "from tests.gan_core.support import tiny_trainer; trainer = tiny_trainer(); "
        "[trainer.step() for _ in range(3)]; folder = Path(sys.argv[1]); save_networks(folder, trainer); "
        "(folder / 'generator.pt').write_bytes(as_torch_file((folder / 'generator.safetensors').read_bytes()))"
    )
    written = []
    for process in (True, False):
        folder = tmp_path / str(process)
        folder.mkdir()
        if process:
            subprocess.run([sys.executable, "-c", code, folder], check=True, timeout=120)
        else:
            monkeypatch.setattr("sys.argv", ["", str(folder)])
            exec(code, {})
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0].keys() == {"generator.safetensors", "discriminator.safetensors", "generator.pt"}
    assert written[0] == written[1]


def test_training_into_two_folders_writes_the_same_files(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        train_into(Results.begin(tmp_path / name, Plan(3, tiny())), Trainer(tiny()), threading.Event(), 60)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir() if path.is_file()}
        for name in ("first", "second")
    )
    assert len(first) == 6
    assert first == second


@pytest.mark.skipif(os.name == "nt", reason="needs a limit on the size of files")
def test_a_disk_that_is_really_full_is_an_os_error_and_leaves_the_earlier_file(
    trained: Trainer, tmp_path: Path
) -> None:
    import resource

    save_networks(tmp_path, trained)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_networks(tmp_path, trained)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_saving_twice_gives_the_same_bytes(trained: Trainer, tmp_path: Path) -> None:
    """Rust's maps are in another order each time within one process too."""
    written = set()
    for _ in range(8):
        save_networks(tmp_path, trained)
        data = (tmp_path / "generator.safetensors").read_bytes()
        written.add((data, as_torch_file(data)))
    assert len(written) == 1


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_weights_in_any_float_dtype_are_read_back(trained: Trainer, tmp_path: Path, dtype: torch.dtype) -> None:
    trained.generator.to(dtype)
    save_networks(tmp_path, trained)
    data = (tmp_path / "generator.safetensors").read_bytes()
    assert same(load_file(tmp_path / "generator.safetensors"), dict(trained.generator.state_dict()))
    begins = 8 + int.from_bytes(data[:8], "little")
    assert begins % 8 == 0, "tensors of 8 bytes a number are aligned"


@pytest.mark.parametrize("changes", CONFIGS.values(), ids=list(CONFIGS))
@pytest.mark.parametrize(
    ("data", "file"),
    [("points", "generator.safetensors"), ("digits", "generator.safetensors"), ("points", "generator.pt")],
)
def test_the_snippet_samples_the_same_fakes_as_the_page(
    changes: dict[str, Any], data: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = tiny_trainer(**changes) if data == "points" else Trainer(tiny(**changes))
    for _ in range(4):
        trainer.step()
    save_networks(tmp_path, trainer)
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    code = generator_snippet(trainer.config, trainer.dataset.shape, sample_seed=11, count=5)
    if file == "generator.pt":
        (tmp_path / file).write_bytes(as_torch_file((tmp_path / "generator.safetensors").read_bytes()))
        assert LOAD in code
        assert IMPORT in code
        code = code.replace(LOAD, LOAD_TORCH_FILE).replace(IMPORT, "")
    exec(code, made)
    shown = generate(trainer, sample_noise(11, 5, trainer.config))
    name = "points" if data == "points" else "pictures"
    assert made[name].shape == (5, *trainer.dataset.shape)
    np.testing.assert_array_equal(made[name].numpy(), shown)
