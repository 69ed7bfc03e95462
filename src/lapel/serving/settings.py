"""What a server is told when it starts: where it listens, whom it answers, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lapel.imaging.decode import DEFAULT_LIMITS, MEBIBYTE, Limits
from lapel.schema.errors import UsageError
from lapel.serving.addresses import is_loopback

#: The shortest token that is taken: sixteen characters of a random text cannot be tried out.
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a server behaves. Each limit is there so that strangers cannot use up the machine.

    Attributes:
        host: address that it listens at.
        port: 0: any that is free.
        token: what callers must show as ``Authorization: Bearer TOKEN``; None: nothing.
        trusted_network: listen at any address without a token, because something before this
            server asks who calls, as SageMaker does.
        cors: origins whose pages may call it, such as ``https://shop.example``.
        errors_in_place: at SageMaker's route, a picture that cannot be read and came alone is
            answered with its error and 200, as among others; one such picture would end a batch.
        latency: seconds that a picture should wait at most; more load is refused at once.
        batch: pictures a run of the engine.
        body_bytes: of a request.
        memory_bytes: of the bodies of all requests together.
        pictures: of a request.
        limits: ceilings on each picture.
        decoded_pixels: of all pictures that are being decoded at a time; a larger one is decoded
            alone.
        head_seconds: until the head of a request is there.
        body_seconds: until its body is there.
        stall_seconds: between two pieces of a body.
        answer_seconds: until it is answered, once its body is there.
        write_seconds: until a caller takes up what it was sent.
        idle_seconds: that a connection stays open between requests.
        drain_seconds: that what was accepted has to end in, when the server is told to stop.
        connections: open at a time.
        watch_seconds: between looks at whether a bundle was replaced; 0: none.
        access_log: whether each request is a line in the log.

    Raises:
        UsageError: a limit that is none, a token that is too short, an origin that is none, or an
            address that others reach, without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str | None = field(default=None, repr=False)
    trusted_network: bool = False
    cors: tuple[str, ...] = ()
    errors_in_place: bool = False
    latency: float = 2.0
    batch: int = 16
    body_bytes: int = 64 * MEBIBYTE
    memory_bytes: int = 96 * MEBIBYTE
    pictures: int = 64
    limits: Limits = DEFAULT_LIMITS
    decoded_pixels: int = DEFAULT_LIMITS.pixels
    head_seconds: float = 10.0
    body_seconds: float = 120.0
    stall_seconds: float = 10.0
    answer_seconds: float = 60.0
    write_seconds: float = 30.0
    idle_seconds: float = 15.0
    drain_seconds: float = 25.0
    connections: int = 512
    watch_seconds: float = 1.0
    access_log: bool = True

    def __post_init__(self) -> None:
        _check_numbers(self)
        if self.token is not None and not _is_token(self.token):
            raise UsageError(
                f"a token has at least {SHORTEST_TOKEN} printable ASCII characters without blanks, "
                f"found {len(self.token)}; make one: python -c "
                "'import secrets; print(secrets.token_urlsafe())'"
            )
        for origin in self.cors:
            _check_origin(origin)
        if not (self.is_local or self.token or self.trusted_network):
            raise UsageError(
                f"{self.host} can be reached by others, so the server needs a token there: "
                "--token-file FILE, or the environment's LAPEL_TOKEN; or listen at 127.0.0.1"
            )

    @property
    def is_local(self) -> bool:
        """Whether programs of this machine alone can reach the server."""
        return is_loopback(self.host)


def _is_token(token: str) -> bool:
    return len(token) >= SHORTEST_TOKEN and all("!" <= letter <= "~" for letter in token)


def _check_numbers(settings: Settings) -> None:
    if not 0 <= settings.port <= 65535:
        raise UsageError(f"a port is a number from 0 to 65535, found {settings.port}")
    positive = (
        "latency", "batch", "body_bytes", "memory_bytes", "pictures", "decoded_pixels",
        "head_seconds", "body_seconds", "stall_seconds", "answer_seconds", "write_seconds",
        "idle_seconds", "drain_seconds", "connections",
    )  # fmt: skip
    for name in positive:
        if not getattr(settings, name) > 0:
            raise UsageError(f"{name} is more than 0, found {getattr(settings, name)}")
    if settings.memory_bytes < settings.body_bytes:
        raise UsageError(
            f"memory_bytes ({settings.memory_bytes}) holds at least one body, and body_bytes is "
            f"{settings.body_bytes}; lower the one or raise the other"
        )


def _check_origin(origin: str) -> None:
    if not _is_origin(origin):
        raise UsageError(
            f"{origin!r} is no origin; write it as a browser does, as https://shop.example or "
            "http://localhost:3000"
        )


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    whole = f"{parts.scheme}://{parts.netloc}"
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and whole == text
