"""``train --resume``: what was saved continues as if it had not been interrupted, and anything else is refused."""

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gan_core import Trainer
from gan_core.cli import main
from gan_core.export.weights import read_metadata
from gan_core.runs.inline import InlineRunner
from gan_core.runs.protocol import Step
from gan_core.training import results
from gan_core.training.checkpoint import Checkpoint, read_header
from gan_core.training.results import held
from tests.gan_core.runs.support import ask
from tests.gan_core.support import tiny

ROOT = Path(__file__).parents[2]
OPTIONS = [
    "--latent-dim", "4", "--generator-hidden", "16", "--discriminator-hidden", "16", "--batch-size", "8",
    "--device", "cpu",
]  # fmt: skip
CSV = "x;y\n" + "".join(f"{index};{index % 7}\n" for index in range(40))
posix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to another process")


def train(folder: Path, iterations: int, *arguments: str) -> int:
    return main(["train", "--iterations", str(iterations), "--out", str(folder), *OPTIONS, *arguments])


def resume(folder: Path, *arguments: str) -> int:
    return main(["train", "--resume", str(folder), *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def saved(folder: Path) -> int:
    """The iteration of the saved state, which the networks beside it have too."""
    iteration = int(read_header(folder / "run.safetensors")["iteration"])
    assert int(read_metadata((folder / "generator.safetensors").read_bytes())["iteration"]) == iteration
    return iteration


def rows(folder: Path) -> list[int]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [int(row["iteration"]) for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 120 iterations that was never interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert train(folder, 120) == 0
    return folder


@pytest.fixture(scope="module")
def saved_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "run"
    assert train(folder, 30) == 0
    return folder


@pytest.fixture
def run(saved_run: Path, tmp_path: Path) -> Path:
    """A copy of a run of 30 iterations."""
    return shutil.copytree(saved_run, tmp_path / "run")


# Bit for bit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [1, 50, 63])
def test_a_resumed_run_ends_in_the_files_of_an_uninterrupted_one(first: int, whole_run: Path, tmp_path: Path) -> None:
    assert train(tmp_path, first) == 0
    assert resume(tmp_path, "--iterations", "80") == 0
    assert resume(tmp_path, "--iterations", "120") == 0
    assert contents(tmp_path) == contents(whole_run)


def test_saving_often_changes_no_result(saved_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves, usual = [], results.write_saved
    monkeypatch.setattr(
        results, "write_saved", lambda folder, state: (saves.append(state.iteration), usual(folder, state))
    )
    assert train(tmp_path, 30, "--save-every", "0.000001") == 0
    assert saves == [*range(1, 31), 30]
    assert contents(tmp_path) == contents(saved_run)


@pytest.mark.parametrize(
    "options",
    [
        ["--dataset", "eight_gaussians", "--discriminator-batch-norm", "true"],
        ["--optimizer-g", "sgd", "--sgd-momentum", "0.9", "--update-order", "simultaneous", "--loss", "wasserstein_gp"],
    ],
)
def test_other_settings_continue_bit_for_bit_too(options: list[str], tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(whole, 20, *options) == train(parts, 7, *options) == 0
    assert resume(parts, "--iterations", "20") == 0
    assert contents(parts) == contents(whole)


def test_rows_later_than_the_saved_state_are_replaced(whole_run: Path, run: Path, tmp_path: Path) -> None:
    """A killed process leaves rows, and files of a save that it has begun."""
    (run / "metrics.csv").write_bytes((whole_run / "metrics.csv").read_bytes()[:-20])  # it ends in the middle of a row
    for name in ("generator.safetensors", "samples.png"):
        shutil.copy(whole_run / name, run / name)
    (run / "discriminator.safetensors").unlink()
    (run / "changes.json").write_text("[]")
    assert resume(run, "--iterations", "60") == 0
    assert train(tmp_path / "whole", 60) == 0
    assert contents(run) == contents(tmp_path / "whole")


def test_own_data_continues_with_its_data_given_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, other = tmp_path / "points.csv", tmp_path / "other.csv"
    data.write_text(CSV)
    other.write_text(CSV.replace("9", "8"))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(whole, 20, "--data", str(data)) == train(parts, 7, "--data", str(data)) == 0
    before = contents(parts)
    for arguments, sentence in (
        ([], f"The run in {parts} was trained on your own data, which is not kept there: add --data PATH."),
        (["--data", str(other)], f"--data = '{other}' is not what the run in {parts} was trained on."),
    ):
        assert resume(parts, "--iterations", "20", *arguments) == 2
        assert capfd.readouterr().err.splitlines()[-1] == sentence
        assert contents(parts) == before
    assert resume(parts, "--iterations", "20", "--data", str(data)) == 0
    assert contents(parts) == contents(whole)


# Settings ----------------------------------------------------------------------------------------------------


def test_settings_that_may_change_do_so_from_the_saved_iteration_on(run: Path) -> None:
    config = (run / "config.json").read_bytes()
    assert resume(run, "--iterations", "40", "--learning-rate-d", "0.01", "--seed", "0") == 0
    assert resume(run, "--iterations", "45") == 0
    assert resume(run, "--iterations", "50", "--loss", "hinge") == 0
    trainer = Trainer(tiny())
    metrics = []
    for iteration in range(50):
        if iteration in (30, 45):
            changes = {"learning_rate_d": 0.01} if iteration == 30 else {"loss": "hinge"}
            trainer.reconfigure(trainer.config.replace(**changes))
        metrics.append([float(value) for value in trainer.step()])
    table = np.genfromtxt(run / "metrics.csv", delimiter=",", skip_header=1, dtype=np.float32)
    np.testing.assert_array_equal(table[:, 1:], np.array(metrics, np.float32))
    assert (run / "config.json").read_bytes() == config, "the settings at the start"
    assert json.loads((run / "changes.json").read_text()) == [
        {"iteration": 30, "values": {"learning_rate_d": 0.01}},
        {"iteration": 45, "values": {"loss": "hinge"}},
    ]
    metadata = read_metadata((run / "generator.safetensors").read_bytes())
    assert json.loads(metadata["config"])["learning_rate_d"] == 0.01


def test_a_run_that_diverged_continues_with_smaller_learning_rates(tmp_path: Path) -> None:
    broken = ["--optimizer-g", "sgd", "--optimizer-d", "sgd", "--loss", "least_squares"]
    large, small = (["--learning-rate-g", rate, "--learning-rate-d", rate] for rate in ("1", "0.001"))
    assert train(tmp_path, 500, *broken, *large) == 1
    assert saved(tmp_path) == 0
    assert resume(tmp_path, "--iterations", "20", *small) == 0
    assert saved(tmp_path) == rows(tmp_path)[-1] == 20


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["--iterations", "30"], ["{run} has reached iteration 30: add --iterations with a larger total."]),
        ([], ["{run} has reached iteration 30: add --iterations with a larger total."]),
        (["--iterations", "x"], ["--iterations = 'x' is not possible; it should be a whole number from 1."]),
        (["--save-every", "0"], ["--save-every = '0' is not possible; it should be seconds, above 0."]),
        (["--save-every", "nan"], ["--save-every = 'nan' is not possible; it should be seconds, above 0."]),
        (["--save-every", "inf"], ["--save-every = 'inf' is not possible; it should be seconds, above 0."]),
        (
            ["--seed", "7", "--latent-dim", "5", "--g-steps", "3"],
            [
                "--latent-dim cannot change while training: begin a new run to change it.",
                "--seed cannot change while training: begin a new run to change it.",
            ],
        ),
        (["--g-steps", "0"], ["--g-steps = 0 is not possible; it should be a whole number from 1 to 10."]),
        (["--config", "c"], ["--config is for a new run; of the run in {run}, its settings are kept."]),
        (["--overwrite"], ["--overwrite is for a new run; of the run in {run}, its results are continued."]),
        (["--data", "d.csv"], ["The run in {run} was trained on 'digits': leave --data out."]),
        (["--columns", "1", "2"], ["--columns needs a table of points: add --data PATH."]),
    ],
)
def test_settings_that_a_run_cannot_be_continued_with_are_refused(
    arguments: list[str], sentences: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(run)
    assert resume(run, *arguments) == 2
    assert capsys.readouterr().err.splitlines() == [sentence.format(run=run) for sentence in sentences]
    assert contents(run) == before


def test_a_new_run_needs_its_number_of_iterations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == "--iterations is missing: it says how many to train, from 1.\n"


# Files -------------------------------------------------------------------------------------------------------


def rewritten(run: Path, **record: Any) -> None:
    state = Checkpoint.read((run / "run.safetensors").read_bytes())
    Checkpoint(state.arrays, state.record | record).write(run / "run.safetensors")


def change(name: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda run: (run / name).write_bytes(edit((run / name).read_bytes()))


OPENED = "The saved run cannot be opened: "
TABLE = "metrics.csv is not the table of the 30 iterations of "
PLAN = "It is damaged: it does not say what was to be trained."


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda run: (run / "run.safetensors").unlink(), "has no run.safetensors: there is no run to go on with."),
        (change("run.safetensors", lambda data: data[:-1]), OPENED),
        (change("run.safetensors", lambda data: b""), OPENED),
        (change("run.safetensors", lambda data: b"\x80\x04K\x01."), OPENED),
        (lambda run: shutil.copy(run / "generator.safetensors", run / "run.safetensors"), OPENED),
        (lambda run: rewritten(run, position=10**6), f"{OPENED}It is damaged: a number in its record is"),
        (
            lambda run: rewritten(run, config={"seed": -1}),
            f"{OPENED}Its settings cannot be read: Seed = -1 is not possible",
        ),
        (lambda run: rewritten(run, config={"device": "cpu"}), "with these settings it should be"),
        (lambda run: rewritten(run, train=None), PLAN),
        (lambda run: rewritten(run, train={"iterations": "x", "initial": {}, "changes": []}), PLAN),
        (lambda run: rewritten(run, train={"iterations": 50, "initial": {"g_steps": 0}, "changes": []}), PLAN),
        (lambda run: rewritten(run, train={"iterations": 50, "initial": {}, "changes": [1]}), PLAN),
        (lambda run: rewritten(run, iteration=2**53), "metrics.csv is not the table of the 9,007,199,254,740,992 "),
        (lambda run: (run / "metrics.csv").unlink(), "metrics.csv: No such file or directory."),
        (change("metrics.csv", lambda data: data[data.index(b"\n") + 1 :]), TABLE),
        (change("metrics.csv", lambda data: data[: data.index(b"\n30,")]), TABLE),
        (change("metrics.csv", lambda data: data[:-1]), TABLE),
        (change("metrics.csv", lambda data: data.replace(b"\n7,", b"\n8,")), TABLE),
        (change("metrics.csv", lambda data: data.replace(b"\n7,", b"\n7,0,")), TABLE),
        (change("metrics.csv", lambda data: data.replace(b",", b";")), TABLE),
    ],
)
def test_damaged_and_foreign_files_are_refused_and_left_as_they_are(
    damage: Callable[[Path], object], sentence: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(run)
    before = contents(run)
    assert resume(run, "--iterations", "40") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
    assert contents(run) == before


def test_a_folder_that_does_not_exist_is_refused_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert resume(tmp_path / "none") == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none'}: No such file or directory.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_the_page_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner = InlineRunner("a", tiny(), tmp_path)
    ask(runner, Step(3))
    before = contents(tmp_path)
    assert "run.safetensors" in before
    assert resume(tmp_path, "--iterations", "40") == 2
    assert capsys.readouterr().err == (
        f"{tmp_path} holds a run of the page, without the metrics of each iteration: go on with it on the page.\n"
    )
    assert contents(tmp_path) == before


def test_two_processes_do_not_train_into_one_folder(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(run)
    with held(run):
        assert resume(run, "--iterations", "40") == 2
        assert train(run, 40, "--overwrite") == 2
    sentence = f"Another process is training into {run}: wait for its end, or stop it."
    assert capsys.readouterr().err.splitlines() == [sentence] * 2
    assert contents(run) == before
    assert resume(run, "--iterations", "40") == 0
    assert "lock" not in contents(run)


def test_overwriting_leaves_nothing_of_a_continued_run(run: Path, saved_run: Path) -> None:
    assert resume(run, "--iterations", "40", "--learning-rate-d", "0.01") == 0
    assert train(run, 30, "--overwrite") == 0
    assert contents(run) == contents(saved_run)
