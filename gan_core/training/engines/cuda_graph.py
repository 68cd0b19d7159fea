"""Iterations on a GPU: one is recorded as a CUDA graph, then each is one launch.

With networks of this size a GPU waits for Python: an iteration is about 300 kernels, and launching most of them takes
longer than computing them. The recording is of ``GAN.walk_iteration`` itself, with the indices of its real batches, its
learning rates and its row of metrics in fixed tensors. A replay executes the kernels of the reference path on the same
numbers, so walks, single updates and replays may follow one another in any order.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version, set_override_stale_capture_stream

from gan_core.config import Network
from gan_core.metrics import COLUMNS
from gan_core.training.engines.captured import Captured
from gan_core.training.gan import GAN

WARM_UPS = 3  # iterations before a recording, as PyTorch requires: libraries and optimisers allocate their memory
_CAPTURE_LOCK = threading.Lock()  # PyTorch allows one capture at a time in a process


class Recorder(Protocol):
    """Records an iteration and replays it: a CUDA graph or, in tests, a substitute without a GPU."""

    def side_stream(self) -> AbstractContextManager[None]:
        """Queue work on the recording's stream within the context, in order with the work before and after it."""

    def record(self, iteration: Callable[[], None]) -> None:
        """Record the device work of ``iteration`` without computing it. RuntimeError if that fails."""

    def replay(self) -> None:
        """Compute the recorded work, in the same memory."""

    def reset(self) -> None:
        """Drop the recording."""


class CudaRecorder:
    """A CUDA graph on ``device``. ``random``: the random generators that a recording uses, by name.

    The device is not used before the first iteration.
    """

    def __init__(self, device: torch.device, random: dict[str, torch.Generator]) -> None:
        self._device = device
        self._random = random
        self._stream: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    @contextmanager
    def side_stream(self) -> Iterator[None]:
        # Warm-up and recording share a stream, because cuBLAS allocates a handle and a workspace for each stream.
        if self._stream is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        usual = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(usual)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            usual.wait_stream(self._stream)

    def record(self, iteration: Callable[[], None]) -> None:
        before = {name: random.get_state() for name, random in self._random.items()}
        try:
            with _CAPTURE_LOCK, self.side_stream(), _allow_stale_streams():
                graph = torch.cuda.CUDAGraph()
                if torch.__version__ < "2.14":  # later versions find the generators themselves, and warn here
                    for random in self._random.values():
                        graph.register_generator_state(random)
                # "thread_local": other threads of this process may allocate memory meanwhile.
                with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                    iteration()
        except BaseException:
            # A generator can stay in the recording state if the recording failed.
            self._random.update({name: copy_generator(self._random[name], state) for name, state in before.items()})
            raise
        self._graph = graph

    def replay(self) -> None:
        assert self._graph is not None, "a replay follows a recording"
        self._graph.replay()

    def reset(self) -> None:
        if self._graph is not None:
            torch.cuda.synchronize(self._device)  # a running launch still reads memory that is freed with the graph
            self._graph = None


@contextmanager
def _allow_stale_streams() -> Iterator[None]:
    """Let the autograd nodes of an unfinished walk, which belong to the default stream, join the recording."""
    set_override_stale_capture_stream(True)
    try:
        yield
    finally:
        set_override_stale_capture_stream(False)


def copy_generator(random: torch.Generator, state: Tensor) -> torch.Generator:
    """Return a new generator on the same device that continues from ``state``."""
    fresh = torch.Generator(device=random.device)
    fresh.set_state(state)
    return fresh


class _Rate:
    """The learning rate of an Adam optimiser in a tensor on the device, from which a recorded step reads it."""

    def __init__(self, optimizer: torch.optim.Adam) -> None:
        self._group = optimizer.param_groups[0]
        self._value = self._group["lr"]
        device = self._group["params"][0].device
        # CUDA's Adam rounds the rate to float32; the CPU's uses the Python number, a float64.
        dtype = torch.float32 if device.type == "cuda" else torch.float64
        self._tensor = torch.full((), self._value, dtype=dtype, device=device)

    def refresh(self) -> None:
        """Copy the optimiser's present rate."""
        if self._group["lr"] != self._value:
            self._value = self._group["lr"]
            self._tensor.fill_(self._value)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Let the optimiser read the tensor within the context; outside, and in saved states, its rate is a number."""
        usual = {name: self._group[name] for name in ("lr", "capturable")}
        # Capturable does not change the fused step, but without it Adam refuses to be recorded.
        self._group.update(lr=self._tensor, capturable=self._tensor.is_cuda)
        try:
            yield
        finally:
            self._group.update(usual)


@dataclass(frozen=True)
class Outcome:
    """The tensors that updates leave in a GAN besides weights and optimiser state."""

    measured: Mapping[Network, Mapping[str, Tensor]]
    last_noise: Tensor | None
    gradients: tuple[tuple[nn.Parameter, Tensor | None], ...]

    @classmethod
    def of(cls, gan: GAN) -> "Outcome":
        """Return the tensors of the last updates of ``gan``, not copies."""
        parameters = (*gan.generator.parameters(), *gan.discriminator.parameters())
        return cls(dict(gan.measured), gan.last_noise, tuple((parameter, parameter.grad) for parameter in parameters))

    def restore(self, gan: GAN) -> None:
        """Make these tensors those of the last updates of ``gan``."""
        gan.measured = dict(self.measured)
        gan.last_noise = self.last_noise
        for parameter, gradient in self.gradients:
            parameter.grad = gradient


class _Recorded:
    """The fixed tensors through which a recorded iteration communicates with the run."""

    outcome: Outcome  # every replay overwrites its tensors

    def __init__(self, gan: GAN) -> None:
        config, device = gan.config, gan.device
        self.captured = Captured(gan)
        self._indices = torch.zeros(config.d_steps, config.batch_size, dtype=torch.int64, device=device).unbind()
        self._order: tuple[Tensor | None, Tensor] = (
            None,
            self._indices[0],
        )  # the sampler's, and its copy on the device
        optimizers = (gan.optimizer_d, gan.optimizer_g)
        self._rates = [_Rate(optimizer) for optimizer in optimizers if isinstance(optimizer, torch.optim.Adam)]
        self.row = torch.zeros(len(COLUMNS), dtype=torch.float32, device=device)

    def iterate(self, gan: GAN) -> None:
        """Train one iteration on the reference path with these tensors."""
        with ExitStack() as stack:
            for rate in self._rates:
                stack.enter_context(rate.in_use())
            gan.walk_iteration(self.row, iter(self._indices))

    def fill(self, gan: GAN) -> None:
        """Write the next iteration's inputs: its batches from the run's sampler and the present learning rates."""
        sampler = gan.sampler
        for indices in self._indices:
            batch = sampler.advance()
            if self._order[0] is not sampler.order:  # copied once per epoch, because copying waits for the device
                self._order = (sampler.order, sampler.order.to(indices.device))
            indices.copy_(self._order[1][batch])
        for rate in self._rates:
            rate.refresh()


class CudaGraphEngine:
    """Trains the first iterations on the reference path, then records one, then replays it.

    If an iteration cannot be recorded, the reference path computes all of them, and ``failure`` is the reason.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._warm = 0
        self._recorded: _Recorded | None = None
        self.failure = ""

    @property
    def name(self) -> str:
        return "autograd" if self.failure else "CUDA graph"

    @property
    def description(self) -> str:
        if self.failure:
            return f"Updates by PyTorch's autograd. An iteration cannot be recorded as a CUDA graph: {self.failure}"
        return "Updates by a CUDA graph: a whole iteration is one launch."

    def update(self, gan: GAN, network: Network) -> None:
        for _ in gan.walk(network):
            pass

    def iterate(self, gan: GAN, row: Tensor) -> None:
        if self._recorded is None and self._warm == WARM_UPS and not self.failure:
            self._record(gan)
        if self._recorded is not None:
            self._replay(gan, self._recorded, row)
            return
        self._warm = min(self._warm + 1, WARM_UPS)
        with nullcontext() if self.failure else self._recorder.side_stream():
            gan.walk_iteration(row)

    def apply_changes(self, gan: GAN, changed: Collection[str]) -> bool:
        """Keep the recording only if a replay reads all settings of these names."""
        optimizers = {"learning_rate_d": gan.optimizer_d, "learning_rate_g": gan.optimizer_g}
        # SGD's rate is not among them: read from a tensor, it would be rounded differently.
        read = {name for name, optimizer in optimizers.items() if isinstance(optimizer, torch.optim.Adam)}
        if not set(changed) <= read:
            self.reset()
        return True

    def fits(self, gan: GAN) -> bool:
        """Drop the recording if a user has replaced what it reads; the next iterations begin another one."""
        if self._recorded is not None and not self._recorded.captured.unchanged(gan):
            self.reset()
        return True

    def reset(self) -> None:
        """Drop the recording, which no longer fits the settings or the run's memory."""
        self._recorder.reset()
        self._recorded = None
        self._warm = 0

    def _record(self, gan: GAN) -> None:
        recorded = _Recorded(gan)
        before, iteration, updates = Outcome.of(gan), gan.iteration, dict(gan.updates)
        try:
            self._recorder.record(lambda: recorded.iterate(gan))
            recorded.outcome = Outcome.of(gan)
            self._recorded = recorded
        except BaseException as error:
            before.restore(gan)
            if not isinstance(error, RuntimeError):
                raise
            self.failure = _reason(error)
        finally:  # the code has counted an iteration that was not computed
            gan.iteration, gan.updates = iteration, updates

    def _replay(self, gan: GAN, recorded: _Recorded, row: Tensor) -> None:
        recorded.fill(gan)
        self._recorder.replay()
        recorded.outcome.restore(gan)
        # Autograd did not see these weights change: backward through an older graph must raise an error.
        increment_version([parameter for parameter, _ in recorded.outcome.gradients])
        gan.iteration += 1
        gan.updates["D"] += gan.config.d_steps
        gan.updates["G"] += gan.config.g_steps
        row.copy_(recorded.row)


def _reason(error: BaseException) -> str:
    """Return the first line of the first error: closing a failed recording raises another one."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return next(iter(str(error).splitlines()), type(error).__name__)
