"""The command line: what it writes, and what it leaves as it is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.data import DATASETS, Source
from gan_core.metrics import COLUMNS
from tests.gan_core.cli_support import FILES, OPTIONS, contents, run, saved_iteration, table, trained
from tests.gan_core.support import (
    copied,
    same,
    tiny,
)


@pytest.mark.parametrize("iterations", [1, 50, 120])
def test_the_command_writes_what_a_trainer_computes(
    tmp_path: Path, iterations: int, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    assert run(out, *OPTIONS, iterations=str(iterations)) == 0
    assert {path.name for path in out.iterdir()} == FILES | {"moments"}
    assert GANConfig.from_json((out / "config.json").read_bytes()) == tiny()
    trainer, metrics = trained(iterations)
    header, rows = table(out)
    assert header == ["iteration", *COLUMNS]
    assert [int(row[0]) for row in rows] == list(range(1, iterations + 1))
    # Read as float32, the values in the table are exact.
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), np.array(metrics, np.float32))
    assert same(load_file(out / "generator.safetensors"), copied(trainer.generator))
    assert same(load_file(out / "discriminator.safetensors"), copied(trainer.discriminator))
    assert saved_iteration(out) == iterations
    with Image.open(out / "samples.png") as picture:
        assert picture.size == (6 * 28 + 5 * 2, 6 * 28 + 5 * 2)
    shown = capfd.readouterr()
    assert f"{iterations}/{iterations}" in shown.err
    assert "loss_d=" in shown.err
    assert shown.out == f"Trained {iterations} iteration{'s' * (iterations > 1)}; saved in {out}\n"


def test_samples_png_is_written_only_for_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "points", Source("Points", "tests.gan_core.support:load_points"))
    assert run(tmp_path, *OPTIONS) == 0
    assert (tmp_path / "samples.png").exists()
    assert run(tmp_path, *OPTIONS, "--dataset", "points", "--overwrite") == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"samples.png"} | {"moments"}


def test_options_override_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(tiny(seed=5, g_steps=3).to_json())
    assert run(tmp_path / "out", "--config", str(tmp_path / "config.json"), "--g-steps", "1", iterations="1") == 0
    assert GANConfig.from_json((tmp_path / "out" / "config.json").read_text()) == tiny(seed=5, g_steps=1)


def test_earlier_results_are_kept_unless_overwrite_is_given(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(out, *OPTIONS, iterations="20") == 0
    before = contents(out)
    capfd.readouterr()
    assert run(out, *OPTIONS, iterations="5") == 2
    assert capfd.readouterr().err == (
        f"{out} already contains config.json, metrics.csv, generator.safetensors, discriminator.safetensors, samples.png,"
        " run.safetensors: choose another folder, or add --overwrite to replace them.\n"
    )
    assert contents(out) == before
    assert run(out, *OPTIONS, "--overwrite", iterations="5") == 0
    assert len(table(out)[1]) == saved_iteration(out) == 5
    assert set(contents(out)) == FILES


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_file_of_an_earlier_run_is_enough_to_refuse(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"of an earlier run")
    assert run(tmp_path, *OPTIONS) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path} already contains {name}: choose another folder")
    assert contents(tmp_path) == {name: b"of an earlier run"}


def test_other_files_in_the_folder_are_no_results_and_stay(tmp_path: Path) -> None:
    others = {"notes.txt": b"text", "settings.json": tiny().to_json().encode(), "metrics.csv.bak": b"text"}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    assert run(tmp_path, "--config", str(tmp_path / "settings.json")) == 0
    assert others.items() <= contents(tmp_path).items()


def test_overwriting_keeps_earlier_results_until_training_can_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, *OPTIONS) == 0
    before = contents(tmp_path)
    assert run(tmp_path, *OPTIONS, "--overwrite", "--dataset", "digit") == 2
    assert run(tmp_path, *OPTIONS, "--overwrite", "--seed", "-1") == 2
    assert contents(tmp_path) == before

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Trainer, "step_into", fail)
    assert run(tmp_path, *OPTIONS, "--overwrite", "--seed", "1") == 2
    assert set(contents(tmp_path)) == {"config.json", "metrics.csv"}, "no networks of other settings"


def test_a_run_can_be_repeated_into_its_folder_from_its_config(tmp_path: Path) -> None:
    assert run(tmp_path, *OPTIONS, "--seed", "3") == 0
    before = contents(tmp_path)
    assert run(tmp_path, "--config", str(tmp_path / "config.json"), "--overwrite") == 0
    assert contents(tmp_path)["metrics.csv"] == before["metrics.csv"]
