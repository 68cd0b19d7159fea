"""A run, a generator or settings in a file: a run begins from exactly that, or a sentence says why not."""

import io
import json
import pickle
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save

from gan_core import GANConfig
from gan_core.data.own.refusals import MIB
from gan_core.data.own.samples import OWN_FILE, keep
from gan_core.export.weights import GENERATOR_FILE, read_metadata
from gan_core.runs.inline import InlineRunner
from gan_core.runs.protocol import Reconfigure, Speed, Step, Update
from gan_core.runs.record import RunRecord
from gan_core.runs.registry import Registry
from gan_core.runs.run import Run
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.store import Store
from gan_core.runs.uploads import BUNDLE, MAX_RUN, Upload, UploadError, pack_run, read_upload, trained_size
from gan_core.snapshot import Snapshot
from gan_core.training.checkpoint import RECORD
from tests.gan_core.data.own.test_arbitrary_files import MUTATIONS, mutated
from tests.gan_core.runs.support import trained, weights
from tests.gan_core.support import own_file, same, tiny, zipped


def begun(folder: Path, config: GANConfig | None = None, own: Path | None = None) -> tuple[Registry, Run]:
    registry = Registry(InlineRunner, store=Store(folder))
    return registry, registry.create(config or tiny(), own)


def shown(run: Run) -> Snapshot:
    snapshot = run.poll(0).snapshot
    assert snapshot is not None
    return snapshot


def after(run: Run, count: int) -> dict[str, Any]:
    run.send(Step(count))
    run.runner.save()
    return weights(run.folder)


def opened(folder: Path, name: str, data: bytes) -> Run:
    """Open a file on another server."""
    registry, run = begun(folder)
    upload = read_upload(name, data)
    return registry.begin_from(run.id, upload.config, upload.fill)


def refusal(name: str, data: bytes) -> str:
    with pytest.raises(UploadError) as error:
        read_upload(name, data)
    return str(error.value)


@cache
def files() -> tuple[bytes, bytes]:
    """Return the zip of a run of three iterations, and its generator."""
    registry, run = begun(Path(tempfile.mkdtemp()))
    run.send(Step(3))
    found = run.whole_file(), (run.folder / GENERATOR_FILE).read_bytes()
    registry.close()
    return found


def parts(data: bytes | None = None) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data or files()[0])) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(data: bytes, change: Any) -> bytes:
    """Return a safetensors file after ``change(arrays, metadata)``."""
    arrays, metadata = load(data), dict(read_metadata(data))
    change(arrays, metadata)
    return save(arrays, metadata)


def with_record(change: Any) -> bytes:
    """Return a run.safetensors after ``change(record)``."""

    def apply(_: Any, metadata: dict[str, str]) -> None:
        record = json.loads(metadata[RECORD])
        change(record)
        metadata[RECORD] = json.dumps(record)

    return changed(parts()[RUN_FILE], apply)


@pytest.mark.parametrize("bare", [False, True], ids=["zip", "run.safetensors"])
def test_a_whole_run_trains_on_elsewhere_to_the_weights_of_a_run_that_stayed(tmp_path: Path, bare: bool) -> None:
    registry, run = begun(tmp_path / "here")
    run.send(Step(3))
    run.send(Update("D"))
    run.send(Reconfigure(tiny(learning_rate_g=0.003)))
    run.send(Step(1))
    data = run.whole_file()
    assert data == run.whole_file()
    assert list(parts(data)) == [RUN_FILE, "config.json", "metrics.csv"]
    other = opened(tmp_path / "there", "a.safetensors", parts(data)[RUN_FILE]) if bare else None
    other = other or opened(tmp_path / "there", "a.zip", data)
    before, now = shown(run), shown(other)
    assert (now.iteration, now.updates_d, now.updates_g) == (4, before.updates_d, before.updates_g)
    np.testing.assert_array_equal(now.fake, before.fake)
    np.testing.assert_array_equal(now.trace.values, before.trace.values)
    assert (now.marks, now.singles, now.changes) == (before.marks, before.singles, before.changes)
    assert len(parts(data)["metrics.csv"].splitlines()) == 5
    assert same(after(other, 3), after(run, 3))
    registry.close()


def test_own_data_goes_with_the_run(tmp_path: Path) -> None:
    own, settings_of = own_file(tmp_path)
    _, run = begun(tmp_path / "here", tiny(**settings_of), own)
    run.send(Step(2))
    data = run.whole_file()
    assert set(parts(data)) == set(BUNDLE)
    assert same(after(opened(tmp_path / "there", "a.zip", data), 2), after(run, 2))
    other = io.BytesIO()
    np.save(other, np.zeros((20, 8, 8), np.uint8))
    assert "is not the data of these settings" in refusal("a.zip", zipped(parts(data) | {OWN_FILE: other.getvalue()}))
    assert "own.npy" in refusal("a.zip", zipped(parts(data) | {OWN_FILE: pickle.dumps([1])}))


def test_own_points_go_with_a_run_that_has_not_trained(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2)).astype(np.float32)
    config = tiny(dataset="own_points", own_data=keep(points, tmp_path / "own.npy"), generator_batch_norm=False)
    _, run = begun(tmp_path / "here", config, tmp_path / "own.npy")
    data = run.whole_file()
    assert set(parts(data)) == {"config.json", OWN_FILE}
    assert same(after(opened(tmp_path / "there", "a.zip", data), 2), after(run, 2))


def test_a_generator_gives_the_same_images_and_trains_on_against_a_new_discriminator(tmp_path: Path) -> None:
    registry, run = begun(tmp_path / "here")
    run.send(Step(3))
    before = shown(run)
    other = opened(tmp_path / "there", "generator.safetensors", run.generator_file())
    now = shown(other)
    np.testing.assert_array_equal(now.fake, before.fake)
    assert (now.iteration, now.generator_from, len(now.trace.iteration)) == (0, 3, 0)
    assert [mark.text for mark in now.marks] == ["generator from a file: 3 iterations"]
    assert same(weights(other.folder)["discriminator"], trained(0)["discriminator"])
    assert (other.folder / RUN_FILE).exists(), "it is something to lose"
    data = other.whole_file()
    again = shown(opened(tmp_path / "third", "a.zip", data))
    assert again.generator_from == 3
    found = after(other, 2)
    assert not same(found["generator"], weights(run.folder)["generator"])
    assert shown(other).iteration == 2
    registry.close()


def test_settings_begin_a_run_of_their_own(tmp_path: Path) -> None:
    assert read_upload("x.json", tiny(seed=7).to_json().encode()) == Upload(tiny(seed=7))
    assert read_upload("a.zip", pack_run(tiny(seed=7), None, None)) == Upload(tiny(seed=7))


def test_an_uploaded_run_replaces_the_old_one_until_undo(tmp_path: Path) -> None:
    registry, run = begun(tmp_path, tiny(seed=3))
    run.send(Step(2))
    upload = read_upload("a.zip", files()[0])
    assert registry.begin_from(run.id, upload.config, upload.fill).poll(0).snapshot.iteration == 3  # type: ignore[union-attr]
    assert registry.undo(run.id) is run
    assert shown(run).iteration == 2
    registry.close()


def test_files_are_checked_without_pytorch(tmp_path: Path) -> None:
    for name, data in (("a.zip", files()[0]), ("a.safetensors", files()[1])):
        (tmp_path / name).write_bytes(data)
        code = f"""
import sys
from pathlib import Path
from gan_core.runs.uploads import read_upload
upload = read_upload({name!r}, Path({str(tmp_path / name)!r}).read_bytes())
assert upload.config.batch_size == 8
assert "torch" not in sys.modules
"""
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


HUGE = json.dumps(json.loads(tiny().to_json()) | {"generator_hidden": [4096] * 6})


@pytest.mark.parametrize("name", ["a.pt", "a.PTH", "a.pkl", "a.zip", "a.safetensors"])
def test_a_pickle_is_refused_by_name_whatever_it_is_called(name: str) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return pytest.fail, ("it was executed",)

    assert f"{name} cannot be opened: It is a pickle" in refusal(name, pickle.dumps(Evil()))
    file = io.BytesIO()
    torch.save({"x": torch.zeros(1)}, file)
    assert "It is a pickle" in refusal(name, file.getvalue())


def test_networks_larger_than_the_file_are_refused_before_anything_is_made() -> None:
    def enlarge(_: Any, metadata: dict[str, str]) -> None:
        metadata["config"] = HUGE

    assert "with these settings it should be float32 [4096, 4]" in refusal(
        "a.safetensors", changed(files()[1], enlarge)
    )
    assert "MB to train; a file may ask for 1024 MB" in refusal("a.json", HUGE.encode())
    data = with_record(lambda record: record["config"].update(discriminator_hidden=[4096] * 6))
    assert "with these settings it should be" in refusal("a.safetensors", data)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ({"../run.safetensors": b""}, "this one holds ../run.safetensors"),
        ({"run/run.safetensors": b""}, "this one holds run/run.safetensors"),
        ({"evil.py": b"print()"}, "this one holds evil.py"),
        ({}, "holds"),
        ({"archive/data.pkl": b""}, "It is a pickle"),
        ({"metrics.csv": b""}, "this one holds metrics.csv"),
    ],
)
def test_a_zip_of_other_names_is_refused(names: dict[str, bytes], says: str) -> None:
    assert says in refusal("a.zip", zipped(names))


def test_a_zip_that_unpacks_to_too_much_is_refused() -> None:
    assert "unpacks to more than" in refusal("a.zip", zipped(parts() | {"metrics.csv": bytes(60 * 2**20)}))
    assert "larger than 128 MB" in refusal("a.zip", bytes(MAX_RUN + 1))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a, m: a.pop("generator.0.weight"), "It lacks generator.0.weight"),
        (lambda a, m: a.update({"generator.0.weight": a["generator.0.weight"][:1]}), "should be float32 [16, 4]"),
        (lambda a, m: a.update({"generator.0.bias": a["generator.0.bias"].astype(np.float64)}), "is float64"),
        (lambda a, m: a.update({"generator.9.weight": np.zeros(1, np.float32)}), "belongs to no network"),
        (lambda a, m: a.update({"<b>": np.zeros(1, np.float32)}), "belongs to no run"),
        (lambda a, m: a.pop("optimizer_g.0.step"), "It lacks a part of optimizer_g"),
        (lambda a, m: a.pop("sampler.order"), "It lacks sampler.order"),
        (lambda a, m: a["discriminator.0.weight"].fill(np.nan), "no number"),
        (lambda a, m: a["history.values"].fill(np.inf), "no numbers"),
        (lambda a, m: m.update(format="pt"), "It is no generator and no run"),
    ],
)
def test_arrays_that_do_not_fit_the_settings_are_refused(change: Any, says: str) -> None:
    def on_copies(arrays: dict[str, Any], metadata: dict[str, str]) -> None:
        arrays.update({name: np.array(array) for name, array in arrays.items()})
        change(arrays, metadata)

    data = changed(parts()[RUN_FILE], on_copies)
    assert says in refusal("a.safetensors", data)
    assert says in refusal("a.zip", zipped(parts() | {RUN_FILE: data}))


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.update(iteration=10**400),
        lambda r: r.update(iteration=float("nan")),
        lambda r: r.pop("config"),
        lambda r: r["config"].update(learning_rate_g=float("nan")),
        lambda r: r["config"].update(dataset="nowhere"),
        lambda r: r["run"].update(seconds=float("inf")),
        lambda r: r["run"].update(marks=[{"iteration": "x", "text": "a"}]),
        lambda r: r["run"].update(marks=[{"iteration": 1, "text": "<a href='x'>y</a>"}]),
        lambda r: r["run"].update(marks=[{"iteration": 1, "text": "\ud800"}]),
        lambda r: r["run"].update(singles=[{"iteration": 1, "network": "D", "loss": "NaN"}]),
        lambda r: r["run"].update(changes=[{"iteration": 1, "values": {"generator_hidden": [9]}}]),
        lambda r: r["run"].update(fork=-1),
        lambda r: r["run"].update(speed={"iterations_per_second": -1}),
        lambda r: r["run"]["history"].update(stride=0),
        lambda r: r["run"]["history"].update(iterations=5),
        lambda r: r.update(run=[]),
        lambda r: r.pop("run"),
    ],
)
def test_a_record_that_no_run_has_is_refused(change: Any) -> None:
    assert refusal("a.safetensors", with_record(change)).startswith("a.safetensors cannot be opened: ")


@pytest.mark.parametrize(
    "data",
    [
        DEEP.encode(),
        b"{" + DEEP.encode(),
        b'{"seed": NaN}',
        '{"\u0600seed": 1}'.encode(),
        b'{"seed": 1' + b"0" * 9000 + b"}",
    ],
)
def test_json_that_no_settings_are_gives_a_sentence(data: bytes) -> None:
    sentence = refusal("a.json", data)
    assert sentence.startswith("a.json cannot be opened:")
    assert sentence.replace("\n", " ").isprintable()
    header = len(data).to_bytes(8, "little") + data
    assert refusal("a.safetensors", header).startswith("a.safetensors cannot be opened:")


def test_a_run_of_more_than_50_mb_opens_again(tmp_path: Path) -> None:
    config = tiny(generator_hidden=(2100, 2100))
    registry, run = begun(tmp_path / "one", config)
    run.send(Step(1))
    data = run.whole_file()
    registry.close()
    assert 50 * MIB < trained_size(config, 0) < len(data) < 1.1 * trained_size(config, 0)
    again = opened(tmp_path / "other", "run.zip", data)
    assert shown(again).iteration == 1


# Fuzz ------------------------------------------------------------------------------------------------------------


def survives(name: str, data: bytes, folder: Path) -> None:
    """Check that a file gives a sentence, or a run that can be shown and trained, or that refuses in a sentence."""
    sentence = ""
    try:
        upload = read_upload(name, data)
    except UploadError as error:
        sentence = str(error)
    assert sentence.replace("\n", " ").isprintable(), sentence
    if sentence:
        return
    upload = replace(upload, config=upload.config.replace(device="cpu"))
    if upload.state is upload.generator is upload.own is None:
        return  # settings, which the page checks as it does its widgets
    where = folder / "fuzzed"
    where.mkdir(exist_ok=True)
    for old in where.iterdir():
        old.unlink() if old.is_file() else None
    upload.fill(where)
    runner = InlineRunner("x", upload.config, where)
    report = runner.poll(0)
    if report.state == "failed":
        assert report.failure is not None
        assert report.failure.refusal, report.failure.details
        return
    runner.send(Speed())
    runner.send(Step(1))
    after_step = runner.poll(0)
    assert after_step.failure is None or "Diverged" in after_step.failure.details, after_step.failure


KINDS = st.sampled_from(["a.zip", "run.safetensors", "generator.safetensors", "config.json"])


def content(name: str) -> bytes:
    return {
        "a.zip": files()[0],
        "run.safetensors": parts()[RUN_FILE],
        "generator.safetensors": files()[1],
        "config.json": parts()["config.json"],
    }[name]


@given(KINDS, MUTATIONS)
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_a_run_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, bytes, int]]
) -> None:
    survives(name, mutated(content(name), changes), tmp_path_factory.getbasetemp())


@given(st.sampled_from(["a.zip", "a.json", "a.safetensors", "a"]), st.binary(max_size=300))
@settings(max_examples=150)
def test_random_bytes_give_a_sentence(tmp_path_factory: pytest.TempPathFactory, name: str, data: bytes) -> None:
    for start in (b"", b"PK\x03\x04", len(data).to_bytes(8, "little") + b"{", b"{"):
        survives(name, start + data, tmp_path_factory.getbasetemp())


ONE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(ONE, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
PLACES = st.sampled_from(
    [
        *[(name,) for name in ("config", "iteration", "updates", "epoch", "position", "run")],
        *[("updates", name) for name in "DG"],
        *[("run", name) for name in RunRecord.model_fields],
        *[("run", "history", name) for name in ("stride", "iterations", "summed")],
        *[("config", name) for name in GANConfig.model_fields],
    ]
)  # fmt: skip


@given(PLACES, VALUES)
@settings(max_examples=300, deadline=None)
def test_any_value_in_a_record_gives_a_run_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str, ...], value: Any
) -> None:
    def change(record: dict[str, Any]) -> None:
        for name in place[:-1]:
            record = record[name]
        record[place[-1]] = value

    survives("a.safetensors", with_record(change), tmp_path_factory.getbasetemp())


@given(st.sampled_from(sorted(load(parts()[RUN_FILE]))), st.integers(0, 2**31), st.sampled_from([0, -1, 2**31, 1e30]))
@settings(max_examples=150, deadline=None)
def test_any_number_in_an_array_gives_a_run_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, name: str, at: int, number: float
) -> None:
    def change(arrays: dict[str, Any], metadata: dict[str, str]) -> None:
        array = np.array(arrays[name])
        array.reshape(-1)[at % max(array.size, 1)] = number if array.dtype.kind == "f" else int(number) % 100
        arrays[name] = array

    survives("a.safetensors", changed(parts()[RUN_FILE], change), tmp_path_factory.getbasetemp())
