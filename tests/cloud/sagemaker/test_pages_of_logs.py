"""Logs are read to their end, however CloudWatch cuts them into pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from lapel.cloud.aws import Account, RefusedError
from lapel.cloud.sagemaker.hosting.log import last_lines
from lapel.cloud.sagemaker.logs import LogReader

Pages = dict[str | None, dict[str, Any]]

SINCE = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def played(monkeypatch: pytest.MonkeyPatch, pages: Pages) -> list[dict[str, Any]]:
    """Has CloudWatch answer with pages, by the token that asks for each; gives what is asked."""
    asked: list[dict[str, Any]] = []

    def ask(_: Account, __: str, operation: str, ___: object, **request: Any) -> dict[str, Any]:
        if operation == "DescribeLogStreams":
            return {"logStreams": [{"logStreamName": "first/algo-1-1700000000"}]}
        asked.append(request)
        return pages[request.get("nextToken")]

    monkeypatch.setattr(Account, "ask", ask)
    return asked


def events(*lines: str) -> list[dict[str, str]]:
    return [{"message": f"{line}\n"} for line in lines]


def test_an_empty_page_of_a_jobs_log_is_not_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pages: Pages = {
        None: {"events": events("first"), "nextForwardToken": "f/1"},
        "f/1": {"events": [], "nextForwardToken": "f/2"},
        "f/2": {"events": events("CUDA out of memory"), "nextForwardToken": "f/3"},
        "f/3": {"events": [], "nextForwardToken": "f/3"},
    }
    asked = played(monkeypatch, pages)
    reader = LogReader(Account(), "first")
    assert list(reader.new()) == ["first", "CUDA out of memory"]
    assert list(reader.new()) == []
    assert [one.get("nextToken") for one in asked] == [None, "f/1", "f/2", "f/3", "f/3"]


@pytest.mark.parametrize("batch", [False, True])
def test_the_end_of_a_log_is_its_end(monkeypatch: pytest.MonkeyPatch, batch: bool) -> None:
    pages: Pages = {
        None: {"events": [], "nextToken": "second"},
        "second": {"events": events(*(f"line {n}" for n in range(20))), "nextToken": "third"},
        "third": {"events": events("ModuleNotFoundError")},
    }
    asked = played(monkeypatch, pages)
    lines = last_lines(Account(), "shoes", since=SINCE, batch=batch)
    assert lines == [*(f"line {n}" for n in range(6, 20)), "ModuleNotFoundError"]
    assert {one["startTime"] for one in asked} == {round(SINCE.timestamp() * 1000)}
    assert {one.get("logStreamNamePrefix") for one in asked} == {"shoes/" if batch else None}


def test_a_log_that_may_not_be_read_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> dict[str, Any]:
        raise RefusedError("AccessDeniedException", "AWS refused")

    monkeypatch.setattr(Account, "ask", refused)
    assert last_lines(Account(), "shoes", since=None) == []
