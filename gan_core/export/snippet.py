"""The code that loads a downloaded generator."""

from gan_core.config import GANConfig
from gan_core.export.weights import GENERATOR_FILE


def generator_snippet(config: GANConfig, shape: tuple[int, ...], sample_seed: int, count: int) -> str:
    """Return plain PyTorch code, five statements, that loads the downloaded generator and samples the page's own fakes."""
    norm = f"nn.BatchNorm1d({{}}, momentum={config.batch_norm_momentum})"
    after = config.batch_norm_position == "after_activation"
    lines, inputs = [], config.latent_dim
    for width in config.generator_hidden:
        layers = [f"nn.Linear({inputs}, {width})", f"nn.LeakyReLU({config.leaky_slope})"]
        if config.generator_batch_norm:
            layers.insert(2 if after else 1, norm.format(width))
        lines.append("    " + ", ".join(layers) + ",")
        inputs = width
    features = 1
    for side in shape:
        features *= side
    lines.append(f"    nn.Linear({inputs}, {features}), nn.Tanh(),")
    size = ", ".join(str(side) for side in shape)
    drawn = f"({count}, {config.latent_dim}, generator=torch.Generator().manual_seed({sample_seed}))"
    noise = f"torch.randn{drawn}" if config.noise == "normal" else f"torch.rand{drawn} * 2 - 1"
    made = "pictures" if len(shape) > 1 else "points"
    return "\n".join(
        [
            "import torch; from torch import nn; from safetensors.torch import load_file",
            "generator = nn.Sequential(",
            *lines,
            ")",
            f'generator.load_state_dict(load_file("{GENERATOR_FILE}"))',
            f"noise = {noise}",
            f"{made} = generator.eval()(noise).detach().reshape(-1, {size})  # values from -1 to 1",
        ]
    )
