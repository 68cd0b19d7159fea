"""A page that draws nothing but what the session needs: its layout never changes."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session.run import PageState
from dashboard.session.tab import Tab
from gan_core.runs.registry import Registry
from tests.dashboard.conftest import SMALL, healthy


def _page() -> None:
    import streamlit as st

    from dashboard.session import address, commands, datasets, run
    from gan_core.data import DATASETS
    from gan_core.runs.protocol import Step

    address.arrive()
    st.session_state["state"] = run.refresh()
    address.remember_in_address()
    st.session_state["share_link"] = address.share_link()
    st.selectbox("Dataset", list(DATASETS), key="dataset", on_change=datasets.choose_dataset)
    for key, action, arguments in (
        ("start", commands.start, ()),
        ("step", commands.reconcile_and_send, (Step(1),)),
        ("reset", commands.reset, ()),
        ("discard", commands.discard_changes, ()),
        ("cancel_download", datasets.cancel_download, ()),
    ):
        st.button(key, key=key, on_click=action, args=arguments)


def arriving(**query: str) -> AppTest:
    """Return the page of a new visitor who opens an address, before its first script run."""
    page = AppTest.from_function(_page, default_timeout=30)
    for name, text in query.items():
        page.query_params[name] = text
    return page


@pytest.fixture
def page(registry: Registry) -> AppTest:
    """The page of a new visitor, with small networks."""
    made = arriving()
    for name, value in SMALL.items():
        made.session_state[name] = value
    return healthy(made.run())


@pytest.fixture
def trained(page: AppTest) -> AppTest:
    """The same page, whose run has trained one iteration."""
    return press(page, "step")


def press(page: AppTest, key: str) -> AppTest:
    return healthy(page.button(key=key).click().run())


def choose(page: AppTest, dataset: str) -> AppTest:
    return healthy(page.selectbox(key="dataset").set_value(dataset).run())


def change(page: AppTest, **settings: object) -> AppTest:
    """Move widgets."""
    for name, value in settings.items():
        page.session_state[name] = value
    return healthy(page.run())


def state(page: AppTest) -> PageState:
    """Return what the page was drawn from."""
    found: PageState = page.session_state["state"]
    return found


def tab(page: AppTest) -> Tab:
    found: Tab = page.session_state["tab"]
    return found
