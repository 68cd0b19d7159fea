"""On a GPU: an iteration recorded once as a CUDA graph, and then launched as a whole.

Networks of this size keep a GPU waiting for Python: an iteration is some 300 kernels, and starting each costs more than
most of them compute. What is recorded here is ``GAN.walk_iteration`` itself, with the indices of its real batches, its
learning rates and its row of metrics in tensors that stay where they are. A replay executes the very kernels of the
reference path on the same numbers, so that walks, single updates and replays may follow one another at any point.
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
from gan_core.training.gan import GAN

WARM_UPS = 3  # iterations before a recording, as PyTorch asks for: libraries and optimisers make what they keep then
_RECORDING = threading.Lock()  # PyTorch allows one capture at a time in a process


class Recorder(Protocol):
    """Keeps an iteration and executes it again: a CUDA graph or, in tests, a stand-in without a GPU."""

    def apart(self) -> AbstractContextManager[None]:
        """Within it, work is queued as in a recording, behind all that was queued before; what follows waits for it."""

    def record(self, iteration: Callable[[], None]) -> None:
        """Keep what ``iteration`` asks the device for; nothing of it is computed. RuntimeError if that fails."""

    def replay(self) -> None:
        """Compute what was recorded, in the same memory."""

    def forget(self) -> None:
        """Let go of the recording."""


class CudaRecorder:
    """A CUDA graph on ``device``. ``random``: the generators that a recording draws from, by name.

    Nothing is asked of the device before the first iteration.
    """

    def __init__(self, device: torch.device, random: dict[str, torch.Generator]) -> None:
        self._device = device
        self._random = random
        self._stream: torch.cuda.Stream | None = None
        self._graph: torch.cuda.CUDAGraph | None = None

    @contextmanager
    def apart(self) -> Iterator[None]:
        # One stream for warming up and for recording: cuBLAS makes its handle and its workspace once for each stream.
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
            with _RECORDING, self.apart(), _any_autograd_stream():
                graph = torch.cuda.CUDAGraph()
                if torch.__version__ < "2.14":  # later ones find the generators by themselves, and warn here
                    for random in self._random.values():
                        graph.register_generator_state(random)
                # "thread_local": other runs of this process, in threads of their own, go on allocating meanwhile.
                with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                    iteration()
        except BaseException:
            # A generator whose recording broke off can stay in the state of being recorded.
            self._random.update({name: renewed(self._random[name], state) for name, state in before.items()})
            raise
        self._graph = graph

    def replay(self) -> None:
        assert self._graph is not None, "a replay follows a recording"
        self._graph.replay()

    def forget(self) -> None:
        if self._graph is not None:
            torch.cuda.synchronize(self._device)  # a launch under way still reads memory that goes with the graph
            self._graph = None


@contextmanager
def _any_autograd_stream() -> Iterator[None]:
    """Autograd's nodes of a walk that somebody still holds belong to the usual stream: here they join the recording."""
    set_override_stale_capture_stream(True)
    try:
        yield
    finally:
        set_override_stale_capture_stream(False)


def renewed(random: torch.Generator, state: Tensor) -> torch.Generator:
    """Another generator on the same device that continues from ``state``."""
    fresh = torch.Generator(device=random.device)
    fresh.set_state(state)
    return fresh


class _Rate:
    """An Adam's learning rate in a tensor on the device, where a recorded step reads it."""

    def __init__(self, optimizer: torch.optim.Adam) -> None:
        self._group = optimizer.param_groups[0]
        self._value = self._group["lr"]
        device = self._group["params"][0].device
        # CUDA's Adam reads a float32, to which it rounds a number as well; the CPU's computes with the number itself.
        dtype = torch.float32 if device.type == "cuda" else torch.float64
        self._tensor = torch.full((), self._value, dtype=dtype, device=device)

    def follow(self) -> None:
        """Take over the optimiser's present rate."""
        if self._group["lr"] != self._value:
            self._value = self._group["lr"]
            self._tensor.fill_(self._value)

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within it the optimiser steps by the tensor. Outside, and in states that are kept, its rate is a number."""
        usual = {name: self._group[name] for name in ("lr", "capturable")}
        # Capturable changes nothing of the fused step, but without it Adam refuses to be recorded.
        self._group.update(lr=self._tensor, capturable=self._tensor.is_cuda)
        try:
            yield
        finally:
            self._group.update(usual)


@dataclass(frozen=True)
class Outcome:
    """What updates leave besides weights and optimisers' memory: tensors that may be overwritten, replaced or dropped."""

    measured: Mapping[Network, Mapping[str, Tensor]]
    last_noise: Tensor | None
    gradients: tuple[tuple[nn.Parameter, Tensor | None], ...]

    @classmethod
    def of(cls, gan: GAN) -> "Outcome":
        """What the last updates of ``gan`` have left, as it lies there: no copy."""
        parameters = (*gan.generator.parameters(), *gan.discriminator.parameters())
        return cls(dict(gan.measured), gan.last_noise, tuple((parameter, parameter.grad) for parameter in parameters))

    def put_into(self, gan: GAN) -> None:
        """Let these very tensors be what the last updates of ``gan`` have left."""
        gan.measured = dict(self.measured)
        gan.last_noise = self.last_noise
        for parameter, gradient in self.gradients:
            parameter.grad = gradient


class _Recorded:
    """The tensors through which an iteration that is recorded meets the rest of the run."""

    outcome: Outcome  # what it leaves, in memory that every replay fills anew

    def __init__(self, gan: GAN) -> None:
        config, device = gan.config, gan.device
        self._indices = torch.zeros(config.d_steps, config.batch_size, dtype=torch.int64, device=device).unbind()
        self._order: tuple[Tensor | None, Tensor] = (None, self._indices[0])  # the sampler's, and its copy there
        optimizers = (gan.optimizer_d, gan.optimizer_g)
        self._rates = [_Rate(optimizer) for optimizer in optimizers if isinstance(optimizer, torch.optim.Adam)]
        self.row = torch.zeros(len(COLUMNS), device=device)

    def iterate(self, gan: GAN) -> None:
        """One iteration along the reference path, on these tensors."""
        with ExitStack() as stack:
            for rate in self._rates:
                stack.enter_context(rate.used())
            gan.walk_iteration(self.row, iter(self._indices))

    def fill(self, gan: GAN) -> None:
        """Put in what the next iteration needs: its batches, drawn by the run's sampler, and the present rates."""
        sampler = gan.sampler
        for indices in self._indices:
            place = sampler.advance()
            if self._order[0] is not sampler.order:  # copied once a pass, because that waits for the device
                self._order = (sampler.order, sampler.order.to(indices.device))
            indices.copy_(self._order[1][place])
        for rate in self._rates:
            rate.follow()


class CudaGraphEngine:
    """A run's iterations: the first ones along the reference path, then one of them recorded, from then on replayed.

    Where an iteration cannot be recorded, all go on along the reference path, and ``failure`` says why.
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
        with nullcontext() if self.failure else self._recorder.apart():
            gan.walk_iteration(row)

    def follow(self, gan: GAN, changed: Collection[str]) -> bool:
        """Begin anew, unless the settings of these names are numbers that a replay reads."""
        optimizers = {"learning_rate_d": gan.optimizer_d, "learning_rate_g": gan.optimizer_g}
        # SGD takes its rate as a number: read from a tensor, it would round in another place.
        read = {name for name, optimizer in optimizers.items() if isinstance(optimizer, torch.optim.Adam)}
        if not set(changed) <= read:
            self.forget()
        return True

    def forget(self) -> None:
        """Begin anew: what was recorded is no longer the next iteration, or works in memory that was replaced."""
        self._recorder.forget()
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
            before.put_into(gan)
            if not isinstance(error, RuntimeError):
                raise
            self.failure = _reason(error)
        finally:  # the code has run through an iteration, but nothing was computed
            gan.iteration, gan.updates = iteration, updates

    def _replay(self, gan: GAN, recorded: _Recorded, row: Tensor) -> None:
        recorded.fill(gan)
        self._recorder.replay()
        recorded.outcome.put_into(gan)
        # Autograd did not see these weights change: a graph from before must refuse to go back.
        increment_version([parameter for parameter, _ in recorded.outcome.gradients])
        gan.iteration += 1
        gan.updates["D"] += gan.config.d_steps
        gan.updates["G"] += gan.config.g_steps
        row.copy_(recorded.row)


def _reason(error: BaseException) -> str:
    """The first line of the first error: a recording that broke off is reported once more when it is closed."""
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return next(iter(str(error).splitlines()), type(error).__name__)
