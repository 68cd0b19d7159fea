"""A widget is disabled, and keeps its value, exactly where neither the settings nor the run use it."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.config import GANConfig
from gan_core.losses import LOSSES
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import healthy
from tests.dashboard.controls.test_controls import widgets
from tests.dashboard.views.test_train import press, state

ONCE_USED = {  # settings with a condition, and other values of them
    "gradient_penalty": 3.0, "sgd_momentum": 0.5, "adam_beta1": 0.3, "adam_beta2": 0.7, "batch_norm_momentum": 0.2,
    "batch_norm_position": "before_activation",
}  # fmt: skip
TWO_SGD = {"optimizer_g": "sgd", "optimizer_d": "sgd"}
NO_BATCH_NORM = {"generator_batch_norm": False, "discriminator_batch_norm": False}


def use(app: AppTest, **values: Any) -> AppTest:
    for name, value in values.items():
        app.session_state[name] = value
    return healthy(app.run())


def disabled(app: AppTest) -> set[str]:
    names = {setting.name for setting in GANConfig.settings()}
    return {key for key, widget in widgets(app).items() if key in names and widget.proto.disabled}


@pytest.mark.parametrize(
    ("settings", "unused"),
    [
        ({}, {"gradient_penalty", "sgd_momentum"}),
        *(({"loss": name}, {"sgd_momentum"} | (set() if loss.penalised else {"gradient_penalty"}))
          for name, loss in LOSSES.items()),
        ({"optimizer_g": "sgd"}, {"gradient_penalty"}),
        ({"optimizer_d": "sgd"}, {"gradient_penalty"}),
        (TWO_SGD, {"gradient_penalty", "adam_beta1", "adam_beta2"}),
        (NO_BATCH_NORM, {"gradient_penalty", "sgd_momentum", "batch_norm_momentum", "batch_norm_position"}),
        ({**NO_BATCH_NORM, "discriminator_batch_norm": True}, {"gradient_penalty", "sgd_momentum"}),
    ],
)  # fmt: skip
def test_exactly_the_settings_without_effect_are_disabled(
    app: AppTest, settings: dict[str, Any], unused: set[str]
) -> None:
    use(app, **settings)
    assert disabled(app) == unused


def test_a_disabled_setting_keeps_its_value_for_when_it_is_used_again(app: AppTest, registry: Registry) -> None:
    use(app, **ONCE_USED, loss="wasserstein_gp", optimizer_d="sgd")
    assert disabled(app) == set()
    use(app, loss="bce", **TWO_SGD, **NO_BATCH_NORM)
    assert disabled(app) == set(ONCE_USED) - {"sgd_momentum"}
    assert {name: widgets(app)[name].value for name in ONCE_USED} == ONCE_USED
    use(app, loss="wasserstein_gp", optimizer_g="adam", generator_batch_norm=True)
    assert disabled(app) == set()
    config = state(registry)[1].config
    assert {name: getattr(config, name) for name in ONCE_USED} == ONCE_USED


def test_a_setting_that_only_the_run_or_only_the_pending_settings_use_stays_enabled(
    app: AppTest, registry: Registry
) -> None:
    press(app, "step")
    use(app, **TWO_SGD)
    assert state(registry)[1].config.optimizer_g == "adam", "the optimisers wait for Reset"
    assert disabled(app) == {"gradient_penalty"}
    use(app, adam_beta1=0.8)
    assert state(registry)[1].config.adam_beta1 == 0.8
    press(app, "reset")
    assert disabled(app) == {"gradient_penalty", "adam_beta1", "adam_beta2"}
