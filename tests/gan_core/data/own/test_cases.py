"""Files that people brought, where this machine has them, read as the page and the command line read them."""

from pathlib import Path

import numpy as np
import pytest

from gan_core.config import GANConfig
from gan_core.data.own.path import read_path
from gan_core.data.own.upload import gather

CASES = Path(__file__).parents[5] / "shared" / "cases"
PICTURES, TABLES, CONFIGS = (
    sorted(path for path in CASES.glob("*") if path.suffix in endings)
    for endings in ((".zip",), (".csv", ".txt"), (".json",))
)
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"needs the files in {CASES}")


@needs_cases
@pytest.mark.parametrize("path", [*PICTURES, *TABLES], ids=lambda path: path.name)
def test_a_file_is_read_alike_by_the_page_and_the_command_line(path: Path, tmp_path: Path) -> None:
    name, read = read_path(path, 28)
    is_table = path in TABLES
    kept = gather(
        "own_points" if is_table else "own_pictures",
        [(path.name, path.read_bytes())],
        28,
        None,
        tmp_path,
        lambda _: None,
    )
    assert name == ("own_points" if is_table else "own_pictures")
    np.testing.assert_array_equal(np.load(kept.path), read.array)
    assert read.refusals == kept.refusals == ()
    assert read.notes == kept.notes
    assert read.warnings == kept.warnings == ()
    assert read.array.shape == ((40, 2) if is_table else (16, 28, 28))
    if is_table:
        assert read.notes[0].startswith("The columns are separated by ")
    else:
        assert len(np.unique(read.array, axis=0)) == 16


@needs_cases
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_a_config_is_read(path: Path) -> None:
    assert GANConfig.from_json(path.read_bytes()) == GANConfig(seed=7)


@needs_cases
def test_every_file_is_tested() -> None:
    assert {*PICTURES, *TABLES, *CONFIGS} == set(CASES.glob("*")) - {CASES / "README.md"}
    assert PICTURES
    assert TABLES
    assert CONFIGS
