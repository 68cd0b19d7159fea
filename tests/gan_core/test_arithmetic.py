"""Where matrix products are computed."""

import pytest
import torch

from gan_core import arithmetic
from gan_core.config import GANConfig

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
    assert arithmetic.pays(config, CPU)
    assert not arithmetic.pays(config.replace(discriminator_hidden=(512, 16)), CPU)
    assert not arithmetic.pays(config.replace(precision="bfloat16"), CPU)
    assert not arithmetic.pays(config, torch.device("cuda"))
    monkeypatch.setattr(arithmetic, "onednn_computes_in_float32", lambda: False)
    assert not arithmetic.pays(config, CPU)


def test_products_stay_float32() -> None:
    left, right = (torch.randn(300, 300, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    with arithmetic.products(GANConfig(), CPU):
        product = left @ right
    exact = left.double() @ right.double()
    assert float((product - exact).norm() / exact.norm()) < 1e-6


def test_bfloat16_computes_in_bfloat16() -> None:
    layer = torch.nn.Linear(8, 8)
    with arithmetic.arithmetic(GANConfig(precision="bfloat16"), CPU):
        assert layer(torch.ones(2, 8)).dtype == torch.bfloat16
    with arithmetic.arithmetic(GANConfig(), CPU):
        assert layer(torch.ones(2, 8)).dtype == torch.float32


def test_an_error_inside_leaves_the_switch_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "onednn_computes_in_float32", lambda: True)
    with pytest.raises(ZeroDivisionError), arithmetic.products(GANConfig(), CPU):
        raise ZeroDivisionError
