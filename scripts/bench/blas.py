#!/usr/bin/env python3
"""The speed of OpenBLAS's sgemm, the yardstick of the FLOP limit.

    blas.py THREADS [M N K]      prints GFLOP/s, the best of several runs
    blas.py --turns              on one core; each line {"turn": SECONDS} of the
                                 input is answered by {"value": GFLOP/s}
"""
import ctypes
import json
import os
import sys
import time

LIBRARIES = ["/usr/lib/x86_64-linux-gnu/openblas-openmp/libopenblas.so.0",
             "/usr/lib/aarch64-linux-gnu/openblas-openmp/libopenblas.so.0",
             "libopenblas.so.0"]


def library():
    for name in LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            pass
    return None


def speed(blas, threads, m, n, k, seconds=0.6):
    """The best run; the first one is not counted."""
    blas.openblas_set_num_threads(threads)
    a, b, c = ((ctypes.c_float * (rows * cols))(*([0.5] * 64))
               for rows, cols in ((m, k), (k, n), (m, n)))
    one, zero = ctypes.c_float(1), ctypes.c_float(0)

    def run():
        blas.cblas_sgemm(101, 111, 111, m, n, k, one, a, k, b, n, zero, c, n)

    run()
    best, end = 1e9, time.perf_counter() + seconds
    while best == 1e9 or time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return 2 * m * n * k / best / 1e9


def main():
    blas = library()
    if blas is None:
        sys.exit("OpenBLAS is not installed (Debian: libopenblas0-openmp)")
    if sys.argv[1:] == ["--turns"]:
        for line in sys.stdin:
            seconds = json.loads(line)["turn"]
            value = speed(blas, 1, 1024, 1024, 1024, seconds)
            print(json.dumps({"value": value}), flush=True)
        return
    shape = [int(x) for x in sys.argv[2:5]] or [1024, 1024, 1024]
    print(f"{speed(blas, int(sys.argv[1]), *shape):.1f}")


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_CORETYPE") != "SkylakeX" and \
            "avx512f" in open("/proc/cpuinfo").read():
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
        os.execv(sys.executable, [sys.executable] + sys.argv)
    main()
