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

    from dashboard.live.answer import routes

    app = st.App(__file__, routes=routes(st.get_option("server.baseUrlPath")))

if __name__ == "__main__":
    from dashboard.views import PAGES

    here = Path(__file__).parent
    # A file, because the browser would fetch an icon by name from another host.
    st.set_page_config(page_title="GAN training", page_icon=here / "icon.svg", layout="wide")
    # Streamlit leaves room for a taller header than this one.
    st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 4.4rem}</style>")
    st.html(f"<script>{(here / 'history.js').read_text(encoding='utf-8')}</script>", unsafe_allow_javascript=True)
    st.logo((here / "logo.svg").read_text(encoding="utf-8"), size="large")
    pages = [st.Page(page.show, title=page.title, url_path=page.url_path, default=page.default) for page in PAGES]
    st.navigation(pages, position="top").run()
