"""The error of everything that can be wrong with a dataset."""


class DataError(ValueError):
    """A dataset is not available or does not fit the settings; a page may show the message."""
