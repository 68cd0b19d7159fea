"""One visitor's session: the only code that touches Streamlit's session state and the registry of runs."""
