"""The environment in which every verb runs, so that the same tree gives the same bytes."""

# The lock's hashes are the same on every x86-64 machine with AVX2 only if no library picks faster
# instructions of the machine at hand. numpy and OpenBLAS read these when they are first imported.
PINS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "PYTHONHASHSEED": "0",
}
