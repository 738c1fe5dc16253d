"""The forms in which personal data is recognised: a pattern, and what else must hold.

A run of digits alone says nothing: order numbers, times and digests are such runs. So each form has a checksum, a
list of valid ranges, or separators of its own; what has none of them is not looked for.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import phonenumbers
from stdnum import iban, luhn

EMAIL, PHONE, CARD, IBAN, NATIONAL_ID, KEY = "email", "phone", "card", "iban", "national_id", "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """``length`` says how much of a match it is, from its beginning: 0 for nothing.

    The others are what a text must have before the pattern is tried at all: so many digits, so many in a row, and one
    of these characters.
    """

    kind: str
    pattern: re.Pattern[str]
    length: Callable[[str], int]
    digits: int = 0
    run: int = 0
    needs: str = ""

    def is_possible(self, text: str, digits: int, run: int) -> bool:
        return (
            digits >= self.digits
            and run >= self.run
            and (not self.needs or any(character in text for character in self.needs))
        )


def certain(_found: str) -> int:
    return len(_found)


def if_valid(is_valid: Callable[[str], bool]) -> Callable[[str], int]:
    return lambda found: len(found) if is_valid(found) else 0


CARD_BRANDS: Sequence[tuple[range, int, frozenset[int]]] = (
    # First digits, how many of them, lengths: ISO/IEC 7812 ranges of the brands that are paid with.
    (range(4, 5), 1, frozenset({13, 16, 19})),
    (range(51, 56), 2, frozenset({16})),
    (range(2221, 2721), 4, frozenset({16})),
    (range(34, 35), 2, frozenset({15})),
    (range(37, 38), 2, frozenset({15})),
    (range(300, 306), 3, frozenset({14})),
    (range(36, 37), 2, frozenset({14})),
    (range(38, 40), 2, frozenset({14})),
    (range(6011, 6012), 4, frozenset({16})),
    (range(644, 650), 3, frozenset({16})),
    (range(65, 66), 2, frozenset({16})),
    (range(3528, 3590), 4, frozenset({16})),
    (range(62, 63), 2, frozenset({16, 17, 18, 19})),
    (range(5018, 5019), 4, frozenset({16})),
    (range(6759, 6760), 4, frozenset({16})),
)


def is_card(found: str) -> bool:
    digits = "".join(filter(str.isdigit, found))
    branded = any(int(digits[:count]) in first and len(digits) in sizes for first, count, sizes in CARD_BRANDS)
    return branded and len(set(digits)) > 1 and luhn.is_valid(digits)


def is_phone(found: str) -> bool:
    region = None if found.startswith("+") else "US"
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(found, region))
    except phonenumbers.NumberParseException:
        return False


def iban_length(found: str) -> int:
    """Words that follow an IBAN look like more groups of it, so they are left off one by one."""
    while found:
        # Structure and checksum by country; lists of its banks are always out of date.
        if iban.is_valid(found, check_country=False):
            return len(found)
        found = found.rpartition(" ")[0]
    return 0


def form(
    kind: str,
    pattern: str,
    length: Callable[[str], int] = certain,
    *,
    digits: int = 0,
    run: int = 0,
    needs: str = "",
) -> Form:
    compiled = re.compile(pattern, re.ASCII)
    return Form(kind=kind, pattern=compiled, length=length, digits=digits, run=run, needs=needs)


NOT_IN_WORD = r"(?![0-9A-Za-z])(?!-[0-9A-Za-z])"
COMMON: Sequence[Form] = (
    Form(
        kind=EMAIL,
        pattern=re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        length=certain,
        needs="@",
    ),
    form(
        IBAN,
        r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?:[ ]?[0-9A-Za-z]{4}){2,7}(?:[ ]?[0-9A-Za-z]{1,3})?(?![0-9A-Za-z])",
        iban_length,
        digits=8,
    ),
    form(CARD, r"(?<![0-9A-Za-z.])[0-9]{13,19}(?![0-9A-Za-z])(?!\.[0-9])", if_valid(is_card), run=13),
    form(
        CARD,
        r"(?<![0-9A-Za-z.-])[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?:\1[0-9]{1,3})?" + NOT_IN_WORD,
        if_valid(is_card),
        digits=16,
        needs=" -",
    ),
    form(
        CARD,
        r"(?<![0-9A-Za-z.-])3[0-9]{3}([ -])[0-9]{6}\1[0-9]{4,5}" + NOT_IN_WORD,
        if_valid(is_card),
        digits=14,
        run=6,
        needs=" -",
    ),
    form(
        PHONE,
        r"(?<![\w+])\+[1-9](?:[ .()/-]{0,2}[0-9]){6,14}(?![0-9A-Za-z])",
        if_valid(is_phone),
        digits=7,
        needs="+",
    ),
    form(
        PHONE,
        r"(?<![\w.-])(?:\([0-9]{3}\) ?|[0-9]{3}-)[0-9]{3}-[0-9]{4}" + NOT_IN_WORD,
        if_valid(is_phone),
        digits=10,
        run=4,
        needs="-",
    ),
)
