"""What can be wrong with a data set."""


class DataError(ValueError):
    """A data set cannot be had or does not fit the settings; the message is fit for a page."""
