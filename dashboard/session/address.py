"""The page's address: it names the run and holds the settings. It is read once, when a tab arrives, and written since."""

from urllib.parse import urlencode

import streamlit as st

from dashboard.session import class_link, link, recipe, server
from dashboard.session.datasets import choose_dataset
from dashboard.session.settings import show_setting, shown_settings
from dashboard.session.speeds import SPEEDS, name_of
from dashboard.session.state import current_run, set_value, tab
from gan_core.config import GANConfig
from gan_core.data import OWN
from gan_core.presets import PRESETS
from gan_core.runs.run import CannotStart, Run
from gan_core.snapshot import Recipe, Snapshot
from gan_core.training.checkpoint import CheckpointError

RUN = "run"  # the run's id, with which a reload finds it again
KEY = "key"  # in a private link: opens the run in another browser
WHOLE_RUN = "**Whole run** under Download has it all."
SPEED = "speed"  # the one that was chosen in the tab
ENDED = "The run in the address has ended. This is a new one with the settings in the address."
OTHERS = (
    "The run in the address belongs to another browser, or is open in another tab. This is a new one with the settings in the"
    " address."
)
NOT_SETTINGS = (RUN, KEY, SPEED, class_link.NAME)


def arrive() -> None:
    """Take over postponed values and, once for each tab, the address; runs before any widget is drawn.

    The address names the run, but a link may be sent to somebody else: only the browser that began the run opens it, or one
    with the private link, and only while no other page shows it. Anybody else begins a run of their own with the same
    settings. Back and Forward bring older addresses of the same tab: its settings win, and ``remember_in_address`` writes
    them there.
    """
    here = tab()
    postponed, here.postponed = here.postponed, {}
    for key, new in postponed.items():
        set_value(key, new)
    if "dataset" in postponed:
        choose_dataset()
    if here.arrived:
        return
    here.arrived = True
    run_id = st.query_params.get(RUN, "")
    adopted, problems = _adopt(run_id, st.query_params.get(KEY, ""))
    if run_id and adopted is None and not problems:
        here.not_opened = OTHERS if server.registry().has_saved(run_id) else ENDED
    texts = {name: ",".join(st.query_params.get_all(name)) for name in st.query_params if name not in NOT_SETTINGS}
    texts = link.with_plain_names(texts, recipe.NAMES)
    steps = {name: texts.pop(name) for name in recipe.NAMES if name in texts}
    if adopted is not None and adopted.rebuilding:  # its settings change by themselves: the address's may be older
        texts, here.followed = {}, adopted.config
    base, wrong = _class_base(run_id)
    config, here.link_problems = link.read(texts, base if adopted is None else adopted.config)
    here.link_problems = problems + wrong + here.link_problems
    if adopted is None:
        found, problems = recipe.read_recipe(steps, config)
        here.recipe = None if found is None else (config, found)
        here.link_problems += problems
    if speed := st.query_params.get(SPEED):
        here.speed = SPEEDS.get(speed)
        if here.speed is None:
            here.link_problems += (
                f"Speed = {speed[:40]} in the link is not possible; it should be one of {', '.join(SPEEDS)}.",
            )
    here.chosen_dataset = config.dataset
    for setting in GANConfig.settings():
        if adopted is not None or getattr(config, setting.name) != setting.default:
            show_setting(setting, config)


def _class_base(run_id: str) -> tuple[GANConfig, tuple[str, ...]]:
    """Take over the teacher's link in the address; return the settings that it begins with, and what is wrong with it.

    An address with a run has the learner's own settings.
    """
    signed = st.query_params.get(class_link.NAME, "")
    if not signed:
        return GANConfig(), ()
    try:
        tab().lesson, tab().signed_lesson = class_link.read(signed), signed
    except ValueError as error:
        return GANConfig(), (str(error),)
    return GANConfig() if run_id else PRESETS[tab().lesson.preset].config, ()


def _adopt(run_id: str, key: str) -> tuple[Run | None, tuple[str, ...]]:
    """Return the run of this id if this tab may have it, and sentences about why it cannot be opened."""
    here = tab()
    try:
        adopted = server.registry().adopt(run_id, here.page, server.browser_secret(), key)
    except CannotStart:  # the page opens it as soon as it can, and says meanwhile why it cannot
        here.run_id = run_id
        return None, ()
    except CheckpointError as error:
        return None, (str(error),)
    if adopted is not None:
        here.run_id = adopted.id
    return adopted, ()


def remember_in_address() -> None:
    """Bring the address to this tab: its run, and the settings that differ from the defaults or wait for Reset.

    What the page says about its address is dropped once the learner has changed a setting.
    """
    here, run = tab(), current_run()
    config, _ = shown_settings()
    if here.shown not in (None, config):
        here.has_acted()
    here.shown = config
    wanted = link.texts_of(config, *([] if run is None else [run.config]))
    if here.run_id:
        wanted[RUN] = here.run_id
    if here.speed is not None:
        wanted[SPEED] = name_of(here.speed)
    if here.signed_lesson:
        wanted[class_link.NAME] = here.signed_lesson
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def private_link() -> str:
    """Return the query of a link that opens this tab's run itself, in any browser; "" without a run."""
    run = current_run()
    return "" if run is None else urlencode({RUN: run.id, KEY: run.access.key})


def share_link() -> str:
    """Return the query of a link that gives somebody else the settings that differ from the defaults, and the speed.

    It is empty where none does. The run is left out, and so is an upload, which stays on this server.
    """
    return urlencode(_shared_texts(shown_settings()[0]))


def recipe_link(snapshot: Snapshot) -> str:
    """Return the query of a link that rebuilds the run as far as it is; ValueError, a sentence, if no link can."""
    if snapshot.config.dataset in OWN:
        raise ValueError("Your own data stays on this server, so no link can rebuild this run.")
    if snapshot.iteration > recipe.MOST_ITERATIONS:
        raise ValueError(f"A link rebuilds at most {recipe.MOST_ITERATIONS:,} iterations. {WHOLE_RUN}")
    if snapshot.generator_from is not None:
        raise ValueError(f"The generator came from a file, which no link can hold. {WHOLE_RUN}")
    if not snapshot.repeatable:
        raise ValueError(f"A setting has changed in the middle of an iteration, which no link can repeat. {WHOLE_RUN}")
    repeated = Recipe(snapshot.iteration, snapshot.changes)
    texts = _shared_texts(snapshot.initial) | recipe.texts_of_recipe(repeated, snapshot.initial)
    query = urlencode(texts, safe=recipe.SEPARATORS)
    if len(query) > recipe.LONGEST:
        raise ValueError(f"The recipe of this run is too long for a link: {len(query):,} characters. {WHOLE_RUN}")
    return query


def _shared_texts(config: GANConfig) -> dict[str, str]:
    texts = link.texts_of(config)
    texts.pop("own_data", None)
    if (speed := tab().speed) is not None:
        texts[SPEED] = name_of(speed)
    return texts
