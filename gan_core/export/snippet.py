"""The code that loads a downloaded generator."""

import math

from gan_core.architecture import code_lines, layers
from gan_core.config import GANConfig
from gan_core.export.weights import GENERATOR_FILE, TORCH_FILE

IMPORT = "; from safetensors.torch import load_file"
LOAD = f'generator.load_state_dict(load_file("{GENERATOR_FILE}"))'
LOAD_TORCH_FILE = f'generator.load_state_dict(torch.load("{TORCH_FILE}"))'  # needs no import of safetensors


def generator_snippet(config: GANConfig, shape: tuple[int, ...], sample_seed: int, count: int) -> str:
    """Return plain PyTorch code, five statements, that loads the downloaded generator and makes the page's own fakes."""
    size = ", ".join(map(str, shape))
    drawn = f"({count}, {config.latent_dim}, generator=torch.Generator().manual_seed({sample_seed}))"
    noise = f"torch.randn{drawn}" if config.noise == "normal" else f"torch.rand{drawn} * 2 - 1"
    made = "pictures" if len(shape) > 1 else "points"
    return "\n".join(
        (
            f"import torch; from torch import nn{IMPORT}",
            "generator = nn.Sequential(",
            *code_lines(layers(config, "G", math.prod(shape))),
            ")",
            LOAD,
            f"noise = {noise}",
            f"{made} = generator.eval()(noise).detach().reshape(-1, {size})  # values from -1 to 1",
        )
    )
