"""The same tests for every runner."""

import os
import pickle
import re
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core import GANConfig
from gan_core.device import device_words
from gan_core.runs.process import ProcessRunner
from gan_core.runs.protocol import Command, Pause, Play, Reconfigure, Sample, Save, Step, Update
from gan_core.snapshot import Mark
from tests.gan_core.runs.support import Make, ask, failed, saved_iteration, trained, until, weights
from tests.gan_core.support import BROKEN, all_finite, healthy_iterations, same, tiny

# The contract ----------------------------------------------------------------------------------------------


def test_a_run_starts_paused_with_a_snapshot(make: Make, tmp_path: Path) -> None:
    runner = make(tiny(seed=3))
    snapshot = ask(runner)
    assert (snapshot.run_id, snapshot.iteration, snapshot.epoch) == ("run", 0, 0)
    assert (snapshot.updates_d, snapshot.updates_g, snapshot.seconds) == (0, 0, 0.0)
    assert snapshot.config == tiny(seed=3)
    assert snapshot.real.shape == snapshot.fake.shape == (36, 28, 28)
    assert (snapshot.dataset_count, snapshot.shape) == (1797, (28, 28))
    assert snapshot.device == device_words(torch.device("cpu"))
    assert same(weights(tmp_path / "run"), trained(0, seed=3))
    assert runner.poll().snapshot == snapshot  # it does not train without a command


def test_step_trains_exactly_the_given_number_of_iterations(make: Make, tmp_path: Path) -> None:
    runner = make()
    assert ask(runner, Step()).iteration == 1
    snapshot = ask(runner, Step(16))
    assert (snapshot.iteration, snapshot.updates_d, snapshot.updates_g) == (17, 17, 34)
    assert snapshot.trace.iteration.tolist() == list(range(1, 18))
    assert snapshot.samples_iteration == 17
    assert runner.poll().snapshot.iteration == 17  # type: ignore[union-attr]
    assert saved_iteration(tmp_path / "run") == 17
    assert same(weights(tmp_path / "run"), trained(17))


def test_play_and_pause_do_not_change_the_weights_of_an_iteration(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner)
    runner.send(Play())
    report = until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration >= 5)
    assert report.state == "running"
    first = ask(runner, Pause())
    assert first.iteration >= 5
    second = runner.poll().snapshot
    assert second is not None
    assert second.iteration == first.iteration
    runner.send(Play())
    until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration >= first.iteration + 2)
    last = ask(runner, Pause())
    assert saved_iteration(tmp_path / "run") == last.iteration
    assert same(weights(tmp_path / "run"), trained(last.iteration))
    assert last.seconds > 0
    assert last.iterations_per_second > 0
    assert last.epoch == (last.iteration - 1) // (1797 // 8)


@pytest.mark.parametrize("command", [Step(2), Update("G")])
def test_a_single_step_pauses_a_running_run(make: Make, command: Command) -> None:
    runner = make()
    ask(runner)
    runner.send(Play())
    until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration > 0)
    after = ask(runner, command)
    assert runner.poll().snapshot == after


@pytest.mark.parametrize("network", ["D", "G"])
def test_update_changes_only_the_given_network(make: Make, tmp_path: Path, network: Any) -> None:
    runner = make(tiny(generator_batch_norm=False))
    ask(runner, Step(3))
    before = weights(tmp_path / "run")
    snapshot = ask(runner, Update(network))
    after = weights(tmp_path / "run")
    moved, still = ("discriminator", "generator") if network == "D" else ("generator", "discriminator")
    assert same(before[still], after[still])
    assert not same(before[moved], after[moved])
    assert snapshot.iteration == 3
    assert len(snapshot.trace.iteration) == 3
    assert (snapshot.updates_d, snapshot.updates_g) == ((4, 6) if network == "D" else (3, 7))
    (single,) = snapshot.singles
    assert (single.iteration, single.network) == (3, network)
    assert 0 < single.loss < 5


def test_a_change_before_the_first_update_leaves_no_mark(make: Make) -> None:
    snapshot = ask(make(), Reconfigure(tiny(g_steps=1)), Step(1))
    assert snapshot.config.g_steps == 1
    assert snapshot.marks == ()


def test_reconfigure_applies_at_once_and_adds_marks(make: Make, tmp_path: Path) -> None:
    runner = make()
    changed = tiny(learning_rate_d=0.0, update_order="g_first")
    snapshot = ask(runner, Step(2), Reconfigure(changed))
    assert snapshot.config == changed
    assert snapshot.marks == (Mark(2, "Update order: G first"), Mark(2, "D learning rate: 0.0"))
    before = weights(tmp_path / "run")
    ask(runner, Step(2))
    after = weights(tmp_path / "run")
    assert same(before["discriminator"], after["discriminator"])
    assert not same(before["generator"], after["generator"])


def test_sample_changes_the_shown_fakes_and_not_the_run(make: Make, tmp_path: Path) -> None:
    runner = make()
    before = ask(runner, Step(2))
    after = ask(runner, Sample(7))
    assert not np.array_equal(before.fake, after.fake)
    np.testing.assert_array_equal(before.real, after.real)
    assert (before.sample_seed, after.sample_seed) == (0, 7)
    assert after.iteration == 2
    again = ask(runner, Sample(0))
    np.testing.assert_array_equal(again.fake, before.fake)
    ask(runner, Step(3))
    assert same(weights(tmp_path / "run"), trained(5))


def test_a_watched_and_an_unwatched_run_end_in_the_same_weights(make: Make, tmp_path: Path) -> None:
    config = tiny(discriminator_batch_norm=True)
    watched, unwatched = make(config, "watched"), make(config, "unwatched")
    for seed in range(10):
        ask(watched, Step(), Sample(seed))
        watched.save()
    unseen = ask(unwatched, Step(10))
    seen = ask(watched)
    assert same(weights(tmp_path / "watched"), weights(tmp_path / "unwatched"))
    np.testing.assert_array_equal(seen.trace.values, unseen.trace.values)


def test_save_writes_the_networks_of_a_running_run(make: Make, tmp_path: Path) -> None:
    runner = make()
    ask(runner)
    runner.send(Play())
    until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration > 0)
    (tmp_path / "run" / "generator.safetensors").unlink()
    assert runner.save() is True
    iteration = saved_iteration(tmp_path / "run")
    last = ask(runner, Pause())
    assert 0 < iteration <= last.iteration


def test_a_report_can_be_pickled_and_holds_no_torch_objects(make: Make) -> None:
    runner = make()
    ask(runner, Step(3), Update("G"), Sample(1))
    report = runner.poll()
    copy = pickle.loads(pickle.dumps(report))
    assert repr(copy) == repr(report)
    for value in vars(report.snapshot).values():
        assert not type(value).__module__.startswith("torch")


def test_a_runner_can_be_closed_twice(make: Make) -> None:
    runner = make()
    ask(runner, Step())
    runner.close()
    runner.close()


# Failures --------------------------------------------------------------------------------------------------


def test_an_unknown_dataset_is_reported_as_a_failure(make: Make) -> None:
    report = failed(make(tiny(dataset="digit")))
    assert report.failure is not None
    assert report.snapshot is None
    assert report.failure.message.startswith("Dataset = 'digit' is not possible")
    assert "Traceback" in report.failure.details
    assert "DataError" in report.failure.details


def test_a_batch_larger_than_the_dataset_is_reported_as_a_failure(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    config = GANConfig.model_construct(**{**tiny().model_dump(), "batch_size": 1798})
    report = failed(make(config))
    assert report.failure is not None
    assert report.failure.message.startswith(
        "Batch size = 1798 is not possible; it should be from 2 to 1,797, the number of samples of Digits"
    )


def test_an_error_in_training_is_reported_with_its_traceback(make: Make, tmp_path: Path) -> None:
    config = GANConfig.model_construct(**{**tiny().model_dump(), "loss": "nonsense"})
    runner = make(config)
    started = ask(runner)
    runner.send(Step())
    report = failed(runner)
    assert report.failure is not None
    assert report.failure.message == "Training stopped on an error: KeyError: 'nonsense'"
    assert "Traceback" in report.failure.details
    assert "_walk_d" in report.failure.details
    assert report.snapshot is not None
    np.testing.assert_array_equal(report.snapshot.fake, started.fake)  # the last snapshot stays
    assert same(weights(tmp_path / "run"), trained(0))


def test_a_failed_run_ignores_commands(make: Make) -> None:
    runner = make(tiny(dataset="nothing"))
    report = failed(runner)
    for command in (Play(), Step(3), Pause(), Save(), Update("D")):
        runner.send(command)
    assert runner.poll() == report
    assert runner.save() is False


@pytest.mark.parametrize("loss", ["least_squares", "wasserstein_gp"])
def test_divergence_is_reported_and_the_last_healthy_generator_kept(make: Make, tmp_path: Path, loss: Any) -> None:
    runner = make(tiny(**BROKEN, loss=loss))
    last = healthy_iterations(tiny(**BROKEN, loss=loss))
    healthy = ask(runner, Step())
    runner.send(Step(50))
    report = failed(runner)
    assert report.failure is not None
    assert report.snapshot is not None
    assert f"at iteration {last + 1}: the training has diverged." in report.failure.message
    assert "last healthy generator can still be downloaded" in report.failure.message
    assert report.snapshot.trace.iteration.tolist() == list(range(1, last + 1))
    assert all_finite(report.snapshot.trace)
    assert report.snapshot.samples_iteration == 1
    np.testing.assert_array_equal(report.snapshot.fake, healthy.fake)
    assert saved_iteration(tmp_path / "run") == 1
    assert same(weights(tmp_path / "run"), trained(1, **BROKEN, loss=loss))


def test_divergence_before_the_first_poll_is_reported(make: Make, tmp_path: Path) -> None:
    runner = make(tiny(**BROKEN, loss="least_squares"))
    runner.send(Play())
    report = failed(runner)
    assert report.snapshot is not None
    assert len(report.snapshot.trace.iteration) == healthy_iterations(tiny(**BROKEN, loss="least_squares"))
    assert report.snapshot.samples_iteration == saved_iteration(tmp_path / "run") == 0
    assert np.isfinite(report.snapshot.fake).all()


def test_divergence_of_a_single_update_is_reported(make: Make, tmp_path: Path) -> None:
    runner = make(tiny(**BROKEN, loss="least_squares"))
    ask(runner)
    for _ in range(20):
        runner.send(Update("D"))
    report = failed(runner)
    assert report.failure is not None
    assert report.snapshot is not None
    assert re.match(r"D loss became (inf|nan) at iteration 0: the training has diverged\.", report.failure.message)
    assert all(value.isfinite().all() for value in weights(tmp_path / "run")["discriminator"].values())


# Only processes --------------------------------------------------------------------------------------------


def test_a_killed_child_is_reported_and_its_saved_networks_stay(make_process: Make, tmp_path: Path) -> None:
    runner = make_process()
    assert isinstance(runner, ProcessRunner)
    assert runner.pid is not None
    snapshot = ask(runner, Step(4))
    runner.send(Play())
    began = time.monotonic()
    os.kill(runner.pid, signal.SIGKILL)
    report = failed(runner)
    assert time.monotonic() - began < 2
    assert report.failure is not None
    assert report.snapshot is not None
    assert report.failure.message.startswith("The training process was killed (SIGKILL).")
    assert report.snapshot.iteration >= snapshot.iteration
    assert saved_iteration(tmp_path / "run") == 4
    assert same(weights(tmp_path / "run"), trained(4))
    assert runner.save() is False


def test_a_child_killed_between_polls_is_reported_after_the_next_command(make_process: Make) -> None:
    runner = make_process()
    assert isinstance(runner, ProcessRunner)
    assert runner.pid is not None
    ask(runner)
    os.kill(runner.pid, signal.SIGTERM)
    runner._process.join(10)
    runner.send(Step())
    report = runner.poll()
    assert report.state == "failed"
    assert report.failure is not None
    assert report.failure.message == "The training process was killed (SIGTERM)."


@pytest.mark.parametrize("busy", [False, True])
def test_the_child_ends_when_the_pages_end_is_closed(make_process: Make, busy: bool) -> None:
    runner = make_process()
    assert isinstance(runner, ProcessRunner)
    ask(runner)
    if busy:
        runner.send(Play())
        until(runner, lambda r: r.snapshot is not None and r.snapshot.iteration > 0)
    runner._connection.close()  # as when the server dies
    runner._process.join(10)
    assert runner._process.exitcode == 0


def test_poll_drops_answers_from_before_the_last_command(make_process: Make) -> None:
    runner = make_process()
    ask(runner)
    for done in (0, 31, 62):
        runner.send(Step(30))
        before = runner.poll(0)
        runner.send(Step(1))
        after = runner.poll(30)
        assert before.snapshot is not None
        assert after.snapshot is not None
        assert (before.snapshot.iteration, before.settled) == (done, False)
        assert (after.snapshot.iteration, after.settled) == (done + 31, True)


def test_poll_waits_no_longer_than_its_wait(make_process: Make) -> None:
    runner = make_process()
    ask(runner)
    runner.send(Step(100_000))
    runner.poll(0)
    runner.send(Pause())
    began = time.monotonic()
    report = runner.poll(0.5)
    assert time.monotonic() - began < 0.95  # not once for each of two answers
    assert report.snapshot is not None
    assert report.snapshot.iteration == 0
    assert not report.settled


def test_save_returns_true_only_after_its_own_save(make_process: Make, tmp_path: Path) -> None:
    """Answers to earlier saves, and to Save commands, do not count."""
    runner = make_process()
    ask(runner)
    runner.send(Step(200))
    assert runner.save(wait=0) is False  # not yet
    runner.send(Save())
    runner.send(Step(200))
    assert runner.save(wait=30) is True
    assert saved_iteration(tmp_path / "run") == 400


def test_the_child_ignores_ctrl_c(make_process: Make) -> None:
    runner = make_process()
    assert isinstance(runner, ProcessRunner)
    assert runner.pid is not None
    ask(runner)
    os.kill(runner.pid, signal.SIGINT)
    assert ask(runner, Step(2)).iteration == 2
