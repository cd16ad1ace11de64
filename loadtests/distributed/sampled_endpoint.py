"""An endpoint whose counters are read every half second."""

from __future__ import annotations

import re
import threading
import time
import urllib.request
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vecgate.endpoint.local import LocalEndpoint

SAMPLE_S = 0.5
VECTORS = re.compile(r'vecgate_written_vectors_total\{operation="PutVectors"\} (\d+)')
REQUESTS = re.compile(r'vecgate_requests_total\{operation="PutVectors",code="(\w+)"\} (\d+)')


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters at *at_s*: vectors written, and PutVectors requests by code."""

    at_s: float
    vectors: int
    requests: dict[str, int]


class SampledEndpoint:
    """A local endpoint and its *samples*, for the duration of a `with` block."""

    def __init__(self, *options: str) -> None:
        self.endpoint = LocalEndpoint(options=options)
        self.samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self.endpoint.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self.endpoint.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """The address of the endpoint."""
        return self.endpoint.url

    def take(self) -> Sample:
        """Return the counters now."""
        request = urllib.request.Request(  # noqa: S310 - the endpoint's own URL
            f"{self.url}/_vecgate/metrics", headers=self.endpoint.admin_headers
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
            at_s, text = time.monotonic(), response.read().decode()
        found = VECTORS.search(text)
        requests = {code: int(count) for code, count in REQUESTS.findall(text)}
        return Sample(at_s, int(found[1]) if found else 0, requests)

    def steady(self, *, after_s: float, seconds: float) -> tuple[Sample, Sample]:
        """Return the samples nearest to *after_s* seconds after the first vector, and *seconds* later."""
        begun_s = next(sample.at_s for sample in self.samples if sample.vectors)
        return self._nearest(begun_s + after_s), self._nearest(begun_s + after_s + seconds)

    def _nearest(self, at_s: float) -> Sample:
        return min(self.samples, key=lambda sample: abs(sample.at_s - at_s))

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            try:
                self.samples.append(self.take())
            except OSError:
                continue
