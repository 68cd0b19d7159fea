"""Datasets on the pages, without a browser."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.session import own_data, server
from gan_core.data import DATASETS, RECOMMENDED_SETTINGS
from gan_core.data.drawing import STARTER, pack
from gan_core.data.errors import DataError
from gan_core.data.own.points import read_points
from gan_core.data.own.samples import fingerprint
from gan_core.data.prepared import Progress
from gan_core.presets import PRESETS
from gan_core.runs.jobs import JobDone, JobFailed, Jobs, State
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import APP, component, go_to, healthy, texts
from tests.dashboard.views.test_train import only_run, press, state
from tests.gan_core.support import encoded, noise_images, zipped

REAL = Path(__file__).parents[4] / "shared" / "data" / "mnist"
POINTS = [name for name, source in DATASETS.items() if source.kind == "points" and not name.startswith("own")]


class InlineJob:
    """Does all the work when it is made; each poll returns the next state that the work has reported."""

    def __init__(self, work: Callable[..., Any], *arguments: Any) -> None:
        self.reported: list[State] = [Progress("Starting")]
        self.cancelled = False
        try:
            result = work(*arguments, self.reported.append)
            self.reported.append(JobDone(result))
        except DataError as error:
            self.reported.append(JobFailed(str(error)))

    def poll(self, wait: float = 0.0) -> State:
        return self.reported.pop(0) if len(self.reported) > 1 else self.reported[0]

    def cancel(self) -> None:
        self.cancelled = True


class StuckDownload(InlineJob):
    """Stops after a third."""

    def __init__(self, *_: Any) -> None:
        self.reported = [Progress("Downloading MNIST", 3_300_000, 9_900_000, "bytes")]
        self.cancelled = False


@pytest.fixture
def prepare_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[type], None]:
    """Choose the class of the jobs that prepare datasets and read uploads."""

    def use(kind: type) -> None:
        made = Jobs(kind)
        monkeypatch.setattr(server, "download_jobs", lambda: made)
        monkeypatch.setattr(own_data, "Job", kind)

    return use


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data folder, without a network."""
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the tests have no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    return tmp_path


def choose(app: AppTest, dataset: str) -> AppTest:
    return healthy(app.selectbox(key="dataset").set_value(dataset).run())


# 2-D data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", POINTS)
def test_every_2d_dataset_trains_and_is_drawn(app: AppTest, registry: Registry, name: str) -> None:
    choose(app, name)
    press(app, "step")
    snapshot = state(registry)[1]
    assert (snapshot.config.dataset, snapshot.iteration, snapshot.shape) == (name, 1, (2,))
    assert snapshot.dataset_title == DATASETS[name].title
    drawn = {trace["name"] for trace in component(app, "plot_plane")["data"]}
    assert drawn == {"D's score", "Real", "Fake"}
    assert "divergence **" in texts(app)
    assert ("modes **" in texts(app)) == (snapshot.points is not None and snapshot.points.modes > 0)


def test_the_recommended_settings_follow_a_change_between_pictures_and_points(app: AppTest, registry: Registry) -> None:
    choose(app, "ring")
    for name, value in RECOMMENDED_SETTINGS["points"].items():
        assert getattr(state(registry)[1].config, name) == value, name
    healthy(app.number_input(key="batch_size").set_value(32).run())
    choose(app, "spiral")
    assert state(registry)[1].config.batch_size == 32, "from points to points they stay"
    choose(app, "digits")
    for name, value in RECOMMENDED_SETTINGS["pictures"].items():
        assert getattr(state(registry)[1].config, name) == value, name


def test_the_layers_of_2d_data_can_be_switched(app: AppTest) -> None:
    choose(app, "ring")
    layers = next(group for group in app.get("button_group") if group.key == "layers")
    healthy(layers.set_value(["manifold", "pull"]).run())
    drawn = [trace["name"] for trace in component(app, "plot_plane")["data"]]
    assert drawn == ["G's sheet", "D's pull"]


def test_2d_data_can_be_stepped_through(app: AppTest, registry: Registry) -> None:
    choose(app, "ring")
    go_to(app, "walk")
    for _ in range(10):
        press(app, "walk_stage")
    assert component(app, "walk_fake")["items"], "the fakes that D has scored"
    for _ in range(3):
        press(app, "walk_stage")
    view = state(registry)[1].walk
    assert view is not None
    assert view.sample_gradient is not None
    assert component(app, "walk_sample_gradient")["items"]
    press(app, "step")
    assert state(registry)[1].iteration == 1


def test_a_new_drawing_changes_the_current_run(app: AppTest, registry: Registry) -> None:
    choose(app, "drawn")
    assert component(app, "canvas")["drawing"] == STARTER
    press(app, "step")
    cells = np.zeros((32, 32), bool)
    cells[:4, :4] = True  # the upper left corner
    app.session_state["drawing"] = pack(cells)
    healthy(app.run())
    snapshot = state(registry)[1]
    assert (snapshot.iteration, snapshot.config.drawing) == (1, pack(cells))
    assert snapshot.real[:, 0].max() < -0.6
    assert snapshot.real[:, 1].min() > 0.6
    assert [mark.text for mark in snapshot.marks] == ["Drawing changed"]
    assert app.query_params["drawing"] == pack(cells)
    press(app, "step")
    assert state(registry)[1].iteration == 2


def test_an_empty_drawing_is_refused_and_leaves_the_run_unchanged(app: AppTest, registry: Registry) -> None:
    choose(app, "drawn")
    press(app, "step")
    app.session_state["drawing"] = ""
    healthy(app.run())
    assert "drawing is empty" in texts(app)
    assert not app.button(key="start").disabled, "the run trains on under its own settings"
    assert state(registry) == ("paused", state(registry)[1]), "the run is unharmed"
    assert state(registry)[1].config.drawing == STARTER


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_the_controls_and_begins_a_run(app: AppTest, registry: Registry, name: str) -> None:
    press(app, "step")
    press(app, f"preset_{name}")
    snapshot = state(registry)[1]
    assert (snapshot.config, snapshot.iteration) == (PRESETS[name].config, 0)
    press(app, "step")
    assert state(registry)[1].iteration == 1
    assert "applies from" not in texts(app)


# Classes -----------------------------------------------------------------------------------------------------


def test_chosen_classes_filter_the_dataset_until_another_is_chosen(app: AppTest, registry: Registry) -> None:
    classes = next(group for group in app.get("button_group") if group.key == "classes")
    healthy(classes.set_value([8, 3]).run())
    snapshot = state(registry)[1]
    assert snapshot.config.classes == (3, 8)
    assert snapshot.dataset_count == 183 + 174  # of scikit-learn's digits
    choose(app, "ring")
    assert state(registry)[1].config.classes == ()
    choose(app, "digits")
    assert state(registry)[1].config.classes == ()


# Downloads ---------------------------------------------------------------------------------------------------


def put_mnist(folder: Path) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        (raw / f"train-{kind}").write_bytes(gzip.decompress((REAL / f"t10k-{kind}.gz").read_bytes()))


@pytest.mark.skipif(not REAL.is_dir(), reason=f"needs MNIST's test files in {REAL}")
def test_mnist_is_prepared_and_trained_on(
    app: AppTest, registry: Registry, folder: Path, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    put_mnist(folder)
    choose(app, "mnist")
    for _ in range(6):  # in a browser a timer does this
        healthy(app.run())
    press(app, "step")
    snapshot = state(registry)[1]
    assert (snapshot.dataset_title, snapshot.dataset_count, snapshot.iteration) == ("MNIST", 10_000, 1)


def test_the_run_continues_during_a_download_that_can_be_cancelled(
    app: AppTest, registry: Registry, folder: Path, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(StuckDownload)
    press(app, "step")
    run = only_run(registry)
    choose(app, "mnist")
    assert "Downloading MNIST: 3.3 MB of 9.9 MB" in app.get("progress")[0].proto.text
    press(app, "step")
    assert only_run(registry) is run
    assert state(registry)[1].iteration == 2
    press(app, "cancel_download")
    assert app.selectbox(key="dataset").value == "digits"
    assert not app.get("progress")
    assert only_run(registry) is run


def test_a_failed_download_leaves_the_run_unchanged_and_can_be_retried(
    app: AppTest, registry: Registry, folder: Path, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    press(app, "step")
    run = only_run(registry)
    choose(app, "mnist")
    for _ in range(4):
        healthy(app.run())
    assert "MNIST could not be downloaded: the tests have no network" in texts(app)
    assert str(folder / "MNIST" / "raw") in texts(app)
    assert not app.button(key="start").disabled, "the run trains on under its own settings"
    assert only_run(registry) is run
    press(app, "try_again")
    for _ in range(4):
        healthy(app.run())
    assert "MNIST could not be downloaded" in texts(app)
    choose(app, "digits")
    assert "could not be downloaded" not in texts(app)
    press(app, "step")
    assert state(registry)[1].iteration == 2


def test_a_link_to_an_unavailable_dataset_shows_the_reason(
    registry: Registry, folder: Path, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    visitor = AppTest.from_file(APP, default_timeout=30)
    visitor.query_params["dataset"] = "mnist"
    for _ in range(5):
        healthy(visitor.run())
    assert "MNIST could not be downloaded" in texts(visitor)
    choose(visitor, "digits")
    press(visitor, "step")
    assert state(registry)[1].iteration == 1


# Own data ----------------------------------------------------------------------------------------------------


def pictures_zip(count: int = 20, **others: bytes) -> bytes:
    """Return a zip of ``count`` pictures in different greys, and of other files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for index in range(count):
            file = io.BytesIO()
            Image.new("RGB", (40, 30), (index * 5, index * 5, index * 5)).save(file, "PNG")
            archive.writestr(f"mine/{index:03}.png", file.getvalue())
        for name, content in others.items():
            archive.writestr(name, content)
    return whole.getvalue()


def in_dialog(app: AppTest) -> AppTest:
    """Run the whole page and open the dialog again; a browser would run only the dialog."""
    return press(app, "own_choose")


def test_own_pictures_are_previewed_before_training(
    app: AppTest, registry: Registry, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    choose(app, "own_pictures")
    assert "There are no pictures yet. Upload your own with **Choose pictures**" in texts(app)
    app.number_input(key="picture_size").set_value(12)
    upload = pictures_zip(broken=b"no picture", **{"../evil.png": b"x"})
    app.file_uploader[-1].set_value([("mine.zip", upload, "application/zip")])
    in_dialog(app)
    assert "**20 pictures**, 12×12" in texts(app)
    assert "evil" in texts(app)
    app.button(key="own_train").click()
    in_dialog(app)
    snapshot = state(registry)[1]
    assert (snapshot.config.dataset, snapshot.config.picture_size, snapshot.shape) == ("own_pictures", 12, (12, 12))
    press(app, "step")
    press(app, "reset")
    press(app, "step")
    assert state(registry)[1].iteration == 1, "Reset has the pictures still"
    assert only_run(registry).config.own_data == app.query_params["own_data"]


def test_own_points_train_with_a_batch_that_fits_them(
    app: AppTest, registry: Registry, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    choose(app, "own_points")
    rows = "x,y\n" + "\n".join(f"{index},{index % 7}" for index in range(50)) + "\noops,1\n"
    app.file_uploader[-1].set_value(("mine.csv", rows.encode(), "text/csv"))
    in_dialog(app)
    assert "**50 points.**" in texts(app)
    assert "oops" in texts(app)
    app.button(key="own_train").click()
    in_dialog(app)
    press(app, "step")
    snapshot = state(registry)[1]
    assert (snapshot.config.dataset, snapshot.dataset_count, snapshot.iteration) == ("own_points", 50, 1)
    assert snapshot.config.batch_size == 32, "50 samples hold no batch of 128"


MANY = "nr;_a_;b;**c**;same\n" + "".join(f"{row};{row % 5};{row % 7};{row % 3};4\n" for row in range(50))


def upload_table(app: AppTest, text: str, name: str = "mine.csv") -> AppTest:
    app.file_uploader[-1].set_value((name, text.encode(), "text/csv"))
    return in_dialog(app)


def choose_column(app: AppTest, axis: str, index: int) -> AppTest:
    next(box for box in app.selectbox if box.label == f"Column for {axis}").set_value(index)
    return in_dialog(app)


def chosen_columns(app: AppTest) -> list[int]:
    return [box.value for box in app.selectbox if box.label.startswith("Column for")]


def test_two_of_several_columns_are_chosen_and_trained_on(
    app: AppTest, registry: Registry, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    choose(app, "own_points")
    upload_table(app, MANY)
    assert chosen_columns(app) == [1, 2]
    assert r"separated by semicolons\. x is column 2 \(\_a\_\), y is column 3 \(b\)\." in texts(app)
    assert r"not used\: column 1 \(nr\), column 4 \(\*\*c\*\*\), column 5 \(same\)\." in texts(app)
    options = next(box for box in app.selectbox if box.label == "Column for x").options
    assert options == ["column 1 (nr)", "column 2 (_a_)", "column 3 (b)", "column 4 (**c**)", "column 5 (same)"]
    choose_column(app, "x", 3)
    assert chosen_columns(app) == [3, 2]
    assert r"x is column 4 \(\*\*c\*\*\), y is column 3 \(b\)\." in texts(app)
    app.button(key="own_train").click()
    in_dialog(app)
    expected = read_points("", MANY.encode(), (3, 2)).array
    assert state(registry)[1].config.own_data == fingerprint(expected)


def test_a_choice_of_columns_that_gives_no_points_can_be_changed(
    app: AppTest, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    choose(app, "own_points")
    upload_table(app, MANY)
    choose_column(app, "x", 4)
    choose_column(app, "y", 4)
    assert "All 50 points are at the same place" in texts(app)
    assert "own_train" not in [button.key for button in app.button]
    choose_column(app, "y", 2)
    assert "own_train" in [button.key for button in app.button]


def test_a_choice_of_columns_ends_with_its_file(app: AppTest, prepare_with: Callable[[type], None]) -> None:
    prepare_with(InlineJob)
    choose(app, "own_points")
    upload_table(app, MANY)
    choose_column(app, "x", 3)
    upload_table(app, "t,x,y\n" + "".join(f"{row % 4},{row},{row * row}\n" for row in range(20)), "other.csv")
    assert chosen_columns(app) == [1, 2]
    assert r"x is column 2 \(x\), y is column 3 \(y\)\." in texts(app)
    upload_table(app, "x,y\n" + "".join(f"{row},{row * row}\n" for row in range(20)), "two.csv")
    assert chosen_columns(app) == [], "there is no choice between two columns"


def test_a_table_is_read_once_for_each_choice(
    app: AppTest, prepare_with: Callable[[type], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare_with(InlineJob)
    read, chosen = own_data.read_upload, []
    monkeypatch.setattr(own_data, "read_upload", lambda *all_: chosen.append(all_[3]) or read(*all_))
    choose(app, "own_points")
    upload_table(app, MANY)
    choose_column(app, "x", 3)
    choose_column(app, "x", 1)
    in_dialog(app)
    assert chosen == [None, (3, 2)]


def test_pictures_that_teach_little_are_warned_about_and_others_are_not(
    app: AppTest, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    choose(app, "own_pictures")
    app.file_uploader[-1].set_value([("grey.zip", pictures_zip(), "application/zip")])
    in_dialog(app)
    assert [warning.value for warning in app.warning] == [
        r"Every picture is one even grey\: choose pictures that show something\."
    ]
    assert "own_train" in [button.key for button in app.button], "the learner decides"
    noise = {f"./{index:02}.png": encoded(picture) for index, picture in enumerate(noise_images(16))}
    app.file_uploader[-1].set_value([("noise.zip", zipped({**noise, ".x": b""}), "application/zip")])
    in_dialog(app)
    assert not app.warning
    assert r"Hidden files and folders are left out\: \.x\." in texts(app)


def test_an_unusable_upload_is_refused_with_a_sentence(
    app: AppTest, registry: Registry, prepare_with: Callable[[type], None]
) -> None:
    prepare_with(InlineJob)
    press(app, "step")
    choose(app, "own_pictures")
    app.file_uploader[-1].set_value([("few.zip", pictures_zip(3), "application/zip")])
    in_dialog(app)
    assert "3 pictures could be read; there should be 16 to 20,000" in texts(app)
    assert "own_train" not in [button.key for button in app.button]
    choose(app, "digits")
    assert state(registry)[1].iteration == 1


def test_the_runs_own_batch_size_is_not_marked_as_pending_while_pictures_are_missing(app: AppTest) -> None:
    press(app, "step")
    choose(app, "own_pictures")
    healthy(app.number_input(key="batch_size").set_value(16).run())
    (note,) = [element.proto.body for element in app.get("html") if "batch " in element.proto.body]
    assert note == '<p class="note">batch 4</p>', "the run's, not the one that waits"


def test_a_link_to_somebody_elses_data_explains_what_is_missing(registry: Registry) -> None:
    visitor = AppTest.from_file(APP, default_timeout=30)
    visitor.query_params["dataset"] = "own_pictures"
    visitor.query_params["own_data"] = "0123456789abcdef"
    healthy(visitor.run())
    missing = "The pictures of these settings are not here: a reload loses those on which no run trains. Upload"
    assert missing in texts(visitor)
    choose(visitor, "digits")
    press(visitor, "step")
    assert state(registry)[1].iteration == 1
