"""What the server says of itself in ``/openapi.json`` holds for requests that nobody thought of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from request_bytes import get
from served_process import serving

#: Whether bad data is refused is known best by what refuses it: the bodies here are pictures, of
#: which a description says nothing but that they are bytes.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)

TOKEN = "a-token-that-is-long-enough"


def test_schemathesis_finds_nothing(colour_bundle: Path, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    with serving(colour_bundle, log=tmp_path / "log.txt", LAPEL_TOKEN=TOKEN) as served:
        command = [
            str(program), "run", f"{served.url}/openapi.json", "--checks", CHECKS,
            "--header", f"Authorization: Bearer {TOKEN}", "--max-examples", "12",
            "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-shrink",
            "--request-timeout", "20", "--suppress-health-check", "all",
        ]  # fmt: skip
        direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "NO_COLOR": "1"}
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=os.environ | direct,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert "Traceback" not in served.said(), served.said()


def test_each_route_has_an_example_and_its_refusals(colour_bundle: Path, tmp_path: Path) -> None:
    with serving(colour_bundle, log=tmp_path / "log.txt") as served:
        (answer,) = served.ask(get(b"/openapi.json"))
    described = json.loads(answer.body)
    paths = described["paths"]
    assert {"/v1/predict", "/v1/model", "/v1/models", "/health", "/ready", "/metrics", "/ping",
            "/invocations"} <= set(paths)  # fmt: skip
    predict = paths["/v1/predict"]["post"]
    assert {"200", "400", "401", "413", "415", "503"} <= set(predict["responses"])
    assert {"image/jpeg", "multipart/form-data"} <= set(predict["requestBody"]["content"])
    assert "example" in json.dumps(described["components"]["schemas"]["PredictAnswer"])
