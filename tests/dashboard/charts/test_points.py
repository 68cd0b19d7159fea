"""The figure of 2-D data shows the snapshot's points, scores, sheet and gradients."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from dashboard.charts import points as charts
from dashboard.charts.images import sample_gradient_pngs, single_pngs
from dashboard.charts.points import ARROWS, LAYERS, LONGEST, SHOWN_FIRST, UNITS
from dashboard.panels.points import CHART, MEASURES, measures
from gan_core.snapshot import Snapshot
from tests.dashboard.conftest import markdown

Make = Callable[..., Snapshot]


@pytest.fixture
def shown(snapshot: Make) -> Snapshot:
    return snapshot(3, dataset="eight_gaussians", generator_batch_norm=False)


def figure_of(shown: Snapshot, layers: tuple[str, ...] = SHOWN_FIRST) -> go.Figure:
    """The chart, and Plotly has checked every property."""
    return go.Figure(charts.points_figure(shown, layers).plain)


def trace(figure: go.Figure, name: str) -> go.Scatter:
    return next(one for one in figure.data if one.name == name)


def places(one: go.Scatter) -> np.ndarray:
    return np.stack([one.x, one.y], axis=1) / UNITS


def test_points_are_drawn_at_their_coordinates(shown: Snapshot) -> None:
    figure = figure_of(shown, tuple(LAYERS))
    np.testing.assert_allclose(places(trace(figure, "Real")), shown.real, atol=0.5 / UNITS)
    np.testing.assert_allclose(places(trace(figure, "Fake")), shown.fake, atol=0.5 / UNITS)


def test_the_background_is_ds_score_with_y_upward(shown: Snapshot) -> None:
    assert shown.points is not None
    scores = np.linspace(0, 1, 41 * 41, dtype=np.float32).reshape(41, 41)  # row 0, at y = -1, is the lowest
    ground = trace(figure_of(replace(shown, points=replace(shown.points, scores=scores))), "D's score")
    assert (ground.x0, ground.y0, ground.dx * 40) == (-UNITS, -UNITS, 2 * UNITS)
    np.testing.assert_allclose(np.asarray(ground.z), scores * 100, atol=0.5)


@pytest.mark.parametrize("size", [2, 3, 20, 21])
def test_the_sheet_draws_every_edge_of_the_grid_and_nothing_else(shown: Snapshot, size: int) -> None:
    assert shown.points is not None
    across, up = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    manifold = np.stack([across, up], axis=2).astype(np.float32)
    view = replace(shown.points, manifold=manifold)
    path = places(trace(figure_of(replace(shown, points=view), ("manifold",)), "G's sheet"))
    knots = np.rint((path + 1) * (size - 1) / 2).astype(int).tolist()
    drawn = {frozenset(map(tuple, step)) for step in itertools.pairwise(knots)}
    neighbours = {frozenset(((x, y), (x + 1, y))) for x in range(size - 1) for y in range(size)}
    neighbours |= {frozenset(((x, y), (x, y + 1))) for x in range(size) for y in range(size - 1)}
    assert {step for step in drawn if len(step) == 2} == neighbours


def test_arrows_point_along_the_sample_gradient(shown: Snapshot) -> None:
    assert shown.points is not None
    arrows = places(trace(figure_of(shown, ("pull",)), "D's pull")).reshape(-1, 3, 2)
    assert len(arrows) == ARROWS
    np.testing.assert_allclose(arrows[:, 0], shown.fake[:ARROWS], atol=1e-5)
    ways, pull = arrows[:, 1] - arrows[:, 0], shown.points.sample_gradient[:ARROWS]
    np.testing.assert_allclose(np.linalg.norm(ways, axis=1).max(), LONGEST, rtol=1e-3)
    cosine = (ways * pull).sum(1) / (np.linalg.norm(ways, axis=1) * np.linalg.norm(pull, axis=1))
    np.testing.assert_allclose(cosine, 1, atol=1e-3)
    assert np.isnan(arrows[:, 2]).all()


@pytest.mark.parametrize("loss", ["bce", "least_squares", "wasserstein_gp"])
def test_all_layers_together_stay_under_25_kilobytes(snapshot: Make, loss: str) -> None:
    shown = snapshot(1, dataset="eight_gaussians", generator_batch_norm=False, loss=loss)
    figure = charts.points_figure(shown, tuple(LAYERS))
    assert [one["name"] for one in figure.payload()["data"]] == [
        "D's score", "G's sheet", "Real", "Fake", "D's pull",
    ]  # fmt: skip
    assert len(json.dumps(figure.payload())) < 25_000


def test_measures_say_what_they_measure_and_what_would_be_good(shown: Snapshot) -> None:
    assert shown.points is not None
    view = replace(shown.points, divergence=0.25, floor=0.02, covered=7, good=0.8)
    divergence = "Jensen–Shannon divergence **0.25** bits (real: 0.02)"
    line = markdown(measures(replace(shown, points=view)))
    assert line == f"{divergence} · modes **7\u00a0of\u00a08** · good samples **80%**"
    assert "0 if equally, 1 if they share no cell" in MEASURES.caption(shown.config)
    assert "·" not in markdown(measures(replace(shown, points=replace(view, modes=0))))


def test_single_points_are_drawn_as_png_files(shown: Snapshot) -> None:
    files = [*single_pngs(shown.fake[:3]), *sample_gradient_pngs(shown.fake[:3], shown.fake[:3])]
    assert len(files) == 6
    assert all(file.startswith(b"\x89PNG") for file in files)


@pytest.mark.parametrize(
    ("loss", "says"), [("bce", "D says real"), ("hinge", "score is highest"), ("least_squares", "score")]
)
def test_the_caption_calls_blue_real_only_where_the_colours_begin_at_a_probability(
    shown: Snapshot, loss: str, says: str
) -> None:
    caption = CHART.caption(shown.config.replace(loss=loss))
    assert says in caption
    assert ("real" in caption) == (loss == "bce")
