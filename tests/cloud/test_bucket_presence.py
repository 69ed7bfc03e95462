"""A bucket that is to be used is looked for, and what is wrong with it is said."""

from __future__ import annotations

import pytest
from emulated_account import REGION, client
from moto.s3.responses import S3Response
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.bucket_presence import region_of_bucket
from lapel.schema.errors import UsageError

BUCKET = "lapel-presence-tests"


@pytest.mark.usefixtures("emulated")
def test_a_bucket_that_is_not_there_is_named_with_what_makes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = Account()
    place = {"LocationConstraint": REGION}
    client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    assert region_of_bucket(account.elsewhere("eu-west-1"), BUCKET) == REGION
    wanted = (
        "there is no bucket s3://lapel-nowhere; name one of yours in eu-central-1, or make it: "
        "`lapel cloud s3 make-bucket lapel-nowhere --region eu-central-1`"
    )
    with pytest.raises(UsageError, match=wanted):
        region_of_bucket(account, "lapel-nowhere")
    for group in ("ec2", "sagemaker", "sagemaker-endpoints"):
        assert missing(group, account.calls) == set()
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match=r"name one of yours, or make it: .* lapel-nowhere`$"):
        region_of_bucket(account, "lapel-nowhere")


@pytest.mark.usefixtures("emulated")
def test_a_bucket_of_somebody_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(S3Response, "head_bucket", lambda _: (403, {}, ""))
    with pytest.raises(UsageError, match="it belongs to somebody else, or your rights"):
        region_of_bucket(Account(), BUCKET)
