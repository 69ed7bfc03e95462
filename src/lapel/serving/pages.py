"""Pages of plain HTML, CSS and JavaScript, served as they lie in the package.

A page is a folder: ``index.html`` and whatever it links. All of it is read once, when the server
starts, so that a request names a file among those or nothing: no path of it reaches a disk. What a
folder lacks comes from the folder of the main page, so that other pages share its look and its
modules (``style.css``, ``words.js``, ``dom.js``, ``server.js``).

Pages hold no data, and so need no token; what they fetch does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import HTTPException

#: The main page, and what other pages share with it.
PAGE = Path(__file__).parent / "page"

#: What a page may do: run and show its own files, ask its own server, and show photos that the
#: reader chose (``blob:``) or that an answer holds (``data:``). Nothing of another host, nothing
#: inline, and no frame around it. https://www.w3.org/TR/CSP3/
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=(), usb=()",
}

#: Kinds of file that a page is made of. Of the types browsers insist on two: with ``nosniff``
#: they run and apply nothing of another.
MEDIA_TYPES: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFile:
    """A file of a page.

    Attributes:
        content: its bytes.
        media_type: what it is to a browser.
        tag: changes when its bytes do (``ETag``).
    """

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def read(cls, path: Path) -> PageFile:
        """The file at a path whose ending is in ``MEDIA_TYPES``."""
        content = path.read_bytes()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        return cls(content=content, media_type=MEDIA_TYPES[path.suffix], tag=tag)

    def answer(self, request: Request) -> Response:
        """The response with this file, or one that says that the browser has it already."""
        # A page of yesterday's server must not ask today's: each use asks whether it is the same.
        headers = {**SECURITY_HEADERS, "Cache-Control": "no-cache", "ETag": self.tag}
        if self.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


def page_routes(folder: Path = PAGE, *, at: str = "/") -> APIRouter:
    """Routes of a page: ``index.html`` at its place, and each other file as ``assets/NAME`` below.

    The page links its files without a leading slash (``assets/style.css``), so that it works
    behind a proxy that puts everything below a prefix.

    Args:
        folder: holds ``index.html`` and what it links; names of files, no folders.
        at: where the page is; begins and ends with a slash.
    """
    files = files_of(folder)
    index = files.pop("index.html")
    router = APIRouter(include_in_schema=False)

    @router.api_route(at, methods=["GET", "HEAD"])
    async def page(request: Request) -> Response:
        return index.answer(request)

    @router.api_route(at + "assets/{name}", methods=["GET", "HEAD"])
    async def asset(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404, "this page has no such file; reload the page")
        return files[name].answer(request)

    return router


def files_of(folder: Path) -> dict[str, PageFile]:
    """The files of a page by name: its own, and those of the main page that it has not."""
    paths = {path.name: path for place in (PAGE, folder) for path in place.iterdir()}
    return {
        name: PageFile.read(path)
        for name, path in sorted(paths.items())
        if path.suffix in MEDIA_TYPES
    }
