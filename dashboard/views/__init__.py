"""The pages. To add one, write its file and name it in ``PAGES``."""

from dashboard.views import step_through, train
from dashboard.views.shell import Page

PAGES: tuple[Page, ...] = (train.PAGE, step_through.PAGE)
