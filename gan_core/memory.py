"""GANConfig → the memory that a run on the CPU takes, from its layers and without PyTorch.

Only what belongs to the run's process alone counts: PyTorch's own code is shared with the server's other processes, and
so are datasets that are mapped from a file.
"""

from dataclasses import astuple, dataclass
from pathlib import Path

from gan_core.architecture import (
    MIN_WORK_FOR_THREADS,
    BatchNorm,
    Linear,
    layers,
    mean_multiplications,
    parameter_count,
)
from gan_core.config import GANConfig, Network
from gan_core.data import source
from gan_core.data.code import feature_count
from gan_core.losses import LOSSES
from gan_core.losses.base import Loss

NETWORKS: tuple[Network, Network] = ("G", "D")
FLOAT = 4  # bytes
PROCESS = 20 * 2**20  # bytes that a process forked from the fork server comes to own by itself, measured
THREADS = 16 * 2**20  # bytes that computing wide layers by several threads adds to that, measured
DIGITS = 3 * 1797 * 784 * FLOAT  # the scans, and what enlarging them leaves in the allocator


@dataclass(frozen=True)
class Memory:
    """Bytes: ``run``, while it trains; ``walk`` and ``laboratory``, what stage by stage and the laboratory add to it."""

    run: int
    walk: int
    laboratory: int

    @property
    def most(self) -> int:
        """With a walk and the laboratory at once."""
        return self.run + self.walk + self.laboratory

    def larger(self, other: "Memory") -> "Memory":
        """Return what is enough for both: a run whose settings have changed may keep what the former ones took."""
        run, walk, laboratory = map(max, astuple(self), astuple(other))
        return Memory(run, walk, laboratory)


def estimate(config: GANConfig, own: Path | None = None) -> Memory:
    """Return what a run of these settings takes. ``own``: the file of the learner's own data. DataError: no such dataset."""
    features = feature_count(config)
    found = {name: FLOAT * parameter_count(layers(config, name, features)) for name in NETWORKS}
    weights, moments = sum(found.values()), _moments(config, found)
    manual, autograd = _engine_buffers(config, features), _graph(config, features)
    is_manual = _is_manual(config)
    computing = manual if is_manual else autograd
    penalty = weights // 2 if LOSSES[config.loss].penalised else 0  # a second gradient on its way to the first
    state = 2 * weights + moments  # weights and gradients
    threads = THREADS if mean_multiplications(config, features) >= MIN_WORK_FOR_THREADS else 0
    return Memory(
        run=PROCESS + threads + _dataset(config, own) + state + computing + penalty,
        # The state before the iteration, the weights before the turn, and the graph of autograd.
        walk=2 * weights + moments + (autograd if is_manual else 0),
        # A second run, with the weights before each block.
        laboratory=state + weights + computing + ((weights + autograd) if is_manual else 0),
    )


def most_while_training(config: GANConfig, own: Path | None = None) -> int:
    """Return the most bytes that this run takes under any settings that may change while it trains."""
    # Of the orders, "simultaneous" takes most: both graphs live at once.
    return max(estimate(config.replace(loss=loss, update_order="simultaneous"), own).most for loss in LOSSES)


def _moments(config: GANConfig, weights: dict[Network, int]) -> int:
    """Return the bytes of both optimisers' state."""
    copies = {"adam": 2, "sgd": 1 if config.sgd_momentum else 0}
    return weights["G"] * copies[config.optimizer_g] + weights["D"] * copies[config.optimizer_d]


def _is_manual(config: GANConfig) -> bool:
    """Return whether the manual engine trains it, which keeps its buffers."""
    adam = config.optimizer_g == config.optimizer_d == "adam"
    return adam and not config.discriminator_batch_norm and type(LOSSES[config.loss]).manual is not Loss.manual


def _engine_buffers(config: GANConfig, features: int) -> int:
    """Return the manual engine's: a value and its gradient of each unit. LeakyReLU works in place.

    G has one pass for D's updates and one for its own; D has one of real and fake samples together and one for G's.
    """
    units = 2 * _units(config, "G", features, copies=1) + 3 * _units(config, "D", features, copies=1)
    return FLOAT * config.batch_size * (2 * units + 8 * features)


def _graph(config: GANConfig, features: int) -> int:
    """Return what autograd keeps of the larger update: each layer's result, its activation, and gradients under way."""
    g, d = (_units(config, network, features, copies=2) for network in NETWORKS)
    passes = 4 if LOSSES[config.loss].penalised else 2  # of D: real and fake, the penalty and its own backward pass
    together = g + d if config.update_order == "simultaneous" else 0
    return FLOAT * config.batch_size * (max(g + d, passes * d) + together + 8 * features)


def _units(config: GANConfig, network: Network, features: int, copies: int) -> int:
    """Return a sample's numbers in the hidden layers: ``copies`` for each Linear layer, one for BatchNorm."""
    found = layers(config, network, features)
    hidden = [layer for layer in found if isinstance(layer, Linear)][:-1]
    normalised = [layer for layer in found if isinstance(layer, BatchNorm)]
    return copies * sum(layer.outputs for layer in hidden) + sum(layer.units for layer in normalised)


def _dataset(config: GANConfig, own: Path | None) -> int:
    """Return the bytes of the real samples that are not mapped from a file that all runs share."""
    if config.dataset == "digits":
        return DIGITS
    if own is not None and own.exists():
        return 2 * own.stat().st_size
    return 0 if source(config.dataset).kind == "pictures" else 2**20
