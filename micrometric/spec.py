"""The language of `metrics_to_log`: which metrics are enabled. Library and command line share it.

A spec is a list of terms: `all`, an identifier, a glob (`attn_*`), or an exclusion (`!debug_*`).
A metric is enabled when some term names it and no exclusion does, in whatever order they stand;
a spec of exclusions alone means all but those.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from micrometric.errors import SpecError
from micrometric.registry import RESERVED

_TERM = re.compile(r"!?[\w./:*?-]*(?:\[!?\]?[^\]]*\][\w./:*?-]*)*")
_GLOB = re.compile(r"[*?[]")
_SHOWN = 5
"""Names that are shown where none is near."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Terms that were read; build one with `parse_spec`."""

    terms: tuple[str, ...]

    def __str__(self) -> str:
        """Return the terms as `parse_spec` reads them."""
        return ",".join(self.terms)

    def matches(self, identifier: str) -> bool:
        """Say whether the spec enables this metric."""
        wanted = [term for term in self.terms if not term.startswith("!")]
        return (
            bool(self.terms)
            and (not wanted or any(_names(term, identifier) for term in wanted))
            and not any(_names(term[1:], identifier) for term in self.terms if term[0] == "!")
        )

    def select(self, identifiers: Iterable[str]) -> frozenset[str]:
        """Return those of the identifiers that the spec enables."""
        return frozenset(name for name in identifiers if self.matches(name))

    def unmatched(self, identifiers: Collection[str]) -> tuple[str, ...]:
        """Return the terms that match none of the identifiers.

        An exclusion by glob is not among them: excluding what is not there is no mistake.
        """
        return tuple(
            term
            for term in self.terms
            if not (term.startswith("!") and _GLOB.search(term))
            and not any(_names(term.removeprefix("!"), name) for name in identifiers)
            and term.removeprefix("!") != RESERVED
        )


def parse_spec(spec: str | Iterable[str] | Spec | None) -> Spec:
    """Read a spec: None (nothing), a comma-separated string, or an iterable of such strings.

    Raises:
        SpecError: a term is empty or holds what no identifier does; for a string it carries
            the column.
    """
    if isinstance(spec, Spec):
        return spec
    if spec is None:
        return Spec(())
    if isinstance(spec, str):
        return Spec(tuple(_split(spec)))
    if isinstance(spec, bytes) or not isinstance(spec, Iterable):
        raise SpecError(
            "metrics_to_log must be 'all', a comma-separated string or an iterable of names, "
            f"not {spec!r}"
        )
    terms: list[str] = []
    for place, text in enumerate(spec):
        if not isinstance(text, str):
            raise SpecError(f"metrics_to_log must hold strings, found {text!r} at index {place}")
        terms.extend(_split(text))
    return Spec(tuple(dict.fromkeys(terms)))


def _split(text: str) -> list[str]:
    if not text.strip():
        return []
    terms = []
    start = 0
    for part in text.split(","):
        term = part.strip()
        _check_term(term, text, start + len(part) - len(part.lstrip()) if term else start)
        terms.append(term)
        start += len(part) + 1
    return list(dict.fromkeys(terms))


def _check_term(term: str, text: str, column: int) -> None:
    if not term.removeprefix("!"):
        raise SpecError(
            f"expected a metric name at column {column + 1} of {text!r}, found "
            + ("'!' alone" if term else "nothing"),
            text=text,
            column=column,
        )
    readable = _TERM.match(term)
    fault = readable.end() if readable else 0
    if fault < len(term):
        raise SpecError(
            f"unexpected {term[fault]!r} at column {column + fault + 1} of {text!r}, expected "
            "names of letters, digits and _ . / : - with * ? [ ] as wildcards and a leading ! "
            "to exclude",
            text=text,
            column=column + fault,
        )


def _names(term: str, identifier: str) -> bool:
    return term in (RESERVED, identifier) or fnmatchcase(identifier, term)


def nearest(name: str, candidates: Iterable[str]) -> list[str]:
    """Return up to three candidates that the name may have meant, the likeliest first."""
    known = sorted(set(candidates))
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=3)
    return [folded[match] for match in close]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence that asks for what a name may have meant, or nothing."""
    close = nearest(name, known)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence on what a name may have meant, else on what there is."""
    names = sorted(known)
    if close := did_you_mean(name, names):
        return close
    shown = ", ".join(map(repr, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"; there are {shown}{more}" if names else ""
