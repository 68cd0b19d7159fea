"""The config's device name → an available device."""

import pytest
import torch

from gan_core.device import DeviceUnavailable, available_devices, device_words, resolve_device
from tests.gan_core.support import needs_cuda


def test_every_available_device_can_be_used() -> None:
    available = available_devices()
    assert available[-1] == "cpu"
    for name in available:
        assert resolve_device(name).type == name
        torch.zeros(1, device=resolve_device(name))
    assert resolve_device("auto").type == available[0]


def test_without_a_gpu_auto_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert available_devices() == ("cpu",)
    assert resolve_device("auto") == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps"):
        sentence = rf"^Device = '{name}' is not possible; it should be one of 'auto', 'cpu', as this .*\.$"
        with pytest.raises(DeviceUnavailable, match=sentence):
            resolve_device(name)


def test_with_a_gpu_auto_is_the_gpu_and_indices_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda")
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceUnavailable, match=r"^Device = 'cuda:2' is not possible"):
        resolve_device("cuda:2")


def test_devices_are_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 1)
    assert device_words(torch.device("cpu")) == "CPU, 1 thread"
    monkeypatch.setattr("torch.get_num_threads", lambda: 2)
    assert device_words(torch.device("cpu")) == "CPU, 2 threads"
    assert device_words(torch.device("mps")) == "Apple GPU"


@needs_cuda
def test_a_gpu_is_described_by_its_name() -> None:
    assert device_words(torch.device("cuda")) == f"CUDA, {torch.cuda.get_device_name(0)}"
