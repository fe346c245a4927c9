"""Any sequence of steps, aborted ones among them, against a model in plain lists."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from torch import Tensor

from steadygraph.reference.deepstack import DeepstackBuffers

HIDDEN = 2
Rows = list[list[float]]

tokens = st.integers(0, 12)
dtypes = st.sampled_from([torch.float32, torch.bfloat16, torch.float16])


class Steps(RuleBasedStateMachine):
    """The model is what the running step was given: rows of each level, how many tokens, in which dtype."""

    @initialize(levels=st.integers(1, 3), capacity=st.integers(1, 12), dtype=dtypes)
    def begin(self, levels: int, capacity: int, dtype: torch.dtype) -> None:
        self.buffers = DeepstackBuffers(levels, capacity, HIDDEN)
        self.levels, self.dtype, self.next = levels, dtype, 1.0
        self.rows: list[Rows] = [[] for _ in range(levels)]
        self.scheduled = 0
        self.addresses: list[int] | None = None
        self.capacity = capacity

    def embeddings(self, num_tokens: int) -> Tensor:
        return torch.ones(num_tokens, HIDDEN, dtype=self.dtype)

    def fresh_rows(self, count: int) -> list[Rows]:
        """Numbers that no step had before, exact in each dtype."""
        found = []
        for _ in range(self.levels):
            found.append([[self.next + i, -self.next - i] for i in range(count)])
            self.next = 1.0 if self.next > 200 else self.next + count
        return found

    def fits(self, num_tokens: int) -> bool:
        return self.addresses is None or num_tokens <= self.capacity

    @rule(scheduled=tokens)
    def text(self, scheduled: int) -> None:
        if not self.fits(scheduled):
            return self.refused(lambda: self.buffers.set(None, self.embeddings(scheduled)), scheduled)
        self.buffers.set(None, self.embeddings(scheduled))
        self.took([[] for _ in range(self.levels)], scheduled)

    @rule(scheduled=tokens, missing=st.integers(0, 2))
    def image(self, scheduled: int, missing: int) -> None:
        rows = self.fresh_rows(max(scheduled - missing, 0))
        payload = torch.tensor(rows, dtype=self.dtype).reshape(self.levels, -1, HIDDEN)
        if not self.fits(scheduled):
            return self.refused(lambda: self.buffers.set(payload, self.embeddings(scheduled)), scheduled)
        self.buffers.set(payload, self.embeddings(scheduled))
        self.took(rows, scheduled)

    @rule(scheduled=tokens)
    def image_with_too_many_rows(self, scheduled: int) -> None:
        payload = torch.ones(self.levels, scheduled + 1, HIDDEN, dtype=self.dtype)

        with pytest.raises(ValueError, match=f"has {scheduled + 1} rows, {scheduled} tokens are scheduled"):
            self.buffers.set(payload, self.embeddings(scheduled))

    @rule(padding=st.integers(0, 6))
    def decode(self, padding: int) -> None:
        padded = self.scheduled + padding
        if not self.fits(padded):
            return self.refused(lambda: self.buffers.get(self.embeddings(padded)), padded)
        found = self.buffers.get(self.embeddings(padded))

        assert list(found) == [f"deepstack_input_embeds_{level}" for level in range(self.levels)]
        assert [t.tolist() for t in found.values()] == [self.expected(level, 0, padded) for level in range(self.levels)]
        self.capacity = max(self.capacity, padded)

    @rule(start=tokens, count=tokens)
    def decode_micro_batch(self, start: int, count: int) -> None:
        stop = start + count
        if not self.fits(stop):
            return self.refused(lambda: self.buffers.get(self.embeddings(count), start), stop)
        found = self.buffers.get(self.embeddings(count), start)

        assert [t.tolist() for t in found.values()] == [self.expected(lv, start, stop) for lv in range(self.levels)]
        self.capacity = max(self.capacity, stop)

    @precondition(lambda self: self.scheduled > 0)
    @rule()
    def decode_fewer_than_scheduled(self) -> None:
        with pytest.raises(ValueError, match=f"{self.scheduled - 1} padded tokens are fewer than the {self.scheduled}"):
            self.buffers.get(self.embeddings(self.scheduled - 1))

    @rule()
    def clear(self) -> None:
        self.buffers.clear()
        self.took([[] for _ in range(self.levels)], 0)

    @rule()
    def step_that_fails(self) -> None:
        with pytest.raises(ZeroDivisionError):
            self.failing_step()
        self.took([[] for _ in range(self.levels)], 1)
        self.scheduled = 0

    @precondition(lambda self: self.addresses is None)
    @rule(dtype=dtypes)
    def model_is_converted(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.text(0)

    @precondition(lambda self: self.addresses is None)
    @rule()
    def capture(self) -> None:
        self.text(0)
        self.buffers.freeze()
        self.addresses = self.found_addresses()

    def failing_step(self) -> None:
        with self.buffers.step():
            self.buffers.set(torch.ones(self.levels, 1, HIDDEN, dtype=self.dtype), self.embeddings(1))
            raise ZeroDivisionError

    def took(self, rows: list[Rows], scheduled: int) -> None:
        self.rows, self.scheduled = rows, scheduled
        self.capacity = max(self.capacity, scheduled)

    def expected(self, level: int, start: int, stop: int) -> Rows:
        rows = self.rows[level]
        return [rows[i] if i < len(rows) else [0.0] * HIDDEN for i in range(start, stop)]

    def refused(self, action: Callable[[], object], num_tokens: int) -> None:
        with pytest.raises(ValueError, match=f"{num_tokens} tokens exceed the capacity of {self.capacity}"):
            action()

    def found_addresses(self) -> list[int]:
        return [t.data_ptr() for t in self.buffers.get(self.embeddings(1), start=0).values()]

    @invariant()
    def state_is_that_of_the_model(self) -> None:
        assert (self.buffers.num_valid, self.buffers.capacity) == (len(self.rows[0]), self.capacity)

    @invariant()
    def every_row_of_the_memory_is_that_of_the_model(self) -> None:
        found = self.buffers.get(self.embeddings(self.capacity), start=0)

        assert [t.tolist() for t in found.values()] == [
            self.expected(lv, 0, self.capacity) for lv in range(self.levels)
        ]

    @invariant()
    def captured_addresses_stay(self) -> None:
        if self.addresses is not None:
            assert self.found_addresses() == self.addresses


TestSteps = Steps.TestCase
TestSteps.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
