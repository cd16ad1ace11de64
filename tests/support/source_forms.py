"""The inputs that `vecgate put` recognises, each with a small example: one list for the tests and the pages.

Every example has the same records: RECORDS with the keys KEYS and the vectors MATRIX.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import h5py
import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from vecgate.bulk.sources import Source
from vecgate.cli.source_options import SourceChoice, source_options

ROWS, DIMENSION = 6, 8
KEYS = [f"doc-{row}" for row in range(ROWS)]
#: Small integers, so that every format stores them exactly, but not all equal.
MATRIX: npt.NDArray[np.float32] = (np.arange(ROWS * DIMENSION).reshape(ROWS, DIMENSION) % 11 + 1).astype(
    np.float32
)
#: Halves, so that JSON and text have numbers that are not integers.
HALVES: npt.NDArray[np.float32] = MATRIX / np.float32(2)
TITLES = [f"Title {row}" for row in range(ROWS)]
ROW_KEYS = [f"v-{row}" for row in range(ROWS)]


@dataclass(frozen=True)
class SourceForm:
    """What somebody holds, and how to put it.

    have        for the page: "I have …"
    recognised  for the table of formats
    file        name of the example
    write       writes the example to a path
    options     of the command, beside the index
    keys        that it gives
    matrix      that it gives
    metadata    of the first record
    files       further files that the example needs, by name
    """

    have: str
    recognised: str
    file: str
    write: Callable[[Path], object]
    options: str = ""
    keys: Sequence[str] = tuple(KEYS)
    matrix: npt.NDArray[np.float32] | None = None
    metadata: Any = None
    files: Sequence[tuple[str, bytes]] = ()

    @property
    def expected(self) -> npt.NDArray[np.float32]:
        return HALVES if self.matrix is None else self.matrix

    @property
    def command(self) -> str:
        options = f" {self.options}" if self.options else ""
        return f"vecgate put {self.file}{options} --bucket media --index films --create --target aws"


def table(**columns: object) -> pa.Table:
    return pa.table({"id": KEYS, "embedding": vectors(), **columns})


def vectors() -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(HALVES.ravel()), DIMENSION)


def lists() -> list[list[float]]:
    return [[float(value) for value in row] for row in HALVES]


def texts(brackets: str = "[]", separator: str = ",") -> list[str]:
    return [brackets[0] + separator.join(map(str, row)) + brackets[1] for row in lists()]


def write_csv(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[object]], delimiter: str = ","
) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([header, *rows])


def text_csv(path: Path, delimiter: str = ",", brackets: str = "[]") -> None:
    rows = [
        [key, text, title, 1990 + n, f"00{n}"]
        for n, (key, text, title) in enumerate(zip(KEYS, texts(brackets), TITLES, strict=True))
    ]
    write_csv(path, ["id", "embedding", "title", "year", "shelf"], rows, delimiter)


def wide_csv(path: Path, name: str) -> None:
    header = ["id", *(name.format(n) for n in range(DIMENSION)), "title"]
    write_csv(path, header, [[k, *row, t] for k, row, t in zip(KEYS, lists(), TITLES, strict=True)])


def write_lines(path: Path, records: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def each(make: Callable[[str, list[float], str], object]) -> list[object]:
    return [make(key, vector, title) for key, vector, title in zip(KEYS, lists(), TITLES, strict=True)]


def plain() -> list[object]:
    return each(lambda key, vector, title: {"id": key, "embedding": vector, "title": title})


def lines(make: Callable[[str, list[float], str], object]) -> Callable[[Path], None]:
    return lambda path: write_lines(path, each(make))


def compressed_lines(compress: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(compress("".join(json.dumps(r) + "\n" for r in plain()).encode()))


def compress_zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


def compressed_csv(path: Path) -> None:
    text_csv(path)
    path.write_bytes(gzip.compress(path.read_bytes()))


def write_arrow(path: Path) -> None:
    written = table(title=TITLES)
    with pa.ipc.new_file(path, written.schema) as writer:
        writer.write_table(written)


def vecs(dtype: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        heads = np.full((ROWS, 1), DIMENSION, "<i4").view(np.uint8)
        values = np.ascontiguousarray(MATRIX.astype(dtype)).view(np.uint8).reshape(ROWS, -1)
        path.write_bytes(np.hstack([heads, values]).tobytes())

    return write


def binary(dtype: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(
        np.array([ROWS, DIMENSION], "<u4").tobytes() + MATRIX.astype(dtype).tobytes()
    )


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["train"] = HALVES
        file["neighbors"] = np.zeros((2, 10), np.int32)


def write_folder(path: Path) -> None:
    for year, start in ((2023, 0), (2024, 3)):
        folder = path / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(table().slice(start, 3), folder / "part-0.parquet")


IDS = ("ids.txt", "\n".join(KEYS).encode())
TITLE = {"title": TITLES[0]}

FORMS = (
    SourceForm(
        "Parquet, of pandas, Spark, Polars, Hugging Face or DuckDB",
        "columns by name; lists, fixed-size lists, float16 to float64, integers, decimals",
        "films.parquet",
        lambda path: pq.write_table(table(title=TITLES), path),
        metadata=TITLE,
    ),
    SourceForm(
        "a folder of files, also with Hive partitions",
        "files of one format; folders `key=value` become metadata",
        "films",
        write_folder,
        metadata={"year": 2023},
    ),
    SourceForm(
        "Arrow or Feather",
        "files and streams (`.arrow`, `.feather`, `.ipc`, `.arrows`)",
        "films.arrow",
        write_arrow,
        metadata=TITLE,
    ),
    SourceForm(
        "a Lance dataset, or a table of LanceDB",
        "the latest version when the run begins; needs `vecgate[lance]`",
        "films.lance",
        lambda path: lance.write_dataset(table(title=TITLES), str(path)),
        metadata=TITLE,
    ),
    SourceForm(
        "CSV with vectors as text, such as `[0.1,0.2]`",
        "header; quotes; comma, semicolon or tab; numbers and booleans where all cells of a column are",
        "films.csv",
        text_csv,
        metadata={"title": "Title 0", "year": 1990, "shelf": "000"},
    ),
    SourceForm(
        "a TSV of PostgreSQL arrays",
        "vectors as `[…]` (pgvector, JSON), `{…}` (PostgreSQL) or separated by spaces (numpy)",
        "films.tsv",
        lambda path: text_csv(path, "\t", "{}"),
        metadata={"title": "Title 0", "year": 1990, "shelf": "000"},
    ),
    SourceForm(
        "CSV or Parquet with one column for each dimension",
        "numbered columns such as `dim_0 …`, `emb.0 …`, `0 …`, by the name `dim_*`",
        "wide.csv",
        lambda path: wide_csv(path, "dim_{}"),
        metadata=TITLE,
    ),
    SourceForm(
        "compressed CSV or TSV",
        "`.gz`, `.bz2`, `.xz`, `.zst`; a truncated file fails",
        "films.csv.gz",
        compressed_csv,
        metadata={"title": "Title 0", "year": 1990, "shelf": "000"},
    ),
    SourceForm(
        "JSON lines",
        'one object on each line; vectors as lists, as `{"float32": […]}` or as text; nested fields by path',
        "films.jsonl",
        lambda path: write_lines(path, plain()),
        metadata=TITLE,
    ),
    SourceForm(
        "compressed JSON lines",
        "`.gz`, `.bz2`, `.xz`, `.zst`; a truncated file fails",
        "films.jsonl.zst",
        compressed_lines(compress_zstd),
        metadata=TITLE,
    ),
    SourceForm(
        "a JSON list of objects",
        "a list, or one object with one list of records inside, read as a stream",
        "films.json",
        lambda path: path.write_text(json.dumps(plain(), indent=1)),
        metadata=TITLE,
    ),
    SourceForm(
        "a numpy matrix and its keys in another file",
        "`--ids`: one key on each line, a JSON list, or `.npy`; as many keys as vectors",
        "films.npy",
        lambda path: np.save(path, HALVES),
        "--ids ids.txt",
        files=(IDS,),
    ),
    SourceForm(
        "a numpy archive with keys",
        "arrays by name, such as `ids` and `embeddings`, of one length",
        "films.npz",
        lambda path: np.savez(path, ids=np.array(KEYS), embeddings=HALVES),
    ),
    SourceForm(
        "fvecs, ivecs or bvecs of a benchmark",
        "vectors of one dimension; the size must fit",
        "base.fvecs",
        vecs("<f4"),
        "--key-prefix v-",
        keys=ROW_KEYS,
        matrix=MATRIX,
    ),
    SourceForm(
        "fbin, u8bin, i8bin or ibin of a benchmark",
        "the size must fit the header",
        "base.u8bin",
        binary("u1"),
        "--ids ids.txt",
        matrix=MATRIX,
        files=(IDS,),
    ),
    SourceForm(
        "HDF5 of ann-benchmarks",
        "the dataset `train`; needs `vecgate[hdf5]`",
        "glove.hdf5",
        write_hdf5,
        "--key-prefix v-",
        keys=ROW_KEYS,
    ),
    SourceForm(
        "a batch of Amazon Bedrock with Titan",
        "`recordId`, `modelOutput.embedding`",
        "titan.jsonl.out",
        lines(
            lambda k, v, t: {
                "recordId": k,
                "modelInput": {"inputText": t},
                "modelOutput": {"embedding": v, "inputTextTokenCount": 8},
            }
        ),
        "--metadata modelInput.inputText=title",
        metadata=TITLE,
    ),
    SourceForm(
        "a batch of Amazon Bedrock with Cohere",
        "`recordId`, `modelOutput.embeddings[0]`; a record with several vectors is rejected",
        "cohere.jsonl.out",
        lines(
            lambda k, v, t: {
                "recordId": k,
                "modelInput": {"texts": [t]},
                "modelOutput": {"embeddings": [v], "id": "x"},
            }
        ),
    ),
    SourceForm(
        "a batch of OpenAI",
        "`custom_id`, `response.body.data[0].embedding`; a record with several vectors is rejected",
        "batch_output.jsonl",
        lines(
            lambda k, v, t: {
                "id": "batch_req_1",
                "custom_id": k,
                "response": {
                    "status_code": 200,
                    "body": {
                        "object": "list",
                        "note": t,
                        "data": [{"object": "embedding", "index": 0, "embedding": v}],
                    },
                },
                "error": None,
            }
        ),
    ),
    SourceForm(
        "an embed job of Cohere",
        "`embeddings.float`; the other fields are metadata",
        "embed_job.jsonl",
        lines(lambda k, v, t: {"doc_id": k, "text": t, "embeddings": {"float": v, "int8": [1] * DIMENSION}}),
        metadata={"text": TITLES[0]},
    ),
    SourceForm(
        "vectors of Pinecone",
        "`id`, `values`, `metadata`, also in Parquet",
        "pinecone.jsonl",
        lines(
            lambda k, v, t: {
                "id": k,
                "values": v,
                "metadata": {"title": t},
                "sparse_values": {"indices": [1], "values": [0.5]},
            }
        ),
        metadata=TITLE,
    ),
    SourceForm(
        "points of Qdrant",
        "`id`, `vector` (also named ones), `payload`, which may be null; also the answer to a scroll",
        "qdrant.jsonl",
        lines(
            lambda k, v, t: {
                "id": k,
                "vector": {"text": v},
                "payload": None if k == KEYS[0] else {"title": t},
            }
        ),
    ),
    SourceForm(
        "objects of Weaviate",
        "`id`, `vector`, `properties`, or `_additional` of GraphQL",
        "weaviate.jsonl",
        lines(lambda k, v, t: {"class": "Film", "id": k, "vector": v, "properties": {"title": t}}),
        metadata=TITLE,
    ),
    SourceForm(
        "a collection of Chroma",
        "`id`, `embedding`, `metadata`; `document` is said and left out unless chosen",
        "chroma.jsonl",
        lines(lambda k, v, t: {"id": k, "embedding": v, "metadata": {"title": t}, "document": t}),
        "--metadata metadata,document",
        metadata={"title": TITLES[0], "document": TITLES[0]},
    ),
    SourceForm(
        "a dump of OpenSearch or Elasticsearch",
        "`_id`, the vector in `_source`, the rest of `_source` as metadata; also the answer to a search",
        "dump.jsonl",
        lines(
            lambda k, v, t: {
                "_index": "films",
                "_id": k,
                "_score": 1,
                "_source": {"title": t, "title_vector": v},
            }
        ),
        metadata=TITLE,
    ),
    SourceForm(
        "rows of pgvector as JSON",
        "`row_to_json` or `json_agg`, with vectors as text",
        "rows.json",
        lambda path: path.write_text(
            json.dumps(
                [{"id": k, "embedding": v, "title": t} for k, v, t in zip(KEYS, texts(), TITLES, strict=True)]
            )
        ),
        metadata=TITLE,
    ),
)

#: The same formats in other files: each must be read as well, but a page has enough with one of them.
VARIANTS = (
    *(
        SourceForm("", "", f"films.jsonl{suffix}", compressed_lines(compress), metadata=TITLE)
        for suffix, compress in ((".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress))
    ),
    SourceForm("", "", "base.ivecs", vecs("<i4"), "--key-prefix v-", keys=ROW_KEYS, matrix=MATRIX),
    SourceForm("", "", "base.bvecs", vecs("u1"), "--key-prefix v-", keys=ROW_KEYS, matrix=MATRIX),
    SourceForm("", "", "base.fbin", binary("<f4"), "--key-prefix v-", keys=ROW_KEYS, matrix=MATRIX),
    SourceForm("", "", "base.i8bin", binary("i1"), "--key-prefix v-", keys=ROW_KEYS, matrix=MATRIX),
    SourceForm("", "", "base.ibin", binary("<i4"), "--key-prefix v-", keys=ROW_KEYS, matrix=MATRIX),
    SourceForm(
        "",
        "",
        "semicolon.csv",
        lambda path: text_csv(path, ";"),
        metadata={"title": "Title 0", "year": 1990, "shelf": "000"},
    ),
    SourceForm("", "", "wide.dots.csv", lambda path: wide_csv(path, "emb.{}"), metadata=TITLE),
    SourceForm("", "", "wide.numbers.csv", lambda path: wide_csv(path, "{}"), metadata=TITLE),
    SourceForm(
        "",
        "",
        "wide.parquet",
        lambda path: pq.write_table(
            pa.table({"id": KEYS, **{f"dim_{n}": HALVES[:, n] for n in range(DIMENSION)}}), path
        ),
    ),
    SourceForm(
        "",
        "",
        "text.parquet",
        lambda path: pq.write_table(pa.table({"id": KEYS, "embedding": texts()}), path),
    ),
    SourceForm(
        "",
        "",
        "inside.json",
        lambda path: path.write_text(json.dumps({"model": "m", "data": plain()})),
        metadata=TITLE,
    ),
    SourceForm(
        "",
        "",
        "inside.json.gz",
        lambda path: path.write_bytes(gzip.compress(json.dumps({"data": plain()}).encode())),
        metadata=TITLE,
    ),
    SourceForm(
        "",
        "",
        "search.json",
        lambda path: path.write_text(
            json.dumps(
                {
                    "took": 1,
                    "hits": {
                        "total": {"value": ROWS},
                        "hits": each(
                            lambda k, v, t: {"_index": "i", "_id": k, "_source": {"title": t, "v_vec": v}}
                        ),
                    },
                }
            )
        ),
        metadata=TITLE,
    ),
    SourceForm(
        "",
        "",
        "scroll.json",
        lambda path: path.write_text(
            json.dumps(
                {
                    "result": {
                        "points": each(lambda k, v, t: {"id": k, "vector": v, "payload": {"title": t}}),
                        "next_page_offset": None,
                    },
                    "status": "ok",
                }
            )
        ),
        metadata=TITLE,
    ),
    SourceForm(
        "",
        "",
        "graphql.json",
        lambda path: path.write_text(
            json.dumps(
                {
                    "data": {
                        "Get": {
                            "Film": each(lambda k, v, t: {"title": t, "_additional": {"id": k, "vector": v}})
                        }
                    }
                }
            )
        ),
        metadata=TITLE,
    ),
    SourceForm(
        "",
        "",
        "qdrant_null.jsonl",
        lines(lambda k, v, t: {"id": k, "payload": {"title": t} if k == KEYS[-1] else None, "vector": v}),
    ),
    SourceForm(
        "",
        "",
        "chosen.jsonl",
        lines(lambda k, v, t: {"meta": {"ids": [{"name": k}]}, "out": [{"v": v}, {"v": [1.5]}], "text": t}),
        "--key-column meta.ids[0].name --vector-column out[0].v --metadata ''",
    ),
)


def write_form(form: SourceForm, folder: Path) -> Path:
    """Write the example and its further files to *folder*. Return its path."""
    path = folder / form.file
    form.write(path)
    for name, content in form.files:
        (folder / name).write_bytes(content)
    return path


def open_form(form: SourceForm, folder: Path) -> Source:
    """Write the example, and open it with the options of its command."""
    path = write_form(form, folder)
    chosen: list[SourceChoice] = []

    @click.command()
    @source_options
    def read(source_choice: SourceChoice) -> None:
        chosen.append(source_choice)

    read.main(
        [word.replace("ids.txt", str(folder / "ids.txt")) for word in shlex.split(form.options)],
        standalone_mode=False,
    )
    return chosen[0].open([str(path)])


def formats_table() -> str:
    """Return the table of `docs/put.md`."""
    rows = [f"| {form.have} | {form.recognised} |" for form in FORMS]
    return "\n".join(["| input | recognised |", "|---|---|", *rows])


def cheat_sheet() -> str:
    """Return the commands of `docs/sources.md`."""
    return "\n\n".join(f"**{form.have}**\n\n```console\n$ {form.command}\n```" for form in FORMS)
