"""Fixtures of the core's tests."""

import pytest

from gan_core.training import arithmetic


@pytest.fixture
def bfloat16_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks compute in bfloat16 too, and on every processor: for tests of its numbers, not of its speed."""
    monkeypatch.setattr(arithmetic, "BFLOAT16_PAYS", 0)
    monkeypatch.setattr(arithmetic, "bfloat16_is_native", lambda: True)
