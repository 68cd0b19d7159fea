"""Text from a snapshot's numbers."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dashboard.charts.diagnosis import reading
from dashboard.charts.explain import RECENT, clock, recent, status_line
from dashboard.panels import scores
from dashboard.panels.base import ViewOptions
from gan_core.history import History, Trace
from gan_core.metrics import COLUMNS
from gan_core.runs.protocol import Report
from gan_core.runs.speed import Speed
from gan_core.snapshot import Mark, Snapshot
from tests.dashboard.conftest import markdown

Make = Callable[..., Snapshot]


def with_trace(shown: Snapshot, trace: Trace, *marks: Mark) -> Snapshot:
    return replace(shown, trace=trace, iteration=int(trace.iteration[-1]), marks=marks)


def test_recent_means_cover_the_last_fifty_iterations(snapshot: Make, history_of: Callable[[int], History]) -> None:
    assert recent(snapshot(0)) is None
    trace = history_of(300).trace()
    found = recent(with_trace(snapshot(), trace))
    assert found is not None
    assert (found.iterations, found.settled) == (RECENT, True)
    assert found.mean["loss_d"] == pytest.approx(float(trace.column("loss_d")[-RECENT:].mean()))


def test_recent_means_weigh_each_iteration_alike(snapshot: Make) -> None:
    history = History(capacity=8)  # 70 iterations: rows of 16, of which the last has 6
    history.extend(np.arange(70, dtype=np.float32)[:, None].repeat(len(COLUMNS), 1))
    found = recent(with_trace(snapshot(), history.trace()))
    assert found is not None
    assert found.iterations == 54
    assert found.mean["d_real"] == pytest.approx(np.arange(16, 70).mean())


def test_recent_means_begin_at_the_last_change_of_a_setting(
    snapshot: Make, history_of: Callable[[int], History]
) -> None:
    trace = history_of(300).trace()
    found = recent(with_trace(snapshot(), trace, Mark(10, "Loss: Hinge"), Mark(290, "G steps: 1")))
    assert found is not None
    assert (found.iterations, found.settled) == (10, True)
    just_now = recent(with_trace(snapshot(), trace, Mark(300, "Loss: Hinge")))
    assert just_now is not None
    assert not just_now.settled


def test_the_card_and_the_diagnosis_show_the_same_scores(snapshot: Make) -> None:
    """Fakes score 0.2 for long, then 0.4 for 25 iterations: the last value is 0.4, the mean of the last 50 is 0.3."""
    values = np.full((100, len(COLUMNS)), 0.5, np.float32)
    values[:, COLUMNS.index("d_real")] = 0.9
    values[:, COLUMNS.index("d_fake")] = [0.2] * 75 + [0.4] * 25
    shown = with_trace(snapshot(), Trace(np.arange(1, 101), values, 1))
    card, sentence = markdown(scores.NOW.payload(shown, ViewOptions())), reading(shown)
    assert sentence is not None
    assert "real images score 0.90, fakes 0.30" in sentence.text
    assert "D(x) **0.90**" in card
    assert "D(G(z)) **0.30**" in card
    assert "last 50 iterations" in sentence.why
    assert "last 50 iterations" in scores.NOW.caption(shown.config)


def test_the_status_is_one_short_line(snapshot: Make) -> None:
    shown = replace(
        snapshot(), iteration=1500, epoch=107, iterations_per_second=49.3, seconds=31.0, device="CPU, 2 threads"
    )
    line = markdown(status_line(Report("running", shown))).replace("**", "")
    assert line == "Iteration 1,500 · epoch 107 · 49 it/s · 0:31 · CPU · seed 0"
    slow = Report("running", replace(shown, iterations_per_second=0.21))
    assert " · 0.2 it/s · " in markdown(status_line(slow)).replace("**", "")
    assert "it/s" not in markdown(status_line(Report("paused", shown)))
    unmeasured = Report("running", replace(shown, iterations_per_second=0.0))
    assert "it/s" not in markdown(status_line(unmeasured)), "the first iterations have no speed yet"
    assert "it/s" not in markdown(status_line(Report("running", replace(shown, speed=Speed(slow_motion=True)))))
    on_gpu = replace(shown, device="CUDA, NVIDIA H100 80GB HBM3", precision="bfloat16")
    assert " · CUDA bfloat16 · seed" in markdown(status_line(Report("paused", on_gpu)))


def test_seconds_are_formatted_as_a_clock() -> None:
    assert [clock(21.9), clock(61), clock(3723)] == ["0:21", "1:01", "1:02:03"]
