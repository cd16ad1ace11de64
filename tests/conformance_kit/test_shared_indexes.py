"""Indexes that tests share: one creation, complete evidence, and no test that suffers from another."""

from __future__ import annotations

from suites import RunSuite

SHARED = """
def build(make_index):
    index = make_index()
    index.put(("a", [1.0, 0.5]))
    return index
@must("a.shared")
@pytest.mark.parametrize("n", range(3), ids=list("abc"))
def test_shared(share_index, log, n):
    assert share_index(build).keys() == {"a"}
    assert [each.operation for each in log][-3:] == ["CreateIndex", "PutVectors", "ListVectors"]
"""
POISONED = SHARED.replace("(share_index,", "(client, share_index,").replace(
    '== {"a"}\n',
    '== {"a"}\n    if n == 0: client.delete_index(**share_index(build).address); assert 0, "removed"\n',
)
WRITTEN = SHARED.replace('== {"a"}\n', '== {"a"}\n    share_index(build).put(("b", [1.0, 1.0]))\n')
BROKEN = """
def build(make_index):
    index = make_index(dimension=0)
@must("a.broken")
@pytest.mark.parametrize("n", range(2), ids=list("ab"))
def test_broken(share_index, n):
    share_index(build)
"""


def test_one_index_serves_all_tests(run_suite: RunSuite) -> None:
    """It is created once and removed at the end, and every test has its creation in its log."""
    result = run_suite(SHARED)
    assert set(result.outcomes.values()) == {"passed"}
    requests = result.footer.requests
    assert (requests["CreateIndex"], requests["PutVectors"], requests["ListVectors"]) == (1, 1, 3)
    assert requests["CreateVectorBucket"] == 1
    assert result.footer.orphaned == ()


def test_after_a_failure_the_next_test_gets_a_new_one(run_suite: RunSuite) -> None:
    """Whatever the test or the server has done to it."""
    result = run_suite(POISONED)
    assert result.outcomes == {"a.shared[a]": "failed", "a.shared[b]": "passed", "a.shared[c]": "passed"}
    assert result.footer.requests["CreateIndex"] == 2
    assert result.footer.orphaned == ()


def test_a_test_that_writes_to_a_shared_index_fails(run_suite: RunSuite) -> None:
    """Its author gets to know it, and nothing is written."""
    result = run_suite(WRITTEN)
    assert set(result.outcomes.values()) == {"failed"}
    assert "PutVectors changes an index that other tests read" in result.results["a.shared[a]"].reason


def test_an_index_that_cannot_be_built_is_not_kept(run_suite: RunSuite) -> None:
    """Each test tries again, fails itself, and leaves nothing behind."""
    result = run_suite(BROKEN)
    assert result.outcomes == {"a.broken[a]": "failed", "a.broken[b]": "failed"}
    assert result.footer.requests["CreateVectorBucket"] == 2
    assert result.footer.orphaned == ()


def test_processes_share_nothing(run_suite: RunSuite) -> None:
    """Each worker has its own."""
    result = run_suite(SHARED, "-n", "2", in_process=False)
    assert set(result.outcomes.values()) == {"passed"}
    assert result.footer.orphaned == ()
