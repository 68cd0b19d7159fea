"""What a saved run keeps beside its trainer's state, checked as strictly as a stranger's file needs. Loads no PyTorch."""

import json
import math

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError, model_validator

from gan_core.changes import changes_json, read_changes
from gan_core.config import GANConfig
from gan_core.history import History
from gan_core.runs.speed import Speed
from gan_core.snapshot import Change, Mark, SingleUpdate
from gan_core.training.checkpoint import MAX_NUMBER, Checkpoint, CheckpointError

LONGEST_MARK = 1000  # characters; a drawing is not written out


class HistoryNumbers(BaseModel):
    """The numbers of ``History.state``."""

    stride: NonNegativeInt
    iterations: NonNegativeInt
    summed: NonNegativeInt


class RunRecord(BaseModel):
    """A run's own state. ``generator_from``: the iterations of the file that its generator began from, if it did."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    initial: GANConfig
    changes: tuple[Change, ...]
    history: HistoryNumbers
    marks: tuple[Mark, ...]
    singles: tuple[SingleUpdate, ...]
    seconds: float
    speed: Speed
    sample_seed: int
    fork: int
    repeatable: bool = True
    generator_from: int | None = None

    @model_validator(mode="after")
    def _possible(self) -> "RunRecord":
        read_changes(changes_json(self.changes), self.initial)
        numbers = [self.seconds, self.sample_seed, self.fork, self.generator_from or 0]
        numbers += [mark.iteration for mark in self.marks] + [single.iteration for single in self.singles]
        if not all(0 <= number <= MAX_NUMBER for number in numbers):
            raise ValueError("a number is impossible")
        if not all(math.isfinite(single.loss) for single in self.singles):
            raise ValueError("a loss is no number")
        for mark in self.marks:  # Plotly takes some texts as HTML
            if len(mark.text) > LONGEST_MARK or not mark.text.isprintable() or set("<&") & set(mark.text):
                raise ValueError("a mark has an impossible text")
        return self


def read_run(saved: Checkpoint) -> tuple[RunRecord, History]:
    """Return the run's own state and its metrics. CheckpointError if there are none, or if they do not fit together."""
    try:
        run = RunRecord.model_validate_json(json.dumps(saved.record["run"]))
        values = saved.arrays["history.values"]
        if values.dtype != np.float32 or np.isinf(values).any() or np.isinf(saved.arrays["history.sum"]).any():
            raise ValueError("its metrics are no numbers")
        arrays = {name: saved.arrays[f"history.{name}"] for name in ("values", "sum")}
        history = History.restored(run.history.model_dump() | arrays)
    except ValidationError as error:
        problem = error.errors()[0]
        place = (
            ".".join(str(part) for part in problem["loc"][:2] if str(part) in RunRecord.model_fields) or "its record"
        )
        raise CheckpointError(f"It is damaged: {place}: {problem['msg']}.") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"It is damaged: {error}.") from error
    if history.iterations != saved.iteration:
        raise CheckpointError("It is damaged: its metrics are not those of its iterations.")
    return run, history
