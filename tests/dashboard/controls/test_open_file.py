"""Opening a file on the page: a run begins from it, or the popover says why not."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls import downloads
from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, keep
from gan_core.runs.registry import Registry
from gan_core.runs.saved import RUN_FILE
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import healthy, texts
from tests.dashboard.views.test_train import only_run, press, state
from tests.gan_core.runs.test_uploads import parts
from tests.gan_core.support import tiny, zipped


def upload(app: AppTest, name: str, data: bytes) -> AppTest:
    app.file_uploader(key="upload_run").set_value((name, data, "application/octet-stream"))
    return healthy(app.run())


def shown(registry: Registry) -> Snapshot:
    return state(registry)[1]


def test_a_whole_run_is_opened_paused_with_its_settings_and_undo_brings_the_old_one_back(
    app: AppTest, registry: Registry
) -> None:
    healthy(app.slider(key="leaky_slope").set_value(0.05).run())
    press(app, "step")
    press(app, "step")
    before, data = shown(registry), only_run(registry).whole_file()
    press(app, "new_seed")
    press(app, "step")
    other = shown(registry)
    assert other.config.seed != before.config.seed
    upload(app, "run.zip", data)
    now = shown(registry)
    assert (state(registry)[0], now.iteration, now.config) == ("paused", 2, before.config)
    np.testing.assert_array_equal(now.fake, before.fake)
    assert app.session_state["seed"] == before.config.seed
    assert "Waits for Reset" not in texts(app)
    press(app, "step")
    assert shown(registry).iteration == 3
    press(app, "undo")
    assert (shown(registry).iteration, shown(registry).config) == (1, other.config)


def test_a_generator_is_opened_with_a_new_discriminator_and_changed_settings_do_not_lose_it(
    app: AppTest, registry: Registry
) -> None:
    for _ in range(2):
        press(app, "step")
    before, data = shown(registry), only_run(registry).generator_file()
    press(app, "reset")
    upload(app, "generator.safetensors", data)
    np.testing.assert_array_equal(shown(registry).fake, before.fake)
    assert "has trained 2 iterations. The discriminator is new." in texts(app)
    assert "download_script" not in [
        button.key for button in app.get("download_button")
    ]  # it could not repeat this run
    healthy(app.toggle(key="discriminator_batch_norm").set_value(True).run())
    assert shown(registry).generator_from == 2
    assert "Waits for Reset" in texts(app)
    press(app, "discard_changes")
    press(app, "step")
    assert shown(registry).iteration == 1


def test_settings_are_opened(app: AppTest, registry: Registry) -> None:
    config = tiny(seed=11)
    upload(app, "config.json", config.to_json().encode())
    assert shown(registry).config == config.replace(device="auto")
    assert app.session_state["seed"] == 11


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("run.zip", pickle.dumps([1]), "run.zip cannot be opened: It is a pickle"),
        ("config.json", b"[" * 100_000, "config.json cannot be opened"),
        ("config.json", b'{"seed": -1}', "Seed = -1 is not possible"),
        ("run.zip", zipped({"a.py": b""}), "this one holds a.py"),
        ("config.json", b'{"dataset": "own_points", "own_data": "0123456789abcdef"}', "only the zip of the whole run"),
    ],
)
def test_a_file_that_no_run_can_begin_from_gives_a_sentence_and_leaves_the_run(
    app: AppTest, registry: Registry, name: str, data: bytes, says: str
) -> None:
    press(app, "step")
    run = only_run(registry)
    upload(app, name, data)
    assert says in app.error[0].value.replace("\\", "")
    assert only_run(registry) is run
    app.file_uploader(key="upload_run").set_value(("config.json", GANConfig(seed=5).to_json().encode(), "text/json"))
    healthy(app.run())
    assert not app.error


def test_a_run_on_a_dataset_that_is_not_here_says_what_to_do(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.session import commands

    monkeypatch.setattr(commands, "is_prepared", lambda dataset: False)
    upload(app, "run.safetensors", parts()[RUN_FILE])
    assert "choose that dataset, then open the file again" in app.error[0].value.replace("\\", "")


def test_own_points_come_with_the_run(app: AppTest, registry: Registry, tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2)).astype(np.float32)
    own = tmp_path / "own.npy"
    config = GANConfig(
        dataset="own_points", own_data=keep(points, own), generator_batch_norm=False, batch_size=4, latent_dim=2,
        generator_hidden=(8,), discriminator_hidden=(8,),
    )  # fmt: skip
    data = zipped({"config.json": config.to_json().encode(), OWN_FILE: own.read_bytes()})
    upload(app, "run.zip", data)
    assert shown(registry).config == config
    press(app, "step")
    assert shown(registry).iteration == 1
    assert set(parts(only_run(registry).whole_file())) == {RUN_FILE, "config.json", "metrics.csv", OWN_FILE}


def test_the_animation_is_offered_from_the_second_moment_on(app: AppTest, registry: Registry) -> None:
    folder = only_run(registry).folder
    assert downloads._animations(folder, shown(registry)) == ()
    for _ in range(4):
        press(app, "step")
    assert len(shown(registry).moments) > 1
    files = {download.file: download.make() for download in downloads._animations(folder, shown(registry))}
    assert list(files) == ["run.gif", "run.webp"]
    assert files["run.gif"][:6] == b"GIF89a"
    assert files["run.webp"][8:12] == b"WEBP"
