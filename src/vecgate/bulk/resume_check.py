"""Checks that the index has what a journal says was written, before a resumed run leaves it out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecgate.bulk.core.body_encoding import encode_request
from vecgate.bulk.core.record_blocks import Block
from vecgate.bulk.core.record_validation import key_problem
from vecgate.bulk.core.response_decoding import decode_vectors
from vecgate.bulk.journal import Journal
from vecgate.bulk.transport.retried_call import call_with_retries
from vecgate.bulk.transport.sender import Sender
from vecgate.errors import JournalMismatch
from vecgate.s3vectors.arn import IndexAddress
from vecgate.s3vectors.limits import KEYS_PER_GET_MAX


class ResumeCheck:
    """Looks up the first records of a source that *journal* has as acknowledged.

    The identity of a journal is not enough: creation times are whole seconds, a server may lose its data, and
    somebody may have deleted them.
    """

    def __init__(self, sender: Sender, address: IndexAddress, journal: Journal) -> None:
        self._sender, self._address, self._journal = sender, address, journal
        self._is_done = not len(journal.acknowledged)

    def check(self, block: Block) -> None:
        """Check up to KEYS_PER_GET_MAX acknowledged records of *block*, unless some were checked before.

        Raises JournalMismatch if the index lacks one of them.
        """
        if self._is_done:
            return
        rows = np.flatnonzero(self._journal.acknowledged.contains(block.positions))
        keys = list(
            dict.fromkeys(key for row in rows.tolist() if key_problem(key := block.keys[row]) is None)
        )
        if keys:
            self._is_done = True
            self._check_keys(keys[:KEYS_PER_GET_MAX])

    def _check_keys(self, keys: Sequence[str]) -> None:
        response = call_with_retries(self._sender, "GetVectors", encode_request(self._address, keys=keys))
        found = set(decode_vectors(response)[0].keys)
        if absent := [key for key in keys if key not in found]:
            raise JournalMismatch(
                f"the index {self._address} lacks {len(absent):,} of {len(keys):,} records that were written "
                f"according to the journal {self._journal.path}, such as {absent[0]!r}",
                hint="The index was created again or changed since; send everything again with --restart.",
            )
