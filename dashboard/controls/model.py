"""The model's picture, which is where its settings are changed: cards in the order in which data flows."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from dashboard import session, theme, transport
from dashboard.charts.network import drawing
from dashboard.components import network_picture
from dashboard.controls import data
from dashboard.controls.widgets import field
from gan_core.config import GANConfig, Network
from gan_core.snapshot import Snapshot

SHAPE = (28, 28)  # of a sample, until the run says its own
CARD_WIDTH = 225  # pixels, at least; five stand side by side on a wide window and stack on a narrow one


@dataclass(frozen=True)
class Slots:
    """Places on the cards that are filled later: pictures once the settings are known, the rest live."""

    noise: Any
    generator: Any
    samples: Any
    progress: Any
    discriminator: Any
    scores: Any
    updates: Any


def cards() -> Slots:
    """Draw the five cards with their widgets."""
    grid = st.grid(5, min_column_width=CARD_WIDTH, border=True, gap="small")
    with grid.cell(), st.container(gap="xsmall"):
        noise = _noise()
    with grid.cell(), st.container(gap="xsmall"):
        generator = _generator()
    with grid.cell(), st.container(gap="xsmall"):
        samples, progress = _samples()
    with grid.cell(), st.container(gap="xsmall"):
        discriminator, scores = _discriminator()
    with grid.cell(), st.container(gap="xsmall"):
        updates = _updates()
    return Slots(noise, generator, samples, progress, discriminator, scores, updates)


def _head(title: str, icon: str, colour: str | None = None) -> None:
    text = f":{colour}[{title}]" if colour else title
    st.markdown(f"**{text}** :gray[:material/{icon}:]")


def _toggle_row(name: str) -> Any:
    """A switch, and beside it the popover with the settings that are changed less often."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        field(name, "BatchNorm")
        return _more()


def _more() -> Any:
    return st.popover("More", icon=":material/tune:", type="tertiary")


def _noise() -> Any:
    _head("Noise z", "arrow_forward")
    picture = st.container(gap="xxsmall")
    field("noise")
    field("latent_dim")
    field("seed")
    transport.new_seed_button()
    return picture


def _generator() -> Any:
    _head("Generator G", "arrow_forward", "primary")
    picture = st.container(gap="xxsmall")
    field("leaky_slope", "LeakyReLU slope (both)")
    field("learning_rate_g", "Learning rate")
    with _toggle_row("generator_batch_norm"):
        for name in ("generator_hidden", "batch_norm_position", "batch_norm_momentum", "optimizer_g"):
            field(name)
    return picture


def _samples() -> tuple[Any, Any]:
    _head("Fake and real", "arrow_forward")
    picture = data.samples()
    progress = data.card()
    field("batch_size")
    return picture, progress


def _discriminator() -> tuple[Any, Any]:
    _head("Discriminator D", "arrow_forward", "violet")
    picture = st.container(gap="xxsmall")
    scores = st.container(gap="xxsmall")
    field("learning_rate_d", "Learning rate")
    with _toggle_row("discriminator_batch_norm"):
        for name in ("discriminator_hidden", "optimizer_d"):
            field(name)
    return picture, scores


def _updates() -> Any:
    _head("Losses and updates", "replay")
    order = st.container(gap="xxsmall")
    for name in ("d_steps", "g_steps", "update_order"):
        field(name)
    field("loss")
    with _more():
        for name in ("gradient_penalty", "adam_beta1", "adam_beta2", "sgd_momentum", "device", "precision"):
            field(name)
    return order


def fill(slots: Slots, config: GANConfig, snapshot: Snapshot | None) -> None:
    """Draw what the settings look like: the noise, both networks, the order of updates."""
    features = math.prod(SHAPE if snapshot is None else snapshot.shape)
    with slots.noise:
        normal = config.noise == "normal"
        st.image(_density(normal), width="stretch", alt=f"{config.noise.capitalize()} distribution")
    with slots.progress:
        data.progress_controls()
        data.filter_words(snapshot)
    with slots.generator:
        _network("G", config, features)
    with slots.discriminator:
        _network("D", config, features)
    with slots.updates:
        st.markdown(update_order(config))


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
        on_sizes=partial(session.edit_sizes, name, key),
    )
    out = f"{features} values, tanh" if network == "G" else "one logit"
    st.caption(f"{drawn.weights:,} weights → {out}")


def update_order(config: GANConfig) -> str:
    """The updates of one iteration as a row of badges."""
    d = f":violet-badge[D step ×{config.d_steps}]"
    g = f":green-badge[G step ×{config.g_steps}]"
    if config.update_order == "simultaneous":
        return f"{d} + {g}"
    return f"{d} → {g}" if config.update_order == "d_first" else f"{g} → {d}"


def _density(normal: bool) -> str:
    """The density that noise is drawn from, from -2 to 2, as a small drawing."""
    points = [(float(x), math.exp(-((x / 30 - 2) ** 2) * 2) if normal else 0.8) for x in range(0, 121, 3)]
    if not normal:
        points = [(30.0, 0.0), *((x, y) for x, y in points if 30 <= x <= 90), (90.0, 0.0)]
    line = " ".join(f"{x},{50 - 44 * y:.1f}" for x, y in points)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 4 120 48" width="240" height="96">'
        f'<polygon points="0,50 {line} 120,50" fill="{theme.QUIET}" fill-opacity="0.25"/>'
        f'<polyline points="{line}" fill="none" stroke="{theme.QUIET}" stroke-width="1"/></svg>'
    )
