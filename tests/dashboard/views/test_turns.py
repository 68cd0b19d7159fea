"""What a page says while more runs train than the machine can at once."""

from collections.abc import Callable
from dataclasses import replace

from dashboard.charts.rich_text import in_turns
from dashboard.views.train import hint
from gan_core.runs.protocol import Place, Report
from gan_core.snapshot import Snapshot


def said(report: Report) -> str:
    return "".join(str(span.get("text", "")) for line in hint(report)["lines"] for span in line)


def test_a_run_that_waits_for_its_first_turn_says_how_many_are_ahead(snapshot: Callable[..., Snapshot]) -> None:
    waiting = Report("running", snapshot(0), place=Place(12, 40, 2, 1.6))
    assert "12 runs ahead, about 2 seconds" in said(waiting)
    assert "40 runs train in turns here, 2 at once." in said(waiting)
    assert "1 run ahead" in said(replace(waiting, place=Place(1, 3, 2, 0.2)))


def test_a_run_that_has_trained_says_that_it_trains_in_turns(snapshot: Callable[..., Snapshot]) -> None:
    place = Place(3, 40, 2, 0.4)
    assert in_turns(place) in said(Report("running", snapshot(2), place=place))
    assert "ahead" not in said(Report("running", snapshot(2), place=place))


def test_nothing_is_said_of_turns_where_all_train_at_once_or_the_run_is_paused(
    snapshot: Callable[..., Snapshot],
) -> None:
    shown = snapshot(2)
    assert "turns" not in said(Report("running", shown))
    assert "turns" not in said(Report("paused", shown, place=Place(1, 3, 2, 1.0)))
