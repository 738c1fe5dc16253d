"""Masks one text, and remembers the answer: most texts of a feed come again and again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from telemetry_ingest.masking.forms import COMMON, Form
from telemetry_ingest.masking.national import NATIONAL
from telemetry_ingest.masking.secrets import MARKS, SECRETS

DIGITS_MIN = 5
"""Every form but e-mail and keys has at least as many."""
REMEMBERED_MAX = 50_000
REMEMBERED_CHARACTERS_MAX = 512
MASKS = {
    "email": "masked-email",
    "phone": "masked-phone",
    "card": "masked-card",
    "iban": "masked-iban",
    "national_id": "masked-id",
    "key": "masked-key",
}
"""Lower case, letters and a dash: so a mask may stand wherever a name may."""
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Masked:
    text: str
    kinds: tuple[str, ...] = ()
    """What was found, each kind once, in the order of their names."""


def masked(text: str, *, keeps_length: bool = False) -> Masked:
    """``text`` without personal data. ``keeps_length`` puts as many characters for each as it had."""
    kinds: set[str] = set()
    for form in tuple(_forms_for(text)):
        text = _without(text, form, kinds, keeps_length=keeps_length)
    return Masked(text, tuple(sorted(kinds)))


def _forms_for(text: str) -> Iterator[Form]:
    """The forms that ``text`` could have: none for nearly every text."""
    if any(mark in text for mark in MARKS):
        yield from SECRETS
    runs = [len(run) for run in _DIGITS.findall(text)]
    digits, longest = sum(runs), max(runs, default=0)
    if digits >= DIGITS_MIN or "@" in text:
        for form in (*COMMON, *NATIONAL):
            if form.is_possible(text, digits, longest):
                yield form


def _without(text: str, form: Form, kinds: set[str], *, keeps_length: bool) -> str:
    def replaced(match: re.Match[str]) -> str:
        whole = match[0]
        length = form.length(whole)
        if not length:
            return whole
        kinds.add(form.kind)
        return ("x" * length if keeps_length else MASKS[form.kind]) + whole[length:]

    return form.pattern.sub(replaced, text)


@dataclass(slots=True)
class Masker:
    """Masks texts of one process. Its memory is bounded: when it is full it begins anew."""

    _known: dict[str, Masked] = field(default_factory=dict)

    def __call__(self, text: str) -> Masked:
        found = self._known.get(text)
        if found is None:
            found = masked(text)
            if len(text) <= REMEMBERED_CHARACTERS_MAX:
                if len(self._known) >= REMEMBERED_MAX:
                    self._known.clear()
                self._known[text] = found
        return found
