"""The model's diagram, in which its settings are changed: cards in the order in which data flows."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import streamlit as st

from dashboard import theme
from dashboard.charts.network import drawing
from dashboard.components import network_picture
from dashboard.controls import data
from dashboard.controls.widgets import field
from dashboard.panels.base import SHAPE, Place
from dashboard.session import commands
from dashboard.session.run import PageState
from dashboard.session.settings import edit_sizes
from dashboard.session.state import tab, value
from gan_core.config import GANConfig, Network
from gan_core.data import DATASETS
from gan_core.plurals import counted
from gan_core.snapshot import Snapshot

CELLS = (1.0, 2.5, 1.7, 2.5, 2.3)  # widths of the strip's cells, relative


def strip(state: PageState, mount: Callable[[Place], None]) -> None:
    """Draw the five cells, in the order in which data flows; ``mount`` draws the live panels of a place."""
    with st.container(key="strip", gap=None):
        noise, generator, samples, discriminator, updates = st.columns(CELLS, gap="xxsmall", border=True)
        mount("strip")
        _mark_waiting(state.waiting)
    with noise:
        _noise(state)
    with generator:
        _generator(state)
    with samples:
        _samples(state, mount)
    with discriminator:
        _discriminator(state, mount)
    with updates:
        _updates(state.config)


def _mark_waiting(names: tuple[str, ...]) -> None:
    """Mark the widgets whose settings wait for Reset; the drawings mark their own."""
    if names:
        widgets = ", ".join(f".st-key-{name}" for name in names)
        st.html(
            f"<style>:is({widgets}) {{outline: 1px dashed #b35900; outline-offset: 2px; border-radius: 5px}}</style>"
        )


@contextmanager
def _cell(
    name: str, title: str, note: str, more: tuple[str, ...], colour: str = "", other: Callable[[], None] | None = None
) -> Iterator[None]:
    """Draw a cell with its heading and, in a popover beside it, the settings that are changed less often."""
    with st.container(key=f"cell_{name}", gap=None):
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xxsmall"):
            st.html(f'<h2 class="{colour}">{title}</h2>')
            st.html(f'<p class="note">{note}</p>', width="content")
            popover = f"more_{name}"
            tab().popovers.update(dict.fromkeys((*more, "classes") if name == "data" else more, popover))
            more_of = f"More of {title}"  # the stylesheet hides it; a screen reader names button and dialog by it
            with st.popover(
                more_of, icon=":material/tune:", type="tertiary", key=popover, help=more_of, on_change="rerun"
            ):  # its state is known then, so a widget in it cannot be changed unseen
                for one in more:
                    field(one)
                if other:
                    other()
        yield


def _noise(state: PageState) -> None:
    config = state.config
    pending = " pending" if _shows_pending(state, "latent_dim", "noise", "seed") else ""
    with _cell("noise", "Noise z", "", ("noise", "latent_dim", "seed")):
        st.image(_density(config.noise == "normal"), width="stretch", alt=f"{config.noise.capitalize()} distribution")
        st.html(
            f'<p class="note{pending}">{counted(config.latent_dim, "number")}, {config.noise}<br>seed {config.seed}</p>'
        )
        if "new_seed" not in tab().lesson.hidden:
            st.button(
                "New seed", key="new_seed", icon=":material/casino:", type="tertiary", on_click=commands.new_seed,
                help="Start again from another seed: other weights, other noise, another order of the data.",
            )  # fmt: skip


def _generator(state: PageState) -> None:
    more = ("generator_hidden", "learning_rate_g", "optimizer_g", "batch_norm_position", "batch_norm_momentum")
    with _network_cell(state, "G", more), _row():
        st.html('<p class="label">LeakyReLU slope</p>', width="content")
        field("leaky_slope", hidden=True)
        field("generator_batch_norm", "BatchNorm")


def _samples(state: PageState, mount: Callable[[Place], None]) -> None:
    with _cell(
        "data",
        "Fake and real",
        _data_note(state),
        ("batch_size",),
        other=partial(data.classes, state.report.snapshot),
    ):
        mount("data cell")
        data.card(state)


def _data_note(state: PageState) -> str:
    config = state.config
    total = len(DATASETS[config.dataset].classes)
    chosen = f"{len(config.classes)} of {total} classes · " if config.classes else ""
    note = f"{chosen}batch {config.batch_size}"
    pending = _shows_pending(state, "classes", "batch_size")
    return f'<span class="pending" title="From Reset on">{note}</span>' if pending else note


def _shows_pending(state: PageState, *names: str) -> bool:
    """Return whether one of these waits for Reset in ``state.config``, which is the run's where settings are impossible."""
    return state.settings.config is not None and not set(names).isdisjoint(state.waiting)


def _discriminator(state: PageState, mount: Callable[[Place], None]) -> None:
    more = ("discriminator_hidden", "learning_rate_d", "optimizer_d")
    with _network_cell(state, "D", more), _row():
        with st.container(gap=None):
            mount("discriminator cell")
        field("discriminator_batch_norm", "BatchNorm")


def _updates(config: GANConfig) -> None:
    more = ("loss", "gradient_penalty", "adam_beta1", "adam_beta2", "sgd_momentum", "device", "precision")
    with _cell("updates", "Updates", GANConfig.setting("loss").names[config.loss], more):
        with _row():
            field("d_steps")
            field("g_steps")
        field("update_order", hidden=True)


def _row() -> Any:
    return st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small")


@contextmanager
def _network_cell(state: PageState, network: Network, more: tuple[str, ...]) -> Iterator[None]:
    """Draw a network's cell: the network that trains, and where the settings differ, the one that waits for Reset."""
    snapshot = state.report.snapshot
    following = drawing(state.config, network, features_of(state.config, snapshot))
    training = following if snapshot is None else drawing(snapshot.config, network, math.prod(snapshot.shape))
    title, colour = ("Generator", theme.GENERATOR) if network == "G" else ("Discriminator", theme.DISCRIMINATOR)
    note = f"{training.weights:,} weights"
    if training != following:
        note = (
            f'{training.weights:,} <span class="pending" title="From Reset on">→ {following.weights:,}</span> weights'
        )
    name = f"{title.lower()}_hidden"
    width = GANConfig.setting(name)
    with _cell(title.lower(), f"{title} {network}", note, more, title.lower()):
        key = f"picture_{name}"
        network_picture(
            training=training.sizes,
            sizes=following.sizes,
            colour=colour,
            label=title,
            limits=(int(width.minimum or 1), int(width.maximum or 1), 6),
            key=key,
            on_sizes=partial(edit_sizes, name, key),
            text=str(value(name)),
        )
        yield


def features_of(config: GANConfig, snapshot: Snapshot | None) -> int:
    """Return the number of values in a sample under ``config``: the run's own where its dataset is the same."""
    if snapshot is not None and (config.dataset, config.picture_size) == (
        snapshot.config.dataset, snapshot.config.picture_size,
    ):  # fmt: skip
        return math.prod(snapshot.shape)
    if DATASETS[config.dataset].kind == "points":
        return 2
    return config.picture_size**2 if config.dataset == "own_pictures" else math.prod(SHAPE)


def _density(normal: bool) -> str:
    """Draw the density of the noise from -2 to 2, as SVG."""
    points = [(float(x), math.exp(-((x / 30 - 2) ** 2) * 2) if normal else 0.8) for x in range(0, 121, 3)]
    if not normal:
        points = [(30.0, 0.0), *((x, y) for x, y in points if 30 <= x <= 90), (90.0, 0.0)]
    line = " ".join(f"{x},{50 - 44 * y:.1f}" for x, y in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 4 120 48" width="240" height="96">'
        f'<polygon points="0,50 {line} 120,50" fill="{theme.QUIET}" fill-opacity="0.25"/>'
        f'<polyline points="{line}" fill="none" stroke="{theme.QUIET}" stroke-width="1"/></svg>'
    )
