"""An AWS account: every call to it goes through here, is checked, and can be shown instead of made.

Who asks, and where, is found by boto3's own chain (environment, ``~/.aws``, the machine's role);
nothing here reads, prints or keeps a key. ``AWS_ENDPOINT_URL`` leads to another place than AWS.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError
from botocore.session import get_session
from botocore.validate import validate_parameters

from lapel.cloud.regions import checked_region
from lapel.schema.errors import CloudError, UsageError
from lapel.storage.endpoint import own_server
from lapel.storage.s3.client import SETTINGS, words

#: Retries with jitter and a ceiling, by boto3 itself; seconds to connect and to read.
CONFIG = {"retries": {"mode": "standard", "max_attempts": 6}, "connect_timeout": 10}

#: AWS's words for rights that are missing, and what to do about them.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
RIGHTS = "; `lapel cloud policy` prints the rights that are needed (docs/aws-rights.md)"

#: What no person reads, such as a packed file: so many characters without a space.
_PACKED = re.compile(r"\S{200,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to AWS.

    Attributes:
        service: as boto3 names it, such as ``sagemaker``.
        operation: as AWS names it, such as ``CreateTrainingJob``.
        request: its parameters.
        changes: whether it makes, changes or ends something; others only ask.
    """

    service: str
    operation: str
    request: Mapping[str, Any]
    changes: bool

    def __str__(self) -> str:
        """The request as JSON; texts of several lines, such as user data, stand below it."""
        request, texts = dict(self.request), ""
        for name, value in self.request.items():
            if isinstance(value, str) and "\n" in value:
                lines = value.rstrip("\n").split("\n")
                request[name] = f"({len(lines):,} lines, below)"
                readable = _PACKED.sub(_shortened, "\n".join(lines))
                texts += f"\n{name}:\n{textwrap.indent(readable, '  ')}"
        body = json.dumps(request, indent=2, ensure_ascii=False, default=_as_text)
        return f"{self.service} {self.operation} {body}{texts}"


@dataclass(slots=True)
class Account:
    """An account in a region.

    Attributes:
        region: such as ``eu-central-1``; none: as boto3's chain says.
        profile: of ``~/.aws/config``; none: as boto3's chain says.
        dry_run: calls are checked and kept in ``calls``, and none is sent.
        calls: all that were made, in order.
        show: told of each call that changes something, before it is sent.
    """

    region: str | None = None
    profile: str | None = None
    dry_run: bool = False
    calls: list[Call] = field(default_factory=list)
    show: Callable[[Call], None] | None = None
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _session: Any = field(default=None, repr=False)

    def ask(
        self,
        service: str,
        operation: str,
        instead: Mapping[str, Any],
        **request: Any,  # noqa: ANN401 - AWS's own shapes, checked against its model
    ) -> dict[str, Any]:
        """A call that changes nothing.

        Args:
            service: as boto3 names it.
            operation: as AWS names it.
            instead: the answer that a dry run goes on with.
            request: parameters.

        Raises:
            CloudError: AWS refuses, or cannot be reached.
        """
        return self._call(
            Call(service=service, operation=operation, request=request, changes=False), instead
        )

    def do(
        self,
        service: str,
        operation: str,
        instead: Mapping[str, Any],
        **request: Any,  # noqa: ANN401 - as of ask
    ) -> dict[str, Any]:
        """A call that makes, changes or ends something; as :meth:`ask`."""
        return self._call(
            Call(service=service, operation=operation, request=request, changes=True), instead
        )

    def every(
        self,
        service: str,
        operation: str,
        instead: Mapping[str, Any],
        **request: Any,  # noqa: ANN401 - as of ask
    ) -> Iterator[dict[str, Any]]:
        """Each page of an answer that AWS gives in pages; otherwise as :meth:`ask`."""
        rule = _paging(service)[operation]
        while True:
            answer = self.ask(service, operation, instead, **request)
            yield answer
            token = answer.get(rule["output_token"])
            if not token:
                return
            request[rule["input_token"]] = token

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """boto3's client, for what is no single call: transfers, paginators, waiters.

        Raises:
            UsageError: the region is none of AWS's.
            CloudError: there is no region, or no such profile.
        """
        if service not in self._clients:
            region = self.region_if_set()
            # Servers other than AWS have no names of hosts for buckets.
            paths = service == "s3" and bool(own_server())
            config = Config(**CONFIG, **({"s3": {"addressing_style": "path"}} if paths else {}))
            try:
                made = self._boto().client(service, region_name=region, config=config)
                self._clients[service] = made
            except (BotoCoreError, ValueError) as error:
                raise CloudError(_words(service, "", error)) from error
        return self._clients[service]

    def where(self) -> str:
        """The region that calls go to.

        Raises:
            UsageError: it is none of AWS's.
            CloudError: none is set anywhere, or there is no such profile.
        """
        found = self.region_if_set()
        if found is None:
            raise CloudError(_words("AWS", "", NoRegionError()))
        return found

    def region_if_set(self) -> str | None:
        """As :meth:`where`; None where none is set, as in a dry run without an account."""
        if self.region is not None:
            return checked_region(self.region, profile=self.profile)
        try:
            found = self._boto().region_name
        except BotoCoreError as error:
            raise CloudError(_words("AWS", "", error)) from error
        return None if found is None else checked_region(str(found), profile=self.profile)

    def elsewhere(self, region: str) -> Account:
        """The same account in another region; its calls are kept in the same list."""
        return replace(self, region=region, _clients={}, _session=None)

    def _boto(self) -> Any:  # noqa: ANN401 - as boto3 makes it
        """boto3's session, made once: it reads ``~/.aws``."""
        if self._session is None:
            core = get_session()
            core.register_component("data_loader", _loader())
            self._session = boto3.Session(botocore_session=core, profile_name=self.profile)
        return self._session

    def _call(self, call: Call, instead: Mapping[str, Any]) -> dict[str, Any]:
        check(call)
        self.calls.append(call)
        if call.changes and self.show is not None:
            self.show(call)
        if self.dry_run:
            return dict(instead)
        client = self.client(call.service)
        method = getattr(client, _method(client, call.operation))
        try:
            answer: dict[str, Any] = method(**call.request)
        except ClientError as error:
            raise refused(call, error) from error
        except (BotoCoreError, ResponseParserError) as error:  # the latter: a proxy's own page
            raise CloudError(_words(call.service, call.operation, error)) from error
        return answer


class RefusedError(CloudError):
    """AWS answered a call with an error.

    Attributes:
        code: AWS's word for it, such as ``ValidationException``.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def refused(call: Call, error: ClientError) -> RefusedError:
    """AWS's refusal, in a sentence."""
    said = error.response.get("Error", {})
    code, text = str(said.get("Code", "Unknown")), str(said.get("Message", error))
    advice = RIGHTS if code in DENIED else ""
    return RefusedError(
        code, f"AWS refused {call.service} {call.operation} ({code}): {text}{advice}"
    )


def check(call: Call) -> None:
    """Compare a call with AWS's own description of the service.

    Raises:
        UsageError: no such operation, or parameters that it does not take.
    """
    model = service_model(call.service)
    if call.operation not in model.operation_names:
        raise UsageError(f"{call.service} has no operation {call.operation!r}")
    shape = model.operation_model(call.operation).input_shape
    try:
        if shape is not None:
            validate_parameters(dict(call.request), shape)
    except BotoCoreError as error:
        raise UsageError(f"{call.service} {call.operation} would be refused: {error}") from error


@cache
def service_model(service: str) -> ServiceModel:
    """AWS's own description of a service, as botocore ships it."""
    return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@cache
def _paging(service: str) -> dict[str, Any]:
    rules: dict[str, Any] = _loader().load_service_model(service, "paginators-1")["pagination"]
    return rules


@cache
def _loader() -> Loader:
    """Reads AWS's descriptions of its services, once; clients are made of the same."""
    return Loader(include_default_search_paths=True)


def _as_text(value: object) -> str:
    """What JSON has no word for: bytes (files say their size themselves), moments."""
    return value.decode(errors="replace") if type(value) is bytes else str(value)


def _method(client: Any, operation: str) -> str:  # noqa: ANN401 - as boto3 makes it
    names: dict[str, str] = client.meta.method_to_api_mapping
    return next(method for method, name in names.items() if name == operation)


def _shortened(packed: re.Match[str]) -> str:
    return f"{packed[0][:40]}... ({len(packed[0]):,} characters)"


def _words(service: str, operation: str, error: Exception) -> str:
    what = f"{service} {operation}".rstrip()
    if isinstance(error, SETTINGS):
        return f"{what}: {words(error)}"
    return f"{what} failed: {error}"
