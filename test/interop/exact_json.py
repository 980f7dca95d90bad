"""JSON with nothing lost: numbers as they are written, members in their order, no name twice. For both reference programs
and the checker of metadata; Python's own reader would make floats of numbers and keep the last of two members."""

import json


class Number(str):
    """A number, by its text."""


class Members(list):
    """An object: its (name, value) pairs in order."""


def _members(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name is there twice")
    return Members(pairs)


def _constant(name):
    raise ValueError(f"{name} is no JSON")


def loads(text):
    """The value of a text or bytes. Equal values were written with the same names, order, numbers and texts. Raises ValueError."""
    return json.loads(
        text, parse_int=Number, parse_float=Number, parse_constant=_constant, object_pairs_hook=_members
    )
