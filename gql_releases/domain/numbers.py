"""JSON numbers with their text."""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation


def parse_row_id(text: str) -> int | None:
    """Return the id of a row from its decimal digits; None for another text, and for more digits than an id has."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


class WrittenNumber(float):
    """A JSON number with its `text`, for numbers that int and float do not represent exactly.

    Its value as a float may be rounded, or infinite.
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """Build a number from a JSON number's text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        """Return the text."""
        return self.text

    __str__ = __repr__

    def __hash__(self) -> int:
        """Hash as a float."""
        return float.__hash__(self)

    def __eq__(self, other: object) -> bool:
        """Compare as a float."""
        return float.__eq__(self, other)

    @property
    def is_written_as_integer(self) -> bool:
        """Whether the text is only digits, after a sign."""
        return self.text.removeprefix("-").isdigit()

    @property
    def is_finite(self) -> bool:
        """Whether the number is in the range of doubles."""
        return math.isfinite(self)

    def to_integer(self) -> int | None:
        """Return the number as an integer of at most 64 bits; None if it is not exactly an integer."""
        if not self.is_finite or abs(self) > 2.0**64:
            return None
        try:
            number = int(self)
            return number if Decimal(self.text) == number else None
        except InvalidOperation:  # an exponent of 20 digits
            return None


def read_integer(text: str) -> int | WrittenNumber:
    """Parse the text of a JSON integer: beyond 64 bits, and for a negative zero, return a WrittenNumber."""
    if len(text) < 19 and text != "-0":
        return int(text)
    if len(text) <= 20 and -(2**63) <= (number := int(text)) < 2**64 and text != "-0":
        return number
    return WrittenNumber(text)


def type_name(value: object) -> str:
    """Return the name of a JSON value's Python type."""
    if isinstance(value, WrittenNumber):
        return "int" if value.is_written_as_integer else "float"
    return type(value).__name__
