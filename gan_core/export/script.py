"""A run as a plain PyTorch script in the lecture's style, which repeats it, live changes included. Loads no PyTorch.

With the same PyTorch on the same machine, the script's losses are the run's, number for number, where products are
computed in PyTorch's default arithmetic: small networks, such as those of 2-D data. Wider layers are computed by several
threads in the run and by one in the script; if that changes the last bit of a sum, both losses are equal to ``TOLERANCE``
for the first ``CLOSE`` iterations, and then training makes the difference grow. The same holds for bfloat16 and on a GPU.
"""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from textwrap import fill, indent

from gan_core.architecture import code_lines, layers
from gan_core.config import GANConfig, Network
from gan_core.data.code import DATA_FILE, data_code, needs_data_file
from gan_core.data.registry import source
from gan_core.export.loop import SIDES, loop, turn
from gan_core.export.recipe import Recipe
from gan_core.plurals import counted
from gan_core.snapshot import Change

SCRIPT_FILE = "training.py"
TOLERANCE, CLOSE = 1e-3, 10  # of both losses, for so many iterations


@dataclass(frozen=True)
class Section:
    """A part of the script, with a title and a sentence for the notebook; ``comment``: the script has the title too."""

    title: str
    text: str
    code: str
    comment: bool = True


def training_script(config: GANConfig, iterations: int, changes: Sequence[Change] = (), features: int = 0) -> str:
    """Return a script that trains as the run did that began with ``config`` and was changed by ``changes``, in order.

    It prints losses, and writes those of each iteration to metrics.csv. ``features``: of a sample, for a dataset whose
    samples do not have the usual size.
    """
    recipe = Recipe.of(config, iterations, changes, features)
    text = f'"""{heading(recipe)}\n\n{fill(promise(recipe), 100)}\n"""\n'
    for section in sections(recipe):
        after_function = text.rsplit("\n", 2)[-2].startswith(" ")
        title = f"# {section.title}\n" if section.comment else ""
        text += ("\n\n" if after_function else "\n") + f"{title}{section.code}\n"
    return text


def with_data(name: str, text: str, data: bytes) -> bytes:
    """Return a zip of a script or a notebook, called ``name``, and of the samples that it reads."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        archive.writestr(DATA_FILE, data)
    return file.getvalue()


def heading(recipe: Recipe) -> str:
    """Return what the script trains, in one sentence."""
    changes = f", changed {counted(len(recipe.changes), 'time')} on the way" if recipe.changes else ""
    length = counted(recipe.iterations, "iteration")
    return f"{source(recipe.config.dataset).title}: a GAN trained for {length}{changes}, in plain PyTorch."


def promise(recipe: Recipe) -> str:
    """Return what the script repeats, how exactly, and which file it needs."""
    exactly = (
        "number for number on a CPU."
        if recipe.exact
        else "number for number if one thread computes the same bits as several do, as on many processors; else to"
        f" {TOLERANCE:g} for the first {CLOSE} iterations, after which training makes the difference grow."
    )
    needs = f" It reads the samples from {DATA_FILE} in its folder." if needs_data_file(recipe.config) else ""
    return (
        "It repeats a run of the GAN training dashboard and writes the losses to metrics.csv. On the same machine, with"
        f" PyTorch {version('torch').partition('+')[0]}, they are those of the run, {exactly}{needs}"
    )


def sections(recipe: Recipe) -> list[Section]:
    """Return the parts of the script in order."""
    networks = "\n\n".join(_network(recipe, network) for network in SIDES)
    optimizers = "\n".join(_optimizer(recipe.config, network) for network in SIDES)
    turns = Section("One turn", "A turn updates one network, or both from the same weights.", turn(recipe))
    return [
        Section("Settings", "The numbers are those of the run.", _settings(recipe), comment=False),
        Section("Data", f"{source(recipe.config.dataset).title}: values from -1 to 1.", _data(recipe)),
        Section("Networks", "G ends in Tanh; D returns logits, one for each sample.", networks),
        Section("Optimisers and noise", "One optimiser for each network.", f"{optimizers}\n\n{_noise(recipe)}"),
        *([] if recipe.in_blocks else [turns]),
        Section("Training", "The losses of each iteration are written to metrics.csv.", f"{loop(recipe)}\n\n{_WRITE}"),
    ]  # fmt: skip


_WRITE = """\
with open("metrics.csv", "w", newline="") as file:
    csv.writer(file).writerows([("iteration", "loss_d", "loss_g"), *losses])"""


# Settings and data -------------------------------------------------------------------------------------------


def _settings(recipe: Recipe) -> str:
    config = recipe.config
    return f"""\
{_imports(recipe)}

ITERATIONS = {recipe.iterations}
BATCH_SIZE, LATENT_DIM = {config.batch_size}, {config.latent_dim}
device = torch.device({_DEVICES.get(config.device, f'"{config.device}"')})
torch.set_num_threads(1)  # several may add numbers in another order, which changes the last bits{_arithmetic(recipe)}"""


def _imports(recipe: Recipe) -> str:
    """Return the imports, sorted as usual: the standard library, then packages."""
    needed = {*data_code(recipe.config).imports, *(loss.code_import for loss in recipe.losses.values())}
    lines = sorted({"import csv", "import torch", "from torch import nn", *needed} - {""}, key=_import_order)
    standard = [line for line in lines if line.split()[1] in _STANDARD]
    return "\n".join((*standard, "", *(line for line in lines if line not in standard)))


_STANDARD = ("base64", "csv", "math")
_DEVICES = {"auto": '"cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"'}


def _import_order(line: str) -> tuple[bool, str, str]:
    return line.startswith("from"), line.split()[1], line


def _arithmetic(recipe: Recipe) -> str:
    """Return the lines that choose a library for the products by the rules of ``gan_core.training.arithmetic``."""
    choice = f"\n\n{_BFLOAT16}" if recipe.bfloat16 else ""
    if recipe.wide:
        choice += f"\n\nif not BFLOAT16:\n{indent(_ONEDNN, '    ')}" if recipe.bfloat16 else f"\n\n{_ONEDNN}"
    return choice


_BFLOAT16 = """\
# Only on a processor that has instructions for this format.
BFLOAT16 = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
if device.type == "cuda":
    BFLOAT16 = torch.cuda.is_bf16_supported()"""

_ONEDNN = """\
# Wide layers are computed by oneDNN's fastest mode, if that is exact on this machine: the run makes the same test.
torch.backends.mkldnn.matmul.fp32_precision = "bf16"
left, right = torch.randn(2, 256, 256, generator=torch.Generator().manual_seed(0))
exact = left.double() @ right.double()
if (left @ right - exact).norm() > 1e-6 * exact.norm():
    torch.backends.mkldnn.matmul.fp32_precision = "none\""""


def _data(recipe: Recipe) -> str:
    return f'''\
{data_code(recipe.config).lines}
data_order = torch.Generator().manual_seed({recipe.seed("data_order")})


def batches():
    """Shuffled passes over the samples; a remainder smaller than a batch is left for another shuffle."""
    while True:
        for indices in torch.randperm(len(samples), generator=data_order).split(BATCH_SIZE):
            if len(indices) == BATCH_SIZE:
                yield samples[indices].to(device)


real_batches = batches()'''


# Networks, optimisers, noise ---------------------------------------------------------------------------------


def _network(recipe: Recipe, network: Network) -> str:
    seed = recipe.seed(f"weights_{network.lower()}")
    lines = code_lines(layers(recipe.config, network, recipe.features))
    return "\n".join((f"torch.manual_seed({seed})", f"{SIDES[network]} = nn.Sequential(", *lines, ").to(device)"))


def _optimizer(config: GANConfig, network: Network) -> str:
    side = network.lower()
    rate = getattr(config, f"learning_rate_{side}")
    options = (
        f"lr={rate}, momentum={config.sgd_momentum}"
        if getattr(config, f"optimizer_{side}") == "sgd"
        else f"lr={rate}, betas=({config.adam_beta1}, {config.adam_beta2}), fused=True"
    )
    kind = {"adam": "Adam", "sgd": "SGD"}[getattr(config, f"optimizer_{side}")]
    return f"optimizer_{side} = torch.optim.{kind}({SIDES[network]}.parameters(), {options})"


def _noise(recipe: Recipe) -> str:
    """Return the targets, and the noise with a random stream of its own for each use."""
    code = " ".join(f"{loss.code_real} {loss.code_fake} {loss.code_g}" for loss in recipe.losses.values())
    lines = [f"{name} = torch.{name}(BATCH_SIZE, 1, device=device)" for name in ("ones", "zeros") if name in code]
    streams = {"noise_d": "noise_d", "noise_g": "noise_g"}
    penalties = {loss.code_penalty: None for loss in recipe.losses.values() if loss.penalised}
    if recipe.penalised:
        streams["noise_penalty"] = "gradient_penalty"
    lines += [f"{name} = torch.Generator(device).manual_seed({recipe.seed(key)})" for name, key in streams.items()]
    drawn = (
        "torch.randn(BATCH_SIZE, LATENT_DIM, generator=random, device=device)"
        if recipe.config.noise == "normal"
        else "torch.empty(BATCH_SIZE, LATENT_DIM, device=device).uniform_(-1, 1, generator=random)"
    )
    return "\n\n\n".join(("\n".join(lines), f"def draw_noise(random):\n    return {drawn}", *penalties))
