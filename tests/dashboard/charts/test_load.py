"""The teacher's charts."""

import plotly.graph_objects as go

from dashboard.charts.load import load_figure


def test_each_curve_has_its_name_and_values() -> None:
    curves = {"training": [1, 2], "waiting": [0, 3], "runs": [4, 5]}
    figure = go.Figure(load_figure([-2.0, 0.0], curves).plain)
    assert {trace.name: list(trace.y) for trace in figure.data} == curves
    assert all(list(trace.x) == [-2, 0] for trace in figure.data)
    assert figure.layout.yaxis.tickformat == ",d"


def test_shares_are_in_per_cent() -> None:
    assert go.Figure(load_figure([0.0], {"memory": [0.5]}, shares=True).plain).layout.yaxis.tickformat == ".0%"
