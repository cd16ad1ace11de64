"""Build the zip of a Lambda function with the core of vecgate: `make lambda-zip`, or with options this file.

It has the wheels for Lambda's Linux and, for the version of Python that runs this, compiled modules: Lambda
cannot store them, and would compile everything at each cold start.
"""

# ruff: noqa: S603 - it runs pip

from __future__ import annotations

import argparse
import compileall
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).resolve().parents[1]
#: Limits of Lambda. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
UNZIPPED_MIB_MAX, UPLOAD_MIB_MAX = 250, 50
MIB = 1024 * 1024
#: Lambda's Linux, from Python 3.12 on with glibc 2.34, before with 2.26.
GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux2014")
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


def main() -> int:
    """Build the zip, print its sizes, and return 1 if it is too large."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("-o", "--output", type=Path, default=Path("dist/vecgate-lambda.zip"))
    parser.add_argument("--machine", choices=MACHINES, default="x86_64")
    parser.add_argument("--python", default=own, help=f"version of the runtime (default: {own})")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "package"
        install(package, Path(scratch), chosen.machine, chosen.python)
        if chosen.python == own:
            compileall.compile_dir(
                package, quiet=2, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
            )
        unzipped = sum(path.stat().st_size for path in package.rglob("*") if path.is_file())
        chosen.output.parent.mkdir(parents=True, exist_ok=True)
        made = Path(shutil.make_archive(str(Path(scratch) / "function"), "zip", package))
        shutil.move(made, chosen.output)
    zipped = chosen.output.stat().st_size
    print(
        f"{chosen.output}: Python {chosen.python}, {chosen.machine}, {zipped / MIB:.0f} MiB, "
        f"unzipped {unzipped / MIB:.0f} MiB of {UNZIPPED_MIB_MAX}"
    )
    if zipped > UPLOAD_MIB_MAX * MIB:
        print(f"larger than {UPLOAD_MIB_MAX} MiB: upload it through S3")
    return int(unzipped > UNZIPPED_MIB_MAX * MIB)


def install(package: Path, scratch: Path, machine: str, python: str) -> None:
    """Install the core of this checkout into the folder *package*."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", scratch, ROOT], check=True)
    (wheel,) = scratch.glob("*.whl")
    platforms = [f"--platform={glibc}_{MACHINES[machine]}" for glibc in GLIBC]
    subprocess.run(
        [
            *(*pip, "install", "--no-compile", "--target", package, *platforms),
            *("--implementation", "cp", "--python-version", python, "--only-binary", ":all:", wheel),
        ],
        check=True,
    )
    shutil.rmtree(package / "bin", ignore_errors=True)
    # Tests of packages take space, and no package imports its own.
    for folder in [*package.glob("numpy/**/tests")]:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
