"""Everything that can be in the way of a model and Label Studio, looked at for real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from lapel.review.label_studio.config import parse_config
from lapel.schema.errors import LapelError, ServerError, UsageError
from lapel.serving.label_studio.connecting import UNBLOCK, USER, way_out
from lapel.serving.label_studio.pictures import Pictures
from lapel.serving.label_studio.service import LabelStudio, checked_url

#: How long Label Studio waits for a backend to be there, and to be set up, in seconds.
_HEALTH_SECONDS, _SETUP_SECONDS = 1.0, 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a look at one thing found.

    Attributes:
        fine: whether it is as it should be.
        what: was looked at, and what was found.
        remedy: what to do; empty where it is fine.
    """

    fine: bool
    what: str
    remedy: str = ""


def doctor(
    service: LabelStudio,
    project: int | None,
    model: str | None,
    *,
    token: str | None = None,
) -> Iterator[Finding]:
    """Look at everything that must hold, each for real; what is in the way comes with its remedy.

    A fault ends nothing that can be looked at without it.

    Args:
        service: Label Studio; one without a token is a finding.
        project: a project's number.
        model: where ``lapel serve --label-studio`` answers.
        token: of that server.
    """
    found = _there(service)
    yield found
    if found.fine:
        found = _account(service)
        yield found
    if model is not None:
        yield from _model(model, token)
    if project is None:
        return
    if found.fine:
        yield from _project(service, project, model)
    else:
        yield Finding(
            fine=False,
            what=f"project {project} could not be looked at",
            remedy="mend what stands above about Label Studio, then ask again",
        )


def _there(service: LabelStudio) -> Finding:
    """Whether anybody answers; this much it tells without a token."""
    try:
        service.get("/health")
    except ServerError as error:
        if error.status is None:
            return Finding(
                fine=False,
                what=f"no Label Studio answers at {service.url}: {error}",
                remedy="is it started, and is this its address?",
            )
    return Finding(fine=True, what=f"{service.url} answers")


def _account(service: LabelStudio) -> Finding:
    if not service.has_token:
        return Finding(
            fine=False,
            what="no token was given, and Label Studio tells nothing without one",
            remedy="--token-file FILE, or LABEL_STUDIO_API_KEY in the environment; make one under "
            "Account & Settings, Personal Access Token",
        )
    kind = "personal access token" if service.is_personal else "legacy token"
    try:
        who = service.get("/api/current-user/whoami")
    except (ServerError, UsageError) as error:
        status = getattr(error, "status", None)
        remedy = "is Label Studio started, and is this its address?"
        if status in (401, 403):
            remedy = (
                "give a personal access token (Account & Settings, Personal Access Token); it is "
                "exchanged here by itself. Legacy tokens work only where the organization's "
                "settings allow them, or with `label-studio start --enable-legacy-api-token`"
            )
        return Finding(fine=False, what=f"Label Studio at {service.url}: {error}", remedy=remedy)
    name = who.get("email") or who.get("username") or who.get("id")
    return Finding(fine=True, what=f"Label Studio at {service.url} knows the {kind} of {name}")


def _model(model: str, token: str | None) -> Iterator[Finding]:
    """What Label Studio will do first, with its own limits of time."""
    url = checked_url(model)
    auth = httpx2.BasicAuth(USER, token) if token else None
    for path, seconds in (("/health", _HEALTH_SECONDS), ("/versions", _SETUP_SECONDS)):
        try:
            with httpx2.Client(timeout=seconds, trust_env=False, auth=auth) as client:
                response = client.get(url + path)
        except httpx2.TimeoutException:
            yield Finding(
                fine=False,
                what=f"the model at {url}{path} does not answer within {seconds:g} s",
                remedy="Label Studio gives up after that: serve it on a machine that is less busy, "
                "or raise ML_TIMEOUT_HEALTH and ML_TIMEOUT_SETUP in Label Studio's environment",
            )
            return
        except httpx2.HTTPError as error:
            yield Finding(
                fine=False,
                what=f"no model answers at {url}: {error}",
                remedy="start it: lapel serve BUNDLE --label-studio --label-studio-url URL",
            )
            return
        if not response.is_success:
            yield Finding(
                fine=False,
                what=f"the model at {url}{path} answers {response.status_code}",
                remedy="give the server's token with --model-token-file"
                if response.status_code == 401
                else "serve it with --label-studio, and give the address without a further path",
            )
            return
    yield Finding(fine=True, what=f"the model at {url} answers in time")
    host = urlsplit(url).hostname or ""
    if host in ("localhost", "127.0.0.1", "::1"):
        yield Finding(
            fine=True,
            what=f"{host} is this machine alone: a Label Studio in a container does not reach it, "
            "and one of this machine needs ML_BLOCK_LOCAL_IP=false",
        )


def _project(service: LabelStudio, project: int, model: str | None) -> Iterator[Finding]:
    try:
        found = service.get(f"/api/projects/{project}")
    except ServerError as error:
        yield Finding(
            fine=False,
            what=f"project {project}: {error}",
            remedy="its number stands in the address of its page; the account must be a member",
        )
        return
    yield Finding(fine=True, what=f"project {project}: {found.get('title')}")
    yield from _pictures(service, project, found)
    if model is None:
        for backend in service.get("/api/ml", project=project):
            yield _state(backend)
        return
    url = checked_url(model)
    mine = [
        one
        for one in service.get("/api/ml", project=project)
        if str(one.get("url", "")).rstrip("/") == url
    ]
    if not mine:
        yield Finding(
            fine=False,
            what=f"project {project} does not ask {url}",
            remedy=f"lapel label-studio connect {service.url} --project {project} --model {url}",
        )
        return
    yield _state(mine[0])
    yield _webhook(service.get("/api/webhooks/", project=project), url)


def _pictures(service: LabelStudio, project: int, found: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the picture of a task can be fetched, the way the server will."""
    tasks = service.get("/api/tasks", project=project, page=1, page_size=1, fields="all")
    entries = tasks.get("tasks", []) if isinstance(tasks, dict) else tasks
    if not entries:
        yield Finding(fine=True, what=f"project {project} has no task yet")
        return
    task = entries[0]
    try:
        config = parse_config(str(found.get("label_config") or ""))
        address = task.get("data", {}).get(next(iter(config.images.values())))
        data = Pictures(service).fetch(address, task=task["id"])
    except LapelError as error:
        yield Finding(fine=False, what=f"the picture of task {task['id']}", remedy=str(error))
        return
    yield Finding(
        fine=True, what=f"the picture of task {task['id']} can be fetched: {len(data):,} bytes"
    )


def _state(backend: Mapping[str, Any]) -> Finding:
    name = f"backend {backend.get('id')} ({backend.get('url')})"
    state = backend.get("readable_state") or backend.get("state")
    if state in ("Connected", "CO"):
        version = backend.get("model_version")
        return Finding(fine=True, what=f"{name} is connected, version {version}")
    told = str(backend.get("error_message") or state)
    return Finding(
        fine=False,
        what=f"{name}: {told}",
        remedy=way_out(told, str(backend.get("url", ""))).strip()
        or "connect it again: lapel label-studio connect",
    )


def _webhook(webhooks: Any, url: str) -> Finding:  # noqa: ANN401 - what JSON holds
    mine = [one for one in webhooks if one.get("url") == f"{url}/webhook"]
    if mine and mine[0].get("is_active", True):
        return Finding(fine=True, what="Label Studio tells the model of annotations")
    return Finding(
        fine=False,
        what="Label Studio does not tell the model of annotations: there is no webhook",
        remedy=f"for addresses of its own network {UNBLOCK}; then connect again",
    )
