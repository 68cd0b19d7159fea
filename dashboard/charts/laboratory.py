"""The laboratory's results as a table, and what its numbers show. Each sentence is said only where the numbers bear it out."""

import math
from itertools import zip_longest

from dashboard.charts.listing import generator_loss
from dashboard.charts.update import number
from gan_core.diagnostics.views import Block, Experiment, Switches

_FREED = "backward through the graph a second time"  # in PyTorch's message
_COLUMNS = ("Block", "loss", "‖G .grad‖", "‖D .grad‖", "G moved", "D moved", "time")


def table(experiment: Experiment) -> str:
    """Return the blocks of both iterations as a markdown table."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS)]
    for tried, unchanged in zip_longest(experiment.blocks, experiment.unchanged):  # an error ends the first early
        network = unchanged.network
        named = network == "G" and experiment.switches.labels != Switches().labels
        for who, switches, block in (
            ("your switches", experiment.switches, tried),
            ("the lecture's", Switches(), unchanged),
        ):
            loss = f": `{generator_loss(switches)}`" if named else ""
            rows.append((f"{network}, {who}{loss}", *_cells(block)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cells(block: Block | None) -> tuple[str, ...]:
    if block is None:
        return ("not reached", *("–",) * (len(_COLUMNS) - 2))
    loss = "stopped" if block.loss is None else f"{block.loss:.4f}" if abs(block.loss) < 1e5 else f"{block.loss:.3g}"
    return (loss, *map(number, _norms(block)), _time(block))


def _norms(block: Block) -> tuple[float | None, ...]:
    return block.gradient_g, block.gradient_d, block.change_g, block.change_d


def _time(block: Block) -> str:
    return f"{block.seconds * 1000:.1f} ms"


def same_numbers(block: Block, other: Block) -> bool:
    """Return whether two blocks have the same loss and norms, bit for bit; NaN equals NaN. Times are not compared."""
    return block.error == other.error and all(
        _same(a, b) for a, b in zip((block.loss, *_norms(block)), (other.loss, *_norms(other)), strict=True)
    )


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))


def explain(experiment: Experiment) -> str:
    """Explain what the table shows for the switches that were changed."""
    notes = _summary(experiment)
    switches, (d, *rest) = experiment.switches, experiment.blocks
    d_before, g_before = experiment.unchanged
    if not switches.detach:
        notes += _not_detached(d, d_before)
    if not switches.zero_grad:
        notes += _not_zeroed(d, d_before)
    for g in rest:  # none if D's block stopped with an error
        notes += _g_block(switches, d, g, g_before)
    return " ".join(notes)


def _summary(experiment: Experiment) -> list[str]:
    same = len(experiment.blocks) == len(experiment.unchanged) and all(
        map(same_numbers, experiment.blocks, experiment.unchanged)
    )
    if experiment.switches == Switches():
        if same:
            return [
                "Nothing is switched: your rows show the lecture's numbers, bit for bit. Only the times may differ."
            ]
        return ["Nothing is switched, and the numbers still differ: this device does not repeat a result bit for bit."]
    return ["Your switches change no number here: both rows of a block are the same, bit for bit."] if same else []


def _not_detached(d: Block, before: Block) -> list[str]:
    notes = []
    if d.gradient_g is not None:
        notes.append("Not detached: D's backward() has filled G's .grad too.")
        if d.change_g == 0:
            notes.append("No weight of G has moved in D's block: D's optimiser does not hold them.")
    if round(d.seconds * 1000, 1) > round(before.seconds * 1000, 1):
        notes.append(f"D's block took longer, {_time(d)} instead of {_time(before)}.")
    return notes


def _not_zeroed(d: Block, before: Block) -> list[str]:
    if d.error:
        return []
    if _same(d.gradient_d, before.gradient_d):
        return ["Not zeroed, and nothing differs in D's block: D's .grad held nothing to add to."]
    step = ", and D's step differs" if not _same(d.change_d, before.change_d) else ""
    return [f"Not zeroed: D's .grad is this gradient plus the one that your run left there{step}."]


def _g_block(switches: Switches, d: Block, g: Block, before: Block) -> list[str]:
    if _FREED in g.error:
        return ["D's backward() has freed the graph through G, so G's block cannot go through it again."]
    if g.error:
        return []
    notes = []
    if not switches.zero_grad:
        found = (
            "was None, so there was nothing to add to"
            if d.gradient_g is None
            else "held what D's backward() left there"
        )
        notes.append(f"When G's block began, G's .grad {found}.")
    if switches.labels == "zeros":
        notes += _saturating(g, before)
    if switches.reuse_fakes:
        notes += _reused(switches, g, before)
    elif switches.retain_graph:
        notes.append("D's graph was kept, which costs memory, and nothing went through it again.")
    return notes


def _saturating(g: Block, before: Block) -> list[str]:
    notes = [
        "G's loss is −bce(fake_logits, zeros), the mean of log(1 − p) with p = D(G(z)): not plain cross entropy against"
        " zeros, but its opposite. It pulls each logit up with the strength p, the lecture's loss with 1 − p."
    ]
    if g.gradient_g is not None and before.gradient_g is not None and not _same(g.gradient_g, before.gradient_g):
        than = "smaller" if g.gradient_g < before.gradient_g else "larger"
        notes.append(
            f"‖G .grad‖ is {than} than in the lecture's row: {number(g.gradient_g)} against {number(before.gradient_g)}."
        )
    return notes


def _reused(switches: Switches, g: Block, before: Block) -> list[str]:
    differs = not _same(g.loss, before.loss)
    end = ", so its loss differs from the lecture's row, which scores new fakes." if differs else "."
    notes = [f"G's block scores D's fakes again, after D's step has moved D{end}"]
    if switches.retain_graph:
        kept = (
            "The graph was kept, so G's block can go through it again, at the cost of memory."
            if not switches.detach
            else "Keeping the graph was not needed: with detached fakes, D's backward() does not go through G."
        )
        notes.append(kept)
    return notes
