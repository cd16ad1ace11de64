"""What has gone wrong with a run, as an exception of ours, and the exit code that it leaves with."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from vecgate.errors import TargetError, UsageError, VecgateError

#: As the command line has them.
BROKEN = 4
EXIT_CODES: Mapping[type[VecgateError], int] = {UsageError: 2, TargetError: 3}


def ours(error: Exception) -> VecgateError:
    """*error* as one of ours: what nobody foresaw is a failure of vecgate, or of the machine under it."""
    match error:
        case VecgateError():
            return error
        case BotoCoreError() | ClientError():
            return TargetError(str(error))
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return VecgateError(f"{where}{error.strerror or error}")
        case _:
            return VecgateError(f"vecgate itself failed: {type(error).__name__}: {error}")


def exit_code_of(error: VecgateError) -> int:
    """What the process leaves with."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), BROKEN)
