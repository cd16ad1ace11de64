"""Run the parts of an installed vecgate that depend most on the versions of other packages.

python .ci/try_installed.py CORE: with the Python of an environment that has every extra. CORE is the Python
of one with the core alone. Stops at the first part that fails.
"""

# ruff: noqa: S603, PLC0415 - it runs vecgate, and imports what an environment may lack

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VECGATE = Path(sys.executable).with_name("vecgate")
FORMATS = ("parquet", "arrow", "csv", "jsonl", "npy", "hdf5")
#: A machine that is too slow for a load test makes it inconclusive, which says nothing about packages.
PASS, INCONCLUSIVE = 0, 4
TIMEOUT_S = 1_200


def run(name: str, command: Sequence[str | Path], folder: Path, *, codes: Sequence[int] = (PASS,)) -> str:
    """Run *command* in *folder* and return what it printed. Exits with 1 for an exit code not in *codes*."""
    started_s = time.monotonic()
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    lines = [line for line in ended.stdout.splitlines() if line.strip()] or [""]
    took_s = time.monotonic() - started_s
    print(f"{name:28} exit {ended.returncode}  {took_s:5.1f} s  {lines[-1][:120]}", flush=True)
    # 4 is also the code of an internal error.
    is_explained = ended.returncode != INCONCLUSIVE or "INCONCLUSIVE" in ended.stdout
    if ended.returncode not in codes or not is_explained:
        print(ended.stdout[-4_000:], ended.stderr[-4_000:], sep="\n")
        sys.exit(1)
    return ended.stdout


def write_files(folder: Path) -> None:
    """Write 200 records into a file of each format."""
    import h5py
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.feather
    import pyarrow.parquet

    rows = np.random.default_rng(1).random((200, 4), dtype=np.float32)
    keys = [f"k{number}" for number in range(len(rows))]
    vectors = pa.array(rows.tolist(), pa.list_(pa.float32()))
    table = pa.table({"id": keys, "embedding": vectors, "year": [2024] * len(rows)})
    pa.parquet.write_table(table, folder / "films.parquet")
    pa.feather.write_feather(table, folder / "films.arrow", compression="uncompressed")
    texts = table.set_column(1, "embedding", pa.array([json.dumps(row) for row in rows.tolist()]))
    pa.csv.write_csv(texts, folder / "films.csv")
    lines = [json.dumps({"key": key, "vector": row}) for key, row in zip(keys, rows.tolist(), strict=True)]
    (folder / "films.jsonl").write_text("\n".join(lines), encoding="utf-8")
    np.save(folder / "films.npy", rows)
    with h5py.File(folder / "films.hdf5", "w") as file:
        file["train"] = rows


def main(core: str) -> None:
    """Run everything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        serve = [VECGATE, "serve", "--port", "0", "--no-auth", "--until-stdin-closes"]
        with subprocess.Popen(
            serve, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            ready = server.stdout.readline()
            url = ready.rpartition(" ")[2].strip()
            try:
                for form in FORMATS:
                    place = ["--target", url, "--bucket", f"films-{form}", "--index", "films"]
                    keys = ["--row-keys"] if form in {"npy", "hdf5"} else []
                    command = [
                        VECGATE,
                        "put",
                        *keys,
                        f"films.{form}",
                        *place,
                        "--create",
                        "--verify",
                        "--quiet",
                    ]
                    run(f"put and verify {form}", command, folder)
                found = run("query", [VECGATE, "query", *place, "--key", "0", "--json"], folder)
                assert json.loads(found)["vectors"], found
                program = ROOT / "tests/support/core_program.py"
                done = json.loads(run("core alone", [core, program, url], folder))
                assert done["lambda"] == [200] * 5, done
            finally:
                server.stdin.close()
                server.wait(30)
        run(
            "ramp on two processes",
            [VECGATE, "ramp", "smoke", "--target", "local", "--processes", "2", "-o", "run.jsonl"],
            folder,
            codes=(PASS, INCONCLUSIVE),
        )
        run("report", [VECGATE, "report", "run.jsonl"], folder)
        run("conform, quick", [VECGATE, "conform", "--target", "local", "--level", "quick"], folder)
        run("moto", [VECGATE, "conform", "--target", "moto", "--level", "quick", "-k", "index"], folder)
        run("demo", [VECGATE, "demo", "--quiet"], folder, codes=(PASS, INCONCLUSIVE))


if __name__ == "__main__":
    main(sys.argv[1])
