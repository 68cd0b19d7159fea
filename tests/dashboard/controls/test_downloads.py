"""What the Download popover makes."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls import downloads
from dashboard.controls.downloads import Download
from gan_core.config import GANConfig
from gan_core.data.own.samples import keep
from gan_core.metrics import COLUMNS
from gan_core.runs.registry import Registry
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import healthy
from tests.dashboard.views.test_train import only_run, press
from tests.gan_core.export.test_script import losses_in, run_script


def named(found: tuple[Download, ...]) -> dict[str, Download]:
    return {download.key: download for download in found}


def losses_of(snapshot: Snapshot) -> np.ndarray:
    return snapshot.trace.values[:, [COLUMNS.index("loss_d"), COLUMNS.index("loss_g")]]


def test_the_downloaded_script_repeats_the_run_with_all_that_was_changed(
    app: AppTest, registry: Registry, tmp_path: Path
) -> None:
    press(app, "step")
    healthy(app.slider(key="leaky_slope").set_value(0.05).run())
    press(app, "step_d")
    press(app, "step")
    healthy(app.selectbox(key="loss").set_value("hinge").run())
    press(app, "step_g")
    for _ in range(3):
        press(app, "step")

    def current() -> Snapshot:
        snapshot = only_run(registry).poll().snapshot
        assert snapshot is not None
        return snapshot

    script = named(downloads._code(None, current))["script"]
    assert script.file == "training.py"
    text = script.make()
    assert isinstance(text, bytes)
    run_script(text.decode(), tmp_path)
    found = np.array(losses_in(tmp_path), np.float32)[:, 1:]
    assert len(found) == 5
    np.testing.assert_allclose(found, losses_of(current()), rtol=1e-5)


def test_with_own_data_script_and_notebook_are_zips_that_hold_it(
    snapshot: Callable[..., Snapshot], tmp_path: Path
) -> None:
    own = tmp_path / "own.npy"
    points = np.random.default_rng(0).uniform(-1, 1, (40, 2)).astype(np.float32)
    shown = snapshot(2, dataset="own_points", own_data=keep(points, own))
    found = named(downloads._code(own.read_bytes, lambda: shown))
    for key, file in (("script", "training.py"), ("notebook", "training.ipynb")):
        assert found[key].file == f"{key}.zip"
        data = found[key].make()
        assert isinstance(data, bytes)
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert archive.namelist() == [file, "data.npy"]
        np.testing.assert_array_equal(np.load(io.BytesIO(archive.read("data.npy"))), points)


@pytest.mark.parametrize("iteration", [0, 3])
def test_every_result_is_made_at_any_moment(snapshot: Callable[..., Snapshot], iteration: int) -> None:
    shown = snapshot(iteration)
    files = {download.file: download.make() for download in downloads._results(lambda: shown)}
    assert list(files) == ["metrics.csv", "metrics.parquet", "charts.html", "samples.png"]
    assert files["metrics.parquet"][:4] == b"PAR1"
    assert f"{iteration} iterations</h1>".encode() in files["charts.html"]  # type: ignore[operator]


@pytest.mark.parametrize(("hidden", "said"), [((256, 512, 1024), False), ((4096, 4096), True)])
def test_the_download_says_of_a_run_that_no_page_opens_that_it_is_too_large(
    snapshot: Callable[..., Snapshot], tmp_path: Path, hidden: tuple[int, ...], said: bool
) -> None:
    config = GANConfig(generator_hidden=hidden)
    (whole,) = downloads._whole(bytes, replace(snapshot(), config=config), tmp_path / "own.npy")
    assert ("no page opens a file above 128 MB" in whole.help) == said
