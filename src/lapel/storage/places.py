"""Places: a path on this machine, or an address in S3, wherever a path is asked for.

What lies at an address is read from a copy here, its mirror, which is brought up to date first;
what is written there is written into the mirror and then put in its place. Nothing here needs boto3
until an address is met.

    fetched("s3://bucket/model")                      a folder here that holds what lies there
    with written("s3://bucket/report") as folder:     a folder here, put there when the block ends
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from lapel.schema.errors import StorageError, UsageError
from lapel.storage.cache import cache_root
from lapel.storage.endpoint import own_server
from lapel.storage.holding import in_turn
from lapel.storage.local import write_atomically
from lapel.storage.s3.extra import needs_aws
from lapel.storage.s3.location import S3Location

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

#: ``pathlib`` makes ``s3:/bucket`` of ``s3://bucket``.
_REMOTE = re.compile(r"s3:/{1,2}[^/]")

#: Beside a mirror: the address that it mirrors, and what of it was brought.
_ADDRESS, _TAGS, _LOCK = ".address", ".tags.json", ".lock"

#: Below the cache: mirrors of places, and runs that are learned here and kept elsewhere.
PLACES, RUNS = "places", "runs"

_MIRROR = re.compile(rf"/({PLACES}|{RUNS})/([0-9a-f]{{16}})/")

#: Bytes of an object that is moved in one request.
SMALL = 8 * 2**20


def is_remote(place: object) -> bool:
    """Whether a path is an address, ``s3://bucket/key``; as text, or as a path made of it."""
    return isinstance(place, str | Path) and _REMOTE.match(str(place)) is not None


def joined(place: str | Path, name: str) -> str | Path:
    """What lies under a name at a place; ``..`` leads up, but never out of a bucket.

    Raises:
        UsageError: it leads out, or the place is no address.
    """
    if not is_remote(place):
        return Path(place) / name
    location = S3Location.parse(place)
    key = posixpath.normpath(posixpath.join("/", location.key, name)).lstrip("/")
    depth = len([part for part in location.key.split("/") if part])
    if name.startswith("/") or name.split("/").count("..") > depth:
        raise UsageError(f"{name!r} leads out of {location}")
    return str(S3Location(location.bucket, key))


def fetched(
    place: str | Path,
    *,
    cache: Path | None = None,
    only: Callable[[str], bool] | None = None,
) -> Path:
    """A file or folder here that holds what lies at a place.

    Args:
        place: a path, which is given back as it is; or an address, whose objects are mirrored:
            those that changed are fetched and compared with their SHA-256, those that are gone go.
        cache: where mirrors lie; none: below :func:`lapel.storage.cache.cache_root`.
        only: whether an object of a name below the address is wanted; none: all are.

    Raises:
        MissingExtraError: boto3 is not installed.
        StorageError: nothing lies there (where all is wanted), or it cannot be fetched.
    """
    if not is_remote(place):
        return Path(place)
    location, mirror = S3Location.parse(place), mirror_of(place, cache)
    with needs_aws(str(location)):
        from lapel.storage.s3.mirror import bring  # noqa: PLC0415 - stands on boto3
    with in_turn(mirror.parent / _LOCK):
        tell_address(mirror, location)
        bring(location, mirror, mirror.parent / _TAGS, only)
    return mirror


@contextmanager
def written(place: str | Path, *, even_if_cut: bool = False) -> Iterator[Path]:
    """A file or folder to write; what it holds in the end is put at the place.

    Of an address, the path leads to the mirror, which holds what lies there already: so that what
    goes on, replaces or refuses to replace works as it does here. One process at a time writes.
    Killed while a folder is put there, the next call puts the rest first; see
    :mod:`lapel.storage.s3.delivery`.

    Args:
        place: a path, which is given as it is; or an address.
        even_if_cut: put it there even if the block raises, and begin with what was written here
            before a kill: for work that is gone on with.

    Raises:
        UsageError: an address of a whole bucket.
        MissingExtraError: boto3 is not installed.
        StorageError: it cannot be fetched or put there, or another process puts something there.
    """
    if not is_remote(place):
        yield Path(place)
        return
    location, mirror = S3Location.parse(place), mirror_of(place)
    if not location.key:
        raise UsageError(f"{location} is a whole bucket; name a folder in it, {location}/NAME")
    with needs_aws(str(location)):
        from lapel.storage.s3.delivery import Delivery  # noqa: PLC0415 - stands on boto3
    delivery = Delivery(location, mirror, mirror.parent / _TAGS, even_if_cut=even_if_cut)
    with in_turn(mirror.parent / _LOCK):
        tell_address(mirror, location)
        try:
            delivery.begin()
            try:
                yield mirror
            except Exception:
                if even_if_cut:
                    delivery.deliver()
                raise
            delivery.deliver()
        finally:
            delivery.end()


def puts(
    *names: str, even_if_cut: bool = False
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Have a function's arguments of these names be places: see :func:`written`.

    Args:
        names: of parameters that name what the function writes.
        even_if_cut: as for :func:`written`.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def placed(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            given = signature.bind(*args, **kwargs)
            remote = [name for name in names if is_remote(given.arguments.get(name))]
            with ExitStack() as stack:
                for name in remote:
                    given.arguments[name] = stack.enter_context(
                        written(given.arguments[name], even_if_cut=even_if_cut)
                    )
                return function(*given.args, **given.kwargs)

        return placed

    return decorate


def holds(place: str | Path, name: str) -> bool:
    """Whether there is a file of a name at a place.

    Raises:
        StorageError: it cannot be asked.
    """
    if not is_remote(place):
        return (Path(place) / name).is_file()
    with needs_aws(str(place)):
        from lapel.storage.s3.store import S3Store  # noqa: PLC0415 - stands on boto3
    return S3Store(place).exists(name)


def names_below(place: str | Path) -> list[str]:
    """The names of all objects below an address, sorted; none where it is an object itself.

    Raises:
        StorageError: it cannot be asked.
    """
    with needs_aws(str(place)):
        from lapel.storage.s3.store import S3Store  # noqa: PLC0415 - stands on boto3
    return list(S3Store(place).names())


def size_of(place: str | Path) -> int:
    """Bytes of the object at an address.

    Raises:
        StorageError: nothing lies there, or it cannot be asked.
    """
    with needs_aws(str(place)):
        from lapel.storage.s3.client import s3_client  # noqa: PLC0415 - stands on boto3
        from lapel.storage.s3.objects import head_object  # noqa: PLC0415 - likewise
    return int(head_object(s3_client(), S3Location.parse(place))["ContentLength"])


def read_file(place: str | Path) -> bytes:
    """All bytes of the object at an address.

    Raises:
        StorageError: nothing lies there, or it cannot be read.
    """
    with needs_aws(str(place)):
        from lapel.storage.s3.client import s3_client  # noqa: PLC0415 - stands on boto3
        from lapel.storage.s3.objects import get_object  # noqa: PLC0415 - likewise
    return get_object(s3_client(), S3Location.parse(place))[0]


def bring_file(place: str | Path, target: Path, *, size: int | None = None) -> None:
    """Write what lies at an address to a file, whole or not at all.

    Args:
        place: the address of an object.
        target: the file.
        size: of the object in bytes, if it is known: a small one takes one request.

    Raises:
        StorageError: it cannot be fetched, or is not what it should be.
    """
    with needs_aws(str(place)):
        from lapel.storage.s3.transfer import pull  # noqa: PLC0415 - stands on boto3
    if size is not None and size <= SMALL:
        write_atomically(target, read_file(place))
    else:
        pull(S3Location.parse(place), target)


def put_file(path: Path, place: str | Path) -> None:
    """Put a file at an address, in the place of what lies there.

    Raises:
        StorageError: it cannot be put there; what lay there does.
    """
    with needs_aws(str(place)):
        from lapel.storage.s3.store import S3Store  # noqa: PLC0415 - stands on boto3
        from lapel.storage.s3.transfer import push  # noqa: PLC0415 - likewise
    location = S3Location.parse(place)
    try:
        # From memory, so that a file which grows is put as it was read.
        data = path.read_bytes() if path.stat().st_size <= SMALL else None
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}") from error
    if data is None:
        push(path, location)
    else:
        S3Store(S3Location(location.bucket)).write(location.key, data)


def mirror_key(place: str | Path) -> str:
    """Sixteen hexadecimal digits that stand for an address, and the server that is asked."""
    text = f"{own_server()} {S3Location.parse(place)}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def mirror_of(place: str | Path, cache: Path | None = None) -> Path:
    """Where what lies at an address is mirrored, under the last part of its name."""
    root = cache_root() / PLACES if cache is None else cache
    return root / mirror_key(place) / S3Location.parse(place).name


def in_addresses(text: object) -> str:
    """A text, or a path, in which mirrors are called by the addresses that they mirror."""
    said = str(text)
    if is_remote(text):
        return str(S3Location.parse(said))
    root = cache_root()
    for kind, key in set(_MIRROR.findall(said)):
        try:
            address = (root / kind / key / _ADDRESS).read_text("utf-8")
        except OSError:
            continue
        name = S3Location.parse(address).name
        said = said.replace(f"{root}/{kind}/{key}/{name}", address)
    return said


def tell_address(mirror: Path, location: S3Location) -> None:
    """Keep beside a mirror which address it mirrors, for :func:`in_addresses`.

    Raises:
        StorageError: the cache cannot be written.
    """
    file = mirror.parent / _ADDRESS
    if not file.is_file():
        write_atomically(file, str(location).encode())
