"""The command line: options and settings, and how wrong ones are refused."""

from pathlib import Path
from typing import Any

import pytest

from gan_core import GANConfig
from gan_core.cli import main
from gan_core.options import build_parser, option, option_help, option_value
from gan_core.setting import Setting
from tests.gan_core.cli_support import OPTIONS, SEED, run
from tests.gan_core.support import (
    tiny,
)


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

    monkeypatch.setattr("gan_core.training.results.save_networks", refuse)
    assert run(tmp_path, *OPTIONS, iterations="1") == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"Trained to iteration 1, which cannot be saved in {tmp_path}: generator.safetensors could not be written."
        " It has no saved run yet."
    )


def test_unavailable_datasets_and_devices_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, beginning in (
        (["--dataset", "digit"], "Dataset = 'digit' is not possible; "),
        (["--device", "cuda:99"], "Device = 'cuda:99' is not possible; "),
    ):
        assert run(tmp_path / "out", *OPTIONS, *arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(beginning)
        assert not (tmp_path / "out").exists()


def test_importing_the_main_module_starts_nothing() -> None:
    import gan_core.__main__ as program

    assert program.main is main
