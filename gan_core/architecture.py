"""GANConfig → the layers of both networks as data.

Networks are built, drawn, exported and costed from these lists; nothing else works out a layer's size.
"""

from dataclasses import dataclass

from gan_core.config import GANConfig, Network

# Multiplications in a run's mean product, measured over widths from 16 to 512: below these, calling oneDNN, rounding the
# factors or waking other threads costs more than it saves.
MIN_WORK_FOR_ONEDNN = 2_000_000
MIN_WORK_FOR_BFLOAT16 = 1_000_000
MIN_WORK_FOR_THREADS = 2_000_000


@dataclass(frozen=True)
class Linear:
    """A fully connected layer with bias."""

    inputs: int
    outputs: int

    @property
    def parameters(self) -> int:
        """Trainable numbers: weights and biases."""
        return self.inputs * self.outputs + self.outputs

    @property
    def code(self) -> str:
        """The layer as PyTorch code."""
        return f"nn.Linear({self.inputs}, {self.outputs})"


@dataclass(frozen=True)
class LeakyReLU:
    """max(x, slope · x)."""

    slope: float
    parameters = 0

    @property
    def code(self) -> str:
        """The layer as PyTorch code."""
        return f"nn.LeakyReLU({self.slope})"


@dataclass(frozen=True)
class BatchNorm:
    """Normalisation of each unit over the batch, with a trainable scale and shift a unit."""

    units: int
    momentum: float

    @property
    def parameters(self) -> int:
        """Trainable numbers: scales and shifts."""
        return 2 * self.units

    @property
    def code(self) -> str:
        """The layer as PyTorch code; momentum by name, because the second positional argument is eps."""
        return f"nn.BatchNorm1d({self.units}, momentum={self.momentum})"


@dataclass(frozen=True)
class Tanh:
    """The generator's last layer: values in [-1, 1]."""

    parameters = 0
    code = "nn.Tanh()"


Layer = Linear | LeakyReLU | BatchNorm | Tanh


def layers(config: GANConfig, network: Network, features: int) -> tuple[Layer, ...]:
    """The layers of one network, in order, for samples of ``features`` values.

    G: noise ``[batch, latent_dim]`` → samples in [-1, 1]. D: samples → one logit each; no sigmoid, the loss has it.
    """
    if network == "G":
        hidden, normalised, sizes = config.generator_hidden, config.generator_batch_norm, (config.latent_dim, features)
    else:
        hidden, normalised, sizes = config.discriminator_hidden, config.discriminator_batch_norm, (features, 1)
    found: list[Layer] = []
    inputs = sizes[0]
    for units in hidden:
        block: list[Layer] = [Linear(inputs, units), LeakyReLU(config.leaky_slope)]
        if normalised:  # after the activation as in the lecture, or before it
            place = 2 if config.batch_norm_position == "after_activation" else 1
            block.insert(place, BatchNorm(units, config.batch_norm_momentum))
        found += block
        inputs = units
    last: list[Layer] = [Linear(inputs, sizes[1])]
    return (*found, *last, *((Tanh(),) if network == "G" else ()))


def hidden_sizes(config: GANConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The units of the hidden layers of G and of D."""
    return config.generator_hidden, config.discriminator_hidden


def halved_hidden(config: GANConfig) -> GANConfig:
    """Return the settings with half the units in each hidden layer, and one where there is one."""
    g, d = (tuple(max(1, units // 2) for units in sizes) for sizes in hidden_sizes(config))
    return config.replace(generator_hidden=g, discriminator_hidden=d)


def code_lines(found: tuple[Layer, ...]) -> list[str]:
    """Return these layers as the arguments of ``nn.Sequential``, one line for each Linear and what follows it."""
    lines: list[str] = []
    for layer in found:
        if isinstance(layer, Linear):
            lines.append("   ")
        lines[-1] += f" {layer.code},"
    return lines


def linear_layers(config: GANConfig, network: Network, features: int) -> tuple[Linear, ...]:
    """The layers of one network that multiply matrices, in order."""
    return tuple(layer for layer in layers(config, network, features) if isinstance(layer, Linear))


def state_shapes(found: tuple[Layer, ...]) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and dtype by name of all that ``nn.Sequential`` of these layers has in its ``state_dict``."""
    shapes: dict[str, tuple[tuple[int, ...], str]] = {}
    for index, layer in enumerate(found):
        if isinstance(layer, Linear):
            shapes[f"{index}.weight"] = ((layer.outputs, layer.inputs), "float32")
            shapes[f"{index}.bias"] = ((layer.outputs,), "float32")
        elif isinstance(layer, BatchNorm):
            names = ("weight", "bias", "running_mean", "running_var")
            shapes |= {f"{index}.{name}": ((layer.units,), "float32") for name in names}
            shapes[f"{index}.num_batches_tracked"] = ((), "int64")
    return shapes


def parameter_count(found: tuple[Layer, ...]) -> int:
    """Trainable numbers in all of these layers."""
    return sum(layer.parameters for layer in found)


def mean_multiplications(config: GANConfig, features: int) -> float:
    """Multiplications in one product of a batch with a layer's weights, the mean over both networks' layers."""
    found = [*linear_layers(config, "G", features), *linear_layers(config, "D", features)]
    return config.batch_size * sum(layer.inputs * layer.outputs for layer in found) / len(found)
