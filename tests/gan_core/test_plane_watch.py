"""What there is to see of a GAN in the plane."""

from pathlib import Path

from gan_core import GANConfig
from gan_core.data import suited
from gan_core.runs.protocol import Step
from gan_core.runs.worker import Worker


def test_a_run_in_the_plane_reports_it(tmp_path: Path) -> None:
    run = Worker("run", suited(GANConfig(device="cpu"), "eight_gaussians"), tmp_path)
    run.start()
    run.handle(Step(3))
    snapshot = run.report().snapshot
    assert snapshot is not None
    assert snapshot.fake.shape == snapshot.real.shape == (400, 2)
    assert snapshot.plane is not None
    assert snapshot.plane.scores.shape == (41, 41)
    assert snapshot.plane.pull.shape == (400, 2)
    assert snapshot.plane.manifold is not None
    assert snapshot.plane.manifold.shape == (21, 21, 2)
    assert snapshot.plane.modes == 8
