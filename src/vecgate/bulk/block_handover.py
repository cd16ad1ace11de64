"""Passes blocks from the caller's thread, which reads them, to a thread that writes them.

Sources are read in the caller's thread, because a generator of the caller may depend on it. KeyboardInterrupt
may be raised there at any moment, so that thread holds no lock that the others need: see `background`.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import TypeVar

from vecgate.background import POLL_S, BackgroundCall, new_queue
from vecgate.bulk.core.record_blocks import Block
from vecgate.errors import VecgateError

T = TypeVar("T")

#: Blocks that are read and not yet taken: reading overlaps with writing, and memory stays small.
BLOCKS_AHEAD = 2
#: After an interrupt, requests in flight get this long to be answered and recorded.
INTERRUPT_WAIT_S = 30.0
#: After a stop, the end of the source is awaited for this long: if it comes, nothing was left out.
END_WAIT_S = 1.0

_END = object()


class BlockHandover:
    """Hands the blocks of one run from one thread to another.

    is_abandoned  the reading thread was interrupted: nobody waits for the result
    is_exhausted  every block was taken
    """

    is_abandoned: bool
    is_exhausted: bool

    def __init__(self) -> None:
        self.is_abandoned = self.is_exhausted = False
        self._blocks, self._free = new_queue(), new_queue()
        for _ in range(BLOCKS_AHEAD):
            self._free.put(None)

    def run(self, blocks: Iterator[Block], write: Callable[[], T]) -> T:
        """Read *blocks* in this thread while *write*, on another thread, takes them with `taken`.

        Returns or raises what *write* does. If reading a block raises anything but a VecgateError, or this
        thread is interrupted, *write* gets INTERRUPT_WAIT_S to end, and the exception is raised again.
        """
        writing = BackgroundCall(write)
        try:
            writing.start()
            self._read(blocks, writing.has_ended)
            return writing.result()
        except BaseException:
            self.is_abandoned = True
            writing.cancel(INTERRUPT_WAIT_S)
            raise

    def taken(self, *, is_stopped: Callable[[], bool]) -> Iterator[Block]:
        """Yield the blocks in order. Raises the VecgateError that ended the source."""
        idle_s = 0.0
        while True:
            try:
                block = self._blocks.get(timeout=POLL_S)
            except queue.Empty:
                idle_s += POLL_S
                if self.is_abandoned or (is_stopped() and idle_s >= END_WAIT_S):
                    return
                continue
            if block is _END:
                self.is_exhausted = True
                return
            if isinstance(block, VecgateError):
                raise block
            idle_s = 0.0
            yield block
            self._free.put(None)

    def _read(self, blocks: Iterator[Block], has_ended: Callable[[], bool]) -> None:
        try:
            for block in blocks:
                while not self._has_room():
                    if has_ended():
                        return
                self._blocks.put(block)
        except VecgateError as error:
            self._blocks.put(error)
        else:
            self._blocks.put(_END)

    def _has_room(self) -> bool:
        try:
            self._free.get(timeout=POLL_S)
        except queue.Empty:
            return False
        return True
