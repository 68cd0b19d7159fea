"""Ways to compute an update, all with the same resulting weights; this is the only place that chooses one."""

from gan_core.training.engines.autograd import AutogradEngine
from gan_core.training.engines.captured import replaced
from gan_core.training.engines.cuda_graph import CudaGraphEngine, CudaRecorder
from gan_core.training.engines.engine import Engine
from gan_core.training.engines.manual import ManualEngine, unsupported
from gan_core.training.gan import GAN

__all__ = ["AutogradEngine", "CudaGraphEngine", "Engine", "ManualEngine", "choose_engine"]


def choose_engine(gan: GAN) -> Engine:
    """Return the fastest engine for this GAN on its device: a CUDA graph, the manual engine, or else autograd."""
    if gan.device.type == "cuda":
        return CudaGraphEngine(CudaRecorder(gan.device, gan.random))
    if reasons := unsupported(gan.config, gan.device) or replaced(gan):
        return AutogradEngine(f"the faster manual engine does not support {', '.join(reasons)}")
    return ManualEngine(gan)
