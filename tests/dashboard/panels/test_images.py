"""The texts of the panels that show images of samples."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dashboard.panels.base import Panel, ViewOptions
from dashboard.panels.images import FAKES, REAL_ROW, REALS
from gan_core.config import GANConfig
from gan_core.snapshot import Snapshot

Make = Callable[..., Snapshot]


@pytest.mark.parametrize(
    ("panel", "one", "many"),
    [
        (FAKES, "1 fake by the generator after 1 iteration", "2 fakes by the generator after 1,500 iterations"),
        (REALS, "1 real sample of Digits", "2 real samples of Digits"),
        (REAL_ROW, "1 real sample", "2 real samples"),
    ],
)
def test_nouns_agree_with_their_numbers(snapshot: Make, panel: Panel, one: str, many: str) -> None:
    def alt(count: int, iteration: int) -> str:
        shown = snapshot(0)
        few = replace(shown, fake=shown.fake[:count], real=shown.real[:count], samples_iteration=iteration)
        text: str = panel.payload(few, ViewOptions())["alt"]
        return text

    assert alt(1, 1).startswith(one)
    assert alt(2, 1500).startswith(many)


def test_the_caption_names_batch_norm_only_where_the_generator_has_it() -> None:
    assert "BatchNorm uses its running statistics" in FAKES.caption(GANConfig())
    assert "BatchNorm" not in FAKES.caption(GANConfig(generator_batch_norm=False))
