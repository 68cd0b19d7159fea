"""The benchmarks measure what they claim to. Nothing is timed here."""

import torch

from benchmarks import core, lecture, products, turns
from benchmarks.figures import Figure, table
from benchmarks.page import query_of
from benchmarks.quality import class_shares
from gan_core.config import GANConfig
from gan_core.data import load_dataset
from gan_core.metrics import COLUMNS
from gan_core.training.trainer import Trainer
from tests.gan_core.support import autograd

SMALL = core.LECTURE.replace(generator_hidden=(8,), discriminator_hidden=(8,), batch_size=16)


def test_products_lists_all_matrix_products_of_an_iteration() -> None:
    listed = products.products(core.LECTURE, 784)
    assert len(listed) == 46 + 7  # of the updates, and of D(G(z)) after G's step
    assert abs(sum(product.gigaflop for product in listed) - 4.32) < 0.01


def test_the_reference_path_computes_as_many_products() -> None:
    """PyTorch counts them; the reference path does not compute D's gradient by its real inputs either."""
    trainer = Trainer(core.LECTURE.replace(batch_size=16, loss="least_squares"), make_engine=autograd)
    made = []

    class Count(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if function.overloadpacket in (torch.ops.aten.mm, torch.ops.aten.addmm):
                made.append(function)
            return function(*args, **(kwargs or {}))

    with Count():
        trainer.step()
    assert len(made) == 46 + 7


def test_products_have_the_shapes_of_training() -> None:
    multiply = products.multiplication(products.products(SMALL, 4), lambda: torch.no_grad(), torch.float32)
    multiply()
    shapes = {(one.rows, one.inner, one.columns) for one in products.products(SMALL, 4)}
    assert (16, 100, 8) in shapes  # G's first layer
    assert (8, 32, 4) in shapes  # the gradient of D's first weights, from real and fake samples


def test_the_ratio_is_the_median_of_the_rounds_ratios() -> None:
    assert turns.ratio({"mine": [2.0, 30.0, 9.0], "theirs": [1.0, 10.0, 3.0]}, "mine", "theirs") == 3.0
    calls: list[str] = []
    rates = turns.alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 0.0, 2)
    assert calls[2 * turns.WARM_UP :] == ["a", "b", "a", "b"]
    assert [len(of_one) for of_one in rates.values()] == [2, 2]


def test_the_lectures_loop_trains_on_the_bundled_digits() -> None:
    loop = lecture.loop_on_digits(SMALL)
    weights = loop.G[0].weight.detach().clone()
    loop.iterate()
    assert not torch.equal(loop.G[0].weight, weights)
    real = next(loop.batches)
    assert real.shape == (16, 784)
    distances = torch.cdist(real, load_dataset(SMALL).samples).min(dim=1).values
    assert float(distances.max()) < 0.1  # the samples are rounded to bytes


def test_the_peer_on_2d_data_trains_on_batches_of_points() -> None:
    loop = lecture.loop_on_points(core.POINTS)
    loop.iterate()
    assert next(loop.batches).shape == (150, 2)
    row = torch.zeros(len(COLUMNS))
    Trainer(core.POINTS, make_engine=autograd).step_into(row)
    assert bool(row.isfinite().all())


def test_the_table_marks_a_missed_bar() -> None:
    fast = Figure("Fast", "slow", 2.5, bar=2.0)
    slow = Figure("Answer", "", 400, "ms", bar=300, at_most=True)
    free = Figure("Start", "", 3.0, "s")
    assert [figure.holds for figure in (fast, slow, free)] == [True, False, True]
    rows = table([fast, slow, free]).splitlines()[2:]
    assert "2.50 ×" in rows[0]
    assert "holds" in rows[0]
    assert "**missed**" in rows[1]
    assert "at most 300 ms" in rows[1]


def test_class_shares_of_real_images_are_those_of_their_class() -> None:
    dataset = load_dataset(core.LECTURE)
    assert dataset.labels is not None
    threes = dataset.samples[dataset.labels == 3]
    assert float(class_shares(threes)[3]) == 1.0


def test_a_query_holds_only_settings_other_than_the_lectures() -> None:
    assert query_of(GANConfig()) == ""
    assert query_of(GANConfig(latent_dim=2, generator_hidden=(16, 8))) == "latent_dim=2&generator_hidden=16%2C+8"
