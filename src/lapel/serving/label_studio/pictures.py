"""The pictures of Label Studio's tasks, fetched from there and from nowhere else.

Whoever may make a task may write any address into it; a server that fetched them all would open its
own network to strangers. So a picture comes from the Label Studio that the server was started with,
from its paths for pictures alone, or from a storage that was named when the server was started.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from urllib.parse import quote, unquote, urljoin, urlsplit

from lapel.imaging.decode import MEBIBYTE
from lapel.schema.errors import ImageError
from lapel.serving.label_studio.service import LabelStudio, checked_url

#: Paths of Label Studio that give out pictures.
_PATHS = ("/data/", "/storage-data/", "/tasks/", "/projects/")

#: Addresses of buckets, which Label Studio resolves.
_BUCKETS = ("s3://", "gs://", "azure-blob://", "azure_spi://")

_REDIRECTS = 3

#: Seconds in which a picture is here, redirects and all; Label Studio waits 100 for an answer.
_WITHIN = 60.0


class Pictures:
    """Fetches the pictures of tasks."""

    def __init__(
        self,
        service: LabelStudio,
        *,
        storage: Sequence[str] = (),
        limit: int = 64 * MEBIBYTE,
        within: float = _WITHIN,
    ) -> None:
        """Where they may come from.

        Args:
            service: the Label Studio whose tasks they are.
            storage: other origins that Label Studio may send us on to, such as
                ``https://bucket.s3.amazonaws.com``; they are not shown the token.
            limit: bytes of a picture.
            within: seconds for a picture, however steadily it comes.

        Raises:
            UsageError: an origin that is none.
        """
        self._service = service
        self._own = _origin(service.url)
        self._base = urlsplit(service.url).path
        self._storage = frozenset(_origin(checked_url(one)) for one in storage)
        self._limit = limit
        self._within = within

    def fetch(self, address: object, *, task: int | str) -> bytes:
        """The bytes of a task's picture.

        Args:
            address: what the data of the task says.
            task: its number.

        Raises:
            ImageError: an address that we do not go to, or no such picture there.
            ServerError: Label Studio cannot be reached.
        """
        name = f"task {task}"
        if not isinstance(address, str) or not address:
            raise ImageError(name, "its data has no address of a picture")
        url = self._allowed(address, name, task)
        until = time.monotonic() + self._within
        for _ in range(_REDIRECTS + 1):
            own = _origin(url) == self._own
            with self._service.opened(url, authorized=own) as response:
                if response.is_redirect:
                    url = self._further(url, response.headers.get("location", ""), name)
                    continue
                if not response.is_success:
                    raise ImageError(name, _refused(response.status_code))
                data = bytearray()
                for part in response.iter_bytes():
                    data += part
                    if len(data) > self._limit:
                        raise ImageError(
                            name, f"more than {self._limit / MEBIBYTE:g} MiB; save it smaller"
                        )
                    if time.monotonic() > until:
                        raise ImageError(
                            name,
                            f"it was not here within {self._within:g} s; what stores it is too "
                            "slow, or it is too large",
                        )
                return bytes(data)
        raise ImageError(name, "sent on from address to address without end")

    def _allowed(self, address: str, name: str, task: int | str) -> str:
        """The whole address to fetch.

        Raises:
            ImageError: one that we do not go to.
        """
        if address.startswith(_BUCKETS):
            coded = base64.urlsafe_b64encode(address.encode()).decode()
            return f"{self._service.url}/tasks/{quote(str(task), safe='')}/resolve/?fileuri={coded}"
        if address.startswith("/") and not address.startswith(("//", "/\\")):
            inside = address.startswith(f"{self._base}/") if self._base else False
            root = self._own if inside else self._service.url
            url = root + address
        else:
            url = address
        try:
            known = _origin(url) == self._own
        except ValueError:
            known = False
        if not known:
            raise ImageError(
                name,
                f"its picture is at another place than {self._own}; this server fetches from "
                "there alone: upload the picture to Label Studio, or let it connect the storage",
            )
        path = unquote(urlsplit(url).path).removeprefix(self._base)
        if not path.startswith(_PATHS) or ".." in path.split("/"):
            raise ImageError(
                name,
                f"{path[:80]!r} is no path of pictures; found elsewhere are {', '.join(_PATHS)}",
            )
        return url

    def _further(self, url: str, location: str, name: str) -> str:
        """Where Label Studio sends us on to.

        Raises:
            ImageError: somewhere that we do not go.
        """
        target = urljoin(url, location)
        try:
            origin = _origin(target)
        except ValueError:
            origin = ""
        if origin == self._own:
            if urlsplit(target).path.startswith(f"{self._base}/user/login"):
                raise ImageError(name, _refused(401))
            return target
        if origin in self._storage:
            return target
        raise ImageError(
            name,
            f"Label Studio sends on to {origin or 'no address'}; start the server with "
            f"--label-studio-storage {origin or 'ORIGIN'}, or turn off pre-signed URLs in the "
            "storage's settings, so that Label Studio hands the picture out itself",
        )


def _refused(status: int) -> str:
    if status in (401, 403):
        return (
            f"Label Studio does not give out its picture ({status}); start the server with "
            "--label-studio-token-file, of an account that may see the project"
        )
    return f"Label Studio answers {status} for its picture; open the task in a browser"


def _origin(url: str) -> str:
    """Scheme, host and port.

    Raises:
        ValueError: no such address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError(f"no address of a picture: {url[:80]!r}")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{parts.hostname}:{port}"
