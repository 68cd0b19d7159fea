"""The command line: divergence and Ctrl-C."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from gan_core import Trainer
from gan_core.data.sampler import BatchSampler
from tests.gan_core.cli_support import DIVERGING, FILES, OPTIONS, run, saved_iteration, table, trained
from tests.gan_core.support import (
    BROKEN,
    copied,
    healthy_iterations,
    same,
    tiny,
)


def test_divergence_keeps_the_rows_and_weights_before_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, *OPTIONS, *DIVERGING, iterations="500") == 1
    reason, kept = capfd.readouterr().err.splitlines()[-2:]
    last = healthy_iterations(tiny(**BROKEN, loss="least_squares"))
    assert re.match(rf"[\w ]+ became -?(inf|nan) at iteration {last + 1}: the training has diverged\.", reason)
    assert kept == f"Saved in {tmp_path}: the networks of iteration 0, the last known to be finite."
    _, rows = table(tmp_path)
    assert [int(row[0]) for row in rows] == list(range(1, last + 1))
    assert np.isfinite(np.array([row[1:] for row in rows], float)).all()
    assert saved_iteration(tmp_path) == 0
    trainer, _ = trained(0, loss="least_squares")
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trainer.generator))
    assert (tmp_path / "samples.png").exists()


def test_later_divergence_keeps_the_last_healthy_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step_into = Trainer.step_into

    def step_that_breaks(trainer: Trainer, row: torch.Tensor) -> None:
        if trainer.iteration == 129:
            trainer.dataset.samples.fill_(torch.nan)
        step_into(trainer, row)

    monkeypatch.setattr(Trainer, "step_into", step_that_breaks)
    assert run(tmp_path, *OPTIONS, iterations="500") == 1
    assert len(table(tmp_path)[1]) == 129
    assert saved_iteration(tmp_path) == 100
    monkeypatch.undo()
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trained(100)[0].generator))


def test_weights_that_are_not_finite_are_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    step_into = Trainer.step_into

    def step_that_breaks(trainer: Trainer, row: torch.Tensor) -> None:
        step_into(trainer, row)
        if trainer.iteration == 60:
            trainer.generator[0].weight.data[0, 0] = torch.inf

    monkeypatch.setattr(Trainer, "step_into", step_that_breaks)
    assert run(tmp_path, *OPTIONS, iterations="60") == 1
    assert "0.weight of the generator became inf at iteration 60: the training has diverged." in capfd.readouterr().err
    assert len(table(tmp_path)[1]) == 60
    assert saved_iteration(tmp_path) == 50


def test_ctrl_c_completes_the_current_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    next_batch, batches = BatchSampler.next, itertools.count(1)

    def interrupt_and_go_on(sampler: BatchSampler) -> torch.Tensor:
        if next(batches) == 63:  # within iteration 63
            signal.raise_signal(signal.SIGINT)
        return next_batch(sampler)

    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(BatchSampler, "next", interrupt_and_go_on)
    assert run(tmp_path, *OPTIONS, iterations="500") == 130
    assert signal.getsignal(signal.SIGINT) is handler
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"Stopped at iteration 63; saved in {tmp_path}. Go on: python -m gan_core train --resume {tmp_path}"
    )
    monkeypatch.undo()
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"moments"}
    trainer, metrics = trained(63)
    np.testing.assert_array_equal(np.array(table(tmp_path)[1], np.float32)[:, 1:], np.array(metrics, np.float32))
    assert saved_iteration(tmp_path) == 63
    assert same(load_file(tmp_path / "generator.safetensors"), copied(trainer.generator))


def test_a_second_ctrl_c_or_one_before_training_stops_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def twice(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    # If a shell started the tests in the background, SIGINT is ignored, and would be ignored here too.
    handler, before = signal.default_int_handler, signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, interrupt in (("step_into", twice), ("__init__", lambda *_: signal.raise_signal(signal.SIGINT))):
        monkeypatch.setattr(Trainer, name, interrupt)
        assert run(tmp_path / name, *OPTIONS) == 130
        assert capfd.readouterr().err.splitlines()[-1] == "Stopped."
        assert signal.getsignal(signal.SIGINT) is handler
        monkeypatch.undo()
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to another process")
def test_ctrl_c_in_a_terminal_saves_and_exits(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "gan_core", "train", "--iterations", "100000000", "--out", "."]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [*command, *OPTIONS], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        metrics, deadline = tmp_path / "metrics.csv", time.monotonic() + 60
        while not (metrics.exists() and metrics.read_bytes().count(b"\n") > 1):
            assert time.monotonic() < deadline
            assert process.poll() is None
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors
    rows = table(tmp_path)[1]
    assert errors.splitlines()[-1] == (
        f"Stopped at iteration {len(rows):,}; saved in .. Go on: python -m gan_core train --resume ."
    )
    assert "Traceback" not in errors
    assert output == ""
    assert saved_iteration(tmp_path) == len(rows) == int(rows[-1][0])
    assert (tmp_path / "samples.png").exists()
