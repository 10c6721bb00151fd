"""Structs of numbers from a MATLAB version 5 file, read with every length checked before it is used.

SciPy's reader is compiled code that trusts the lengths within a file: a damaged one can end the process. What
measurement files hold, structs of real arrays, takes little to read safely. Anything else within them (cells,
objects, sparse and complex arrays, text) is passed over. Source: The MathWorks, "MAT-File Format", Level 5.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

_MATRIX, _COMPRESSED = 14, 15
_NUMBER_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_STRUCT_CLASS, _NUMBER_CLASSES = 2, range(6, 16)
_COMPLEX_FLAG = 0x0800
_MAXIMUM_DEPTH = 8
_MAXIMUM_FIELDS = 4096


class MatFileError(ValueError):
    """Not a MATLAB version 5 file, or a damaged one; the message says what is wrong and where."""


class _Bytes:
    """A stretch of the file that is read from its front; every read is checked against its end."""

    def __init__(self, content: memoryview, order: str):
        self.content, self.order, self.position = content, order, 0

    def __bool__(self) -> bool:
        return self.position < len(self.content)

    def take(self, size: int) -> memoryview:
        left = len(self.content) - self.position
        if size > left:
            raise MatFileError(f"cut short: {size} bytes are asked for at byte {self.position}, {left} are left")
        self.position += size
        return self.content[self.position - size : self.position]

    def element(self) -> tuple[int, memoryview]:
        """Type and data of the next element; one of up to four bytes is packed into its own tag."""
        (first,) = struct.unpack(self.order + "I", self.take(4))
        if first >> 16:
            data = self.take(4)
            if first >> 16 > 4:
                raise MatFileError(f"a small element of {first >> 16} bytes, where four are the most")
            return first & 0xFFFF, data[: first >> 16]
        (size,) = struct.unpack(self.order + "I", self.take(4))
        data = self.take(size)
        if first != _COMPRESSED:
            self.position = min(self.position + (-size) % 8, len(self.content))
        return first, data

    def numbers(self) -> np.ndarray:
        """Numbers of the next element, as a flat array."""
        kind, data = self.element()
        if kind not in _NUMBER_TYPES:
            raise MatFileError(f"an element of type {kind} where numbers should stand")
        dtype = np.dtype(self.order + _NUMBER_TYPES[kind])
        if len(data) % dtype.itemsize:
            raise MatFileError(f"{len(data)} bytes are no whole number of {dtype.name} values")
        return np.frombuffer(data, dtype)


def read_variables(content: bytes, maximum_bytes: int) -> dict[str, Any]:
    """Read the variables of a file: a struct as a dict, an array of real numbers as an array, all else as
    None.

    Arrays have their MATLAB shape without the axes of length one. At most `maximum_bytes` are unpacked.
    Raises `MatFileError` for anything that is not a sound file.
    """
    order = _byte_order(content)
    variables = {}
    for body in _matrices(_Bytes(memoryview(content)[128:], order), order, maximum_bytes):
        name, value = _matrix(body, 0)
        variables[name] = value
    return variables


def _byte_order(content: bytes) -> str:
    if content.startswith(b"MATLAB 7.3") or b"\x89HDF\r\n" in content[:1024]:
        raise MatFileError("a MATLAB 7.3 file; save it with '-v7' instead")
    if not content.startswith(b"MATLAB 5.0") or len(content) < 136:
        raise MatFileError("the file does not begin as a MATLAB version 5 file does")
    orders = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}
    if content[124:128] not in orders:
        raise MatFileError("bytes 124 to 127 do not state MATLAB version 5")
    return orders[content[124:128]]


def _matrices(top: _Bytes, order: str, budget: int) -> Iterator[_Bytes]:
    while top:
        kind, data = top.element()
        if kind == _COMPRESSED:
            unpacked = _unpack(data, budget)
            budget -= len(unpacked)
            kind, data = _Bytes(memoryview(unpacked), order).element()
        if kind == _MATRIX:
            yield _Bytes(data, order)


def _unpack(packed: memoryview, budget: int) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, budget)
    except zlib.error as error:
        raise MatFileError(f"a compressed part is damaged: {error}") from None
    if not unpacker.eof:
        raise MatFileError(f"a compressed part is cut short or unpacks to more than {budget} bytes")
    return unpacked


def _matrix(body: _Bytes, depth: int) -> tuple[str, Any]:
    """Name and value of one array: flags, dimensions, name and then what its class asks for."""
    if not body:
        return "", None
    flags = body.numbers()
    shape = body.numbers().astype(np.int64)
    name = _text(body.element()[1])
    if flags.size == 0 or shape.size < 2 or np.any(shape < 0):
        raise MatFileError(f"the array {name!r} has no class or no dimensions")
    kind = int(flags[0]) & 0xFF
    if kind == _STRUCT_CLASS and np.all(shape == 1):
        return name, _struct(body, depth)
    if kind in _NUMBER_CLASSES and not int(flags[0]) & _COMPLEX_FLAG:
        return name, _array(body, [int(size) for size in shape], name)
    return name, None


def _array(body: _Bytes, shape: list[int], name: str) -> np.ndarray:
    values = body.numbers()
    count = 1
    for size in shape:
        count *= size
    if count != values.size:
        raise MatFileError(f"the array {name!r} holds {values.size} numbers for the shape {shape}")
    return values.reshape([size for size in shape if size != 1], order="F").astype(np.float64)


def _struct(body: _Bytes, depth: int) -> dict[str, Any]:
    if depth >= _MAXIMUM_DEPTH:
        raise MatFileError(f"structs lie within each other more than {_MAXIMUM_DEPTH} deep")
    length = body.numbers()
    names = bytes(body.element()[1])
    step = int(length[0]) if length.size == 1 else 0
    if step < 1 or len(names) % step or len(names) // step > _MAXIMUM_FIELDS:
        raise MatFileError("the names of the fields of a struct are damaged")
    fields = {}
    for start in range(0, len(names), step):
        kind, data = body.element()
        if kind != _MATRIX:
            raise MatFileError(f"a field of a struct has the type {kind}, not that of an array")
        fields[_text(names[start : start + step])] = _matrix(_Bytes(data, body.order), depth + 1)[1]
    return fields


def _text(data: memoryview | bytes) -> str:
    return bytes(data).split(b"\x00", 1)[0].decode("latin-1")
