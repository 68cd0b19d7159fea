"""Views of updates, experiments and 2-D data: frozen, numpy only, for a page without PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gan_core.config import GANConfig, Network

Values = NDArray[np.float32]


@dataclass(frozen=True)
class LayerView:
    """One layer with parameters: L2 norms of its gradient and of its change since the turn began.

    ``gradient`` is None where ``.grad`` is None. ``inactive``: share of units of the activation after a Linear layer whose
    output was exactly 0 for the whole batch; None without an activation or before the forward pass.
    """

    name: str
    gradient: float | None
    change: float
    inactive: float | None = None


@dataclass(frozen=True)
class NetworkView:
    """One network: the same norms over all of its parameters, and its layers."""

    gradient: float | None
    change: float
    layers: tuple[LayerView, ...]


@dataclass(frozen=True)
class Drift:
    """How far BatchNorm's running statistics are from the batch's own, in one layer.

    ``mean``: mean over units of |running mean - batch mean| / batch deviation. ``deviation``: mean over units of
    running deviation / batch deviation; 1 where they agree.
    """

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class TrainEvalComparison:
    """The generator's fakes from the same noise in three modes, ``[n, *shape]`` each.

    ``train``: normalised by the whole batch. ``eval``: by the running statistics. ``alone``: in train mode, one by
    one; None where PyTorch raises an error, and ``refusal`` is its message.
    """

    train: Values
    eval: Values
    alone: Values | None
    refusal: str
    drifts: tuple[Drift, ...]


@dataclass(frozen=True)
class StageView:
    """One stage of a walk, with the results of its update so far.

    ``config``: the settings of this turn; the run's may have changed since. ``turns``: the networks of each turn of the
    iteration; ``turn``: the index of this one. ``real`` and ``fake``: the first samples of the batch, ``[n, *shape]`` in
    [-1, 1]; the logits are of the whole batch, ``[batch_size]``. ``losses``: by name. ``sample_gradient``:
    -∂loss_g/∂pixel for the shown fakes, ``[n, *shape]``.
    """

    iteration: int
    config: GANConfig
    turn: int
    turns: tuple[tuple[Network, ...], ...]
    network: Network
    stage: str
    generator: NetworkView
    discriminator: NetworkView
    noise: Values | None = None
    real: Values | None = None
    fake: Values | None = None
    real_logits: Values | None = None
    fake_logits: Values | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    sample_gradient: Values | None = None
    train_eval: TrainEvalComparison | None = None


@dataclass(frozen=True)
class Switches:
    """What the laboratory changes about one iteration; the defaults are the lecture's code.

    ``labels``: "ones" (the lecture), or "zeros" with the sign reversed, the saturating loss. ``reuse_fakes``: G's
    block scores the fakes of D's block again instead of generating new ones.
    """

    detach: bool = True
    zero_grad: bool = True
    labels: Literal["ones", "zeros"] = "ones"
    reuse_fakes: bool = False
    retain_graph: bool = False


@dataclass(frozen=True)
class Block:
    """Result of one block of the laboratory. Norms are L2 over a whole network, None where .grad is None.

    ``error``: PyTorch's message if the block failed, else "". ``seconds``: the block's duration.
    """

    network: Network
    loss: float | None
    seconds: float
    gradient_g: float | None
    gradient_d: float | None
    change_g: float
    change_d: float
    error: str = ""


@dataclass(frozen=True)
class Experiment:
    """Result of the laboratory: the switches, the blocks with them, and as ``unchanged`` the blocks without changes.

    ``updates``: how many updates of D and of G the run had made when it was copied.
    """

    switches: Switches
    blocks: tuple[Block, ...]
    unchanged: tuple[Block, ...]
    updates: tuple[int, int]


@dataclass(frozen=True)
class PointsView:
    """A GAN on 2-D data between two updates.

    ``scores``: D(x) on a lattice over [-1, 1]², borders included, float32 ``[g, g]``: row 0 at y = -1, column 0 at
    x = -1. ``manifold``: the generator's output for a lattice of noise, float32 ``[rows, columns, 2]``: the first number
    of z grows along a row, the second from row to row; a single row if z is one number, None if it is more than two.
    ``sample_gradient``: -∂loss_g/∂x for each shown fake, float32 ``[n, 2]``, of the fake's own loss and not of the
    batch's mean, so it does not depend on the batch size.

    ``divergence``: Jensen–Shannon, in bits from 0 to 1, between fakes and real points. ``floor``: the same between
    two samples of real points. ``modes``: how many are known, 0 for none. ``covered``: how many the fakes reach.
    ``good``: share of the fakes that lie in a mode; NaN where no modes are known.
    """

    scores: Values
    manifold: Values | None
    sample_gradient: Values
    divergence: float
    floor: float
    modes: int
    covered: int
    good: float
