"""A captured graph run piece by piece, by eager kernels and by a back end, to find the first value that differs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.model import Location
from steadygraph.observe.places import locations
from steadygraph.policies import proof
from steadygraph.policies.backends import Compile
from steadygraph.policies.reproduction import copied, program
from steadygraph.torch_private import Piece, Pieces

#: Up to so many pieces each is tried; of more, the first wrong one is searched for by halves.
_EACH = 40


class Piecewise:
    """A back end that, when its graphs run, looks where another one parts from eager kernels, and answers by these."""

    def __init__(self) -> None:
        #: The back end that is looked at.
        self.compile_piece: Compile | None = None
        #: The operator whose value is the first that differs, and its line; of the first graph in which one does.
        self.name = ""
        self.location: Location | None = None
        self._shown: tuple[torch.fx.GraphModule, Sequence[Any], bool] | None = None

    def take(self, module: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> Callable[..., Any]:
        """Compile a graph; it is looked into when it runs."""
        module = copy.deepcopy(module)  # the observation goes on with its own
        torch_private.force_recompile(module)

        def run(*args: Any) -> Any:
            if self._shown is None:
                self._look(module, args)
            return module.forward(*args)

        return run

    def program(self, backend: str) -> str | None:
        """A program that shows the difference; None if no graph has shown one, or no text can hold it."""
        if self._shown is None:
            return None
        module, args, grad = self._shown
        return program(module, args, backend, grad=grad)

    def _look(self, module: torch.fx.GraphModule, args: Sequence[Any]) -> None:
        given = copied(args)
        if not self._differs(module, given):
            return
        pieces = Pieces(module)
        piece = self._first(pieces, given)
        self._shown = (module if piece is None else piece.module, given, torch.is_grad_enabled())
        if piece is not None:
            self.name, self.location = piece.name, locations.of_trace(piece.trace)

    def _first(self, pieces: Pieces, args: Sequence[Any]) -> Piece | None:
        low, high = 0, len(pieces)
        while high - low > _EACH:
            middle = (low + high) // 2
            low, high = (low, middle + 1) if self._differs(pieces[middle].module, args) else (middle + 1, high)
        each = (pieces[number] for number in range(low, high))
        return next((piece for piece in each if self._differs(piece.module, args)), None)

    def _differs(self, module: torch.fx.GraphModule, args: Sequence[Any]) -> bool:
        """Does the back end return, or leave behind, something else than eager kernels?"""
        assert self.compile_piece is not None
        expected_args, actual_args = copied(args), copied(args)
        try:
            expected = module.forward(*expected_args)
            compiled = self.compile_piece(copy.deepcopy(module), copied(args)) or module.forward
            actual = compiled(*actual_args)
        except Exception:  # a piece that a back end cannot take says nothing
            return False
        seen = ((list(result), given) for result, given in ((expected, expected_args), (actual, actual_args)))
        return not proof.compare(*map(proof.freeze, seen)).equal
