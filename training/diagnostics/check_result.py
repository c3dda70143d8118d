"""Results of the doctor's checks. Uses only the standard library, so that it runs without packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class CheckResult:
    """Result of one check; ``advice`` says what to do when it is not ok.

    ``facts`` are plain values for bug reports, which only the JSON shows.
    """

    check: str
    level: str
    message: str
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """Return the result as a line of text."""
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.level:<8} {self.check:<9} {self.message}{advice}"

    def as_json(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return asdict(self)


Check = Callable[[], Iterator[CheckResult]]


def attempt(name: str, check: Check) -> Iterator[CheckResult]:
    """Yield the results of ``check``; any exception becomes a failure of ``name``, in one line."""
    try:
        yield from check()
    except Exception as error:  # the doctor reports every failure, expected or not
        text = " ".join(str(error).split()) or "no message"
        yield CheckResult(name, FAILURE, f"{type(error).__name__}: {text}")
