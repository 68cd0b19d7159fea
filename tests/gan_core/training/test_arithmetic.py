"""Where matrix products are computed."""

import pytest
import torch

from gan_core.config import GANConfig
from gan_core.training import arithmetic

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def as_before() -> object:
    """Whatever a test does, PyTorch's own switch stands as it stood."""
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_wide_float32_layers_on_the_cpu_go_to_onednn_if_that_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "onednn_computes_in_float32", lambda: True)
    config = GANConfig()
    chosen = arithmetic.choose_arithmetic(config, 784, CPU)
    assert chosen.onednn
    assert chosen.description.startswith("Products in float32 by oneDNN")
    small = config.replace(generator_hidden=(16,), discriminator_hidden=(16,))
    assert not arithmetic.choose_arithmetic(small, 784, CPU).onednn
    assert "layers this small" in arithmetic.choose_arithmetic(small, 784, CPU).description
    assert not arithmetic.choose_arithmetic(config, 784, torch.device("cuda")).onednn
    monkeypatch.setattr(arithmetic, "onednn_computes_in_float32", lambda: False)
    assert not arithmetic.choose_arithmetic(config, 784, CPU).onednn
    assert "not exact here" in arithmetic.choose_arithmetic(config, 784, CPU).description


def test_bfloat16_is_chosen_where_it_pays_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: True)
    wide = GANConfig(precision="bfloat16")
    small = wide.replace(generator_hidden=(16,), discriminator_hidden=(16,))
    assert arithmetic.choose_arithmetic(wide, 784, CPU).dtype == torch.bfloat16
    assert not arithmetic.choose_arithmetic(wide, 784, CPU).onednn
    assert arithmetic.choose_arithmetic(small, 2, CPU).dtype == torch.float32
    assert arithmetic.choose_arithmetic(small, 2, CPU).description.startswith(
        "float32 instead of bfloat16: with layers this small"
    )
    assert arithmetic.choose_arithmetic(wide.replace(precision="float32"), 784, CPU).dtype == torch.float32
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: False)
    assert arithmetic.choose_arithmetic(wide, 784, CPU).dtype == torch.float32
    assert "no instructions for bfloat16" in arithmetic.choose_arithmetic(wide, 784, CPU).description


def test_products_stay_float32() -> None:
    left, right = (torch.randn(300, 300, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    with arithmetic.choose_arithmetic(GANConfig(), 784, CPU).products():
        product = left @ right
    exact = left.double() @ right.double()
    assert float((product - exact).norm() / exact.norm()) < 1e-6


def test_bfloat16_computes_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: True)
    layer = torch.nn.Linear(8, 8)
    with arithmetic.choose_arithmetic(GANConfig(precision="bfloat16"), 784, CPU).forward():
        assert layer(torch.ones(2, 8)).dtype == torch.bfloat16
    with arithmetic.choose_arithmetic(GANConfig(), 784, CPU).forward():
        assert layer(torch.ones(2, 8)).dtype == torch.float32


def test_an_error_inside_leaves_the_switch_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), arithmetic.onednn():
        raise ZeroDivisionError


def test_in_one_thread_the_rest_is_as_before() -> None:
    before = torch.get_num_threads()
    assert arithmetic.in_one_thread(torch.get_num_threads) == 1
    with pytest.raises(ZeroDivisionError):
        arithmetic.in_one_thread(lambda: 1 / 0)
    assert torch.get_num_threads() == before
