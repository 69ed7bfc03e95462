"""A rented machine, from the command that makes it to the empty account after it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from emulated_account import client, know_image
from moto.s3.responses import S3Response

from lapel.cli.cloud import options
from lapel.cloud.aws import Account, Call
from lapel.cloud.ec2.listing import regions

Run = Callable[..., tuple[int, str, str]]
Belongings = Callable[[], dict[str, list[str]]]

UP = ("cloud", "ec2", "up", "trainer", "--kind", "g6.xlarge", "--from", "203.0.113.7/32", "--yes")

pytestmark = pytest.mark.usefixtures("lasting_account")


def running_machine() -> str:
    (reservation,) = client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
    )["Reservations"]
    (machine,) = reservation["Instances"]
    assert "IamInstanceProfile" not in machine, "without a bucket it may call nothing of AWS"
    return str(machine["InstanceId"])


def test_a_machine_is_rented_with_a_key_of_ones_own_and_taken_down(
    run: Run, belongings: Belongings, tmp_path: Path, lasting_account: Path
) -> None:
    own = tmp_path / "own"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", own], check=True)
    public = own.with_suffix(".pub")
    words = ("--bucket", "s3://my-lapel-bucket/", "--hours", "1", "--public-key", public)
    code, out, said = run(*UP, *words)
    assert code == 0, said
    assert "1.01 USD an hour (as known in 2025, check at aws.amazon.com/ec2/pricing)" in said
    assert "up to 1 hour: 1.01 USD" in said, "the cost is said before"
    assert "together for 1 hour: 1.02 USD" in said
    assert "it ends itself after 1 hour, or 30 minutes without work" in said
    assert out.startswith("trainer runs: i-")
    (key,) = client("ec2").describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert key["PublicKey"].split()[1] == public.read_text(encoding="utf-8").split()[1]
    folder = lasting_account / "ec2/eu-central-1/trainer"
    assert (folder / "known_hosts").is_file()
    assert not (folder / "id_ed25519").exists()

    assert set(belongings()) >= {"machines", "groups", "keys", "volumes", "roles", "profiles"}
    code, out, _ = run("cloud", "ec2", "down", "trainer")
    assert code == 0
    assert out.startswith("trainer in eu-central-1 is taken down; it was up for 0.0 hours")
    assert belongings() == {}
    assert not folder.exists(), "its keys are thrown away with it"
    code, _, said = run("cloud", "ec2", "down", "trainer")
    assert code == 0, "taken down twice is taken down"
    assert "nothing is there under the name trainer in eu-central-1" in said
    assert "list --all-regions" in said


def test_a_machine_that_was_taken_back_leaves_its_name_free(
    run: Run, belongings: Belongings
) -> None:
    code, _, said = run(*UP, "--spot")
    assert code == 0, said
    assert ", spot, in eu-central-1" in said
    # Taken back by AWS: the machine is gone, what was made for it is not, and costs nothing.
    client("ec2").terminate_instances(InstanceIds=[running_machine()])
    _, out, _ = run("cloud", "ec2", "list")
    assert "ended; left: security group" in out
    code, _, said = run(*UP, "--spot")
    assert code == 0, said
    assert "removed what an ended machine trainer had left" in said
    assert run("cloud", "ec2", "down", "--all", "--yes")[0] == 0
    assert belongings() == {}


@pytest.mark.usefixtures("unreachable")
def test_a_dry_run_shows_every_call_and_needs_no_account(run: Run) -> None:
    code, out, said = run(
        *UP[:6], "--bucket", "my-lapel-bucket", "--spot", "--region", "us-east-1", "--dry-run"
    )
    assert code == 0, said
    calls = [line.split()[1] for line in out.splitlines() if line.startswith(("ec2 ", "iam "))]
    assert calls == [
        "ImportKeyPair",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateRole",
        "PutRolePolicy",
        "CreateInstanceProfile",
        "AddRoleToInstanceProfile",
        "RunInstances",
    ]
    assert '"HttpTokens": "required"' in out
    assert "0.8048 USD an hour (on demand, which spot does not exceed; as known in 2025" in said
    assert "PRIVATE KEY" not in out
    assert '"CidrIp": "192.0.2.1/32"' in out
    assert "192.0.2.1/32 stands for this computer's address" in said
    assert "names of zeros stand for what AWS would answer" in said
    assert "it would make the 8 calls shown, and 19 that only look: ec2 DescribeInst" in said
    assert "s3 HeadBucket, ec2 DescribeInstanceTypes, ssm GetParameter" in said
    assert '"UserData": "(' in out
    assert "\nUserData:\n  #cloud-config\n" in out, "what the machine does is read line by line"
    assert max(map(len, out.splitlines())) < 2000, "nothing packed is printed whole"
    code, out, _ = run("cloud", "ec2", "down", "trainer", "--region", "us-east-1", "--dry-run")
    assert code == 0
    assert "ec2 TerminateInstances" in out
    assert "iam DeleteRole " in out
    code, out, said = run("cloud", "ec2", "open", "trainer", "--region", "us-east-1", "--dry-run")
    assert code == 0
    assert "192.0.2.1/32 stands for this computer's address" in said


@pytest.mark.usefixtures("unreachable")
def test_a_region_that_there_is_not_passes_no_dry_run(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    code, out, said = run(*UP, "--region", "eu-centrl-1", "--dry-run")
    assert code == 2
    assert "'eu-centrl-1' is no region of AWS; did you mean eu-central-1?" in said
    assert out == ""


def test_down_works_from_another_computer_and_leaves_strangers_alone(
    run: Run, belongings: Belongings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ec2 = client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    stranger = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.micro",
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "lapel", "Value": "ec2/No Name"}]}
        ],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    ec2.create_key_pair(KeyName="lapel-trainer-2")
    assert run(*UP)[0] == 0
    monkeypatch.setenv("LAPEL_STATE", str(tmp_path / "another computer"))
    with monkeypatch.context() as patch:
        patch.setattr(options, "_name_call", lambda _: os.kill(os.getpid(), signal.SIGTERM))
        code, _, said = run("cloud", "ec2", "down", "trainer")
    assert (code, "a machine that is left costs money" in said) == (143, True)
    code, out, _ = run("cloud", "ec2", "down", "--all", "--yes")
    assert code == 0
    assert out.count("is taken down") == 1
    left = belongings()
    assert left["machines"] == [stranger]
    assert left["keys"] == ["lapel-trainer-2"]
    assert "roles" not in left
    ec2.terminate_instances(InstanceIds=[stranger])
    for interface in left["interfaces"]:
        ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_key_pair(KeyName="lapel-trainer-2")
    assert belongings() == {}


def test_machines_of_every_region_are_found(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    image = know_image()
    assert run(*UP)[0] == 0
    far = ("--region", "us-east-1", "--bucket", "my-lapel-bucket")
    code, _, said = run(*UP, *far, "--image", image, "--user", "ec2-user")
    assert code == 0, said
    assert "s3://my-lapel-bucket lies in eu-central-1: AWS charges for each GB" in said
    known = regions(Account())
    assert {"eu-central-1", "us-east-1"} < set(known)
    # Of moto's regions, so many as show the point.
    near = ["eu-central-1", "us-east-1"]
    monkeypatch.setattr("lapel.cloud.ec2.listing.regions", lambda _: near)
    code, out, _ = run("cloud", "ec2", "list", "--all-regions")
    assert code == 0
    assert [row.split()[1] for row in out.splitlines()[1:]] == ["eu-central-1", "us-east-1"]
    code, out, _ = run("cloud", "ec2", "cost", "--all-regions")
    assert code == 0
    assert "g6.xlarge in us-east-1, running" in out
    assert run("cloud", "ec2", "down", "--all", "--all-regions", "--yes")[0] == 0
    _, _, said = run("cloud", "ec2", "list", "--all-regions")
    assert "nothing is rented in any region" in said


def test_nothing_is_rented_unless_someone_agrees(
    run: Run,
    belongings: Belongings,
    typed: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(S3Response, "head_bucket", lambda _: (403, {}, ""))
        code, _, said = run(*UP[:-1], "--bucket", "of-the-machine-alone")
    assert code == 2
    assert "note: s3://of-the-machine-alone may not be looked into by you: whether it is" in said
    assert "this costs money and nobody is there to be asked; agree by --yes" in said
    typed("n\n")
    code, _, said = run(*UP[:-1])
    assert code == 1
    assert "nothing was started" in said
    assert belongings() == {}
    typed("y\n")
    assert run(*UP[:-1])[0] == 0
    assert belongings()["machines"]
    typed("y\n")
    assert run("cloud", "ec2", "down", "--all")[0] == 0
    assert belongings() == {}


def test_what_aws_would_refuse_is_refused_before_anything_is_made(
    run: Run, belongings: Belongings
) -> None:
    wrong = [
        (("--kind", "g6.enormous"), "AWS has no g6.enormous"),
        (("--kind", "c7g.xlarge"), "c7g.xlarge runs arm64, the image"),
        (("--image", "/aws/service/none"), "AWS names no image by /aws/service/none"),
        (("--image", "ami-0123456789abcdef0"), "there is no image ami-0123456789abcdef0"),
        (("--disk", "1"), "--disk 1: the image needs"),
        (("--kind", "p3.2xlarge"), "the GPU of p3.2xlarge is too old for AWS's image, which needs"),
        (("--kind", "g3s.xlarge"), "take g4dn.xlarge, g5.xlarge or g6.xlarge, or name an image"),
        (("--subnet", "subnet-0123456789abcdef0"), "subnet-0123456789abcdef0"),
        (("--bucket", "lapel-nowhere"), "there is no bucket s3://lapel-nowhere; name one"),
    ]
    for words, complaint in wrong:
        code, _, said = run(*UP, *words)
        assert code in {1, 2}, words
        assert complaint in said
    assert belongings() == {}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--from", "0.0.0.0/0"), "would open SSH to strangers"),
        (("--from", "2001:db8::7"), "2001:db8::7/128 is of IPv6, and machines have IPv4 addresses"),
        (("--from", "home"), "'home' is no network"),
        (("--hours", "0"), "--hours 0: expected more than 0"),
        (("--hours", "1000"), "at most 168"),
        (("--idle", "soon"), "'soon' is no time"),
        (("--bucket", "My_Bucket"), "is no name of a bucket"),
        (("--public-key", "/nowhere.pub"), "/nowhere.pub could not be read"),
    ],
)
@pytest.mark.usefixtures("unreachable")
def test_what_is_wrong_or_unsafe_is_refused_before_anybody_is_asked(
    run: Run, words: tuple[str, ...], complaint: str
) -> None:
    code, _, said = run(*UP, "--region", "eu-central-1", *words)
    assert code == 2
    assert complaint in said


def test_a_launch_that_is_ended_from_outside_leaves_nothing(
    run: Run, belongings: Belongings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end_while_starting(call: Call) -> None:
        if call.operation == "RunInstances":
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(options, "_name_call", end_while_starting)
    code, _, said = run(*UP, "--bucket", "my-lapel-bucket")
    assert code == 128 + signal.SIGTERM
    assert "it did not come about; removing what was made for it" in said
    assert re.search(r"removed: security group sg-\w+, key pair lapel-trainer, inst", said)
    assert "ended by SIGTERM" in said
    assert belongings() == {}
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.usefixtures("unreachable")
def test_a_machine_can_be_written_down_for_skypilot(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    words = ("--region", "eu-west-1", "--spot", "--emit", "skypilot", file)
    code, out, said = run(*UP, *words)
    assert code == 0, said
    assert out == f"wrote {file}\n"
    resources = yaml.safe_load(file.read_text(encoding="utf-8"))["resources"]
    assert resources["instance_type"] == "g6.xlarge"
    assert resources["use_spot"] is True
    code, _, said = run(*UP, "--region", "eu-west-1", "--emit", "terraform", file)
    assert code == 2
    assert "--emit terraform is not known" in said
