"""A learner's file → what a run can begin from, checked against its settings before anything is built.

Nothing in a file is executed, and no array is made that the file does not hold. Loads no PyTorch.
"""

import io
import json
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gan_core.architecture import layers, parameter_count, state_shapes
from gan_core.config import GANConfig
from gan_core.config_file import CONFIG_FILE, read_config_file
from gan_core.data.code import feature_count
from gan_core.data.own.archive import Allowance, is_zip, zip_entries
from gan_core.data.own.refusals import MIB, FileRejected, first_names, megabytes, printable
from gan_core.data.own.samples import OWN_FILE, fingerprint
from gan_core.data.registry import OWN, source
from gan_core.export.weights import write_whole
from gan_core.history import metrics_csv
from gan_core.runs.record import read_run
from gan_core.runs.saved import RUN_FILE, START_FILE
from gan_core.training.checkpoint import (
    FORMAT,
    MAX_NUMBER,
    Arrays,
    Checkpoint,
    CheckpointError,
    Table,
    check_arrays,
    described,
    expected_arrays,
    read_arrays,
    read_record,
)

METRICS_FILE = "metrics.csv"
BUNDLE = (RUN_FILE, CONFIG_FILE, METRICS_FILE, OWN_FILE)  # the files in a whole run's zip
MAX_RUN = 128 * MIB  # bytes of a file: the lecture's GAN with as much own data as there may be has 106
MAX_HEADER = 5 * 2**20  # bytes of a safetensors file's header
MAX_COST = 2**30  # bytes that the weights of settings, their gradients and moments may take where a file asks for them
COPIES = 4  # of each weight: itself, its gradient and Adam's two moments
DTYPES = {"F32": "float32", "F64": "float64", "I64": "int64", "U8": "uint8"}
OTHERS = {  # arrays of a run beside its networks and optimisers
    *("sampler.order", "sampler.generator", "history.values", "history.sum"),
    *(f"random.{name}" for name in ("noise_d", "noise_g", "gradient_penalty")),
}
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
LONGEST = 500  # characters of one sentence, which may quote the file
NPY_HEADER = 128  # bytes, as numpy writes it for so few dimensions


class UploadError(ValueError):
    """A file that no run can begin from; the message is fit for a page."""


@dataclass(frozen=True)
class Upload:
    """What a run can begin from, checked.

    ``state``: a run.safetensors, or ``generator``: a generator.safetensors; with neither, it begins untrained. ``own``: a
    file of own data.
    """

    config: GANConfig
    state: bytes | None = None
    generator: bytes | None = None
    own: bytes | None = None

    def fill(self, folder: Path) -> None:
        """Write it into a new run's folder. OSError if the disk does not take it."""
        for name, data in ((RUN_FILE, self.state), (START_FILE, self.generator), (OWN_FILE, self.own)):
            if data is not None:
                write_whole(folder / name, data)


def pack_run(config: GANConfig, state: bytes | None, own: bytes | None) -> bytes:
    """Return a whole run as a zip; the same run gives the same bytes.

    ``state``: its run.safetensors, None for a run that has not trained; ``config`` is then what it begins with.
    """
    files = {}
    if state is not None:
        saved = Checkpoint.read(state)
        config, trace = saved.config, read_run(saved)[1].trace()
        files = {RUN_FILE: state, METRICS_FILE: metrics_csv(trace)}
    files[CONFIG_FILE] = config.to_json().encode()
    if own is not None:
        files[OWN_FILE] = own
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name in BUNDLE:
            if name in files:
                info = zipfile.ZipInfo(name)  # of the year 1980, always
                info.create_system, info.external_attr = 3, 0o600 << 16
                archive.writestr(info, files[name])
    return file.getvalue()


def trained_size(config: GANConfig, own: int) -> int:
    """Return about how many bytes the zip of a trained run with these settings has, of them ``own`` of the learner's data."""
    arrays = expected_arrays(config, feature_count(config)).values()
    return own + sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype, _ in arrays)


def read_upload(name: str, data: bytes) -> Upload:
    """Return what the file called ``name`` holds: a whole run, a generator or settings. UploadError says what is wrong."""
    try:
        return _read(name, data)
    except FileRejected as error:
        raise UploadError(f"{printable(name)} {error}.") from error
    except ValueError as error:
        sentences = "\n".join(printable(sentence, LONGEST) for sentence in str(error).split("\n"))
        raise UploadError(f"{printable(name)} cannot be opened: {sentences}") from error


def _read(name: str, data: bytes) -> Upload:
    if len(data) > MAX_RUN:
        raise UploadError(f"It is larger than {megabytes(MAX_RUN)}, which is the limit.")
    _refuse_pickle(name, data)
    if is_zip(name, data):
        return _read_zip(data)
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") <= len(data):
        return _read_safetensors(data)
    if name.lower().endswith(".json") or data.lstrip()[:1] == b"{":
        return Upload(_read_config(data))
    raise UploadError("It is neither the zip of a whole run, nor a generator.safetensors or settings as JSON.")


def _refuse_pickle(name: str, data: bytes) -> None:
    is_pickle = name.lower().endswith(PICKLES) or (data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"))
    if is_pickle:
        raise UploadError(
            "It is a pickle, which could run any code when it is opened. Download gives generator.safetensors instead."
        )


def _read_config(data: bytes) -> GANConfig:
    config = read_config_file(data)
    features = feature_count(config)
    cost = 4 * COPIES * sum(parameter_count(layers(config, network, features)) for network in ("G", "D"))
    if cost > MAX_COST:
        raise UploadError(f"These networks need {megabytes(cost)} to train; a file may ask for {megabytes(MAX_COST)}.")
    return config


def _read_zip(data: bytes) -> Upload:
    entries = zip_entries(data, Allowance(largest=MAX_RUN))
    names = [entry.name for entry in entries]
    for name in names:
        _refuse_pickle(name, b"")
    unknown = [name for name in names if name not in BUNDLE]
    if unknown or len(set(names)) < len(names) or not {RUN_FILE, CONFIG_FILE} & set(names):
        held = first_names(unknown or names) if names else "nothing"
        raise UploadError(f"A whole run's zip holds {', '.join(BUNDLE)}, each once; this one holds {held}.")
    files, left = {}, MAX_RUN
    for entry in entries:
        files[entry.name] = entry.read()
        left -= len(files[entry.name])
        if left < 0:
            raise UploadError(f"It unpacks to more than {megabytes(MAX_RUN)}, which is the limit.")
    upload = _read_safetensors(files[RUN_FILE]) if RUN_FILE in files else Upload(_read_config(files[CONFIG_FILE]))
    if upload.generator is not None:
        raise UploadError(f"{RUN_FILE} is a generator.")
    own = files.get(OWN_FILE)
    if own is not None:
        _check_own(upload.config, own)
    return Upload(upload.config, upload.state, None, own)


def _read_safetensors(data: bytes) -> Upload:
    metadata, _ = _header(data)
    if metadata.get("format") == FORMAT:
        return Upload(_check_state(data), state=data)
    return Upload(read_generator(data)[0], generator=data)


def _check_state(data: bytes) -> GANConfig:
    """Return the settings of a run.safetensors; CheckpointError if it does not hold exactly what they need."""
    _, table = _header(data)
    saved = Checkpoint({}, read_record(data))
    source(saved.config.dataset)
    expected = expected_arrays(saved.config, feature_count(saved.config))
    check_arrays(table, expected)
    for name in OTHERS - set(table):
        raise CheckpointError(f"It lacks {name}.")
    for name in set(table) - set(expected) - OTHERS:
        raise CheckpointError(f"{printable(name)} belongs to no run.")
    whole = Checkpoint.read(data)
    _check_numbers(whole.arrays, table)
    read_run(whole)
    return whole.config


def read_generator(data: bytes) -> tuple[GANConfig, int]:
    """Return settings and iterations of a generator.safetensors; CheckpointError if its weights do not fit them."""
    metadata, table = _header(data)
    if "config" not in metadata or not (iterations := metadata.get("iteration", "")).isdecimal():
        raise CheckpointError("It is no generator and no run that this program has saved.")
    config = read_config_file(metadata["config"].encode())
    found = layers(config, "G", feature_count(config))
    expected = {f"generator.{name}": (*shape, True) for name, shape in state_shapes(found).items()}
    check_arrays({f"generator.{name}": shape for name, shape in table.items()}, expected)
    if int(iterations[:20]) > MAX_NUMBER:
        raise CheckpointError("Its number of iterations is impossible.")
    _check_numbers(read_arrays(data), table)
    return config, int(iterations)


def _header(data: bytes) -> tuple[dict[str, str], Table]:
    """Return the metadata of a safetensors file, and shape and dtype of each array that it says it has."""
    length = int.from_bytes(data[:8], "little")
    try:
        if length > min(len(data) - 8, MAX_HEADER):
            raise ValueError("a header longer than the file")
        header: dict[str, Any] = json.loads(data[8 : 8 + length])
        metadata = {str(key): str(value) for key, value in header.pop("__metadata__", {}).items()}
        table = {
            name: (tuple(entry["shape"]), DTYPES.get(entry["dtype"], str(entry["dtype"])))
            for name, entry in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError("It is no safetensors file, or it is damaged.") from error
    return metadata, table


def _check_numbers(arrays: Arrays, table: Table) -> None:
    """Check that the arrays are those of the ``table``, and finite; a metric may be missing, which is NaN."""
    if described(arrays) != dict(table):
        raise CheckpointError("It is damaged: its arrays are not those that it names.")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and name != "history.values" and not np.isfinite(array).all():
            raise CheckpointError(f"{name} holds something that is no number.")


def _check_own(config: GANConfig, data: bytes) -> None:
    """Check that ``data`` is what numpy writes of the samples that ``config`` names."""
    pictures = config.dataset == "own_pictures"
    shape = (-1, config.picture_size, config.picture_size) if pictures else (-1, 2)
    try:
        array = np.frombuffer(data, np.uint8 if pictures else np.float32, offset=NPY_HEADER).reshape(shape)
        again = io.BytesIO()
        np.save(again, array, allow_pickle=False)
    except ValueError as error:
        raise UploadError(f"{OWN_FILE} holds no samples of these settings.") from error
    if config.dataset not in OWN or again.getvalue() != data or fingerprint(array) != config.own_data:
        raise UploadError(f"{OWN_FILE} is not the data of these settings.")
    if not pictures and not (np.abs(array) <= 1).all():
        raise UploadError(f"{OWN_FILE} holds points outside of [-1, 1].")
