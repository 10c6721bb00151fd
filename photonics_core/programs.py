"""Compiled programs that are used again where the same one is asked for, though by another function object.

Where a loop is compiled for every call of an optimiser, compilation is most of the time of small problems. `reused`
traces a function anew, which takes a part of that time and sees all that it captures as it is now, and looks for a
program of the same text, constants and all, among the last ones. So a function that has changed, or a global that it
reads, is never missed, and a function that was written anew with the same content is found.

What runs on the host in the middle of a program (checks at run time) is not in that text: with it, the functions
themselves have to be the same objects as well.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from photonics_core.kernels.checks import is_concrete

#: Programs that are kept; the one that was used longest ago goes first.
MOST = 16
#: What the text of a program calls its steps on the host.
HOST = "callback"

_lock = threading.Lock()
_programs: OrderedDict[Any, tuple[Callable[..., Any], tuple[Any, ...]]] = OrderedDict()


def reused(function: Callable[..., Any], *arguments: Any, owners: tuple[Any, ...] = ()) -> Callable[..., Any]:
    """`function` compiled for such arguments, or an earlier one that is the same program.

    Args:
        function: of pytrees of arrays.
        arguments: of the shapes and on the devices that it will be called with.
        owners: the user's functions in it. Where it has steps on the host, these have to be the same objects.

    Returns:
        A function of just such arguments; inside a trace of the caller, `function` under `jax.jit`.
    """
    # A new function each time, for `jit` traces no function twice.
    compiled, here = jax.jit(lambda *each: function(*each), keep_unused=True), jnp.zeros(())
    if not is_concrete(here):
        return compiled
    lowered = compiled.lower(*arguments)
    text = lowered.as_text()
    # Constants that are handed over beside the arguments, or traced values of a caller, are not in the text.
    head = text.partition("@main(")[2].partition("\n")[0]
    if head.count("%arg") != len(jax.tree.leaves(arguments)):
        return compiled
    names = tuple(id(owner) for owner in owners) if HOST in text else ()
    leaves = [here, *jax.tree.leaves(arguments)]
    places = tuple(str(leaf.devices()) for leaf in leaves if isinstance(leaf, jax.Array))
    set_up = repr(sorted(jax.config.values.items()))
    digest = hashlib.sha256((text + set_up).encode()).digest()
    key = (digest, lowered.in_tree, lowered.out_tree, places, names)
    with _lock:
        if key in _programs:
            _programs.move_to_end(key)
            return _programs[key][0]
    program = lowered.compile()
    with _lock:
        # The owners are kept, or others could get their names.
        _programs[key] = program, owners
        while len(_programs) > MOST:
            _programs.popitem(last=False)
    return program


def forget_programs() -> None:
    """Let go of all programs that are kept."""
    with _lock:
        _programs.clear()
