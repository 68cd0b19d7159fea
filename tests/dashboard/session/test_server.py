"""What the server holds for all pages."""

import pytest
import streamlit as st

from dashboard.session import server


def test_clear_caches_leaves_the_runs_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any visitor can clear Streamlit's caches, for all."""
    monkeypatch.setattr(server, "start_fork_server", lambda: None)
    before = server.registry()
    st.cache_resource.clear()
    assert server.registry() is before
    before.close()
    server.registry.__wrapped__.cache_clear()
    st.cache_resource.clear()
