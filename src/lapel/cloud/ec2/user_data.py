"""What a rented machine makes of itself at its first start: cloud-init's user data.

Modules of cloud-init that are used, and no others: ``ssh_keys``, ``ssh_authorized_keys``,
``write_files``, ``bootcmd`` and ``runcmd``
(https://docs.cloud-init.io/en/latest/reference/modules.html). The limits come first: whatever
fails after them, the machine ends.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from lapel.cloud.wheel import needs_here
from lapel.schema.errors import UsageError

#: EC2's ceiling on user data before its base64 coding:
#: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
MOST_BYTES = 16 * 1024

#: Characters from which a file is packed, so that all fits; others stay readable.
PACKED_FROM = 4096

#: Where the programs of ours lie that run as root; nobody else may write there.
PROGRAMS = "/usr/local/lib/lapel"

#: Where the machine's user works: the environment, jobs, and what they write.
HOME = "/opt/lapel"

#: What a machine is told to install where the wheel will come over SSH.
SENT = "sent"

#: Extras of Lapel that a machine gets with it.
EXTRAS = ("train", "aws")

#: Programs and units put there, below ``PROGRAMS`` and by their full path.
SCRIPTS = ("prepare.sh", "install.sh")
UNIT = "/etc/systemd/system/lapel-watch.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """What a machine is told about itself.

    Attributes:
        name: of the machine.
        user: the image's own login, such as ``ubuntu``.
        region: of AWS; jobs ask AWS there.
        host_key: private ed25519 key as OpenSSH writes it; by it the machine is known.
        host_key_public: its public half, ``ssh-ed25519 AAAA...``.
        install: what pip installs: a requirement such as ``lapel[train,aws]``;
            ``s3://BUCKET/NAME.whl`` with or without extras in brackets behind it; or ``sent``: the
            wheel that :func:`lapel.cloud.ec2.sending.send_wheel` brings, for which the machine
            installs all that it needs meanwhile.
        hours: after which the machine ends itself, whatever it does.
        idle_minutes: without work after which it ends itself; None or 0: never.
        spot: watch for the notice that AWS takes the machine back.
        bucket: that jobs may read and write, as ``LAPEL_BUCKET`` in their environment.
        authorized_keys: public keys that may sign in, beside EC2's key pair.
    """

    name: str
    user: str
    region: str
    host_key: str
    host_key_public: str
    install: str
    hours: float
    idle_minutes: float | None = None
    spot: bool = False
    bucket: str | None = None
    authorized_keys: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"MachineFacts(name={self.name!r}, install={self.install!r})"


def user_data(facts: MachineFacts) -> str:
    """The text that EC2 hands to a machine's cloud-init.

    Raises:
        UsageError: it would be more than EC2 takes.
    """
    text = "\n".join(_lines(facts)) + "\n"
    size = len(text.encode())
    if size > MOST_BYTES:
        raise UsageError(
            f"the machine's user data would have {size:,} bytes, and EC2 takes {MOST_BYTES:,}; "
            "give fewer or shorter public keys"
        )
    return text


def _lines(facts: MachineFacts) -> Iterator[str]:
    yield "#cloud-config"
    yield f"# What the machine {facts.name} makes of itself; written by `lapel cloud ec2 up`."
    # Keys that the image brings are known to others, and would be offered beside ours.
    yield "ssh_deletekeys: true"
    yield "ssh_keys:"
    yield from _block("ed25519_private", facts.host_key, depth=2)
    yield f"  ed25519_public: {json.dumps(facts.host_key_public)}"
    yield "ssh_pwauth: false"
    yield "disable_root: true"
    if facts.authorized_keys:
        yield f"ssh_authorized_keys: {json.dumps(list(facts.authorized_keys))}"
    yield "write_files:"
    for path, mode, content in _files(facts):
        yield f"  - path: {json.dumps(path)}"
        yield f"    permissions: {json.dumps(mode)}"
        if len(content) > PACKED_FROM:
            packed = base64.b64encode(gzip.compress(content.encode(), mtime=0)).decode()
            yield f"    encoding: gz+b64\n    content: {packed}"
        else:
            yield from _block("content", content, depth=4)
    for module, commands in (("bootcmd", _each_boot(facts)), ("runcmd", _first_boot(facts))):
        yield f"{module}:"
        yield from (f"  - {json.dumps(command)}" for command in commands)


def _files(facts: MachineFacts) -> Iterator[tuple[str, str, str]]:
    """Path, permissions and text of each file of ours on the machine."""
    watcher = files("lapel.cloud.ec2").joinpath("watcher.py").read_text(encoding="utf-8")
    yield f"{PROGRAMS}/watcher.py", "0644", watcher
    for name in SCRIPTS:
        yield f"{PROGRAMS}/{name}", "0644", script(name)
    yield f"{HOME}/environment", "0644", environment(facts)
    yield UNIT, "0644", _unit(facts)


def script(name: str) -> str:
    """A shell script of ours that runs on a machine, from ``lapel/cloud/ec2/machine``."""
    return files("lapel.cloud.ec2").joinpath("machine", name).read_text(encoding="utf-8")


def environment(facts: MachineFacts) -> str:
    """Lines of shell that each job and the installation read first."""
    values = {
        "LAPEL_INSTALL": facts.install,
        "AWS_REGION": facts.region,
        "AWS_DEFAULT_REGION": facts.region,
        # A log that is followed shows each line when it is said.
        "PYTHONUNBUFFERED": "1",
    }
    if facts.install == SENT:
        values["LAPEL_NEEDS"] = " ".join(needs_here(EXTRAS))
    if facts.bucket:
        values["LAPEL_BUCKET"] = facts.bucket
    return "".join(f"export {key}={shlex.quote(value)}\n" for key, value in values.items())


def _unit(facts: MachineFacts) -> str:
    """The watcher as systemd runs it."""
    idle = f" --idle {facts.idle_minutes * 60:.0f}" if facts.idle_minutes else ""
    spot = " --spot" if facts.spot else ""
    return textwrap.dedent(
        f"""\
        [Unit]
        Description=Ends this machine when its time is up or it is idle; heeds spot notices
        After=network-online.target
        Wants=network-online.target

        [Service]
        ExecStart=/usr/bin/env python3 {PROGRAMS}/watcher.py --home {HOME}{idle}{spot}
        Restart=always
        RestartSec=5

        [Install]
        WantedBy=multi-user.target
        """
    )


def _each_boot(facts: MachineFacts) -> Iterator[list[str]]:
    # A restarted machine keeps the end that it was given when it was rented.
    seconds = math.ceil(facts.hours * 3600)
    ends = f"[ -e {HOME}/ends ] || echo $(($(date +%s) + {seconds})) > {HOME}/ends"
    yield ["sh", "-c", f"mkdir -p {HOME} && {{ {ends}; }}"]


def _first_boot(facts: MachineFacts) -> Iterator[list[str]]:
    # Two guards of the time limit: the watcher lets jobs save before, and the system's own
    # shutdown comes even where the watcher does not run.
    yield ["shutdown", "-h", f"+{math.ceil(facts.hours * 60)}"]
    yield ["systemctl", "daemon-reload"]
    yield ["systemctl", "enable", "--now", "lapel-watch.service"]
    yield ["bash", f"{PROGRAMS}/prepare.sh", facts.user, HOME]


def _block(key: str, text: str, *, depth: int) -> Iterator[str]:
    """A literal block of YAML: every line as it stands."""
    yield f"{' ' * depth}{key}: |"
    yield textwrap.indent(text.rstrip("\n"), " " * (depth + 2))
