"""The dialog for own data shows one limit, and it is the one that holds."""

import re
import tomllib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.controls.own_data_dialog import INSTRUCTIONS, LIMITS, STYLE
from dashboard.session import own_data
from gan_core.data.errors import DataError
from gan_core.data.own.images import MOST_PICTURES, read_images
from gan_core.data.own.points import MOST_POINTS, read_points
from gan_core.data.own.refusals import FEWEST, MIB
from gan_core.data.own.upload import OwnKind
from gan_core.runs.uploads import MAX_RUN
from tests.dashboard.conftest import texts
from tests.dashboard.views.test_data import InlineJob, choose, in_dialog

KINDS: tuple[OwnKind, ...] = ("own_pictures", "own_points")


def numbers(text: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text.replace("JPEG 2000", ""))]


@pytest.mark.parametrize("kind", KINDS)
def test_the_dialog_states_one_limit_which_the_browser_keeps(app: AppTest, kind: OwnKind) -> None:
    choose(app, kind)
    megabytes = LIMITS[kind] // MIB
    most = MOST_PICTURES if kind == "own_pictures" else MOST_POINTS
    assert app.file_uploader[-1].proto.max_upload_size_mb == megabytes
    shown = texts(app)
    assert re.findall(r"\d+ MB", shown) == [f"{megabytes} MB"]
    assert numbers(INSTRUCTIONS[kind]) == [FEWEST, most, megabytes]
    assert STYLE in [element.proto.body for element in app.get("html")], "Streamlit's own line is hidden"


@pytest.mark.parametrize("kind", KINDS)
def test_the_stated_limit_is_the_readers(kind: OwnKind) -> None:
    for size, refused in ((LIMITS[kind], False), (LIMITS[kind] + 1, True)):
        with pytest.raises(DataError) as caught:
            read_points("a", bytes(size)) if kind == "own_points" else read_images([("a", bytes(size))], 8)
        assert (f"larger than {LIMITS[kind] // MIB} MB" in str(caught.value)) == refused


def test_the_server_accepts_every_file_that_the_dialog_accepts() -> None:
    config = tomllib.loads((Path(__file__).parents[3] / "dashboard" / ".streamlit" / "config.toml").read_text())
    assert config["server"]["maxUploadSize"] * MIB >= max(MAX_RUN, *LIMITS.values())


@pytest.mark.parametrize(("bad", "title"), [(1, "Left out: 1 line"), (200, "Left out: 200 lines")])
def test_all_refused_lines_are_counted(app: AppTest, monkeypatch: pytest.MonkeyPatch, bad: int, title: str) -> None:
    monkeypatch.setattr(own_data, "Job", InlineJob)
    choose(app, "own_points")
    rows = "\n".join([*(f"{index},{index % 7}" for index in range(20)), *["oops,1"] * bad])
    app.file_uploader[-1].set_value(("mine.csv", rows.encode(), "text/csv"))
    in_dialog(app)
    assert [expander.label for expander in app.expander if expander.label.startswith("Left out")] == [title]
