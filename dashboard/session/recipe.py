"""A run's recipe ↔ texts of a link: its last iteration, and its changes, such as "300:loss=hinge;d_steps=2,700:update=D"."""

import difflib
import re
from collections.abc import Mapping

from dashboard.session.link import AROUND, expected, replaced, shortened, text_of
from gan_core.changes import UPDATE, settings_over_time
from gan_core.config import GANConfig
from gan_core.data.drawing import drawn
from gan_core.snapshot import Change, Recipe

ITERATIONS, CHANGES = "iterations", "changes"  # the names in a link
NAMES = (ITERATIONS, CHANGES)
MOST_ITERATIONS = 1_000_000
LONGEST = 7_900  # characters of a query: browsers and messengers take about 8,000 of a whole address
SEPARATORS = ":=;,"  # a query may hold them as they are, and no value of a change has one


def texts_of_recipe(recipe: Recipe, initial: GANConfig) -> dict[str, str]:
    """Return the texts of a link that repeat a run which has begun with ``initial``."""
    texts = {ITERATIONS: str(recipe.iterations)}
    changes = ",".join(
        f"{change.iteration}:{_values_text(change, config)}"
        for change, config in settings_over_time(initial, recipe.changes)
        if change.values
    )
    return {**texts, CHANGES: changes} if changes else texts


def _values_text(change: Change, config: GANConfig) -> str:
    """Return the values of a change that has led to ``config``."""
    if UPDATE in change.values:
        return f"{UPDATE}={change.values[UPDATE]}"
    return ";".join(f"{name}={text_of(GANConfig.setting(name), config)}" for name in change.values)


def read_recipe(texts: Mapping[str, str], initial: GANConfig) -> tuple[Recipe | None, tuple[str, ...]]:
    """Return the recipe in a link's texts, and a sentence about what no run can repeat; None if nothing is to be trained.

    A run that begins with ``initial`` can repeat what is returned: the recipe ends before the first change that is wrong.
    """
    if ITERATIONS not in texts:
        return None, ((_ignored("it takes a number of iterations too."),) if texts.get(CHANGES) else ())
    written = texts[ITERATIONS].strip(AROUND)
    if not re.fullmatch("[0-9]{1,9}", written) or int(written) > MOST_ITERATIONS:
        right = f"a whole number from 0 to {MOST_ITERATIONS:,}"
        return None, (
            f"Iterations = {shortened(written) or 'nothing'} in the link is not possible; it should be {right}."
            " Instead, the run begins at iteration 0 and waits for Start.",
        )
    iterations, changes, problem = int(written), texts.get(CHANGES, ""), ""
    read: list[Change] = []
    if len(changes) > LONGEST:
        return None, (_ignored(f"it has {len(changes):,} characters, and {LONGEST:,} are the most."),)
    config, reached = initial, 0
    for text in filter(None, (part.strip() for part in changes.split(","))):
        try:
            reached = _read_iteration(text, reached, iterations)
            change, config = _read_values(text, reached, config)
        except ValueError as error:
            iterations = reached
            end = f"The run is rebuilt up to iteration {reached:,}, without the rest."
            end = end if read or reached else "Nothing is rebuilt."
            problem = f"{shortened(text)} among the link's changes is not possible: {error}. {end}"
            break
        read.append(change)
    recipe = Recipe(iterations, tuple(read))
    return (recipe if recipe != Recipe(0) else None), ((problem,) if problem else ())


def _ignored(why: str) -> str:
    return f"Changes in the link is ignored: {why}"


def _read_iteration(text: str, least: int, most: int) -> int:
    """Return the iteration before the colon. ValueError, the middle of a sentence, if it is none from least to most."""
    written = text.partition(":")[0].strip(AROUND)
    if not re.fullmatch("[0-9]{1,9}", written) or not least <= int(written) <= most:
        raise ValueError(f"its iteration should be a whole number from {least:,} to {most:,}, followed by a colon")
    return int(written)


def _read_values(text: str, iteration: int, config: GANConfig) -> tuple[Change, GANConfig]:
    """Return the change after the colon, and ``config`` after it. ValueError, the middle of a sentence, if it is none."""
    written = {name.strip(AROUND): value for name, _, value in (one.partition("=") for one in _after_colon(text))}
    if set(written) == {UPDATE}:
        if (network := written[UPDATE].strip(AROUND)) not in ("D", "G"):
            raise ValueError("update should be D or G")
        return Change(iteration, {UPDATE: network}), config
    for name, value in written.items():
        config = _changed(config, name, value)
    if config.dataset == "drawn" and not drawn(config.drawing):
        raise ValueError("Drawing should have at least one painted cell")
    return Change(iteration, {name: getattr(config, name) for name in written}), config


def _after_colon(text: str) -> list[str]:
    return text.partition(":")[2].split(";")


def _changed(config: GANConfig, name: str, value: str) -> GANConfig:
    live = [setting.name for setting in GANConfig.settings() if setting.live]
    if name not in GANConfig.model_fields:
        near = difflib.get_close_matches(name.lower(), live, n=1)
        raise ValueError(f"{shortened(name) or 'nothing'} is no setting" + (f", but {near[0]} is one" if near else ""))
    setting = GANConfig.setting(name)
    if name not in live:
        raise ValueError(f"{setting.label} cannot change while training")
    try:
        return replaced(config, setting, value)
    except ValueError:  # pydantic's ValidationError is one
        raise ValueError(f"{setting.label} should be {expected(setting, config.dataset)}") from None
