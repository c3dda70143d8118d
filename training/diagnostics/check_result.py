"""What the doctor finds, a line each. The standard library alone: it runs where packages are missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

OK, WARNING, FAILURE = "ok", "warning", "failure"


@dataclass(frozen=True)
class CheckResult:
    """One check's result; ``advice`` says what to do where it is not ok."""

    check: str
    level: str
    message: str
    advice: str = ""

    def line(self) -> str:
        """The finding as a line of text."""
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.level:<8} {self.check:<9} {self.message}{advice}"

    def as_json(self) -> dict[str, str]:
        """The finding as plain strings."""
        return asdict(self)


Check = Callable[[], Iterator[CheckResult]]


def attempt(name: str, check: Check) -> Iterator[CheckResult]:
    """The findings of ``check``; whatever it stumbles over becomes a failure under ``name``, in one line."""
    try:
        yield from check()
    except Exception as error:  # the doctor's business is to tell of any failure, foreseen or not
        text = " ".join(str(error).split()) or "no message"
        yield CheckResult(name, FAILURE, f"{type(error).__name__}: {text}")
