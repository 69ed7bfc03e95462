"""A model tied to a project of Label Studio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lapel.schema.errors import ServerError
from lapel.serving.label_studio.service import LabelStudio, checked_url

#: The words with which Label Studio refuses addresses of its own network.
_RESERVED = ("reserved network", "ssrf", "local ip", "not allowed")

#: What lets Label Studio call addresses of its own network.
UNBLOCK = (
    "start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false in its "
    "environment, or serve the model at a public address"
)

#: Label Studio answers when every task is predicted: a night's work, at most.
RETRIEVING_SECONDS = 12 * 3600.0

#: The user that the basic authentication of backends asks for; the server looks at the password.
USER = "lapel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A model that is tied to a project.

    Attributes:
        backend: its number in Label Studio.
        version: of the model.
        retrieved: tasks that have a prediction of this version now.
        tasks: of the project.
        notes: what of the configuration the model does not answer, and what went by itself.
    """

    backend: int
    version: str
    retrieved: int
    tasks: int
    notes: tuple[str, ...]


def connect(
    service: LabelStudio,
    project: int,
    model: str,
    *,
    token: str | None = None,
    title: str | None = None,
    interactive: bool = True,
    retrieve: bool = True,
) -> Connected:
    """Tie a served model to a project, and fetch its predictions.

    Predictions are shown to annotators as what they start from. A backend of the same address is
    used again.

    Args:
        service: Label Studio.
        project: the project's number.
        model: where ``lapel serve --label-studio`` answers, as Label Studio reaches it.
        token: of that server, where it has one.
        title: what to call the backend; by default the model's version.
        interactive: whether smart tools may ask it, too.
        retrieve: whether every task gets a prediction now.

    Raises:
        ServerError: Label Studio refuses; the message says the way out.
    """
    url = checked_url(model)
    found = service.get(f"/api/projects/{project}")
    notes: list[str] = []
    backend = _backend(service, project, url)
    if backend is None:
        backend = _add_backend(service, project, url, token, title, interactive, notes)
    else:
        change = {
            "url": url,
            "project": project,
            "title": title or backend.get("title") or "lapel",
            "is_interactive": interactive,
        }
        service.patch(f"/api/ml/{backend['id']}", {**change, **_auth(token)})
        backend = service.get(f"/api/ml/{backend['id']}")
    if token:
        _let_webhook_in(service, project, url, token, notes)
    version = str(backend.get("model_version") or "")
    # Annotators start from what a project names: a backend, by its title, or the version of
    # predictions that are there. Retrieving them may take long; until then it is the backend.
    settings = {"show_collab_predictions": True, "evaluate_predictions_automatically": True}
    service.patch(f"/api/projects/{project}", {**settings, "model_version": backend["title"]})
    retrieved = 0
    if retrieve:
        service.call(
            "POST",
            "/api/dm/actions",
            json={"selectedItems": {"all": True, "excluded": []}},
            params={"id": "retrieve_tasks_predictions", "project": project},
            timeout=RETRIEVING_SECONDS,
        )
        version, retrieved = _retrieved(service, project, version)
        if retrieved:
            service.patch(f"/api/projects/{project}", {"model_version": version})
    tasks = int(found.get("task_number") or 0)
    if retrieve and retrieved < tasks:
        notes.append(
            f"{tasks - retrieved} of {tasks} tasks have no prediction of this version: see the "
            "log of `lapel serve`, or `lapel label-studio doctor`"
        )
    return Connected(
        backend=int(backend["id"]),
        version=version,
        retrieved=retrieved,
        tasks=tasks,
        notes=tuple(notes),
    )


def _backend(service: LabelStudio, project: int, url: str) -> Mapping[str, Any] | None:
    """The backend of an address, where the project has it."""
    there = service.get("/api/ml", project=project)
    found: Mapping[str, Any] | None = next(
        (one for one in there if str(one.get("url", "")).rstrip("/") == url), None
    )
    return found


def _auth(token: str | None) -> dict[str, str]:
    if not token:
        return {"auth_method": "NONE"}
    return {"auth_method": "BASIC_AUTH", "basic_auth_user": USER, "basic_auth_pass": token}


def _add_backend(
    service: LabelStudio,
    project: int,
    url: str,
    token: str | None,
    title: str | None,
    interactive: bool,
    notes: list[str],
) -> Mapping[str, Any]:
    value = {"url": url, "project": project, "title": title or "lapel", **_auth(token)}
    try:
        found: Mapping[str, Any] = service.post("/api/ml", {**value, "is_interactive": interactive})
        return found
    except ServerError as error:
        # Its webhook may be refused after the backend was kept.
        kept = _backend(service, project, url)
        if kept is not None:
            notes.append(
                "the backend is kept, its webhook is not: Label Studio will not tell of "
                f"annotations; {UNBLOCK}"
            )
            return kept
        raise ServerError(f"{error}{way_out(str(error), url)}", status=error.status) from error


def way_out(message: str, url: str) -> str:
    """What to do when Label Studio cannot use a backend, beginning on a new line; or nothing."""
    told = message.lower()
    if any(word in told for word in _RESERVED):
        return f"\nLabel Studio does not call addresses of its own network: {UNBLOCK}"
    if "authentication" in told or "401" in told:
        return "\nThe server asks for a token: give it with --model-token-file"
    if "health check failed" in told or "can't connect" in told:
        host = urlsplit(url).hostname
        inside = (
            f"; in a container {host} is the container itself: give this machine's name there"
            if host in ("localhost", "127.0.0.1")
            else ""
        )
        return f"\nIs `lapel serve --label-studio` running there?{inside}"
    return ""


def _let_webhook_in(
    service: LabelStudio, project: int, url: str, token: str, notes: list[str]
) -> None:
    """Backends' webhooks come without the password of the backend; a header lets them in."""
    mine = [
        one
        for one in service.get("/api/webhooks/", project=project)
        if one.get("url") == f"{url}/webhook"
    ]
    for one in mine:
        header = {"Authorization": f"Bearer {token}"}
        service.patch(f"/api/webhooks/{one['id']}/", {"headers": header, "url": one["url"]})
    if not mine and not notes:
        notes.append("there is no webhook: Label Studio will not tell of annotations")


def _retrieved(service: LabelStudio, project: int, version: str) -> tuple[str, int]:
    """The version that the newest predictions have, and how many tasks have one."""
    there = service.get("/api/predictions/", project=project)
    if not there:
        return version, 0
    newest = str(max(there, key=lambda one: int(one["id"])).get("model_version") or version)
    return newest, len({one["task"] for one in there if one.get("model_version") == newest})
