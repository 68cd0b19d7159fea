"""Fixtures of the core's tests."""

import pytest

from gan_core.training import arithmetic


@pytest.fixture
def always_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use bfloat16 wherever it is configured, also in small networks and on any processor."""
    monkeypatch.setattr(arithmetic, "MIN_WORK_FOR_BFLOAT16", 0)
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: True)
