"""One thread for the LAPACK that JAX calls on the CPU.

JAX calls the OpenBLAS inside SciPy, whose threads and those of XLA fight for the same cores: on two cores an
eigendecomposition of 76 x 76 took 220 ms with the threads OpenBLAS starts by itself and 7 ms with one. NumPy has a
library of its own, which stays as it is. Set PHOTONICS_CORE_LAPACK_THREADS to a number of threads to have that many, or
to 0 to leave the library alone.
"""

import ctypes
import functools
import os
from pathlib import Path

SWITCH = "PHOTONICS_CORE_LAPACK_THREADS"
#: Names of the call in the wheels of SciPy and in other builds.
CALLS = ("scipy_openblas_set_num_threads", "openblas_set_num_threads")


@functools.cache
def limit_lapack_threads() -> bool:
    """Limit the threads of SciPy's OpenBLAS, once a process; say whether it was found.

    Raises:
        ValueError: if the switch in the environment is not a whole number from 0 on.
    """
    text = os.environ.get(SWITCH, "1")
    if not text.isdigit():
        raise ValueError(f"{SWITCH} = {text!r} is not a whole number from 0 on")
    if text == "0":
        return False
    import scipy

    folder = Path(scipy.__file__).parent
    places = (folder.parent / "scipy.libs", folder / ".dylibs")
    for path in (each for place in places if place.is_dir() for each in place.glob("*openblas*")):
        library = ctypes.CDLL(str(path))
        for name in CALLS:
            if hasattr(library, name):
                getattr(library, name)(int(text))
                return True
    return False
