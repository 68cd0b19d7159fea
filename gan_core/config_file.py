"""A file of settings, as a learner uploads it, → GANConfig. Loads no PyTorch."""

from pydantic import ValidationError

from gan_core.config import GANConfig, explain
from gan_core.data.registry import source

CONFIG_FILE = "config.json"
LARGEST = 100_000  # bytes: many times what all settings take
SENTENCES = 5  # at most, about one file


def read_config_file(data: bytes) -> GANConfig:
    """Return the settings of a config.json; those that it leaves out take their defaults.

    ValueError says what is wrong: a sentence for each setting, one a line.
    """
    if len(data) > LARGEST:
        raise ValueError(f"This is no file of settings: it has {len(data):,} bytes, and settings take a few thousand.")
    try:
        config = GANConfig.from_json(data)
    except ValidationError as error:
        sentences = explain(error)
        more = [f"{len(sentences) - SENTENCES:,} more settings are not possible."] if len(sentences) > SENTENCES else []
        raise ValueError("\n".join(sentences[:SENTENCES] + more)) from error
    source(config.dataset)  # DataError, which is a ValueError, with the names of those that there are
    return config
