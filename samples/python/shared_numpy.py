#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A numpy array over shared memory, by ctypes alone.

The array lies in memory that the GPU uses at the same addresses. The kernel is a Python function: read, compute, write,
all through the GPU's page table. Run it with the path of libgpusvm.so, or with one where the loader finds it.
"""

import ctypes
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char, c_int32, c_uint32, c_uint64, c_void_p

try:
    import numpy
except ImportError:
    print("this sample needs numpy: sudo apt-get install python3-numpy, or pip install numpy", file=sys.stderr)
    sys.exit(77)

COUNT = 1 << 20
BLOCK = 1 << 14


class Context(Structure):
    """gpusvm_kernel_context: what a kernel sees of its group."""


Transfer = CFUNCTYPE(c_int32, POINTER(Context), c_uint64, c_void_p, c_uint64)


class Functions(Structure):
    """The first of gpusvm_kernel_functions: this kernel needs no others."""

    _fields_ = [("struct_bytes", c_uint64), ("read", Transfer), ("write", Transfer)]


Context._fields_ = [
    ("functions", POINTER(Functions)),
    ("group_index", c_uint64),
    ("group_count", c_uint64),
    ("status", c_int32),
    ("unit", c_uint32),
    ("internal", c_void_p),
]
Kernel = CFUNCTYPE(None, POINTER(Context), c_void_p)


class Result(Structure):
    """gpusvm_launch_result."""

    _fields_ = [
        ("struct_bytes", c_uint32),
        ("status", c_int32),
        ("fault_address", c_uint64),
        ("fault_access", c_uint32),
        ("reserved", c_uint32),
        ("elapsed_ns", c_uint64),
        ("message", c_char * 256),
    ]


class SharedMemory:
    """Shared memory with one software GPU."""

    def __init__(self, library="libgpusvm.so"):
        self._svm = ctypes.CDLL(library)
        self._svm.gpusvm_last_error.restype = c_uint64
        self._memory = c_uint64()
        self._check(self._svm.gpusvm_open(None, byref(self._memory)))

    def array(self, count, dtype):
        """A numpy array of zeroes in shared memory, valid until close."""
        item = numpy.dtype(dtype)
        pointer = c_void_p()
        self._check(self._svm.gpusvm_alloc(self._memory, c_uint64(count * item.itemsize), byref(pointer)))
        return numpy.frombuffer((c_char * (count * item.itemsize)).from_address(pointer.value), dtype=item)

    def run(self, kernel, groups):
        """Runs a Python function of a context once for each group, on the GPU's units, and waits."""
        native = Kernel(lambda context, _: kernel(context.contents))
        launch = c_uint64()
        self._check(self._svm.gpusvm_launch_start(self._memory, native, None, c_uint64(groups), byref(launch)))
        result = Result(struct_bytes=ctypes.sizeof(Result))
        self._check(self._svm.gpusvm_launch_wait(launch, c_uint32(0xFFFFFFFF), byref(result)))
        if result.status != 0:
            raise RuntimeError(result.message.decode())

    def close(self):
        """Ends the memory; its arrays may not be used any more."""
        self._check(self._svm.gpusvm_close(self._memory))

    def _check(self, status):
        if status != 0:
            text = ctypes.create_string_buffer(512)
            self._svm.gpusvm_last_error(text, c_uint64(len(text)))
            raise RuntimeError(text.value.decode())


def main():
    memory = SharedMemory(*sys.argv[1:2])
    numbers = memory.array(COUNT, numpy.float64)
    numbers[:] = numpy.arange(COUNT)
    first = numbers.ctypes.data

    def take_root(context):
        block = numpy.empty(BLOCK)
        at = first + context.group_index * block.nbytes
        functions = context.functions.contents
        if functions.read(byref(context), at, block.ctypes.data, block.nbytes) == 0:
            numpy.sqrt(block, out=block)
            functions.write(byref(context), at, block.ctypes.data, block.nbytes)

    memory.run(take_root, COUNT // BLOCK)
    assert numpy.allclose(numbers**2, numpy.arange(COUNT))
    print(f"the root of 1000000 is {numbers[1000000]:g}")
    memory.close()


if __name__ == "__main__":
    main()
