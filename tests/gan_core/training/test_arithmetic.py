"""The choice of library and precision for matrix products."""

import pytest
import torch

from gan_core.config import GANConfig
from gan_core.training import arithmetic

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def restores_pytorchs_setting() -> object:
    """Check that each test leaves PyTorch's own setting unchanged."""
    before = torch.backends.mkldnn.matmul.fp32_precision
    yield
    assert torch.backends.mkldnn.matmul.fp32_precision == before


def test_onednn_computes_wide_float32_layers_on_the_cpu_if_it_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "no fast mode in full float32" in arithmetic.choose_arithmetic(config, 784, CPU).description


def test_bfloat16_is_used_only_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_products_are_exact_to_float32() -> None:
    left, right = (torch.randn(300, 300, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    with arithmetic.choose_arithmetic(GANConfig(), 784, CPU).products():
        product = left @ right
    exact = left.double() @ right.double()
    assert float((product - exact).norm() / exact.norm()) < 1e-6


def test_forward_passes_compute_in_the_chosen_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: True)
    layer = torch.nn.Linear(8, 8)
    with arithmetic.choose_arithmetic(GANConfig(precision="bfloat16"), 784, CPU).forward():
        assert layer(torch.ones(2, 8)).dtype == torch.bfloat16
    with arithmetic.choose_arithmetic(GANConfig(), 784, CPU).forward():
        assert layer(torch.ones(2, 8)).dtype == torch.float32


def test_an_error_within_the_onednn_context_restores_the_setting() -> None:
    with pytest.raises(ZeroDivisionError), arithmetic.onednn():
        raise ZeroDivisionError


def test_in_one_thread_restores_the_number_of_threads_even_after_an_error() -> None:
    before = torch.get_num_threads()
    assert arithmetic.in_one_thread(torch.get_num_threads) == 1
    with pytest.raises(ZeroDivisionError):
        arithmetic.in_one_thread(lambda: 1 / 0)
    assert torch.get_num_threads() == before
