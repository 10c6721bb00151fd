"""Room for compiled programs, in processes that run many different ones.

Each compiled program takes some memory maps, and Linux allows a process 65 530 of them; where they end the compiler
ends the process.
"""

import gc
from pathlib import Path

import jax

#: Memory maps from which on programs are forgotten: one piece of work may take as many again.
MOST_MAPS = 25_000
_MAPS = Path("/proc/self/maps")


def memory_maps() -> int:
    """Memory maps of this process; 0 on a system that does not tell."""
    if not _MAPS.exists():
        return 0
    with _MAPS.open("rb") as lines:
        return sum(1 for _ in lines)


def make_room(most: int = MOST_MAPS) -> bool:
    """Forget all compiled programs if this process has more than `most` memory maps; say whether it had.

    What is used again is compiled again.
    """
    if memory_maps() <= most:
        return False
    jax.clear_caches()
    gc.collect()
    return True
