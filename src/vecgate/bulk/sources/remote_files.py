"""Files that are not on this computer: `s3://`, `gs://`, `https://`, `hf://` and what else fsspec opens.

They are read as streams and never stored. A file is identified by what its store says: size, and an ETag, a
checksum or the time of last change. No journal can identify a file of which the store says nothing. The
identity is compared again whenever the file is opened, and at its end, so that a file that changes during a
run stops it.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias, cast

from vecgate.errors import SourceError
from vecgate.redaction import redact

#: The parameters of a URL in the text of an error; they may be signed.
_PARAMETERS = re.compile(r"\?[^\s'\")]+")

#: Says which content a file has, in the words of the different stores, the strongest first.
_IDENTITY_FIELDS = (
    *("ETag", "etag", "Content-MD5", "Digest", "blob_id", "sha256", "md5Hash", "generation"),
    *("mtime", "LastModified", "Last-Modified", "last_modified", "updated", "created"),
)
_REASON_LENGTH_MAX = 200
#: Stores that pyarrow reads itself, with the usual credentials of their clouds.
_ARROW_STORES = frozenset({"s3", "gs"})
#: Variables with the URL of an S3 that is not Amazon's, as boto3 reads them.
_S3_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def is_remote(path: str | Path | RemoteFile) -> bool:
    """Return True for a URL such as `s3://bucket/file.parquet`."""
    return isinstance(path, RemoteFile) or "://" in str(path)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file by its URL, with those members of `Path` that sources need.

    url         as messages show it, without credentials and parameters
    path        in its store
    size        in bytes, None if the store does not say
    identity    of its content, empty if the store does not say
    """

    url: str
    path: str
    size: int | None
    identity: str
    filesystem: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self.url).name

    @property
    def parent(self) -> PurePosixPath:
        """The folder of the file."""
        return PurePosixPath(self.path).parent

    @property
    def fingerprint(self) -> str:
        """Its identity for a journal."""
        return f"{self.url} of {self.size or 0:,} bytes, {self.identity or 'content unknown'}"

    def open(self, mode: str = "rb") -> BinaryIO:
        """Open the file for reading. Raises SourceError if it has changed since it was found."""
        self.check_unchanged()
        with remote_errors(self.url):
            return io.BufferedReader(_RemoteStream(self.url, self.filesystem.open(self.path, mode)))

    def check_unchanged(self) -> None:
        """Raise SourceError if the store says something else about the file than when it was found."""
        with remote_errors(self.url):
            self.filesystem.invalidate_cache()
            info = self.filesystem.info(self.path)
        if (info.get("size"), _identity(info)) != (self.size, self.identity):
            raise file_has_changed(self.url)


#: A file on this computer or elsewhere.
SourceFile: TypeAlias = Path | RemoteFile


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A folder of a store. *files* are all files below it, in the order of their paths."""

    url: str
    path: PurePosixPath
    files: tuple[RemoteFile, ...]


class _RemoteStream(io.RawIOBase):
    """A file of fsspec whose errors are those of reading."""

    def __init__(self, url: str, file: Any) -> None:  # noqa: ANN401 - fsspec ships no types
        self._url, self._file = url, file

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True if the store can read parts of the file."""
        return bool(self._file.seekable())

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position of the next read."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return the position of the next read."""
        return int(self._file.tell())

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        """Fill *buffer* with the next bytes. Raises SourceError if the connection breaks."""
        with remote_errors(self._url):
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def file_has_changed(name: str) -> SourceError:
    """Return the error for a file that has changed since it was opened."""
    return SourceError(f"{name} has changed while it was read", hint="Run the command again with --restart.")


def find_remote(url: str) -> RemoteFile | RemoteFolder:
    """Return the file or the folder at *url*. Raises SourceError if it cannot be found or reached."""
    shown = _without_secrets(url)
    filesystem, path = _filesystem(url, shown)
    scheme = url.partition("://")[0]
    with remote_errors(shown):
        info = filesystem.info(path)
        if info.get("type") != "directory":
            return _file(filesystem, shown, path, info)
        # A listing may say less about a file than the store says when it is asked for that file.
        files = [
            _file(filesystem, f"{scheme}://{name.lstrip('/')}", name, filesystem.info(name))
            for name in sorted(filesystem.find(path))
        ]
    return RemoteFolder(shown, PurePosixPath(path), tuple(files))


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Turn any error of a store into a SourceError that names *url*."""
    try:
        yield
    except SourceError:
        raise
    except FileNotFoundError as error:
        # fsspec calls any failure of a web server so.
        if error.__cause__ is not None and not isinstance(error.__cause__, FileNotFoundError):
            raise _store_error(url, error.__cause__) from None
        raise SourceError(f"{url}: there is no such file") from None
    except PermissionError:
        raise SourceError(f"{url}: no permission to read it", hint="Check the credentials.") from None
    # Each store has its own errors, of no common class.
    except Exception as error:  # noqa: BLE001
        raise _store_error(url, error) from None


def _store_error(url: str, error: BaseException) -> SourceError:
    reason = redact(_PARAMETERS.sub("?…", str(error).strip().partition("\n")[0]))
    reason = reason[:_REASON_LENGTH_MAX] or type(error).__name__
    return SourceError(
        f"{url} cannot be read: {reason}", hint="Check the URL, the credentials and the network."
    )


def _without_secrets(url: str) -> str:
    """Return *url* without user, password and parameters, which may be signed."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return redact(f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}")


def _file(filesystem: Any, url: str, path: str, info: Mapping[str, Any]) -> RemoteFile:  # noqa: ANN401
    return RemoteFile(url, path, info.get("size"), _identity(info), filesystem)


def _identity(info: Mapping[str, Any]) -> str:
    for name in _IDENTITY_FIELDS:
        if value := info.get(name):
            return f"{name} {value}"
    return ""


def _filesystem(url: str, shown: str) -> tuple[Any, str]:
    protocol = url.partition("://")[0]
    fsspec = _fsspec(shown)
    with remote_errors(shown):
        try:
            if protocol in _ARROW_STORES:
                path = url.partition("://")[2]
                return _arrow_filesystem(protocol, path.partition("/")[0]), path
            return cast("tuple[Any, str]", fsspec.core.url_to_fs(url))
        except ImportError as error:
            raise SourceError(
                f"{shown} needs a package that is not installed: {str(error).partition(chr(10))[0]}",
                hint="pip install 'vecgate[remote]'",
            ) from None
        except ValueError:
            raise SourceError(
                f"{shown}: {protocol}:// is not supported",
                hint="Supported are s3://, gs://, https://, hf:// and the other protocols of fsspec.",
            ) from None


@lru_cache(maxsize=4)
def _arrow_filesystem(protocol: str, bucket: str) -> Any:  # noqa: ANN401
    arrow: Any = import_module("pyarrow.fs")
    wrapper: Callable[[Any], Any] = import_module("fsspec.implementations.arrow").ArrowFSWrapper
    endpoint = next((url for name in _S3_ENDPOINTS if (url := os.environ.get(name))), None)
    if protocol == "s3" and endpoint:
        return wrapper(arrow.S3FileSystem(endpoint_override=endpoint))
    # Looks up the region of the bucket.
    return wrapper(arrow.FileSystem.from_uri(f"{protocol}://{bucket}")[0])


def _fsspec(url: str) -> Any:  # noqa: ANN401
    try:
        import_module("fsspec.core")
        return import_module("fsspec")
    except ImportError:
        raise SourceError(
            f"{url} needs fsspec, which is not installed", hint="pip install 'vecgate[remote]'"
        ) from None
