"""Which settings of a run the command line may change when it continues the run."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.data import OWN
from gan_core.options import given_settings, option

FOR_NEW_RUNS = {"config": "its settings are kept", "overwrite": "its results are continued"}


def resumed_config(folder: Path, config: GANConfig, options: dict[str, Any]) -> GANConfig:
    """Return the settings of the run in ``folder`` with those among the options; ValueError with a sentence a line."""
    wrong = [
        f"--{name} is for a new run; of the run in {folder}, {why}."
        for name, why in FOR_NEW_RUNS.items()
        if name in options
    ]
    if (config.dataset in OWN) != ("data" in options):
        wrong.append(
            f"The run in {folder} was trained on your own data, which is not kept there: add --data PATH."
            if config.dataset in OWN
            else f"The run in {folder} was trained on {config.dataset!r}: leave --data out."
        )
    changed = config
    try:
        changed = config.replace(**given_settings(options))
    except ValidationError as error:
        wrong += explain(error, option)
    wrong += [
        f"{option(setting)} cannot change while training: begin a new run to change it."
        for setting in map(GANConfig.setting, config.differences(changed))
        if not setting.live
    ]
    if wrong:
        raise ValueError("\n".join(wrong))
    return changed
