"""Charts as one HTML file that needs nothing else: plotly.js is inside."""

from collections.abc import Mapping
from html import escape

from dashboard.charts.figure import Figure

HEIGHT = "340px"


def charts_document(title: str, figures: Mapping[str, Figure]) -> bytes:
    """Return an HTML page with the figures under their names; they zoom and show values as on the page, offline too."""
    from plotly.io import to_html  # takes half a second, which a page needs only for a download

    body = "".join(
        f"<h2>{escape(name)}</h2>\n"
        + to_html(
            figure.payload(), {"displaylogo": False}, include_plotlyjs=not number, full_html=False,
            default_height=HEIGHT, validate=False,
        )
        for number, (name, figure) in enumerate(figures.items())
    )  # fmt: skip
    style = "body {max-width: 1000px; margin: 1rem auto; padding: 0 1rem; font-family: sans-serif} h1, h2 {font-size: 1.1rem}"
    head = f'<head><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style></head>'
    return f"<!DOCTYPE html>\n<html>{head}<body><h1>{escape(title)}</h1>\n{body}</body></html>\n".encode()
