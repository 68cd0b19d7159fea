"""The training loop of a script: D's block, G's block, and the changes between iterations."""

from textwrap import indent

from gan_core.changes import UPDATE
from gan_core.config import GANConfig, Network
from gan_core.export.recipe import Recipe

SIDES: dict[Network, str] = {"G": "generator", "D": "discriminator"}


def turn(recipe: Recipe) -> str:
    """Return the function that a loop needs whose updates do not follow each other in two blocks."""
    d_block, g_block = (indent(block, " " * 8) for block in (_d_gradients(recipe), _g_gradients(recipe)))
    return f'''\
losses_now = {{}}  # the last loss of each network


def train(turn):
    """Update "D", "G" or both ("DG"): all gradients are taken at the same weights, then the optimisers step."""
    if "D" in turn:
{d_block}
        losses_now["D"] = d_loss
    if "G" in turn:
{g_block}
        losses_now["G"] = g_loss
    for network in turn:
        {{"D": optimizer_d, "G": optimizer_g}}[network].step()'''


def loop(recipe: Recipe) -> str:
    """Return the loop over the iterations."""
    names = [name for name in GANConfig.model_fields if name in _VARIABLES and recipe.varies(name)]
    if not recipe.in_blocks:
        names.append("update_order")
    before = dict.fromkeys(filter(None, (_assignment(recipe, recipe.config, name) for name in names)))
    d_loss, g_loss = ("d_loss", "g_loss") if recipe.in_blocks else ('losses_now["D"]', 'losses_now["G"]')
    body = [*_changes(recipe), *(_blocks(recipe) if recipe.in_blocks else ["for turn in turns:\n    train(turn)"])]
    body.append(f"""\
losses.append((iteration, {d_loss}.item(), {g_loss}.item()))
if iteration % 100 == 0 or iteration == ITERATIONS:
    print("iteration %d: D loss %.4f, G loss %.4f" % losses[-1])""")
    return "\n".join(
        (*before, "losses = []", "for iteration in range(1, ITERATIONS + 1):", indent("\n\n".join(body), "    "))
    )


# Updates -----------------------------------------------------------------------------------------------------


def _blocks(recipe: Recipe) -> list[str]:
    """Return D's and G's block in the order of the run, each in a loop if it has more than one step."""
    blocks = [_block(recipe, "D", _d_gradients(recipe)), _block(recipe, "G", _g_gradients(recipe))]
    return blocks if recipe.config.update_order == "d_first" else blocks[::-1]


def _block(recipe: Recipe, network: Network, gradients: str) -> str:
    steps = f"{network.lower()}_steps"
    count = steps if recipe.varies(steps) else getattr(recipe.config, steps)
    update = f"{gradients}\noptimizer_{network.lower()}.step()"
    repeated = update if count == 1 else f"for _ in range({count}):\n{indent(update, '    ')}"
    return f"# {network} block\n{repeated}"


def _d_gradients(recipe: Recipe) -> str:
    """Return D's update up to its gradients."""
    if recipe.config.discriminator_batch_norm:
        comment = "  # apart: BatchNorm would mix their statistics"
        logits = f"{_logits(recipe, 'real')}, {_logits(recipe, 'fake')}{comment}"
    else:
        logits = f"{_logits(recipe, 'torch.cat((real, fake))')}.chunk(2)"
    forward = (
        "with torch.no_grad():  # only D learns here\n    fake = generator(draw_noise(noise_d))\n"
        f"real_logits, fake_logits = {logits}"
    )
    weight = "penalty_weight" if recipe.varies("gradient_penalty") else repr(recipe.config.gradient_penalty)
    losses = {
        name: f"{loss.code_real}\n{loss.code_fake}\n{loss.code_total(weight)}" for name, loss in recipe.losses.items()
    }
    losses_code = f"{_choice(losses)}\noptimizer_d.zero_grad()\nd_loss.backward()"
    return f"real = next(real_batches)\n{_autocast(recipe, forward)}\n{losses_code}"


def _g_gradients(recipe: Recipe) -> str:
    """Return G's update up to its gradients."""
    forward = f"fake = generator(draw_noise(noise_g))\nfake_logits = {_logits(recipe, 'fake')}"
    losses = {name: loss.code_g for name, loss in recipe.losses.items()}
    # Where D's gradients wait for their step, those of g_loss must not be added to them.
    inputs = "" if recipe.in_blocks else "inputs=list(generator.parameters())"
    return f"{_autocast(recipe, forward)}\n{_choice(losses)}\noptimizer_g.zero_grad()\ng_loss.backward({inputs})"


def _logits(recipe: Recipe, samples: str) -> str:
    return f"discriminator({samples})" + (".float()" if recipe.bfloat16 else "")


def _autocast(recipe: Recipe, forward: str) -> str:
    if not recipe.bfloat16:
        return forward
    return f"with torch.autocast(device.type, torch.bfloat16, BFLOAT16):\n{indent(forward, '    ')}"


def _choice(lines: dict[str, str]) -> str:
    """Return the lines of the one loss, or a choice between those of several."""
    if len(lines) == 1:
        return next(iter(lines.values()))
    return "\nel".join(f'if loss == "{name}":\n{indent(code, "    ")}' for name, code in lines.items())


# Changes -----------------------------------------------------------------------------------------------------

_VARIABLES = ("loss", "gradient_penalty", "d_steps", "g_steps", "update_order")


def _changes(recipe: Recipe) -> list[str]:
    """Return a block with the changes before each iteration; none if there are none."""
    blocks: dict[int, list[str]] = {}
    before = recipe.config
    for change, after in recipe.changes:
        lines = [_assignment(recipe, after, name) for name in before.differences(after)]
        if UPDATE in change.values:
            lines.append(f'train("{change.values[UPDATE]}")  # this network alone')
        blocks.setdefault(change.iteration + 1, []).extend(dict.fromkeys(line for line in lines if line))
        before = after
    texts = [f"if iteration == {at}:\n{indent(chr(10).join(lines), '    ')}" for at, lines in blocks.items() if lines]
    return ["\n".join(("# What was changed before these iterations", *texts))] if texts else []


def _assignment(recipe: Recipe, config: GANConfig, name: str) -> str:
    """Return the code that sets what the script has for this setting; "" if the run does not use it."""
    value = getattr(config, name)
    if name in ("d_steps", "g_steps", "update_order"):
        turns = ", ".join(f'"{"".join(networks)}"' for networks in config.turns())
        return f"{name} = {value}" if recipe.in_blocks else f"turns = [{turns}]"
    if name == "loss":
        return f'loss = "{value}"'
    if name == "gradient_penalty":
        return f"penalty_weight = {value}" if recipe.penalised else ""
    if name == "drawing":
        return f'samples = points_of("{value}")' if config.dataset == "drawn" else ""
    if name in _LAYERS:
        kind, attribute = _LAYERS[name]
        new = f"if isinstance(layer, nn.{kind}):\n        layer.{attribute} = {value}"
        return f"for layer in (*generator, *discriminator):\n    {new}"
    return "\n".join(
        f'optimizer_{network.lower()}.param_groups[0]["{option}"] = {new}'
        for network in SIDES for option, names, new in _options(config, network) if name in names
    )  # fmt: skip


_LAYERS = {"leaky_slope": ("LeakyReLU", "negative_slope"), "batch_norm_momentum": ("BatchNorm1d", "momentum")}


def _options(config: GANConfig, network: Network) -> list[tuple[str, tuple[str, ...], object]]:
    """Return the options of a network's optimiser that may change: name, settings and value of each."""
    rate = f"learning_rate_{network.lower()}"
    found: list[tuple[str, tuple[str, ...], object]] = [("lr", (rate,), getattr(config, rate))]
    if getattr(config, f"optimizer_{network.lower()}") == "sgd":
        return [*found, ("momentum", ("sgd_momentum",), config.sgd_momentum)]
    return [*found, ("betas", ("adam_beta1", "adam_beta2"), (config.adam_beta1, config.adam_beta2))]
