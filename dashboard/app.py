"""The entry: ``streamlit run dashboard/app.py``. Navigation, nothing else.

Streamlit runs this file for each visitor, as "__main__"; its server imports it once, under another name, for ``app``.
"""

# A run's child process imports this file too, as "__mp_main__": there it must do nothing.
if __name__ != "__mp_main__":
    import sys
    from pathlib import Path

    # Streamlit puts this file's folder on the path; the packages stand beside it.
    root = str(Path(__file__).resolve().parents[1])
    if root not in sys.path:
        sys.path.insert(0, root)

    import streamlit as st
    from starlette.middleware import Middleware

    from dashboard.live.answer import routes
    from dashboard.live.browser import BrowserSecret
    from dashboard.live.security import ContentSecurityPolicy
    from dashboard.live.signals import ended_by_signals
    from dashboard.live.uploads import UploadLimit

    middleware = [Middleware(ContentSecurityPolicy), Middleware(BrowserSecret), Middleware(UploadLimit)]
    app = st.App(
        __file__,
        lifespan=ended_by_signals,
        routes=routes(st.get_option("server.baseUrlPath")),
        middleware=middleware,
    )

if __name__ == "__main__":
    from functools import partial
    from typing import Any

    from dashboard.views import PAGES, teacher

    here = Path(__file__).parent
    # A file, because the browser would fetch an icon by name from another host.
    st.set_page_config(page_title="GAN training", page_icon=here / "icon.svg", layout="wide")
    st.html(f"<style>{(here / 'page.css').read_text(encoding='utf-8')}</style>")
    st.html(f"<script>{(here / 'history.js').read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)
    links: dict[str, Any] = {}
    for page in PAGES:
        show = partial(page.show, links)
        links[page.url_path] = st.Page(show, title=page.title, url_path=page.url_path, default=page.default)
    for_teacher = st.Page(teacher.show, title=teacher.TITLE, url_path=teacher.URL_PATH)
    st.navigation([*links.values(), for_teacher], position="hidden").run()
