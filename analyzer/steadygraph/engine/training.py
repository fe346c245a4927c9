"""A model that is served as it is trained, which nobody says by a word: ``build()`` left out ``eval()``."""

from __future__ import annotations

from torch import nn

_DROPOUT = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
_BATCH_NORM = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def remark(model: nn.Module) -> str | None:
    """A sentence about the modules that now do another thing than after ``eval()``; None: there is none."""
    modules = [(name or type(model).__name__, module) for name, module in model.named_modules() if module.training]
    kinds = {
        "dropout": [name for name, module in modules if isinstance(module, _DROPOUT) and module.p > 0],
        # Without running statistics it takes those of the batch in either mode.
        "batch norm": [
            name for name, module in modules if isinstance(module, _BATCH_NORM) and module.running_mean is not None
        ],
    }
    active = " and ".join(f"{kind} ({_shown(names)})" for kind, names in kinds.items() if names)
    if not active:
        return None
    advice = "call model.eval() in build(), if it is served in evaluation mode"
    return f"the profile call runs in training mode, with {active}: {advice}"


def _shown(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
