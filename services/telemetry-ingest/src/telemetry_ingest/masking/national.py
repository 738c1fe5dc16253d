"""National identifiers with separators, letters or birth dates of their own; bare runs of digits are not looked for."""

from collections.abc import Callable, Sequence
from datetime import date

from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.kr import rrn
from stdnum.us import ssn

from telemetry_ingest.masking.forms import NATIONAL_ID, Form, form, if_valid

START, END = r"(?<![0-9A-Za-z.-])", r"(?![0-9A-Za-z])(?!-[0-9A-Za-z])"


def _is_dni(found: str) -> bool:
    return dni.is_valid(found) and not _is_day(found[:8])


def _is_day(digits: str) -> bool:
    """``20261121Z`` is a day, and one of 23 days would pass for a number."""
    try:
        return bool(date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"))
    except ValueError:
        return False


def _national(pattern: str, is_valid: Callable[[str], bool], *, digits: int, run: int = 0, needs: str = "") -> Form:
    return form(NATIONAL_ID, START + pattern + END, if_valid(is_valid), digits=digits, run=run, needs=needs)


NATIONAL: Sequence[Form] = (
    _national(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", ssn.is_valid, digits=9, run=4, needs="-"),
    _national(r"[0-9]{8}-?[A-Z]", _is_dni, digits=8, run=8),
    _national(r"[XYZ]-?[0-9]{7}-?[A-Z]", nie.is_valid, digits=7, run=7, needs="XYZ"),
    _national(
        r"[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{2}[A-Z][0-9LMNPQRSTUV]{3}[A-Z]",
        codicefiscale.is_valid,
        digits=5,
        needs="ABCDEHLMPRST",
    ),
    _national(r"[12] ?[0-9]{2} ?[01][0-9] ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}", nir.is_valid, digits=14, run=3),
    _national(r"[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}", nn.is_valid, digits=11, needs="."),
    _national(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", cpf.is_valid, digits=11, needs="."),
    _national(r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", ahv.is_valid, digits=13, needs="."),
    _national(r"[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}", idnr.is_valid, digits=11, needs=" "),
    _national(r"[2-9][0-9]{3} [0-9]{4} [0-9]{4}", aadhaar.is_valid, digits=12, run=4, needs=" "),
    _national(r"[0-9]{6}[-+A][0-9]{3}[0-9A-Y]", hetu.is_valid, digits=9, run=6, needs="-+A"),
    _national(r"[0-9]{6}-[0-9]{7}", rrn.is_valid, digits=13, run=7, needs="-"),
    _national(r"[1-9][0-9]{16}[0-9X]", ric.is_valid, digits=17, run=17),
    # The British one has no checksum; with its spaces nothing else looks like it.
    _national(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] [0-9]{2} [0-9]{2} [0-9]{2} [A-D]", bool, digits=6, needs="ABCD"),
)
