"""The charts as one HTML file."""

import base64
import json
import re
from collections.abc import Callable

import numpy as np

from dashboard.charts.document import charts_document
from dashboard.panels.losses import losses
from dashboard.panels.scores import scores
from gan_core.snapshot import Snapshot


def test_the_document_holds_every_chart_and_needs_nothing_else(snapshot: Callable[..., Snapshot]) -> None:
    shown = snapshot(5)
    text = charts_document("Digits & <more>", {"Losses": losses(shown), "Scores": scores(shown)}).decode()
    assert "<h1>Digits &amp; &lt;more&gt;</h1>" in text
    assert re.findall("<h2>(.*?)</h2>", text) == ["Losses", "Scores"]
    assert text.count("* plotly.js v") == 1  # the library itself, once
    assert not re.findall(r'<(?:script|link)[^>]*(?:src|href)="', text)


def test_the_document_draws_the_numbers_of_the_run(snapshot: Callable[..., Snapshot]) -> None:
    shown = snapshot(5)
    text = charts_document("Digits", {"Losses": losses(shown)}).decode()
    begin = text.index("[", text.rindex("Plotly.newPlot("))
    traces, _ = json.JSONDecoder().raw_decode(text, begin)
    (found,) = [trace for trace in traces if trace["name"] == "G loss, raw"]
    values = np.frombuffer(base64.b64decode(found["y"]["bdata"]), found["y"]["dtype"])
    np.testing.assert_array_equal(values, shown.trace.column("loss_g"))
