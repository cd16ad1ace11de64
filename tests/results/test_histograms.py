from __future__ import annotations

import base64
import zlib
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vecgate.errors import SourceError
from vecgate.results.histograms import COUNT_MAX, Histogram, merge_histograms
from vecgate.results.load.load_records import Latencies

#: Resolution of a histogram: whole microseconds, and 1 in 1,024.
DIGITS, STEP_S = 1 / 1024, 1e-6

times = st.floats(min_value=0, max_value=3_599)
lists_of_times = st.lists(times, min_size=1, max_size=60)
percentiles = st.one_of(st.sampled_from([50, 90, 95, 99, 99.9, 100]), st.floats(min_value=0.1, max_value=100))


def histogram(*seconds: float) -> Histogram:
    made = Histogram()
    for each in seconds:
        made.record(each)
    return made


def is_near(found_ms: float, seconds: float) -> bool:
    """Return whether *found_ms* is *seconds* within the resolution, and not shorter."""
    return seconds - STEP_S <= found_ms / 1e3 <= seconds * (1 + DIGITS) + STEP_S


@given(seconds=lists_of_times, percentile=percentiles)
@example(seconds=[n / 1000 for n in range(1, 1001)], percentile=99.9)
def test_a_percentile_equals_that_of_the_sorted_times(seconds: list[float], percentile: float) -> None:
    """The nearest rank: that percentage of the requests took no longer."""
    rank = max(1, ceil(round(percentile * len(seconds) / 100, 6)))
    assert is_near(histogram(*seconds).percentile_ms(percentile), sorted(seconds)[rank - 1])


@given(seconds=lists_of_times)
def test_mean_and_maximum_have_three_digits(seconds: list[float]) -> None:
    """Compared with the recorded times."""
    found = histogram(*seconds)
    assert is_near(found.max_ms, max(seconds))
    assert found.mean_ms / 1e3 == pytest.approx(sum(seconds) / len(seconds), rel=DIGITS, abs=2 * STEP_S)


@given(parts=st.lists(st.lists(times, max_size=20), max_size=5))
def test_histograms_add_up_exactly(parts: list[list[float]]) -> None:
    """The sum equals one histogram that recorded everything."""
    whole = histogram(*(each for part in parts for each in part))
    made = [histogram(*part) for part in parts]
    added = Histogram()
    for part in made:
        added.add(part)
    assert added.encode() == whole.encode()
    assert merge_histograms(part.encode() for part in made).encode() == whole.encode()
    assert merge_histograms(part.encode() for part in made).to_record() == whole.to_record()


@given(seconds=st.lists(times, max_size=60))
def test_decoding_is_the_inverse_of_encoding(seconds: list[float]) -> None:
    """With all percentiles."""
    found = histogram(*seconds)
    decoded = Histogram.decode(found.encode())
    assert (decoded.count, decoded.to_record(), decoded.percentile_points()) == (
        len(seconds),
        found.to_record(),
        found.percentile_points(),
    )


def test_the_record_has_the_usual_percentiles() -> None:
    """In milliseconds: 98 of 100 requests took 10, one 20, and one 500."""
    found = histogram(*[0.010] * 98, 0.020, 0.500).to_record()
    rounded = [round(each) for each in (found.p50_ms, found.p95_ms, found.p99_ms, found.max_ms)]
    assert (found.count, rounded) == (100, [10, 10, 20, 500])


def test_an_empty_histogram() -> None:
    """It has no text and no points, and nothing divides by zero."""
    found = Histogram()
    assert (found.count, found.encode(), found.percentile_points(), found.to_record()) == (
        0,
        "",
        [],
        Latencies(),
    )
    assert (found.mean_ms, found.max_ms, found.percentiles_ms(50, 99)) == (0.0, 0.0, [0.0, 0.0])
    assert merge_histograms(["", ""]).count == 0


def test_times_outside_the_range_count_at_its_ends() -> None:
    """At an hour and at zero; clocks may differ a little."""
    found = histogram(-0.5, 1e9)
    assert found.count == 2
    assert found.percentiles_ms(50, 100) == [0.0, pytest.approx(3_600_000, rel=DIGITS)]


def test_requests_within_a_bound_are_counted() -> None:
    """A request that took exactly the bound counts."""
    found = histogram(0.001, 0.001, 0.100, 5.0)
    assert [found.count_within(bound_s) for bound_s in (0.0005, 0.001, 0.1, 1.0, 60.0)] == [0, 2, 3, 3, 4]


def test_the_counters_in_use_are_returned() -> None:
    """With the longest time of each in microseconds, and its count."""
    longest, counts = histogram(0.001, 0.001, 0.002).counters()
    assert (longest.tolist(), counts.tolist()) == ([1000, 2000], [2, 1])


def test_the_points_of_a_plot_end_at_the_longest_time() -> None:
    """They approach 100 per cent as far as there are requests."""
    points = dict(histogram(*(n / 1000 for n in range(1, 1001))).percentile_points())
    assert min(points) == 0
    assert list(points) == sorted(points)
    assert list(points.values()) == sorted(points.values())
    rounded = {round(percentile, 6): round(time_ms) for percentile, time_ms in points.items()}
    assert (rounded[90.0], rounded[99.0], rounded[99.9], rounded[100.0]) == (900, 990, 999, 1000)


GOOD = base64.b64decode(histogram(0.001, 0.5, 7.0).encode())


def wrapped(payload: bytes) -> str:
    packed = zlib.compress(payload)
    return base64.b64encode(GOOD[:4] + len(packed).to_bytes(4) + packed).decode()


@given(
    text=st.one_of(
        st.text(min_size=1), st.binary(min_size=1).map(lambda some: base64.b64encode(some).decode())
    )
)
@example(text="HISTFAAAAEV42pNpmSz")
@example(text=wrapped(b"short"))
@example(text=wrapped(zlib.decompress(GOOD[8:])[:40] + b"\x80" * 12))
@example(text=wrapped(zlib.decompress(GOOD[8:])[:40] + b"\xff\xff\xff\xff\x01\x02"))
def test_an_invalid_histogram_is_an_error(text: str) -> None:
    """Every invalid text gives the same error, because streams come from anywhere."""
    with pytest.raises(SourceError, match="no HdrHistogram V2"):
        Histogram.decode(text)


def test_a_sum_that_would_overflow_is_an_error() -> None:
    """Else counters would start at zero again, and a report would look better than the run."""
    most = Histogram()
    most._counters[:] = 2**47
    most._count = int(most._counters.sum())
    whole = Histogram()
    for _ in range(COUNT_MAX // most.count):
        whole.add_encoded(most.encode())
    assert whole.count == COUNT_MAX // most.count * most.count
    whole.add_encoded(most.encode())
    with pytest.raises(SourceError, match=f"a sum may have {COUNT_MAX:,}"):
        _ = whole.count
