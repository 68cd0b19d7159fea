"""GANConfig: the one definition of every setting of a run.

Widgets, the command line, the JSON file and the trainer read default, range, unit, help, and whether a setting may
change while training, from here.
"""

import difflib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gan_core.losses import LOSSES
from gan_core.plain import plain
from gan_core.setting import Condition, Setting, setting, shortened
from gan_core.texts import decode_text

Network = Literal["D", "G"]
UpdateOrder = Literal["d_first", "g_first", "simultaneous"]
OptimizerName = Literal["adam", "sgd"]
NoiseName = Literal["normal", "uniform"]
BatchNormPosition = Literal["after_activation", "before_activation"]
Precision = Literal["float32", "bfloat16"]

Width = Annotated[int, Field(ge=1, le=4096)]
HiddenSizes = Annotated[tuple[Width, ...], Field(min_length=1, max_length=6)]
ClassNumber = Annotated[int, Field(ge=0, le=99)]
Classes = Annotated[tuple[ClassNumber, ...], Field(max_length=100)]


OWN_PICTURES = Condition("Used only by your own pictures.", lambda config: config.dataset == "own_pictures")
OWN_DATA = Condition(
    "Used only by your own pictures and points.", lambda config: config.dataset in ("own_pictures", "own_points")
)
DRAWN = Condition("Used only by the dataset 'drawn', your drawing.", lambda config: config.dataset == "drawn")
ANY_BATCH_NORM = Condition(
    "Used only where a network has BatchNorm.",
    lambda config: config.generator_batch_norm or config.discriminator_batch_norm,
)
PENALTY = Condition(
    f"Used only by the loss {' or '.join(loss.title for loss in LOSSES.values() if loss.penalised)}.",
    lambda config: LOSSES[config.loss].penalised,
)
ADAM = Condition("Used only by Adam.", lambda config: "adam" in (config.optimizer_g, config.optimizer_d))
SGD = Condition("Used only by SGD.", lambda config: "sgd" in (config.optimizer_g, config.optimizer_d))


class GANConfig(BaseModel):
    """All settings of one run; the defaults are the lecture's GAN.

    Frozen. Numbers of numpy are numbers, and its arrays tuples. Unknown fields, wrong types (a string for a number, 2.0
    for a whole number), NaN and values out of range raise ``pydantic.ValidationError``, which ``explain`` turns into sentences.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    dataset: str = setting(
        "digits", "The real samples that the discriminator sees and the generator learns to imitate.",
        label="Dataset", group="data", min_length=1, max_length=64,
    )  # fmt: skip
    classes: Classes = setting(
        (), "Which classes of the dataset to train on; none chosen means all. The samples themselves do not change.",
        label="Classes", group="data",
    )  # fmt: skip
    drawing: str = setting(
        "", "The cells that the real points fill evenly.",
        label="Drawing", group="data", live=True, data=True, used=DRAWN, accepted="text made by the page's canvas, or empty",
        max_length=300, pattern=r"^[A-Za-z0-9_-]*$",
    )  # fmt: skip
    own_data: str = setting(
        "", "The fingerprint of your own pictures or points, which are stored outside the settings.",
        label="Own data", group="data", data=True, used=OWN_DATA, accepted="the fingerprint of an upload: 16 digits 0-9, a-f",
        pattern=r"^([0-9a-f]{16})?$",
    )  # fmt: skip
    picture_size: int = setting(
        28, "Height and width that your own pictures are scaled to.",
        label="Picture size", group="data", unit="pixels", used=OWN_PICTURES, ge=8, le=64, step=4,
    )  # fmt: skip
    latent_dim: int = setting(
        100, "How many random numbers z each fake is made from.",
        label="Noise size (latent_dim)", group="noise", unit="numbers", ge=1, le=1024, step=1,
    )  # fmt: skip
    noise: NoiseName = setting(
        "normal", "How the random numbers z are drawn: normal with mean 0 and standard deviation 1, or uniform from -1 to 1.",
        label="Noise", group="noise", names={"normal": "normal", "uniform": "uniform"},
    )  # fmt: skip
    generator_hidden: HiddenSizes = setting(
        (256, 512, 1024), "Units in each hidden layer of the generator, first to last.",
        label="G hidden sizes", group="generator", unit="units",
    )  # fmt: skip
    discriminator_hidden: HiddenSizes = setting(
        (512, 256), "Units in each hidden layer of the discriminator, first to last.",
        label="D hidden sizes", group="discriminator", unit="units",
    )  # fmt: skip
    leaky_slope: float = setting(
        0.2, "Factor by which LeakyReLU multiplies negative values, in both networks; 0 is plain ReLU, whose units can die.",
        label="LeakyReLU slope (both networks)", group="generator", live=True, ge=0.0, le=1.0, step=0.01,
    )  # fmt: skip
    generator_batch_norm: bool = setting(
        True, "Normalise each hidden layer of the generator over the batch.",
        label="G BatchNorm", group="generator",
    )  # fmt: skip
    discriminator_batch_norm: bool = setting(
        False, "Normalise each hidden layer of the discriminator over the batch; the lecture does not.",
        label="D BatchNorm", group="discriminator",
    )  # fmt: skip
    batch_norm_momentum: float = setting(
        0.7, "Share of BatchNorm's running mean and variance that each new batch replaces.",
        label="BatchNorm momentum", group="generator", live=True, used=ANY_BATCH_NORM, ge=0.0, le=1.0, step=0.05,
    )  # fmt: skip
    batch_norm_position: BatchNormPosition = setting(
        "after_activation", "Whether BatchNorm comes after the activation, as in the lecture, or before it.",
        label="BatchNorm position", group="generator", used=ANY_BATCH_NORM,
        names={"after_activation": "after LeakyReLU", "before_activation": "before LeakyReLU"},
    )  # fmt: skip
    batch_size: int = setting(
        128, "How many real and how many fake samples each update uses.",
        label="Batch size", group="data", unit="samples", ge=2, le=1024, step=1,
    )  # fmt: skip
    d_steps: int = setting(
        1, "Discriminator updates in each iteration.",
        label="D steps", group="updates", live=True, unit="updates", ge=1, le=10, step=1,
    )  # fmt: skip
    g_steps: int = setting(
        2, "Generator updates in each iteration; the lecture does 2 for each discriminator update.",
        label="G steps", group="updates", live=True, unit="updates", ge=1, le=10, step=1,
    )  # fmt: skip
    update_order: UpdateOrder = setting(
        "d_first", "Which network is updated first in an iteration, or both from the same weights.",
        label="Update order", group="updates", live=True,
        names={"d_first": "D first", "g_first": "G first", "simultaneous": "Both"},
    )  # fmt: skip
    loss: str = setting(
        "bce", "What the two networks minimise; the lecture uses binary cross entropy on logits.",
        label="Loss", group="updates", live=True, names={name: loss.title for name, loss in LOSSES.items()},
    )  # fmt: skip
    gradient_penalty: float = setting(
        10.0, "Weight of the penalty on D's gradient, which grows as its length departs from 1.",
        label="Gradient penalty", group="updates", live=True, used=PENALTY, ge=0.0, le=1000.0, step=1.0,
    )  # fmt: skip
    optimizer_g: OptimizerName = setting(
        "adam", "The rule that turns the generator's gradients into steps.",
        label="G optimiser", group="generator", names={"adam": "Adam", "sgd": "SGD"},
    )  # fmt: skip
    optimizer_d: OptimizerName = setting(
        "adam", "The rule that turns the discriminator's gradients into steps.",
        label="D optimiser", group="discriminator", names={"adam": "Adam", "sgd": "SGD"},
    )  # fmt: skip
    learning_rate_g: float = setting(
        2e-4, "How large the generator's steps are; 0 freezes its weights.",
        label="G learning rate", group="generator", live=True, ge=0.0, le=1.0, step=0.0001,
    )  # fmt: skip
    learning_rate_d: float = setting(
        2e-4, "How large the discriminator's steps are; 0 freezes its weights.",
        label="D learning rate", group="discriminator", live=True, ge=0.0, le=1.0, step=0.0001,
    )  # fmt: skip
    adam_beta1: float = setting(
        0.5, "How long Adam remembers past gradients; many GANs train more stably at 0.5 than at Adam's default 0.9.",
        label="Adam beta 1", group="updates", live=True, used=ADAM, ge=0.0, le=0.9999, step=0.01,
    )  # fmt: skip
    adam_beta2: float = setting(
        0.999, "How long Adam remembers the squares of past gradients.",
        label="Adam beta 2", group="updates", live=True, used=ADAM, ge=0.0, le=0.9999, step=0.001,
    )  # fmt: skip
    sgd_momentum: float = setting(
        0.0, "Share of its last step that SGD repeats.",
        label="SGD momentum", group="updates", live=True, used=SGD, ge=0.0, le=0.9999, step=0.05,
    )  # fmt: skip
    seed: int = setting(
        0, "Fixes the initial weights, the order of the data and the noise: one seed, one run.",
        label="Seed", group="run", ge=0, le=2**31 - 1, step=1,
    )  # fmt: skip
    device: str = setting(
        "auto", "Where the run computes; auto uses a GPU if there is one, else the CPU.",
        label="Device", group="run", accepted="'auto', 'cpu', 'cuda', 'cuda:0' or 'mps'",
        pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,2})?)$",
        names={"auto": "Auto", "cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"},
    )  # fmt: skip
    precision: Precision = setting(
        "float32",
        "Number format of the networks' products. bfloat16 is coarser, and faster on some machines; elsewhere float32 "
        "is used instead.",
        label="Precision", group="run", names={"float32": "float32", "bfloat16": "bfloat16"},
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _numbers_of_numpy_are_numbers(cls, values: Any) -> Any:
        return {name: plain(value) for name, value in values.items()} if isinstance(values, dict) else values

    @field_validator("generator_hidden", "discriminator_hidden", "classes", mode="before")
    @classmethod
    def _list_is_a_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("classes")
    @classmethod
    def _each_class_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, value: str) -> str:
        if value not in LOSSES:
            raise ValueError("unknown loss")
        return value

    @classmethod
    def setting(cls, name: str) -> Setting:
        """Return the description of field ``name``; KeyError if there is none."""
        return _SETTINGS[name]

    @classmethod
    def settings(cls) -> tuple[Setting, ...]:
        """Return every field's description, in order."""
        return tuple(_SETTINGS.values())

    def replace(self, **changes: Any) -> Self:
        """Return a copy with ``changes``, validated like a new config."""
        return type(self)(**{**self.model_dump(), **changes})

    def differences(self, other: "GANConfig") -> tuple[str, ...]:
        """Return the names of the fields in which ``other`` differs."""
        return tuple(name for name in _SETTINGS if getattr(self, name) != getattr(other, name))

    def turns(self) -> tuple[tuple[Network, ...], ...]:
        """Return the networks of each turn of one iteration; two in one turn take gradients at the same weights.

        With "simultaneous", a network that has done its steps skips the remaining turns.
        """
        d, g = self.d_steps, self.g_steps
        if self.update_order == "simultaneous":
            return (("D", "G"),) * min(d, g) + ((("D",) if d > g else ("G",)),) * abs(d - g)
        d_turns: tuple[tuple[Network, ...], ...] = (("D",),) * d
        g_turns: tuple[tuple[Network, ...], ...] = (("G",),) * g
        return d_turns + g_turns if self.update_order == "d_first" else g_turns + d_turns

    def to_json(self) -> str:
        """Return all fields as JSON; ``from_json`` restores an equal config."""
        return json.dumps(self.model_dump(), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the config of ``to_json``'s text, in any encoding; missing fields take their defaults."""
        with suppress(UnicodeDecodeError):  # pydantic then says what is wrong
            text = decode_text(text) if isinstance(text, bytes) else text.removeprefix("\ufeff")
        return cls.model_validate_json(text)


def _limit(metadata: Sequence[Any], name: str) -> float | None:
    return next((getattr(item, name) for item in metadata if hasattr(item, name)), None)


def _describe(name: str) -> Setting:
    field = GANConfig.model_fields[name]
    extra: dict[str, Any] = field.json_schema_extra  # type: ignore[assignment]
    kind: Any = {int: "whole", float: "number", bool: "switch", str: "text"}.get(field.annotation)  # type: ignore[arg-type]
    used: Condition | None = extra["condition"]
    choices: tuple[str, ...] = ()
    limits: Sequence[Any] = field.metadata
    if get_origin(field.annotation) is Literal:
        kind, choices = "choice", get_args(field.annotation)
    elif name == "loss":
        kind, choices = "choice", tuple(LOSSES)
    elif kind is None:
        kind, item = ("classes", ClassNumber) if name == "classes" else ("sizes", Width)
        limits = get_args(item)[1].metadata
    help = f"{field.description} {used.text}" if used else field.description or ""
    return Setting(
        name=name, default=field.default, help=help, kind=kind, choices=choices,
        minimum=_limit(limits, "ge"), maximum=_limit(limits, "le"), **extra,
    )  # fmt: skip


_SETTINGS: dict[str, Setting] = {name: _describe(name) for name in GANConfig.model_fields}


def explain(error: ValidationError, name: Callable[[Setting], str] = lambda setting: setting.label) -> list[str]:
    """Return a sentence for each error: the setting under ``name``, the value, and what it should be."""
    sentences: dict[str, None] = {}  # a dict keeps order and drops repeats
    for problem in error.errors():
        sentences[_explain(problem["loc"], problem["input"], problem["msg"], name)] = None
    return list(sentences)


def _explain(place: tuple[int | str, ...], value: Any, message: str, name: Callable[[Setting], str]) -> str:
    """Return the sentence about one of pydantic's errors."""
    if not place:
        return f"The settings cannot be read: {message}."
    field, *inner = place
    setting = _SETTINGS.get(str(field))
    if setting is None:
        near = difflib.get_close_matches(str(field), _SETTINGS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        written = field if 0 < len(str(field)) <= 60 else shortened(field)
        return f"{written}: there is no setting of this name.{hint}"
    item = "entry" if setting.kind == "classes" else "layer"
    where = f", {item} {inner[0] + 1}" if inner and isinstance(inner[0], int) else ""
    return setting.refusal(value, name=name(setting) + where)
