"""A server that vecgate has started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server in a child process.

    version  of the server, such as 5.2.0
    url      of its S3 Vectors API
    pid      id of its process
    """

    name: str
    version: str
    url: str
    pid: int
