"""A teacher's link: it opens the page at a preset, with a task in words and without some controls.

It is signed, so that a learner who edits it knows that it is no longer the teacher's.
"""

import hmac
import os
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

from itsdangerous import BadData, URLSafeSerializer
from pydantic import TypeAdapter, ValidationError

from gan_core.config import GANConfig
from gan_core.presets import PRESETS

TOKEN = "GAN_TEACHER_TOKEN"
NAME = "class"  # in the address
MOST_TASK = 300  # characters: two lines on a small screen
# What a teacher may hide, by the key of its widget: the buttons and menus of the top row, and settings that have a widget of
# their own. The drawings of the networks stay, because they show what trains.
CONTROLS = {
    "step": "Step", "step_d": "D step", "step_g": "G step", "reset": "Reset", "speed": "Iterations a second",
    "run_to": "Run to", "presets": "Presets", "share": "Share", "downloads": "Download", "new_seed": "New seed",
    **{one.name: one.label for one in GANConfig.settings() if one.kind not in ("sizes", "text")},
}  # fmt: skip


@dataclass(frozen=True)
class ClassLink:
    """What a teacher's link says: the name of a preset, the task, and the keys of the hidden controls."""

    preset: str = "lecture"
    task: str = ""
    hidden: tuple[str, ...] = ()


_LINKS = TypeAdapter(ClassLink)


def teacher_token() -> str:
    """Return the token that the server was started with; "" if there is no page for the teacher."""
    return os.environ.get(TOKEN, "")


def is_teacher(given: str) -> bool:
    """Return whether this is the token, in a time that says nothing about it."""
    return bool(teacher_token()) and hmac.compare_digest(given.encode(), teacher_token().encode())


def query_of(link: ClassLink) -> str:
    """Return the query of the link."""
    return urlencode({NAME: _serializer().dumps(asdict(link))})


def read(text: str) -> ClassLink:
    """Return what a signed text of a link says; ValueError, a sentence, if it is not this server's teacher's."""
    try:
        link = _LINKS.validate_python(_serializer().loads(text))
    except (BadData, ValidationError):
        raise ValueError(
            "The class in the link is not as this server's teacher made it: it was cut or changed, or the server has another"
            " token now. The page opens without its task."
        ) from None
    return ClassLink(link.preset if link.preset in PRESETS else "lecture", link.task[:MOST_TASK], link.hidden)


def _serializer() -> URLSafeSerializer:
    if not teacher_token():
        raise ValueError(f"A link for a class needs a server with {TOKEN}. The page opens without its task.")
    return URLSafeSerializer(teacher_token(), salt="class link")
