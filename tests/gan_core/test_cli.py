"""The command line."""

import csv
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.cli import main
from gan_core.data import DATASETS, Source, load_dataset
from gan_core.data.own.points import read_points
from gan_core.data.own.samples import fingerprint
from gan_core.data.sampler import BatchSampler
from gan_core.export.weights import read_metadata
from gan_core.metrics import COLUMNS
from gan_core.options import build_parser, option, option_help, option_value
from gan_core.setting import Setting
from tests.gan_core.support import (
    BROKEN,
    copied,
    encoded,
    healthy_iterations,
    noise_images,
    own_file,
    same,
    tiny,
    zipped,
)

OPTIONS = [
    "--latent-dim", "4", "--generator-hidden", "16", "--discriminator-hidden", "16", "--batch-size", "8",
    "--device", "cpu",
]  # fmt: skip
DIVERGING = [  # ``BROKEN`` as options
    "--optimizer-g", "sgd", "--optimizer-d", "sgd", "--learning-rate-g", "1", "--learning-rate-d", "1",
    "--loss", "least_squares",
]  # fmt: skip
SEED = "from 0 to 2147483647"
FILES = {"config.json", "metrics.csv", "generator.safetensors", "discriminator.safetensors", "samples.png"}


def run(folder: Path, *arguments: str, iterations: str = "7") -> int:
    return main(["train", "--iterations", iterations, "--out", str(folder), *arguments])


def table(folder: Path) -> tuple[list[str], list[list[str]]]:
    with (folder / "metrics.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def saved_iteration(folder: Path) -> int:
    return int(read_metadata((folder / "generator.safetensors").read_bytes())["iteration"])


def trained(iterations: int, **changes: Any) -> tuple[Trainer, list[list[float]]]:
    trainer = Trainer(tiny(**changes))
    return trainer, [[float(value) for value in trainer.step()] for _ in range(iterations)]


# Results -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("iterations", [1, 50, 120])
def test_the_command_writes_what_a_trainer_computes(
    tmp_path: Path, iterations: int, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    assert run(out, *OPTIONS, iterations=str(iterations)) == 0
    assert {path.name for path in out.iterdir()} == FILES
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
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"samples.png"}


def test_options_override_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(tiny(seed=5, g_steps=3).to_json())
    assert run(tmp_path / "out", "--config", str(tmp_path / "config.json"), "--g-steps", "1", iterations="1") == 0
    assert GANConfig.from_json((tmp_path / "out" / "config.json").read_text()) == tiny(seed=5, g_steps=1)


# Earlier results ---------------------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_earlier_results_are_kept_unless_overwrite_is_given(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(out, *OPTIONS, iterations="20") == 0
    before = contents(out)
    capfd.readouterr()
    assert run(out, *OPTIONS, iterations="5") == 2
    assert capfd.readouterr().err == (
        f"{out} already contains config.json, metrics.csv, generator.safetensors, discriminator.safetensors, samples.png:"
        " choose another folder, or add --overwrite to replace them.\n"
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


# Own data ----------------------------------------------------------------------------------------------------

CSV = "x;y\n" + "".join(f"{index};{index % 7}\n" for index in range(40))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 20 pictures, three of them in a subfolder, and other files."""
    folder = tmp_path / "pictures"
    (folder / "more" / "deep").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    for index, picture in enumerate(noise_images(20, 12)):
        name = f"{index:02}.png" if index < 17 else f"more/{index:02}.PNG"
        (folder / name).write_bytes(encoded(picture))
    for name in (".hidden/a.png", "._00.png", "more/deep/a.png", "notes.txt", "table.csv"):
        (folder / name).write_bytes(b"text")
    (folder / "folder.png").mkdir()
    return folder


def zip_of(folder: Path) -> Path:
    """Write the pictures of the fixture ``pictures`` to a zip."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("[0-9]*"))}
    folder.with_suffix(".zip").write_bytes(zipped(files))
    return folder.with_suffix(".zip")


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_the_command_trains_on_a_folder_or_zip_of_pictures(
    kind: str, pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictures / "07bad.png").write_bytes(b"text")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    data = pictures if kind == "folder" else zip_of(pictures)
    assert run(tmp_path / "out", *OPTIONS, "--data", str(data), "--picture-size", "12", "--dataset", "mnist") == 0
    assert capfd.readouterr().err.startswith("07bad.png is not a PNG, JPEG, ")
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert list((tmp_path / "temporary").iterdir()) == []
    config = GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes())
    path, settings = own_file(tmp_path, side=12)
    assert config == tiny(**settings)
    trainer = Trainer(config, load_dataset(config, path))
    for _ in range(7):
        trainer.step()
    assert same(load_file(tmp_path / "out" / "generator.safetensors"), copied(trainer.generator))


def test_the_command_trains_on_a_csv_of_points(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "points.csv").write_text(CSV + "1;x\n")
    (tmp_path / "config.json").write_text(tiny(seed=3, own_data="0" * 16).to_json())
    arguments = ["--config", str(tmp_path / "config.json"), "--data", str(tmp_path / "points.csv")]
    assert run(tmp_path / "out", *arguments) == 0
    assert capfd.readouterr().err.splitlines()[:4] == [
        "Line 42 (1;x) has no number in column 2.",
        "The columns are separated by semicolons. x is column 1 (x), y is column 2 (y).",
        "Line 1 is taken for a heading: x;y",
        "Scaled to fit: x is shifted by -19.5 and y by -3, then both are divided by 21.6667.",
    ]
    array = read_points("", CSV.encode()).array
    config = GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes())
    assert config == tiny(seed=3, dataset="own_points", own_data=fingerprint(array))
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


@pytest.mark.parametrize("name", ["own_pictures", "own_points"])
def test_own_data_in_the_config_requires_the_data_option(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(tiny(dataset=name, own_data="0" * 16).to_json())
    assert run(tmp_path / "out", "--config", str(tmp_path / "config.json")) == 2
    assert capsys.readouterr().err == f"--dataset = '{name}' needs your own data: add --data PATH.\n"
    assert not (tmp_path / "out").exists()


def test_unusable_data_is_refused(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "few.csv").write_text("1,2\n3,4\n")
    (tmp_path / "empty").mkdir()
    for large in ("large.csv", "large.zip"):
        with (tmp_path / large).open("wb") as file:
            file.truncate(50 * 2**20 + 1)
    for name, message in (
        ("nothing.zip", f"{tmp_path / 'nothing.zip'}: No such file or directory."),
        ("empty", "0 pictures could be read; there should be 16 to 20,000."),
        ("few.csv", "2 points could be read; there should be 16 to 100,000."),
        ("large.csv", "large.csv is larger than 10 MB, which is the limit."),
        ("large.zip", "The files are larger than 50 MB together, which is the limit."),
        (
            "pictures/00.png",
            f"--data = '{pictures / '00.png'}' is not possible; it should be a folder or a zip of pictures, or a"
            " table of points (csv, tsv, txt or dat).",
        ),
    ):
        assert run(tmp_path / "out", *OPTIONS, "--data", str(tmp_path / name)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(message)
        assert not (tmp_path / "out").exists()


def test_a_folder_that_is_too_large_is_refused_before_it_is_read(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for index in range(10):
        with (pictures / f"more/{index}.tiff").open("wb") as file:
            file.truncate(50 * 2**20)
    monkeypatch.setattr(Path, "open", None)
    assert run(tmp_path / "out", *OPTIONS, "--data", str(pictures)) == 2
    assert capsys.readouterr().err == (
        "The folder holds more than 500 MB, which is the limit. Make the pictures smaller: they are scaled to at most"
        " 64×64 pixels anyway.\n"
    )


needs_links = pytest.mark.skipif(os.name == "nt", reason="Windows lets only administrators make links")


@pytest.mark.parametrize(
    "inside", ["run1", "more/deep/run", ".", "../pictures/run", pytest.param("link/run", marks=needs_links)]
)
def test_results_are_not_written_into_the_data(
    inside: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if inside.startswith("link"):
        (tmp_path / "link").symlink_to(pictures, target_is_directory=True)
    out = tmp_path / inside if inside.startswith("link") else pictures / inside
    before = sorted(pictures.rglob("*"))
    assert run(out, *OPTIONS, "--data", str(pictures), "--overwrite") == 2
    assert capsys.readouterr().err == (
        f"--out = {str(out)!r} is inside the folder of --data, and results are no data: choose another folder.\n"
    )
    assert sorted(pictures.rglob("*")) == before


def test_results_do_not_replace_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "metrics.csv"
    data.write_text(CSV)
    assert run(tmp_path, *OPTIONS, "--data", str(data), "--overwrite") == 2
    assert capsys.readouterr().err == (
        f"--data = {str(data)!r} would be replaced by the results: choose another folder for --out.\n"
    )
    assert data.read_text() == CSV


def test_metrics_of_an_earlier_run_are_not_trained_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "first", *OPTIONS, iterations="20") == 0
    capfd.readouterr()
    assert run(tmp_path / "second", *OPTIONS, "--data", str(tmp_path / "first" / "metrics.csv")) == 2
    assert capfd.readouterr().err.startswith("metrics.csv was made by this program: ")


def test_results_beside_the_data_are_written(pictures: Path, tmp_path: Path) -> None:
    for out in (tmp_path / "pictures-run", tmp_path):
        assert run(out, *OPTIONS, "--data", str(pictures)) == 0
    packed = zip_of(pictures)
    assert run(packed.parent / "of zip", *OPTIONS, "--data", str(packed)) == 0


def test_samples_of_an_earlier_run_are_not_trained_on(
    pictures: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(first, *OPTIONS, "--data", str(pictures)) == 0
    (pictures / "00samples.png").write_bytes((first / "samples.png").read_bytes())
    capfd.readouterr()
    assert run(second, *OPTIONS, "--data", str(pictures)) == 0
    assert capfd.readouterr().err.startswith(
        "00samples.png was made by this program: a GAN should not learn from its own samples.\n"
    )
    assert contents(first)["config.json"] == contents(second)["config.json"]


FOUR = "t,a,b,c\n" + "".join(f"{row % 5},{row},{row * row % 23},{7 * row % 11}\n" for row in range(40))


@pytest.mark.parametrize("columns", [("b", "c"), ("3", "4"), ("B", "4")])
def test_the_columns_of_a_table_can_be_chosen(
    columns: tuple[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "points.dat").write_text(FOUR)
    data = ["--data", str(tmp_path / "points.dat")]
    assert run(tmp_path / "out", *OPTIONS, *data, "--columns", *columns) == 0
    assert capfd.readouterr().err.splitlines()[:2] == [
        "The columns are separated by commas. x is column 3 (b), y is column 4 (c).",
        "Columns of numbers that are not used: column 1 (t), column 2 (a).",
    ]
    array = read_points("", "".join(f"{row * row % 23},{7 * row % 11}\n" for row in range(40)).encode()).array
    config = GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes())
    assert config.own_data == fingerprint(array)


def test_columns_that_cannot_be_chosen_are_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "points.csv").write_text(FOUR)
    for arguments, sentence in (
        (
            ["--data", str(tmp_path / "points.csv"), "--columns", "b", "z"],
            "There is no column 'z'. Choose among those of",
        ),
        (
            ["--data", str(pictures), "--columns", "1", "2"],
            f"--columns needs a table of points, and '{pictures}' is none.",
        ),
        (["--columns", "1", "2"], "--columns needs a table of points: add --data PATH."),
    ):
        assert run(tmp_path / "out", *OPTIONS, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(sentence)
        assert not (tmp_path / "out").exists()


def test_a_batch_size_that_nobody_chose_becomes_small_enough(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "points.csv").write_text(CSV)
    sizes = ["--generator-hidden", "4", "--discriminator-hidden", "4"]
    assert run(tmp_path / "out", "--data", str(tmp_path / "points.csv"), *sizes, iterations="1") == 0
    assert "\nThere are fewer samples than a batch has: the batch size becomes 32.\n" in capfd.readouterr().err
    assert GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes()).batch_size == 32


def test_fewer_samples_than_a_batch_are_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "points.csv").write_text(CSV)
    assert run(tmp_path / "out", "--data", str(tmp_path / "points.csv"), "--batch-size", "41") == 2
    assert (
        capfd.readouterr()
        .err.splitlines()[-1]
        .startswith(
            "Batch size = 41 is not possible; it should be from 2 to 40, the number of samples of My own points"
        )
    )


# Options -----------------------------------------------------------------------------------------------------


def as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def another(setting: Setting) -> Any:
    """Return a valid value other than the default."""
    if setting.kind == "switch":
        return not setting.default
    if setting.kind == "choice":
        return next(choice for choice in setting.choices if choice != setting.default)
    if setting.kind == "sizes":
        return (3, 1, 4)
    if setting.kind == "classes":
        return (3, 8)
    if setting.kind == "text":
        return "0123456789abcdef" if setting.name == "own_data" else "cpu"
    assert setting.minimum is not None
    assert setting.maximum is not None
    return setting.maximum if setting.kind == "number" else int(setting.maximum)


@pytest.mark.parametrize("setting", GANConfig.settings(), ids=lambda setting: setting.name)
def test_every_setting_is_an_option(setting: Setting) -> None:
    for value in (setting.default, another(setting)):
        text = as_text(value)
        read = vars(build_parser().parse_args(["train", "--iterations", "1", "--out", "o", option(setting), text]))
        assert read[setting.name] == text
        config = GANConfig(**{setting.name: option_value(setting, text)})
        assert getattr(config, setting.name) == value


def test_help_describes_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--data PATH your own data to train on" in shown
    for setting in GANConfig.settings():
        assert option(setting) in shown
        assert " ".join(option_help(setting).replace("%%", "%").split()) in shown
        for part in (setting.help, setting.expected(), as_text(setting.default)):
            assert part in option_help(setting).replace("%%", "%")


@pytest.mark.parametrize("arguments", [[], ["train"], ["train", "--nothing", "1"], ["sing"]])
def test_unknown_arguments_are_refused_in_three_lines(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert 2 <= len(capsys.readouterr().err.splitlines()) <= 3


# Invalid arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (["--latent-dim", "0"], ["--latent-dim = 0 is not possible; it should be a whole number from 1 to 1024."]),
        (
            ["--latent-dim", "5.0"],
            ["--latent-dim = '5.0' is not possible; it should be a whole number from 1 to 1024."],
        ),
        (["--leaky-slope", "nan"], ["--leaky-slope = nan is not possible; it should be a number from 0 to 1."]),
        (
            ["--generator-batch-norm", "perhaps", "--g-steps", "many"],
            [
                "--generator-batch-norm = 'perhaps' is not possible; it should be true or false.",
                "--g-steps = 'many' is not possible; it should be a whole number from 1 to 10.",
            ],
        ),
        (
            ["--generator-hidden", "64,,64"],
            [
                "--generator-hidden = '64,,64' is not possible; it should be 1 to 6 whole numbers, each from 1 to 4096, "
                "such as 256, 512."
            ],
        ),
        (["--seed", "9" * 5000], [f"--seed = '{'9' * 56}… is not possible; it should be a whole number {SEED}."]),
    ],
)
def test_invalid_options_are_refused(
    arguments: list[str], sentences: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "out", *arguments) == 2
    assert capsys.readouterr().err.splitlines() == sentences
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("iterations", ["0", "-3", "many", "1.5", "", "9" * 5000])
def test_invalid_iterations_are_refused(iterations: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "out", "--seed", "-1", iterations=iterations) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == f"--iterations = {iterations!r} is not possible; it should be a whole number from 1."
    assert second == "--seed = -1 is not possible; it should be a whole number from 0 to 2147483647."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_config_is_read_in_every_encoding_of_unicode(encoding: str, end: str, tmp_path: Path) -> None:
    text = tiny(seed=7).to_json().replace("\n", end)
    (tmp_path / "config.json").write_bytes(text.encode(encoding))
    assert run(tmp_path / "out", "--config", str(tmp_path / "config.json"), iterations="1") == 0
    assert GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes()) == tiny(seed=7)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"latentdim": 3}', "latentdim: there is no setting of this name. Did you mean latent_dim?"),
        (b'{"g_steps": true}', "--g-steps = True is not possible; it should be a whole number from 1 to 10."),
        (b"[]", "The settings cannot be read: "),
        (b"{", "The settings cannot be read: "),
        (b"\xff\xfe", "The settings cannot be read: "),
        (b"\xff\xfe{", "The settings cannot be read: "),
        (b'{"dataset": "\xe4"}', "The settings cannot be read: "),
    ],
)
def test_invalid_configs_are_refused(
    content: bytes, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_bytes(content)
    assert run(tmp_path / "out", "--config", str(tmp_path / "config.json")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(sentence)


def test_unreadable_and_unwritable_files_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "out", "--config", str(tmp_path / "none.json")) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'none.json'}: No such file or directory.\n"
    assert run(tmp_path / "out", "--config", str(tmp_path)) == 2
    assert capsys.readouterr().err == f"{tmp_path}: Is a directory.\n"
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file", *OPTIONS) == 2
    assert capsys.readouterr().err == f"{tmp_path / 'file'}: File exists.\n"


def test_a_disk_that_takes_no_networks_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("generator.safetensors could not be written")

    monkeypatch.setattr("gan_core.training.headless.save_networks", refuse)
    assert run(tmp_path, *OPTIONS, iterations="1") == 2
    assert capfd.readouterr().err.endswith("\ngenerator.safetensors could not be written.\n")


def test_unavailable_datasets_and_devices_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, beginning in (
        (["--dataset", "digit"], "Dataset = 'digit' is not possible; "),
        (["--device", "cuda:99"], "Device = 'cuda:99' is not possible; "),
    ):
        assert run(tmp_path / "out", *OPTIONS, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(beginning)
        assert not (tmp_path / "out").exists()


def test_a_batch_larger_than_the_dataset_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DATASETS, "points", Source("Points", "tests.gan_core.support:load_points"))
    assert run(tmp_path / "out", "--dataset", "points", "--batch-size", "45") == 2
    assert capsys.readouterr().err.startswith(
        "Batch size = 45 is not possible; it should be from 2 to 44, the number of samples of Points."
    )


# Divergence and Ctrl-C ---------------------------------------------------------------------------------------


def test_divergence_keeps_the_rows_and_weights_before_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, *OPTIONS, *DIVERGING, iterations="500") == 1
    reason, kept = capfd.readouterr().err.splitlines()[-2:]
    last = healthy_iterations(tiny(**BROKEN, loss="least_squares"))
    assert re.match(rf"[\w ]+ became -?(inf|nan) at iteration {last + 1}: the training has diverged\.", reason)
    assert kept == f"Saved in {tmp_path}: the networks of iteration 0, the last known to be finite."
    _, rows = table(tmp_path)
    assert [int(row[0]) for row in rows] == list(range(1, last + 1))
    assert np.isfinite(np.array([row[1:] for row in rows], float)).all()
    assert saved_iteration(tmp_path) == 0
    trainer, _ = trained(0, loss="least_squares")
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trainer.generator))
    assert (tmp_path / "samples.png").exists()


def test_later_divergence_keeps_the_last_healthy_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step_into = Trainer.step_into

    def step_that_breaks(trainer: Trainer, row: torch.Tensor) -> None:
        if trainer.iteration == 129:
            trainer.dataset.samples.fill_(torch.nan)
        step_into(trainer, row)

    monkeypatch.setattr(Trainer, "step_into", step_that_breaks)
    assert run(tmp_path, *OPTIONS, iterations="500") == 1
    assert len(table(tmp_path)[1]) == 129
    assert saved_iteration(tmp_path) == 100
    monkeypatch.undo()
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trained(100)[0].generator))


def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    step_into = Trainer.step_into

    def step_that_breaks(trainer: Trainer, row: torch.Tensor) -> None:
        step_into(trainer, row)
        if trainer.iteration == 60:
            trainer.generator[0].weight.data[0, 0] = torch.inf

    monkeypatch.setattr(Trainer, "step_into", step_that_breaks)
    assert run(tmp_path, *OPTIONS, iterations="60") == 1
    assert "0.weight of the generator became inf at iteration 60: the training has diverged." in capfd.readouterr().err
    assert len(table(tmp_path)[1]) == 60
    assert saved_iteration(tmp_path) == 50


def test_ctrl_c_completes_the_current_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    next_batch, batches = BatchSampler.next, itertools.count(1)

    def interrupt_and_go_on(sampler: BatchSampler) -> torch.Tensor:
        if next(batches) == 63:  # within iteration 63
            signal.raise_signal(signal.SIGINT)
        return next_batch(sampler)

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(BatchSampler, "next", interrupt_and_go_on)
    assert run(tmp_path, *OPTIONS, iterations="500") == 130
    assert signal.getsignal(signal.SIGINT) is handler
    assert capfd.readouterr().err.splitlines()[-1] == f"Stopped at iteration 63; saved in {tmp_path}"
    monkeypatch.undo()
    assert {path.name for path in tmp_path.iterdir()} == FILES
    trainer, metrics = trained(63)
    np.testing.assert_array_equal(np.array(table(tmp_path)[1], np.float32)[:, 1:], np.array(metrics, np.float32))
    assert saved_iteration(tmp_path) == 63
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trainer.generator))


def test_a_second_ctrl_c_or_one_before_training_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def twice(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    # If a shell started the tests in the background, SIGINT is ignored, and would be ignored here too.
    handler, before = signal.default_int_handler, signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, interrupt in (("step_into", twice), ("__init__", lambda *_: signal.raise_signal(signal.SIGINT))):
        monkeypatch.setattr(Trainer, name, interrupt)
        assert run(tmp_path / name, *OPTIONS) == 130
        assert capfd.readouterr().err.splitlines()[-1] == "Stopped."
        assert signal.getsignal(signal.SIGINT) is handler
        monkeypatch.undo()
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to another process")
def test_ctrl_c_in_a_terminal_saves_and_exits(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "gan_core", "train", "--iterations", "100000000", "--out", "."]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*command, *OPTIONS], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        metrics, deadline = tmp_path / "metrics.csv", time.monotonic() + 60
        while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 1):
            assert time.monotonic() < deadline
            assert process.poll() is None
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    rows = table(tmp_path)[1]
    assert errors.splitlines()[-1] == f"Stopped at iteration {len(rows):,}; saved in ."
    assert "Traceback" not in errors
    assert output == ""
    assert saved_iteration(tmp_path) == len(rows) == int(rows[-1][0])
    assert (tmp_path / "samples.png").exists()


def test_importing_the_main_module_starts_nothing() -> None:
    import gan_core.__main__ as program

    assert program.main is main
