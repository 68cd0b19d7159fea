"""The command line: training on own data."""

import os
import threading
from pathlib import Path

import pytest
from safetensors.torch import load_file

from gan_core import GANConfig, Trainer
from gan_core.data import load_dataset
from gan_core.data.own.points import read_points
from gan_core.data.own.samples import fingerprint
from tests.gan_core.cli_support import FILES, OPTIONS, contents, run
from tests.gan_core.support import (
    copied,
    encoded,
    noise_images,
    own_file,
    same,
    tiny,
    zipped,
)

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
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"moments"}
    assert not list((tmp_path / "temporary").glob("gan*")), "PyTorch may make folders of its own there"
    config = GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes())
    path, settings = own_file(tmp_path, side=12)
    assert config == tiny(**settings)
    trainer = Trainer(config, load_dataset(config, path))
    for _ in range(7):
        trainer.step()
    assert same(load_file(tmp_path / "out" / "generator.safetensors"), copied(trainer.generator))


@pytest.mark.parametrize("name", ["pictures", "pictures.zi_", "pictures.zip.txt", "pictures.csv", "Pictures.ZIP"])
def test_a_zip_is_known_by_its_content(
    name: str, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = zip_of(pictures).rename(tmp_path / "renamed" if name == "pictures" else tmp_path / name)
    assert run(tmp_path / "out", *OPTIONS, "--data", str(data)) == 0
    assert GANConfig.from_json((tmp_path / "out" / "config.json").read_bytes()).dataset == "own_pictures"
    assert run(tmp_path / "columns", *OPTIONS, "--data", str(data), "--columns", "1", "2") == 2
    assert capsys.readouterr().err.endswith(f"--columns needs a table of points, and {str(data)!r} is none.\n")


def test_a_workbook_is_no_zip_of_pictures(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = zip_of(pictures).rename(tmp_path / "points.xlsx")
    assert run(tmp_path / "out", *OPTIONS, "--data", str(data)) == 2
    assert "or a table of points (csv, tsv, txt or dat)" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")
def test_a_table_is_read_from_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "points.csv")
    writer = threading.Thread(target=(tmp_path / "points.csv").write_text, args=(CSV,))
    writer.start()
    assert run(tmp_path / "out", *OPTIONS, "--data", str(tmp_path / "points.csv")) == 0
    writer.join(10)


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
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"moments"}


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
