"""One setting of a run: what a page, a command line and a sentence about it need to know."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

Group = Literal["data", "noise", "generator", "discriminator", "updates", "run"]


@dataclass(frozen=True)
class Condition:
    """When a run uses a setting: where ``holds`` of its config; ``text`` says so in one sentence."""

    text: str
    holds: Callable[[Any], bool]  # of a GANConfig


def setting(
    default: Any,
    help: str,
    *,
    label: str,
    group: Group,
    live: bool = False,
    unit: str = "",
    step: float | None = None,
    names: dict[str, str] | None = None,
    accepted: str = "a name",
    data: bool = False,
    used: Condition | None = None,
    **limits: Any,
) -> Any:
    """Return a field of GANConfig with all that a page or a command line needs to offer it."""
    extra = {
        "label": label,
        "group": group,
        "live": live,
        "unit": unit,
        "step": step,
        "names": names or {},
        "accepted": accepted,
        "data": data,
        "condition": used,
    }
    return Field(default, description=help, json_schema_extra=extra, **limits)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Setting:
    """The description of one field of GANConfig.

    ``minimum`` and ``maximum`` are inclusive; for hidden sizes they bound each layer's width. ``choices`` is empty
    unless the value is one of a fixed list; ``names`` gives their labels; ``accepted`` describes which texts are valid.
    ``data``: the text encodes data and is not typed by the learner. ``live``: the setting may change while training.
    ``condition``: when a run uses it; None if always. ``help`` ends with it.
    """

    name: str
    default: Any
    label: str
    help: str
    group: Group
    live: bool
    kind: Literal["whole", "number", "switch", "choice", "sizes", "classes", "text"]
    unit: str
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: tuple[str, ...]
    names: dict[str, str]
    accepted: str
    data: bool
    condition: Condition | None

    def is_used(self, config: Any) -> bool:
        """Return whether a run under ``config``, a GANConfig, uses this setting: if not, no value of it changes anything."""
        return self.condition is None or self.condition.holds(config)

    def refusal(self, value: Any, right: str = "", name: str = "") -> str:
        """Return the sentence that refuses ``value`` and says what would be right, if not any expected value.

        The setting is named by the label that the page shows, or by another ``name``.
        """
        right = right or f"it should be {self.expected()}"
        return f"{name or self.label} = {shortened(value)} is not possible; {right}."

    def expected(self) -> str:
        """Return the valid values, as the end of a sentence."""
        if self.kind == "switch":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        if self.kind == "sizes":
            return f"1 to 6 whole numbers, each from {self.minimum:g} to {self.maximum:g}, such as 256, 512"
        if self.kind == "classes":
            return f"whole numbers, each from {self.minimum:g} to {self.maximum:g}, such as 3, 8; or none for all"
        if self.kind == "text":
            return self.accepted
        number = "a whole number" if self.kind == "whole" else "a number"
        return f"{number} from {self.minimum:.10g} to {self.maximum:.10g}"


def shortened(value: Any) -> str:
    """Return a value as Python writes it, in at most 60 characters."""
    try:
        text = ", ".join(map(repr, value)) if isinstance(value, tuple) and value else repr(value)
    except ValueError:  # Python prints no whole number of more than 4,300 digits
        return "a number this long"
    return text if len(text) <= 60 else text[:57] + "…"
