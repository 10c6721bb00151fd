"""What somebody may have meant: the nearest name to a misspelt one, for messages."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The end of a message about a name that is not known: "; did you mean 'rings'?", or nothing if none is near."""
    by_letters = {name.lower().replace("_", "-"): name for name in names}
    near = difflib.get_close_matches(word.lower().replace("_", "-"), by_letters, n=1, cutoff=0.6)
    return f"; did you mean {by_letters[near[0]]!r}?" if near else ""
