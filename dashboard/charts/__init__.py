"""Snapshot → figure. No Streamlit here: a chart can be tested, and drawn elsewhere, without a page."""
