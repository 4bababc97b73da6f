"""The figures that need no server: from the programs of bench/, where they are built."""
from comparison.processes import Skip


def measure_bench(settings):
    raise Skip("the programs of bench/ are not built")
