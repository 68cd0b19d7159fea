"""The model's diagram, in which its settings are changed: cards in the order in which data flows."""

import math
from collections.abc import Callable
from functools import partial

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
from gan_core.config import GANConfig, Network

CARD_WIDTH = 225  # pixels, at least; five stand side by side on a wide window and stack on a narrow one


def cards(state: PageState, mount: Callable[[Place], None]) -> None:
    """Draw the five cards; ``mount`` draws the live panels of a place."""
    grid = st.grid(5, min_column_width=CARD_WIDTH, border=True, gap="small")
    snapshot = state.report.snapshot
    features = math.prod(SHAPE if snapshot is None else snapshot.shape)
    with grid.cell(), st.container(gap="xsmall"):
        _noise(state.config)
    with grid.cell(), st.container(gap="xsmall"):
        _generator(state.config, features)
    with grid.cell(), st.container(gap="xsmall"):
        _samples(state, mount)
    with grid.cell(), st.container(gap="xsmall"):
        _discriminator(state.config, features, mount)
    with grid.cell(), st.container(gap="xsmall"):
        _updates(state.config)


def _head(title: str, icon: str, colour: str | None = None) -> None:
    text = f":{colour}[{title}]" if colour else title
    st.markdown(f"**{text}** :gray[:material/{icon}:]")


def _batch_norm_row(name: str, *others: str) -> None:
    """Draw the switch for BatchNorm, and beside it the popover with the other settings."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        field(name, "BatchNorm")
        _more(*others)


def _more(*names: str) -> None:
    """Draw a popover with the settings that are changed less often."""
    with st.popover("More", icon=":material/tune:", type="tertiary"):
        for name in names:
            field(name)


def _noise(config: GANConfig) -> None:
    _head("Noise z", "arrow_forward")
    st.image(_density(config.noise == "normal"), width="stretch", alt=f"{config.noise.capitalize()} distribution")
    field("noise")
    field("latent_dim")
    field("seed")
    st.button(
        "New seed", key="new_seed", icon=":material/casino:", type="tertiary", on_click=commands.new_seed,
        help="Start again from another seed: other weights, other noise, another order of the data.",
    )  # fmt: skip


def _generator(config: GANConfig, features: int) -> None:
    _head("Generator G", "arrow_forward", "primary")
    _network("G", config, features)
    field("leaky_slope", "LeakyReLU slope (both)")
    field("learning_rate_g", "Learning rate")
    _batch_norm_row(
        "generator_batch_norm", "generator_hidden", "batch_norm_position", "batch_norm_momentum", "optimizer_g"
    )


def _samples(state: PageState, mount: Callable[[Place], None]) -> None:
    _head("Fake and real", "arrow_forward")
    if not data.drawing_canvas():
        with st.container(gap="xxsmall"):
            mount("data card")
    data.card(state)
    field("batch_size")


def _discriminator(config: GANConfig, features: int, mount: Callable[[Place], None]) -> None:
    _head("Discriminator D", "arrow_forward", "violet")
    _network("D", config, features)
    with st.container(gap="xxsmall"):
        mount("discriminator card")
    field("learning_rate_d", "Learning rate")
    _batch_norm_row("discriminator_batch_norm", "discriminator_hidden", "optimizer_d")


def _updates(config: GANConfig) -> None:
    _head("Losses and updates", "replay")
    st.markdown(update_order(config))
    for name in ("d_steps", "g_steps", "update_order", "loss"):
        field(name)
    _more("gradient_penalty", "adam_beta1", "adam_beta2", "sgd_momentum", "device", "precision")


def _network(network: Network, config: GANConfig, features: int) -> None:
    drawn = drawing(config, network, features)
    name = "generator_hidden" if network == "G" else "discriminator_hidden"
    key = f"picture_{name}"
    width = GANConfig.setting(name)
    network_picture(
        sizes=drawn.sizes,
        colour=theme.GENERATOR if network == "G" else theme.DISCRIMINATOR,
        label="Generator" if network == "G" else "Discriminator",
        limits=(int(width.minimum or 1), int(width.maximum or 1), 6),
        key=key,
        on_sizes=partial(edit_sizes, name, key),
    )
    output = f"{features} values, tanh" if network == "G" else "one logit"
    st.caption(f"{drawn.weights:,} weights → {output}")


def update_order(config: GANConfig) -> str:
    """Return the updates of one iteration as a row of badges, in markdown."""
    d = f":violet-badge[D step ×{config.d_steps}]"
    g = f":green-badge[G step ×{config.g_steps}]"
    if config.update_order == "simultaneous":
        return f"{d} + {g}"
    return f"{d} → {g}" if config.update_order == "d_first" else f"{g} → {d}"


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
