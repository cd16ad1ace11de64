from loadtests.bench.command import bench

from vecgate.cli.main import run_as_program

run_as_program(bench, "python -m loadtests.bench")
