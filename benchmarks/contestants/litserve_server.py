"""LitServe around a bundle, as its documentation has it. Run by an interpreter that has litserve.

Raw bodies of pictures are beyond it (it reads forms and JSON), so they come as forms. It looks at
the annotation of ``decode_request`` itself, so annotations here are no texts.
"""

import argparse
from typing import Any

import litserve as ls
from starlette.requests import Request

from benchmarks.contestants.answering import Answering

#: Seconds that a batch waits to be filled; without any it is never larger than 1.
BATCH_WAIT = 0.01


class Tagger(ls.LitAPI):  # type: ignore[misc] # litserve is not in our environment
    """One bundle; bytes are decoded where the network runs."""

    def __init__(self, bundle: str, *, batch: int, workers: int) -> None:
        super().__init__(max_batch_size=batch, batch_timeout=BATCH_WAIT if batch > 1 else 0.0)
        self.bundle, self.workers = bundle, workers

    def setup(self, device: str) -> None:  # noqa: ARG002 - litserve's face
        """Load the bundle, in a process of its own."""
        self.answering = Answering(self.bundle, batch=self.max_batch_size, workers=self.workers)

    def decode_request(self, request: Request) -> bytes:
        """The bytes of the picture."""
        form: Any = request  # it hands over the form
        data: bytes = form["picture"].file.read()
        return data

    def batch(self, inputs: list[bytes]) -> list[bytes]:
        """A batch is a list; arrays come later."""
        return inputs

    def predict(self, found: Any) -> Any:  # noqa: ANN401 - one picture, or a batch of them
        """The answers."""
        return self.answering(found) if isinstance(found, list) else self.answering([found])[0]

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each answer to its request."""
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """As it is."""
        return output


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    tagger = Tagger(options.bundle, batch=options.batch, workers=options.workers)
    server = ls.LitServer(tagger, accelerator="cpu", workers_per_device=options.workers)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
