"""Fixtures for pages without a browser and runs without processes."""

import base64
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard.session import server, state
from dashboard.session.tab import Tab
from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.history import History
from gan_core.runs.budget import Budget, within
from gan_core.runs.inline import InlineRunner
from gan_core.runs.protocol import Report, Step
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.runs.store import Store
from gan_core.runs.worker import Worker
from gan_core.snapshot import Snapshot

APP = str(Path(__file__).parents[2] / "dashboard" / "app.py")
SMALL = {"generator_hidden": "8", "discriminator_hidden": "8", "batch_size": 4, "latent_dim": 2}


class QuickRunner(InlineRunner):
    """Trains one iteration at each poll, however long the page would wait."""

    def poll(self, wait: float = 0.3) -> Report:
        return super().poll(0)


@pytest.fixture(autouse=True)
def main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore "__main__", which Streamlit replaces by a page's script: a later test's child process would import that."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Registry]:
    """The server's runs for one test, in this process."""
    made = Registry(QuickRunner, store=Store(tmp_path / "runs"))
    tabs: list[Tab] = []

    def new_tab(page: str) -> Tab:
        tabs.append(Tab(page=f"{page} {len(tabs)}"))  # in Streamlit's testing all pages have the same session
        return tabs[-1]

    monkeypatch.setattr(state, "Tab", new_tab)
    monkeypatch.setattr(server, "registry", lambda: made)
    monkeypatch.setattr(server, "browser_secret", lambda: "a browser")
    yield made
    made.close()
    for tab in tabs:  # Streamlit's testing never disconnects a session
        tab.close()


@pytest.fixture
def little_memory(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Budget:
    """A server on which a run may take 300 MB, but no second one beside it."""
    budget = Budget(300 * 10**6, 300 * 10**6)
    budget.make_room = registry._make_room
    monkeypatch.setattr(registry, "_budget", budget)
    monkeypatch.setattr(registry, "_make_runner", within(budget, registry._make_runner))
    return budget


def close_pages(run: Run) -> None:
    """Close every page that shows the run, as a browser does with a tab that is closed or reloaded."""
    run.pages.clear()


@pytest.fixture
def app(registry: Registry) -> AppTest:
    """The Train page, drawn for a new visitor with small networks."""
    app = AppTest.from_file(APP, default_timeout=30)
    for name, value in SMALL.items():
        app.session_state[name] = value
    return healthy(app.run())


def healthy(app: AppTest) -> AppTest:
    """Return the page after checking that it shows no traceback."""
    assert not app.exception, [error.message for error in app.exception]
    return app


def texts(app: AppTest) -> str:
    """Return all text on the page as markdown, that of live panels included."""
    live = [markdown(data["payload"]) for data in components(app).values() if "lines" in data.get("payload", {})]
    return "\n".join([*(element.value for element in (*app.markdown, *app.error, *app.caption)), *live])


def markdown(payload: dict[str, Any]) -> str:
    """Return a text payload as markdown, without its icons."""
    return "\n".join(
        "".join(f"**{span['text']}**" if span.get("bold") else span.get("text", "") for span in line)
        for line in payload["lines"]
    )


def component(app: AppTest, key: str) -> Any:
    """Return the data of one component of the page; of a live panel, its payload."""
    data = components(app)[key]
    return data.get("payload", data)


def png_of(payload: dict[str, Any]) -> bytes:
    """Return the file in an image payload."""
    kind, _, data = payload["src"].partition(",")
    assert kind == "data:image/png;base64"
    return base64.b64decode(data)


def follows(app: AppTest) -> dict[str, Any]:
    """Return what the page's script asks for: "address", "every"."""
    return components(app)["status"]["follow"]  # type: ignore[no-any-return]


def components(app: AppTest) -> dict[str, Any]:
    """Return the data of all components of the page by their keys, which their ids end with."""
    made = {element.proto.id.rpartition("-")[2]: element.proto.json for element in app.get("bidi_component")}
    found = {key: json.loads(data) for key, data in made.items()}
    assert all(isinstance(data, dict) for data in found.values()), "Streamlit sends str(data) where JSON fails"
    return found


def go_to(app: AppTest, url_path: str) -> AppTest:
    """Open another page. ``AppTest.switch_page`` knows only pages that are files; ours are functions."""
    app._page_hash = calc_hash(url_path)
    return healthy(app.run())


@pytest.fixture
def snapshot(tmp_path: Path) -> Callable[..., Snapshot]:
    """A real snapshot after ``iterations`` iterations of small networks, with any settings."""

    def make(iterations: int = 0, **settings: object) -> Snapshot:
        shape = {"generator_hidden": (8,), "discriminator_hidden": (8,), "batch_size": 4, "latent_dim": 2}
        folder = Path(tempfile.mkdtemp(dir=tmp_path))  # each run has its own
        if (tmp_path / OWN_FILE).exists():
            link(tmp_path / OWN_FILE, folder / OWN_FILE)
        worker = Worker("test", GANConfig(**{**shape, **settings}), folder)  # type: ignore[arg-type]
        worker.start()
        if iterations:
            worker.handle(Step(iterations))
        made = worker.report().snapshot
        assert made is not None
        return made

    return make


@pytest.fixture
def history_of() -> Callable[[int], History]:
    """A history of made-up metrics, ``iterations`` long."""
    import numpy as np

    from gan_core.metrics import COLUMNS

    def make(iterations: int) -> History:
        history = History()
        random = np.random.default_rng(0)
        history.extend(random.normal(0.7, 0.1, (iterations, len(COLUMNS))).astype(np.float32))
        return history

    return make
