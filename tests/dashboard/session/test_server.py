"""What the server holds for all pages."""

import tomllib
from pathlib import Path

import pytest
import streamlit as st

from dashboard.session import server
from gan_core.files import PARTIAL
from gan_core.runs.registry import GRACE


def test_clear_caches_leaves_the_runs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any visitor can clear Streamlit's caches, for all."""
    monkeypatch.setattr(server, "start_fork_server", lambda: None)
    before = server.registry()
    st.cache_resource.clear()
    assert server.registry() is before
    before.close()
    server.registry.__wrapped__.cache_clear()
    st.cache_resource.clear()


def test_a_session_waits_for_its_page_as_long_as_the_run_does() -> None:
    """Otherwise a computer that wakes up from sleep shows a page whose clicks reach no session."""
    file = Path(server.__file__).parents[1] / ".streamlit" / "config.toml"
    assert tomllib.loads(file.read_text())["server"]["disconnectedSessionTTL"] >= GRACE


def test_a_new_server_removes_what_a_killed_one_left_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "start_fork_server", lambda: None)
    monkeypatch.setenv("GAN_DATA_DIR", str(tmp_path))
    (tmp_path / "MNIST").mkdir()
    half = tmp_path / "MNIST" / f"{PARTIAL}0-train-pictures.npy"
    half.touch()
    server.registry().close()
    assert not half.exists()
    server.registry.__wrapped__.cache_clear()
    st.cache_resource.clear()
