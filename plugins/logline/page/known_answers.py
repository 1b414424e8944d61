"""Answers of the page's queries, kept for as long as the tables do not change that they are of."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

MOST = 500


class KnownAnswers:
    """The latest answer to each question, at most `most` of them; safe in several threads."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def get(self, question: Hashable, state: Hashable, ask: Callable[[], Any]) -> Any:
        """Return the answer to a question in this state of its tables: the known one, or what `ask` returns."""
        with self._lock:
            known = self._known.get(question)
        if known and known[0] == state:
            return known[1]
        answer = ask()
        with self._lock:
            self._known[question] = (state, answer)
            self._known.move_to_end(question)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return answer
