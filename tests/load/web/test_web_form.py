"""The fields that the form of the web interface may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from vecgate.errors import UsageError
from vecgate.load.runtime.runtime_options import INTERNAL_OPTIONS, OPTIONS
from vecgate.load.web.web_form import SETTABLE, check_scenario, forbidden_fields, message_of

CURRENT = {"host": None, "profile": "nightly"}
GIVEN = {"vecgate_scenario": "smoke", "vecgate_set": ""}
#: What Locust's page sends.
PAGE = {"user_count": "1", "spawn_rate": "1", "host": "", "run_time": "", "profile": "nightly",
        "vecgate_scenario": "smoke", "vecgate_set": "", "vecgate_thresholds": ""}  # fmt: skip


def test_the_form_of_locust_is_accepted() -> None:
    """With what a user of the page may change."""
    assert forbidden_fields(PAGE, CURRENT) == []
    changed = {
        **PAGE,
        "vecgate_scenario": "query",
        "vecgate_set": "seed=1",
        "vecgate_thresholds": "errors < 1%",
    }
    assert forbidden_fields(changed, CURRENT) == []


OF_VECGATE = {f"vecgate_{name.replace('-', '_')}" for name in (*OPTIONS, *INTERNAL_OPTIONS)} - SETTABLE
OF_LOCUST = {"html_file", "json_file", "csv_prefix", "logfile", "locustfile", "config", "master_bind_host",
             "headless", "processes", "stop_timeout", "tls_key", "web_login", "web_host", "expect_workers"}  # fmt: skip


@pytest.mark.parametrize("name", [*sorted(OF_VECGATE | OF_LOCUST), "vecgate_new", "VECGATE_SET", ""])
def test_any_other_field_is_refused(name: str) -> None:
    """Also a future option: the list names what is allowed."""
    assert forbidden_fields({**PAGE, name: "x"}, CURRENT) == [name]
    assert forbidden_fields({**PAGE, name: ""}, CURRENT) == [name]


def test_what_the_page_repeats_must_not_change() -> None:
    """Locust's target."""
    assert forbidden_fields({"host": "http://evil.example", "profile": "x"}, CURRENT) == ["host", "profile"]
    assert forbidden_fields({"host": "http://a.example"}, {"host": "http://a.example"}) == []


def test_the_author_of_a_locustfile_may_show_further_options() -> None:
    """But none of vecgate."""
    shown = frozenset({"my_option", "vecgate_target"})
    assert forbidden_fields({"my_option": "1", "vecgate_target": "x"}, {}, shown=shown) == ["vecgate_target"]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"vecgate_scenario": "/etc/passwd"}, "'/etc/passwd' is not a scenario that ships"),
        ({"vecgate_scenario": "other.toml"}, "is not a scenario that ships"),
        ({"vecgate_set": "vectors.source=/etc/hostname"}, "cannot set vectors.source"),
        ({"vecgate_set": 'vectors={source="/etc/hostname"}'}, "cannot set vectors"),
        ({"vecgate_set": "seed=1; local.inject=/etc/hostname"}, "cannot set local.inject"),
        ({"vecgate_set": "local={quotas='/tmp/x.toml'}"}, "cannot set local"),
        ({"vecgate_set": "vectors.dimension=0"}, "from 1 to 4,096"),
        ({"vecgate_set": "vectors"}, "is not a setting"),
    ],
)
def test_a_form_reads_no_file(form: dict[str, str], message: str) -> None:
    """Neither a scenario nor the files that a scenario names."""
    with pytest.raises(UsageError) as caught:
        check_scenario(form, GIVEN)
    assert message in message_of(caught.value)


def test_the_scenario_of_the_command_line_stays_allowed(tmp_path: Path) -> None:
    """With its files and settings."""
    source = tmp_path / "a.npy"
    source.touch()
    path = tmp_path / "mine.toml"
    path.write_text("[vectors]\nsource = 'a.npy'\n[[stages]]\nkind = 'constant'\nrate = 1\nfor = '1s'\n")
    given = {"vecgate_scenario": str(path), "vecgate_set": f"vectors.source={source}"}
    check_scenario({"vecgate_scenario": str(path), "vecgate_set": given["vecgate_set"]}, given)
    check_scenario({}, given)
    check_scenario({"vecgate_set": "seed=2"}, given)
    check_scenario({"vecgate_scenario": "query", "vecgate_set": "seed=2"}, given)
