"""Likely common causes of failures: one fault of a server shows in many requirements.

A failure is attributed in this order: to an operation that does not work at all; to a fault that another,
simpler requirement shows (`SYMPTOMS`); to a kind of invalid request that is accepted; to the form of an
error; to the operation and its message. What remains is its own cause.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus

from vecgate.gate.requirement_outcomes import requirement_name
from vecgate.gate.requirement_rules import LEVELS
from vecgate.reporting.operation_matrix import group_of
from vecgate.results.records import Result

THROTTLED = "requests are refused because of their rate, after waiting, too"
NOT_RETURNED = "GetVectors does not return what was put"
#: A cause, the requirements that show it, and the requirements that then fail for the same reason. They are
#: attributed to it only if one that shows it fails, too.
SYMPTOMS: Sequence[tuple[str, tuple[str, ...], tuple[str, ...]]] = (
    ("a prefix is ignored", ("list-indexes.prefix", "list-vector-buckets.prefix"), (
        "list-*.prefix", "list-*.prefix-is-*", "list-*.prefix-of-*", "list-*.prefix-length-allowed",
        "list-*.pages-of-a-prefix", "properties.index-pages", "list-vector-buckets.last-page",
        "list-vector-buckets.page-size-allowed",
    )),
    ("timestamps have another form", ("wire.timestamps",), (
        "wire.timestamps*", "*.creation-time*", "*.summary",
    )),
    ("timestamps have a fraction", ("wire.timestamps-are-whole",), (
        "wire.timestamps-are-whole", "*.creation-time-in-whole-seconds",
    )),
    ("answers have no request id", ("wire.request-id", "wire.request-id-of-boto3"), ("wire.request-id*",)),
    ("euclidean distances are not squared", ("query-vectors.euclidean",), (
        "query-vectors.euclidean", "properties.euclidean-scale",
    )),
    ("a large topK is rejected", ("query-vectors.top-k-ceiling", "query-vectors.one-more-than-a-page"), (
        "query-vectors.top-k-ceiling", "query-vectors.one-more-than-a-page",
    )),
    ("absent metadata is not returned as {}", (
        "get-vectors.no-metadata", "list-vectors.no-metadata", "query-vectors.no-metadata",
    ), ("*.no-metadata",)),
    ("float32 values are spelled differently", ("list-vectors.float32",), (
        "list-vectors.float32", "put-vectors.float32*", "query-vectors.distance-is-float32",
    )),
    (NOT_RETURNED, ("first-steps.put-and-get",), (
        "first-steps.put-and-get", "get-vectors.*", "keys.any-text", "keys.told-apart",
        "delete-vectors.not-got", "properties.read-your-writes", "wire.metadata-is-json",
        "wire.numbers-of-vectors", "wire.surrogate-pair", "query-vectors.changes-nothing",
        "update-index-mode.keeps-everything", "delete-vector-bucket.not-empty-changes-nothing",
    )),
    ("keys that are not stored are returned", ("get-vectors.empty-index", "get-vectors.absent-keys"), (
        "get-vectors.absent-keys", "get-vectors.only-absent-keys", "get-vectors.empty-index",
        "get-vectors.deleted", "delete-vectors.not-got", "delete-index.vectors-too",
        "properties.delete-nothing-else", "properties.sequences*", "properties.put-after-delete",
    )),
    ("the search by text does not work", ("text.presence",), (
        "text.*", "query-vectors.text*", "wire.modelled-members-of-text",
    )),
    ("the encryption is not described", ("encryption.default",), (
        "encryption.default", "encryption.aes256", "encryption.inherited", "encryption.of-the-index",
        "encryption.kms",
    )),
    ("the metadata configuration is not described", (
        "create-index.non-filterable-keys", "create-index.text-keys",
    ), (
        "create-index.non-filterable-key*", "create-index.text-*", "text.description",
    )),
    ("the index mode is not described", ("get-index.mode", "create-vector-bucket.default-mode"), (
        "get-index.mode", "create-vector-bucket.default-mode", "*.refused-changes-nothing",
    )),
    ("$startsWith does not select", ("filters.starts-with",), (
        "filters.starts-with", "properties.starts-with*",
    )),
    ("unsigned or badly signed requests are accepted", ("wire.unsigned", "wire.bad-signature"), (
        "wire.unsigned", "wire.*signature*", "wire.altered-*", "wire.wrong-region", "wire.wrong-service",
    )),
    ("filters select other vectors", ("filters.scalar", "properties.filter"), (
        "filters.scalar", "filters.negative*", "filters.branches", "filters.element", "filters.exists",
        "properties.*filter*", "properties.range-*", "properties.*in-*", "properties.*-eq*",
        "properties.exists-*", "properties.de-morgan", "properties.operators-*", "properties.shorthand",
        "properties.distribution",
    )),
    ("cosine distances are wrong for long or short vectors", ("query-vectors.cosine-extremes",), (
        "query-vectors.cosine-extremes", "properties.cosine-scale", "query-vectors.extreme-values",
    )),
    ("pages repeat or omit vectors while others are written", (
        "list-vectors.write-while-paging", "list-vectors.delete-while-paging",
    ), ("list-vectors.*-while-paging", "list-indexes.deleted-between-pages")),
    ("concurrent reads and writes disturb each other", ("wire.whole-records", "wire.queries-during-writes"), (
        "wire.whole-records", "wire.queries-during-writes", "wire.writes-*",
    )),
)  # fmt: skip

#: Topics of requirements whose invalid requests have one check in most servers.
ACCEPTED_BY_TOPIC: Mapping[str, str] = {
    "filters": "invalid filters are accepted",
    "metadata": "invalid metadata are accepted",
    "keys": "invalid keys are accepted",
    "dimensions": "vectors of a wrong dimension are accepted",
    "names": "invalid names and ARNs are accepted",
    "addressing": "ambiguous addresses are accepted",
    "tags": "invalid tags are accepted",
    "encryption": "invalid encryption settings are accepted",
    "text": "invalid text searches are accepted",
}
DIFFERS = re.compile(r"^(?:E\s+)?differs\s+(.+)$", re.MULTILINE)
GOT_ERROR = re.compile(r"^(?:E\s+)?got\s+(\d{3}) (\S+?),", re.MULTILINE)
EXPECTED_ERROR = re.compile(r"expected (\d{3}) (\w+)")
CALL_FAILED = re.compile(r"An error occurred \((\S+?)\) when calling the (\w+) operation(?: \(.*?\))?: ?(.*)")
#: The message of `AnswerGuard` for an operation that it has given up.
GIVEN_UP = re.compile(r"(\w+) got no response: the (target|operation) (is too slow|does not answer):")
OPERATION = re.compile(r"^request     (?:[A-Z]+ /)?([A-Za-z]+)", re.MULTILINE)
ANSWER_STATUS = re.compile(r"^answer      (\d{3}|none)", re.MULTILINE)
MISSING_MEMBER = re.compile(r"KeyError: '(\w+)'")
SERVER_ERROR = 500
SERVER_ERROR_CODES = frozenset({"InternalServerException", "ServiceUnavailableException"})
THROTTLING_CODE = "TooManyRequestsException"
CREATIONS = frozenset({"CreateVectorBucket", "CreateIndex"})
#: The members of answers in the service model.
MEMBERS = frozenset({
    "bm25Scores", "creationTime", "data", "dataType", "defaultIndexMode", "dimension", "distance",
    "distanceMetric", "encryptionConfiguration", "float32", "fused", "index", "indexArn", "indexMode",
    "indexName", "indexes", "key", "kmsKeyArn", "language", "metadata", "metadataConfiguration",
    "metadataKey", "nextToken", "nonFilterableMetadataKeys", "policy", "score", "scores", "sseType", "status",
    "tags", "textSearchConfigurations", "vectorBucket", "vectorBucketArn", "vectorBucketName",
    "vectorBuckets", "vectorDistance", "vectors",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause of failures.

    title    such as: a prefix is ignored
    results  the failed cases, those of level must first
    """

    title: str
    results: tuple[Result, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of the requirements without their cases, each once."""
        return tuple(dict.fromkeys(requirement_name(each.id) for each in self.results))

    @property
    def level(self) -> str:
        """The highest level of its requirements."""
        return min((each.level for each in self.results), key=_level_order)


def find_causes(failures: Sequence[Result]) -> list[Cause]:
    """Return the causes of *failures*, each in one of them: the highest level and the largest first."""
    failing = frozenset(requirement_name(each.id) for each in failures if not _is_before_test(each))
    # By the last answer: a failure below boto3 gives no code in its reason.
    broken = {_last_answer(each): title for each in failures if (title := _broken_operation(each))}
    groups: dict[object, list[Result]] = {}
    titles: dict[object, str] = {}
    for result in failures:
        title = _title(result, failing, broken)
        # Without a rule, an equal failure of the same operation is the same cause.
        key = title or (group_of(result.id), " ".join(result.reason.split()) or requirement_name(result.id))
        titles.setdefault(key, title or f"{requirement_name(result.id)}: {result.claim}")
        groups.setdefault(key, []).append(result)
    causes = [
        Cause(titles[key], tuple(sorted(cases, key=lambda each: _level_order(each.level))))
        for key, cases in groups.items()
    ]
    return sorted(causes, key=lambda each: (_level_order(each.level), -len(each.requirements), each.title))


def _title(result: Result, failing: frozenset[str], broken: Mapping[tuple[str, str], str]) -> str:
    if result.outcome == "unexpected-pass":
        return "listed deviations that pass"
    name = requirement_name(result.id)
    title = _given_up(result) or _broken_operation(result)
    if not title and not _is_before_test(result):
        title = _symptom(name, failing)
        # An invalid request that is accepted does not show a fault of valid ones.
        if (accepted := _accepted(result)) and not title.endswith("are accepted"):
            title = accepted
    if not title:
        title = next(filter(None, (rule(result) for rule in RULES)), "")
    if not title and _last_answer(result)[1] != "200":
        title = broken.get(_last_answer(result), "")
    return title


def _given_up(result: Result) -> str:
    """Return that the target or an operation is too slow or does not answer, and gets no more requests."""
    found = GIVEN_UP.search(result.reason)
    if found is None:
        return ""
    return f"{'the target' if found[2] == 'target' else found[1]} {found[3]}"


def _broken_operation(result: Result) -> str:
    """Return that an operation does not answer, fails, limits its rate, or answers as if it were unknown."""
    operation, status = _last_answer(result)
    if status == "none":
        return f"{operation} does not answer"
    if status == str(int(HTTPStatus.TOO_MANY_REQUESTS)):
        return THROTTLED
    if status.isdigit() and int(status) >= SERVER_ERROR:
        return f"{operation} answers with an internal error"
    call, got = CALL_FAILED.search(result.reason), GOT_ERROR.search(result.reason)
    if call and call[1] in SERVER_ERROR_CODES:
        return f"{call[2]} answers with an internal error"
    if call and call[1] == THROTTLING_CODE:
        return THROTTLED
    code = call[1] if call else got[2] if got else ""
    # Without a code, boto3 shows the status in its place.
    return f"{call[2] if call else operation} answers {code} without an error code" if code.isdigit() else ""


def _is_before_test(result: Result) -> bool:
    """Return whether the test could not create what it needs, so that it shows no other fault."""
    call = CALL_FAILED.search(result.reason)
    return result.reason.startswith("in setup") or (call is not None and call[2] in CREATIONS)


def _symptom(name: str, failing: frozenset[str]) -> str:
    return next(
        (
            title
            for title, shown_by, patterns in SYMPTOMS
            if failing.intersection(shown_by) and any(fnmatchcase(name, pattern) for pattern in patterns)
        ),
        "",
    )


def _accepted(result: Result) -> str:
    """Return that a kind of invalid requests is accepted."""
    reason = result.reason
    is_accepted = re.search(r"got\s+an answer", reason) or "DID NOT RAISE" in reason
    if not is_accepted and not re.search(r"assert 200 == 4|assert 400 <= 200|\(200, ''\) == \(4", reason):
        return ""
    topic = requirement_name(result.id).partition(".")[0]
    operation = _last_answer(result)[0] or group_of(result.id)
    return ACCEPTED_BY_TOPIC.get(topic) or f"invalid requests to {operation} are accepted"


def _other_error(result: Result) -> str:
    """Return that an error has another code, message or fields."""
    differs = DIFFERS.search(result.reason) or DIFFERS.search(result.detail)
    if not differs or "expected" not in result.reason:
        return ""
    if "code" in differs[1] or "status" in differs[1]:
        expected = EXPECTED_ERROR.search(result.reason)
        got = GOT_ERROR.search(result.reason)
        shown = f"{got[1]} {got[2]}" if got else "other errors"
        return f"{shown} instead of {expected[1]} {expected[2]}" if expected else "errors have other codes"
    return "error messages are worded differently" if "message" in differs[1] else "errors have no fieldList"


def _rejected(result: Result) -> str:
    """Return that an operation rejects valid requests."""
    call = CALL_FAILED.search(result.reason)
    if call is None:
        return ""
    message = re.sub(r"\d+", "#", re.sub(r"'[^']*'|\"[^\"]*\"|\S*[0-9a-f]{6,}\S*", "…", call[3])).strip()[:80]
    return f"{call[2]} rejects valid requests with {call[1]}: {message}".rstrip(": ")


def _missing_member(result: Result) -> str:
    member = MISSING_MEMBER.search(result.reason)
    if member is None:
        return ""
    if member[1] in MEMBERS:
        return f"answers have no {member[1]}"
    # Tests read vectors by their keys, too.
    operation = _last_answer(result)[0]
    return NOT_RETURNED if operation in {"", "GetVectors"} else f"{operation} does not return what was put"


RULES: Sequence[Callable[[Result], str]] = (_accepted, _other_error, _rejected, _missing_member)


def _last_answer(result: Result) -> tuple[str, str]:
    """Return the operation and the status of the last request, empty if they are not recorded."""
    operation, status = OPERATION.search(result.detail), ANSWER_STATUS.search(result.detail)
    return operation[1] if operation else "", status[1] if status else ""


def _level_order(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
