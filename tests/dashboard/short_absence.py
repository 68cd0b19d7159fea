"""Streamlit's command, which removes what a page has uploaded two seconds after it was closed."""

if __name__ == "__main__":
    from streamlit.web.cli import main

    from dashboard.session import server

    server.PAUSE_AFTER = 2.0
    main()
