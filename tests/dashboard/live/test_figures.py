"""The server's figures beside Streamlit's own."""

from streamlit.runtime.stats import StatsManager

from dashboard.live.figures import GAUGES, Figures


def test_all_gauges_are_there_with_their_values_now() -> None:
    values = [3, 2, 1, 500, 1000]
    manager = StatsManager()
    manager.register_provider(Figures(lambda: values))
    assert {name: stat.value for name, (stat,) in manager.get_stats(list(GAUGES)).items()} == dict(
        zip(GAUGES, values, strict=True)
    )
    values[0] = 4
    (stat,) = manager.get_stats(["gan_runs"])["gan_runs"]
    assert stat.to_metric_str() == "gan_runs 4"
