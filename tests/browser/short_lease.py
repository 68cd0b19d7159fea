"""Streamlit's command with leases of seconds: a run is paused 2 seconds after its page was closed, and ends after 4."""

if __name__ == "__main__":
    from streamlit.web.cli import main

    from gan_core.runs.registry import Registry

    Registry.__init__.__kwdefaults__.update(pause_after=2.0, grace=4.0)
    Registry.sweep_in_background.__defaults__ = (0.2,)
    main()
