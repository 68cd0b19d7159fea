"""``python -m gan_core export``."""

import csv
from pathlib import Path

import nbformat
import numpy as np
import pytest

from gan_core import GANConfig
from gan_core.changes import changes_json
from gan_core.cli import main
from gan_core.data import DATASETS
from gan_core.data.registry import Source
from gan_core.snapshot import Change
from tests.gan_core.export.repeats import train
from tests.gan_core.export.test_script import losses_in, run_script
from tests.gan_core.support import tiny

OPTIONS = [
    "--iterations", "6", "--latent-dim", "4", "--generator-hidden", "16", "--discriminator-hidden", "16",
    "--batch-size", "8", "--device", "cpu",
]  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The folder of a small run."""
    return train_into(tmp_path / "run")


def train_into(folder: Path, *arguments: str) -> Path:
    assert main(["train", *OPTIONS, "--out", str(folder), *arguments]) == 0
    return folder


def export(folder: Path, *arguments: str) -> int:
    return main(["export", *arguments, str(folder)])


def losses_of(folder: Path) -> np.ndarray:
    """Return the losses in the table of a run."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return np.array([(row["loss_d"], row["loss_g"]) for row in csv.DictReader(file)], np.float32)


def repeated(folder: Path) -> np.ndarray:
    """Execute the exported script and return its losses."""
    run_script((folder / "script" / "training.py").read_text(encoding="utf-8"), folder / "script")
    return np.array(losses_in(folder / "script"), np.float32)[:, 1:]


def test_the_exported_script_and_notebook_repeat_the_saved_run(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = losses_of(saved)
    assert export(saved, "--script", "--notebook") == 0
    written = [saved / "script" / name for name in ("training.py", "training.ipynb")]
    assert capsys.readouterr().out.splitlines()[-2:] == [f"Wrote {path}" for path in written]
    np.testing.assert_array_equal(repeated(saved), before)
    np.testing.assert_array_equal(losses_of(saved), before)  # the run's own table is as it was
    assert "trained for 6 iterations" in nbformat.read(written[1], as_version=4).cells[0].source


def test_the_exported_script_makes_the_changes_of_the_run(saved: Path) -> None:
    config, changes = tiny(), (Change(2, {"learning_rate_d": 0.01}), Change(4, {"update": "G"}))
    (saved / "config.json").write_text(config.to_json())
    (saved / "changes.json").write_text(changes_json(changes))
    assert export(saved, "--script", "--iterations", "8") == 0
    np.testing.assert_array_equal(repeated(saved), np.array(train(config, changes, 8)[1], np.float32)[:, 1:])


def test_changes_of_an_earlier_run_are_removed_with_its_results(saved: Path) -> None:
    (saved / "changes.json").write_text(changes_json([Change(2, {"learning_rate_d": 0.01})]))
    train_into(saved, "--overwrite")
    assert export(saved, "--script") == 0
    np.testing.assert_array_equal(repeated(saved), losses_of(saved))


def test_own_data_is_written_beside_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "points.csv"
    values = np.random.default_rng(0).uniform(0, 9, (40, 2))
    np.savetxt(table, values, delimiter=",", header="x,y", comments="")
    folder = train_into(tmp_path / "run", "--data", str(table))
    assert export(folder, "--script") == 2
    assert "own data, which is not in its folder: add --data PATH." in capsys.readouterr().err
    np.savetxt(tmp_path / "other.csv", values + 1, delimiter=",", header="x,y", comments="")
    np.savetxt(tmp_path / "fewer.csv", values[:30], delimiter=",", header="x,y", comments="")
    assert export(folder, "--script", "--data", str(tmp_path / "fewer.csv")) == 2
    assert "is not the data that the run was trained on." in capsys.readouterr().err
    assert not (folder / "script").exists()
    assert export(folder, "--script", "--data", str(table)) == 0
    np.testing.assert_array_equal(repeated(folder), losses_of(folder))


def test_a_new_dataset_is_written_beside_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "six", Source("Six numbers", "tests.gan_core.support:load_points"))
    folder = train_into(tmp_path / "run", "--dataset", "six")
    assert export(folder, "--script") == 0
    np.testing.assert_array_equal(repeated(folder), losses_of(folder))


def test_an_earlier_export_is_kept_unless_overwrite_is_given(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(saved, "--script") == 0
    script = saved / "script" / "training.py"
    script.write_text("mine")
    assert export(saved, "--script", "--notebook") == 2
    assert f"{saved / 'script'} already contains training.py: add --overwrite" in capsys.readouterr().err
    assert export(saved, "--notebook") == 0
    assert script.read_text() == "mine"
    assert export(saved, "--script", "--overwrite") == 0
    assert script.read_text() != "mine"


@pytest.mark.parametrize(
    ("name", "content", "arguments", "sentence"),
    [
        ("", b"", [], "Nothing to export: add --script, --notebook or --animation."),
        ("config.json", None, ["--script"], "config.json: No such file or directory."),
        ("config.json", b"{", ["--script"], "The settings cannot be read: Invalid JSON"),
        ("config.json", b'{"dataset": "nope"}', ["--script"], "Dataset = 'nope' is not possible"),
        ("changes.json", b'[{"iteration": 1}]', ["--script"], 'Change 1: it should hold an "iteration" and'),
        ("generator.safetensors", b"\x00" * 20, ["--script"], "does not say how long the run was: add --iterations N."),
        ("generator.safetensors", b"\x02" + b"\x00" * 7 + b"[]", ["--script"], "does not say how long the run was"),
        ("", b"", ["--script", "--iterations", "0"], "A script needs at least one iteration"),
        ("", b"", ["--script", "--iterations", "x"], "A script needs at least one iteration"),
    ],
)
def test_a_folder_that_cannot_be_exported_is_refused(
    name: str,
    content: bytes | None,
    arguments: list[str],
    sentence: str,
    saved: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if content is None:
        (saved / name).unlink()
    elif name:
        (saved / name).write_bytes(content)
    assert export(saved, *arguments) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not (saved / "script").exists()


def test_a_folder_that_only_has_settings_is_exported_with_a_length(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(GANConfig(dataset="ring").to_json())
    assert export(tmp_path, "--script") == 2
    assert export(tmp_path, "--script", "--iterations", "3") == 0
