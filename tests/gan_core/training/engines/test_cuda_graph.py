"""The CUDA graph engine equals the reference path, bit for bit, at every point of a run.

Without a GPU a substitute takes the graph's place. It behaves like a graph: recording computes nothing and leaves
tensors without meaning; a replay computes into the same tensors without executing the trainer's Python. Only the
capture itself is not tested this way; the tests at the end need a GPU and test it.
"""

import copy
import gc
import itertools
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gan_core import GANConfig, Trainer
from gan_core.data.dataset import Dataset
from gan_core.data.drawing import STARTER, pack, unpack
from gan_core.data.sampler import BatchSampler
from gan_core.metrics import COLUMNS
from gan_core.training.engines.cuda_graph import WARM_UPS, CudaGraphEngine, CudaRecorder, Outcome, copy_generator
from gan_core.training.gan import GAN
from tests.gan_core.support import autograd, needs_cuda, points, same, tiny
from tests.gan_core.training.test_trainer import OTHER, everything

pytestmark = pytest.mark.usefixtures("always_bfloat16")

LIVE = [setting.name for setting in GANConfig.settings() if setting.live]


def tensors_of(outcome: Outcome) -> list[Tensor]:
    """Return its tensors, each once, in a fixed order."""
    measured = [outcome.measured[network][name] for network in ("D", "G") for name in sorted(outcome.measured[network])]
    assert outcome.last_noise is not None
    return [*measured, outcome.last_noise, *(gradient for _, gradient in outcome.gradients if gradient is not None)]


class Substitute:
    """A recorder that calls the recorded function again and otherwise behaves like a graph."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.iteration: Callable[[], None] | None = None
        self.records = self.replays = self.warm_ups = 0

    @contextmanager
    def side_stream(self) -> Iterator[None]:
        self.warm_ups += 1
        yield

    def record(self, iteration: Callable[[], None]) -> None:
        trainer = self.trainer
        before = copy.deepcopy([self.device_state(), [random.get_state() for random in trainer.random.values()]])
        iteration()
        state = self.device_state()
        assert len(state) == len(before[0]), "an optimiser allocated its state in a recording"
        for there, then in zip(state, before[0], strict=True):
            there.copy_(then)
        for random, then in zip(trainer.random.values(), before[1], strict=True):
            random.set_state(then)
        for tensor in tensors_of(Outcome.of(trainer)):
            tensor.fill_(7)  # nothing was computed: the memory holds arbitrary values
        self.made = Outcome.of(trainer)
        self.iteration = iteration
        self.records += 1

    def replay(self) -> None:
        assert self.iteration is not None
        trainer = self.trainer
        shown, iteration, updates = Outcome.of(trainer), trainer.iteration, dict(trainer.updates)
        self.iteration()
        for here, computed in zip(tensors_of(self.made), tensors_of(Outcome.of(trainer)), strict=True):
            here.copy_(computed)
        shown.restore(trainer)
        trainer.iteration, trainer.updates = iteration, updates
        self.replays += 1

    def reset(self) -> None:
        self.iteration = None

    def device_state(self) -> list[Tensor]:
        """Return all tensors that training changes, without random generators."""
        trainer = self.trainer
        optimizers = (trainer.optimizer_g, trainer.optimizer_d)
        memory = [state[name] for optimizer in optimizers for state in optimizer.state.values() for name in state]
        modules = (trainer.generator, trainer.discriminator)
        held = [tensor.detach() for module in modules for tensor in module.state_dict().values()]
        return [*held, *(tensor for tensor in memory if tensor is not None)]


class Reference(Trainer):
    """A trainer on the reference path."""

    def __init__(self, config: GANConfig, dataset: Dataset | None = None) -> None:
        super().__init__(config, dataset, make_engine=autograd)


class OnGraph(Trainer):
    """A trainer with the CUDA graph engine on a ``Substitute``, or on the recorder that ``make_recorder`` makes."""

    recorder: Any

    def __init__(self, config: GANConfig, dataset: Dataset | None = None, make_recorder: Any = Substitute) -> None:
        def make_engine(gan: GAN) -> CudaGraphEngine:
            self.recorder = make_recorder(gan)
            return CudaGraphEngine(self.recorder)

        super().__init__(config, dataset, make_engine=make_engine)


def pair(config: GANConfig) -> tuple[Any, Reference]:
    """Return two runs of the same settings: on the substitute, and on the reference path."""
    return OnGraph(config, points()), Reference(config, points())


def gradients(trainer: Trainer) -> list[Tensor | None]:
    return [p.grad for p in (*trainer.generator.parameters(), *trainer.discriminator.parameters())]


def equal_state(one: Trainer, other: Trainer) -> bool:
    """Return whether two trainers' states and gradients are equal bit for bit."""
    return same(one.state_dict(), other.state_dict()) and same(gradients(one), gradients(other))


# Equality ----------------------------------------------------------------------------------------------------

widths = st.lists(st.integers(1, 20), min_size=1, max_size=3).map(tuple)
rates = st.sampled_from([0.0, 2e-4, 0.05])
optimizers = st.sampled_from(["adam", "sgd"])
configs = st.builds(
    GANConfig,
    device=st.just("cpu"),
    generator_batch_norm=st.booleans(),
    discriminator_batch_norm=st.booleans(),
    batch_norm_momentum=st.sampled_from([0.0, 0.7, 1.0]),
    latent_dim=st.integers(1, 20),
    noise=st.sampled_from(["normal", "uniform"]),
    generator_hidden=widths,
    discriminator_hidden=widths,
    leaky_slope=st.sampled_from([0.0, 0.2, 1.0]),
    batch_size=st.integers(2, 40),
    d_steps=st.integers(1, 3),
    g_steps=st.integers(1, 3),
    update_order=st.sampled_from(["d_first", "g_first", "simultaneous"]),
    loss=st.sampled_from(["bce", "bce_saturating", "least_squares", "wasserstein_gp"]),
    optimizer_d=optimizers,
    optimizer_g=optimizers,
    sgd_momentum=st.sampled_from([0.0, 0.5]),
    learning_rate_d=rates,
    learning_rate_g=rates,
    precision=st.sampled_from(["float32", "bfloat16"]),
    seed=st.integers(0, 1000),
)


@settings(max_examples=20)
@given(configs)
def test_replays_equal_the_reference_path_bit_for_bit(config: GANConfig) -> None:
    replayed, walked = pair(config)
    for _ in range(WARM_UPS + 3):
        assert same(list(replayed.step()), list(walked.step()))
        assert equal_state(replayed, walked)
    assert (replayed.recorder.warm_ups, replayed.recorder.records, replayed.recorder.replays) == (WARM_UPS, 1, 3)
    for network in ("D", "G"):
        assert replayed.last_losses(network) == walked.last_losses(network)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
@pytest.mark.parametrize("chosen", [None, torch.arange(3, 20)])
def test_replays_read_their_batches_from_every_kind_of_dataset(dtype: torch.dtype, chosen: Tensor | None) -> None:
    samples = (points().samples * 100 + 128).to(dtype) if dtype == torch.uint8 else points().samples
    dataset = Dataset("points", "Points", samples, (6,), chosen=chosen)
    replayed, walked = (kind(tiny(d_steps=3), dataset) for kind in (OnGraph, Reference))
    for _ in range(8):  # epochs end within an iteration
        assert same(list(replayed.step()), list(walked.step()))
    assert replayed.sampler.epoch >= 4
    assert equal_state(replayed, walked)


def test_advance_returns_the_position_of_the_batch_that_next_returns() -> None:
    advanced, other = (BatchSampler(10, 3, torch.Generator().manual_seed(5)) for _ in range(2))
    orders = []
    for _ in range(7):
        batch = advanced.advance()
        assert same(advanced.order[batch], other.next())
        orders.append(advanced.order)
    assert [order is orders[0] for order in orders] == [True] * 3 + [False] * 4  # each epoch has a new tensor


# Sequences ---------------------------------------------------------------------------------------------------


def walked(trainer: Trainer) -> None:
    for turn in trainer.turns():
        for _ in trainer.walk_turn(turn):
            pass
    trainer.finish_iteration()


def steps(trainer: Trainer) -> None:
    """Train enough iterations for a recording and replays."""
    for _ in range(WARM_UPS + 2):
        trainer.step()


def return_to_earlier_state(trainer: Trainer) -> None:
    """Return to an earlier state, as after a divergence."""
    state = trainer.state_dict()
    trainer.step()
    trainer.load_state_dict(state)


def change(**values: Any) -> Callable[[Trainer], None]:
    return lambda trainer: trainer.reconfigure(trainer.config.replace(**values))


ACTIONS: dict[str, Callable[[Trainer], object]] = {
    "step": Trainer.step,
    "steps": steps,
    "walk": walked,
    "D": lambda trainer: trainer.update("D"),
    "G": lambda trainer: trainer.update("G"),
    "D, then finish": lambda trainer: (trainer.step(), trainer.update("D"), trainer.finish_iteration()),
    "back": return_to_earlier_state,
    "keep": lambda trainer: trainer.load_state_dict(trainer.state_dict()),
    "nothing": change(),
    "rate of G": change(learning_rate_g=0.01),
    "rate of D": change(learning_rate_d=0.0),
    "both rates": change(learning_rate_g=1e-3, learning_rate_d=3e-3),
    "ratio": change(d_steps=2, g_steps=1),
    "other ratio": change(d_steps=1, g_steps=3),
    "order": change(update_order="simultaneous"),
    "other order": change(update_order="g_first"),
    "slope": change(leaky_slope=0.1),
    "momenta": change(adam_beta1=0.3, adam_beta2=0.99, sgd_momentum=0.9),
    "penalty": change(loss="wasserstein_gp", gradient_penalty=2.0),
    "squares": change(loss="least_squares"),
}


@settings(max_examples=25)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=2, max_size=8), optimizers)
def test_replays_equal_the_reference_path_between_any_other_actions(actions: list[str], optimizer_d: Any) -> None:
    replayed, other = pair(tiny(d_steps=1, g_steps=2, optimizer_d=optimizer_d))
    steps(replayed)
    steps(other)
    for action in actions:
        ACTIONS[action](replayed)
        ACTIONS[action](other)
        assert equal_state(replayed, other)
        for network in ("D", "G"):
            assert replayed.last_losses(network) == other.last_losses(network)  # type: ignore[arg-type]
    steps(replayed)
    steps(other)
    assert equal_state(replayed, other)
    assert replayed.recorder.replays >= 4


@pytest.mark.parametrize("name", LIVE)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_live_setting_applies_from_the_next_iteration(name: str, optimizer: Any) -> None:
    replayed, other = pair(tiny(optimizer_d=optimizer, optimizer_g=optimizer, generator_batch_norm=True))
    steps(replayed)
    steps(other)
    for trainer in (replayed, other):
        change(**{name: OTHER[name]})(trainer)
    steps(replayed)
    steps(other)
    assert equal_state(replayed, other)


def test_a_change_of_adams_learning_rate_keeps_the_recording_and_others_drop_it() -> None:
    trainer, _ = pair(tiny(optimizer_d="sgd"))
    steps(trainer)
    for kept in ("rate of G", "nothing", "walk", "D", "G"):
        ACTIONS[kept](trainer)
        trainer.step()
        assert trainer.recorder.records == 1
    for count, anew in enumerate(("rate of D", "ratio", "order", "slope", "momenta", "penalty", "keep"), 2):
        ACTIONS[anew](trainer)
        replays = trainer.recorder.replays
        trainer.step()
        assert (trainer.recorder.iteration, trainer.recorder.replays) == (None, replays)  # no old recording is replayed
        steps(trainer)
        assert trainer.recorder.records == count


def test_a_new_drawing_is_used_from_the_next_iteration() -> None:
    config = tiny(dataset="drawn", drawing=STARTER)
    drawn, other = OnGraph(config), Reference(config)
    for trainer in (drawn, other):
        steps(trainer)
        change(drawing=pack(~unpack(STARTER)))(trainer)
        steps(trainer)
    assert equal_state(drawn, other)


# State and metrics -------------------------------------------------------------------------------------------


def test_a_saved_state_equals_the_reference_paths() -> None:
    """The learning rate in it is a number, not the tensor on the device."""
    replayed, other = pair(tiny(learning_rate_g=2e-4))
    steps(replayed)
    steps(other)
    assert same(everything(replayed), everything(other))  # saved, and loaded with weights_only
    for optimizer in (replayed.optimizer_g, replayed.optimizer_d):
        (group,) = optimizer.param_groups
        assert (group["lr"], group["capturable"]) == (2e-4, False)
        assert type(group["lr"]) is float
    one, another = OnGraph(tiny(), points()), Reference(tiny(), points())
    one.load_state_dict(everything(other))
    another.load_state_dict(everything(replayed))
    for _ in range(WARM_UPS + 2):
        assert same(list(one.step()), list(another.step()))


def test_a_later_step_does_not_change_returned_metrics() -> None:
    trainer, _ = pair(tiny())
    steps(trainer)
    first = trainer.step()
    then = [value.clone() for value in first]
    trainer.step()
    assert same(list(first), then)


def test_step_into_writes_what_step_returns() -> None:
    into, given_back = (OnGraph(tiny(), points()) for _ in range(2))
    rows = torch.zeros(WARM_UPS + 3, len(COLUMNS))
    for row in rows:
        into.step_into(row)
        assert same(list(row), list(given_back.step()))


def test_backward_through_an_autograd_graph_from_before_a_replay_raises() -> None:
    """Weights that changed since the forward pass would give wrong gradients."""
    trainer, _ = pair(tiny(generator_batch_norm=False))
    steps(trainer)
    versions = [parameter._version for parameter in trainer.generator.parameters()]
    trainer.recorder.replay = lambda: None  # like a graph, hides the change from autograd
    trainer.step()
    assert all(p._version > v for p, v in zip(trainer.generator.parameters(), versions, strict=True))
    walk = trainer.walk("G")
    while next(walk).name != "loss":
        pass
    trainer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        list(walk)


def test_a_walk_begun_before_a_replay_continues_with_the_samplers_batches() -> None:
    replayed, other = pair(tiny())
    for trainer in (replayed, other):
        steps(trainer)
        walk = trainer.walk("D")
        trainer.step()
        list(walk)
    assert equal_state(replayed, other)


def test_the_engine_has_a_name_and_a_description() -> None:
    trainer, reference = pair(tiny())
    assert trainer.engine.name == "CUDA graph"
    assert trainer.engine.description == "Updates by a CUDA graph: a whole iteration is one launch."
    assert reference.engine.name == "autograd"
    assert Trainer(tiny(), points()).engine.name == "manual"


def test_a_trainer_is_freed_without_garbage_collection() -> None:
    """A reference cycle would keep networks and data in the GPU's memory until Python collects cycles."""

    class WithoutGpu(CudaRecorder):
        def side_stream(self) -> AbstractContextManager[None]:
            return nullcontext()

        def record(self, iteration: Callable[[], None]) -> None:
            iteration()

        def replay(self) -> None:
            pass

    trainer = Trainer(tiny(), points(), lambda gan: CudaGraphEngine(WithoutGpu(gan.device, gan.random)))
    steps(trainer)
    gone = weakref.ref(trainer)
    gc.disable()
    try:
        del trainer
        assert gone() is None
    finally:
        gc.enable()


# Failed recordings -----------------------------------------------------------------------------------------


class FailingRecorder(Substitute):
    """A recorder that raises ``error`` instead of recording, after ``after`` successes."""

    error: BaseException = RuntimeError("operation not permitted when stream is capturing\nCompile with …")
    after = 0

    def record(self, iteration: Callable[[], None]) -> None:
        super().record(iteration)
        if self.records > self.after:
            self.iteration = None
            raise self.error


@pytest.mark.parametrize("after", [0, 1])
def test_after_a_failed_recording_the_reference_path_computes_all_iterations(
    after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FailingRecorder, "after", after)
    broken, other = OnGraph(tiny(), points(), FailingRecorder), Reference(tiny(), points())
    for name in (*["step"] * 6, "order", *["step"] * 6, "D", "walk", "keep", *["step"] * 6):
        ACTIONS[name](broken)
        ACTIONS[name](other)
        assert equal_state(broken, other)
    assert broken.recorder.records == after + 1  # not tried again
    assert broken.engine.name == "autograd"
    assert broken.engine.description == (
        "Updates by PyTorch's autograd. An iteration cannot be recorded as a CUDA graph: operation not permitted when "
        "stream is capturing"
    )


def test_the_description_gives_the_first_error_of_a_failed_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    def closing(self: Substitute, iteration: Callable[[], None]) -> None:
        try:
            raise RuntimeError("")
        except RuntimeError:
            raise RuntimeError("the capture was invalidated before") from None

    monkeypatch.setattr(FailingRecorder, "record", closing)
    trainer = OnGraph(tiny(), points(), FailingRecorder)
    steps(trainer)
    assert trainer.engine.description.endswith("as a CUDA graph: RuntimeError")


def test_an_interrupted_recording_raises_and_does_not_change_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FailingRecorder, "error", KeyboardInterrupt())
    broken, other = OnGraph(tiny(), points(), FailingRecorder), Reference(tiny(), points())
    for _ in range(WARM_UPS):
        broken.step()
        other.step()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            broken.step()
        assert equal_state(broken, other)
    assert broken.engine.name == "CUDA graph"
    monkeypatch.setattr(FailingRecorder, "after", 9)
    assert same(list(broken.step()), list(other.step()))
    assert equal_state(broken, other)


def test_a_copied_generator_continues_the_random_stream() -> None:
    random = torch.Generator().manual_seed(4)
    torch.rand(5, generator=random)
    other = copy_generator(random, random.get_state())
    assert other is not random
    assert same(torch.rand(7, generator=random), torch.rand(7, generator=other))


# The recorder's calls to a fake torch.cuda -------------------------------------------------------------------


class FakeStream:
    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.calls = name, calls

    def wait_stream(self, other: "FakeStream") -> None:
        self.calls.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace ``torch.cuda`` and return the list of calls to it."""
    calls: list[str] = []
    usual, count = FakeStream("usual", calls), itertools.count(1)

    class Graph:
        def register_generator_state(self, random: torch.Generator) -> None:
            calls.append(f"register {random.initial_seed()}")

        def replay(self) -> None:
            calls.append("replay")

    @contextmanager
    def on(stream: FakeStream) -> Iterator[None]:
        calls.append(f"on {stream.name}")
        try:
            yield
        finally:
            calls.append(f"off {stream.name}")

    @contextmanager
    def graph(graph: Graph, stream: FakeStream, capture_error_mode: str) -> Iterator[None]:
        calls.append(f"capture on {stream.name}, {capture_error_mode}")
        yield
        calls.append("captured")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: FakeStream(f"side {next(count)}", calls))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: usual)
    monkeypatch.setattr(torch.cuda, "stream", on)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: calls.append(f"synchronize {device}"))
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.13.0+cu130"))
    return calls


def recorder() -> CudaRecorder:
    return CudaRecorder(torch.device("cuda:3"), {"a": torch.Generator().manual_seed(1)})


def test_warm_up_and_recording_share_a_stream(calls: list[str]) -> None:
    on_gpu = recorder()
    on_gpu.reset()
    assert calls == []  # the device is not used before the first iteration
    with on_gpu.side_stream():
        calls.append("warm up")
    aside = ["side 1 waits for usual", "on side 1", "off side 1", "usual waits for side 1"]
    assert calls == [*aside[:2], "warm up", *aside[2:]]
    calls.clear()
    on_gpu.record(lambda: calls.append("iteration"))
    captured = ["register 1", "capture on side 1, thread_local", "iteration", "captured"]
    assert calls == [*aside[:2], *captured, *aside[2:]]
    calls.clear()
    on_gpu.replay()
    on_gpu.reset()
    on_gpu.reset()
    assert calls == ["replay", "synchronize cuda:3"]


def test_generators_are_not_registered_from_pytorch_2_14_on(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.14.0"))
    recorder().record(lambda: None)
    assert "captured" in calls
    assert not any(call.startswith("register") for call in calls)


def test_a_failed_recording_restores_stream_generators_and_autograd(calls: list[str]) -> None:
    random = {"a": torch.Generator().manual_seed(1)}
    old, expected = random["a"], torch.rand(3, generator=torch.Generator().manual_seed(1))

    def iteration() -> None:
        assert torch._C._override_stale_capture_stream()
        torch.rand(9, generator=old)
        raise RuntimeError("not while capturing")

    with pytest.raises(RuntimeError, match="not while capturing"):
        CudaRecorder(torch.device("cuda:3"), random).record(iteration)
    assert calls[-2:] == ["off side 1", "usual waits for side 1"]
    assert not torch._C._override_stale_capture_stream()
    assert random["a"] is not old
    assert same(torch.rand(3, generator=random["a"]), expected)


# On a GPU -----------------------------------------------------------------------------------------------------


def on_gpu(config: GANConfig, dataset: Dataset | None = None) -> tuple[Trainer, Reference]:
    """Return two runs of the same settings on a GPU: with a real CUDA graph, and on the reference path."""
    config = config.replace(device="cuda")
    return Trainer(config, dataset), Reference(config, dataset)


GPU_RUNS: list[dict[str, Any]] = [
    {},
    {"update_order": "simultaneous", "d_steps": 2},
    {"update_order": "g_first", "discriminator_batch_norm": True, "noise": "uniform"},
    {"loss": "wasserstein_gp", "d_steps": 3, "g_steps": 1, "discriminator_batch_norm": False},
    {"optimizer_d": "sgd", "optimizer_g": "sgd", "sgd_momentum": 0.5, "loss": "least_squares"},
    {"precision": "bfloat16", "discriminator_batch_norm": True},
]


@needs_cuda
@pytest.mark.parametrize("run", GPU_RUNS, ids=lambda run: "-".join(map(str, run.values())))
def test_on_a_gpu_replays_equal_the_reference_path_over_1000_iterations(run: dict[str, Any]) -> None:
    """Both execute the same deterministic kernels on the same numbers."""
    replayed, reference = on_gpu(GANConfig(**run))
    ours, theirs = (torch.zeros(1000, len(COLUMNS), device="cuda") for _ in range(2))
    for one, other in zip(ours, theirs, strict=True):
        replayed.step_into(one)
        reference.step_into(other)
    assert replayed.engine.name == "CUDA graph", replayed.engine.description
    assert same(ours, theirs)
    assert equal_state(replayed, reference)


@needs_cuda
def test_on_a_gpu_setting_changes_act_as_on_the_reference_path() -> None:
    replayed, reference = on_gpu(tiny(discriminator_batch_norm=True), points())
    for name in ("rate of G", "ratio", "order", "rate of D", "slope", "momenta", "both rates", "penalty", "squares"):
        for trainer in (replayed, reference):
            steps(trainer)
            ACTIONS[name](trainer)
            steps(trainer)
        assert equal_state(replayed, reference), name
    assert replayed.engine.name == "CUDA graph", replayed.engine.description


@needs_cuda
@settings(max_examples=25)
@given(st.lists(st.sampled_from(sorted(ACTIONS)), min_size=2, max_size=8), optimizers)
def test_on_a_gpu_replays_equal_the_reference_path_between_any_other_actions(
    actions: list[str], optimizer_d: Any
) -> None:
    replayed, reference = on_gpu(tiny(optimizer_d=optimizer_d), points())
    for action in ("steps", *actions, "steps"):
        ACTIONS[action](replayed)
        ACTIONS[action](reference)
        assert equal_state(replayed, reference)
    assert replayed.engine.name == "CUDA graph", replayed.engine.description


@needs_cuda
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream")
def test_on_a_gpu_an_unfinished_walk_does_not_change_the_run() -> None:
    """Its autograd nodes belong to another stream than the recording."""
    replayed, reference = on_gpu(tiny(), points())
    held = []
    for trainer in (replayed, reference):
        walk = trainer.walk("G")
        while (stage := next(walk)).name != "gradients":
            held.append(stage)
        steps(trainer)
        held.append(walk)
    assert same(replayed.state_dict(), reference.state_dict())


@needs_cuda
def test_on_a_gpu_after_a_failed_recording_the_reference_path_computes_all_iterations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An iteration that waits for the device cannot be recorded."""
    batch = Dataset.batch

    def waiting(dataset: Dataset, indices: Tensor, out: Tensor | None = None) -> Tensor:
        samples = batch(dataset, indices, out)
        assert samples.sum().item() is not None
        return samples

    monkeypatch.setattr(Dataset, "batch", waiting)
    broken, reference = on_gpu(tiny(), points())
    for _ in range(4 * WARM_UPS):
        assert same(list(broken.step()), list(reference.step()))
        assert equal_state(broken, reference)
    assert broken.engine.name == "autograd"
    assert "cannot be recorded as a CUDA graph: " in broken.engine.description
