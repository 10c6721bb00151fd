"""Comments `#:` above a module's constants as their docstrings, for the API reference."""

from typing import Any

import griffe


class ConstantComments(griffe.Extension):
    """Gives an attribute without a docstring the block of `#:` lines that stands above it."""

    def on_attribute_instance(self, *, attr: griffe.Attribute, **_: Any) -> None:
        """Read the lines above an attribute."""
        if attr.docstring is not None or attr.lineno is None or isinstance(attr.filepath, list):
            return
        lines = attr.lines_collection[attr.filepath]
        above = attr.lineno - 1
        first = above
        while first > 0 and lines[first - 1].strip().startswith("#:"):
            first -= 1
        if first < above:
            text = "\n".join(line.strip().removeprefix("#:").strip() for line in lines[first:above])
            attr.docstring = griffe.Docstring(text, lineno=first + 1, endlineno=above, parent=attr)
