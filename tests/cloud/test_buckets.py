"""Buckets: private from the first moment, and gone without a rest."""

from __future__ import annotations

import pytest
from cloud_account import ObjectStore
from rights_needed import missing

from lapel.cloud.aws import Account
from lapel.cloud.buckets import make_bucket, plan_removal, remove
from lapel.cloud.tagging import owner_tags
from lapel.schema.errors import CloudError, UsageError
from lapel.storage.s3.location import S3Location
from lapel.storage.s3.store import S3Store

BUCKET = S3Location("lapel-of-ours")


def test_a_bucket_is_private_encrypted_tagged_and_tidy(aws: ObjectStore) -> None:
    account = Account()
    assert make_bucket(account, BUCKET.bucket, versions=True)
    client, named = aws.client(), {"Bucket": BUCKET.bucket}
    closed = client.get_public_access_block(**named)["PublicAccessBlockConfiguration"]
    assert all(closed.values())
    rules = client.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    tidy = client.get_bucket_lifecycle_configuration(**named)["Rules"][0]
    assert tidy["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert client.get_bucket_versioning(**named)["Status"] == "Enabled"
    assert client.get_bucket_tagging(**named)["TagSet"] == owner_tags(BUCKET.bucket)
    assert not make_bucket(account, BUCKET.bucket)  # once more: set again, not made


def test_a_bucket_that_is_set_again_keeps_what_others_gave_it(aws: ObjectStore) -> None:
    make_bucket(Account(), BUCKET.bucket, versions=True)
    client, named = aws.client(), {"Bucket": BUCKET.bucket}
    team = {"Key": "team", "Value": "catalogue"}
    client.put_bucket_tagging(**named, Tagging={"TagSet": [*owner_tags(BUCKET.bucket), team]})
    colder = {
        "ID": "colder", "Status": "Enabled", "Filter": {"Prefix": "runs/"},
        "Transitions": [{"Days": 60, "StorageClass": "GLACIER"}],
    }  # fmt: skip
    tidy = client.get_bucket_lifecycle_configuration(**named)["Rules"]
    tidy[0]["NoncurrentVersionExpiration"] = {"NoncurrentDays": 90}
    client.put_bucket_lifecycle_configuration(
        **named, LifecycleConfiguration={"Rules": [*tidy, colder]}
    )
    how = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/theirs"}
    client.put_bucket_encryption(
        **named,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": how, "BucketKeyEnabled": True}]
        },
    )

    account = Account()
    assert not make_bucket(account, BUCKET.bucket)
    assert client.get_bucket_tagging(**named)["TagSet"] == [*owner_tags(BUCKET.bucket), team]
    rules = {one["ID"]: one for one in client.get_bucket_lifecycle_configuration(**named)["Rules"]}
    assert set(rules) == {"lapel-tidy", "colder"}
    # It goes on keeping versions; they must go on to end, too.
    assert rules["lapel-tidy"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    client.delete_bucket_lifecycle(**named)
    assert not make_bucket(Account(), BUCKET.bucket)
    (tidy_again,) = client.get_bucket_lifecycle_configuration(**named)["Rules"]
    assert tidy_again["ID"] == "lapel-tidy"
    kept = client.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"]
    assert kept[0]["ApplyServerSideEncryptionByDefault"] == how
    assert missing("s3-make-bucket", account.calls) & missing("s3", account.calls) == set()


def test_a_removal_leaves_nothing(aws: ObjectStore) -> None:
    account = Account()
    make_bucket(account, BUCKET.bucket, versions=True)
    store = S3Store(BUCKET)
    for name in ("run-1/a", "run-1/b", "run-10/a"):
        store.write(name, b"first")
        store.write(name, b"second")
    store.delete("run-1/b")
    aws.client().create_multipart_upload(Bucket=BUCKET.bucket, Key="run-1/cut")

    plan = plan_removal(account, BUCKET / "run-1")
    assert (len(plan.objects), len(plan.uploads)) == (5, 1)
    remove(account, plan)
    assert list(store.names()) == ["run-10/a"]

    with pytest.raises(UsageError, match="is not a whole bucket"):
        plan_removal(account, BUCKET / "run-10", bucket=True)
    remove(account, plan_removal(account, BUCKET, bucket=True))
    assert aws.client().list_buckets()["Buckets"] == []
    lacking = [missing(group, account.calls) for group in ("s3", "s3-make-bucket")]
    assert lacking[0] & lacking[1] == set()


def test_what_was_written_before_versions_were_kept_goes_too(aws: ObjectStore) -> None:
    account = Account()
    make_bucket(account, BUCKET.bucket)
    S3Store(BUCKET).write("run-1/a", b"first")
    make_bucket(account, BUCKET.bucket, versions=True)
    remove(account, plan_removal(account, BUCKET / "run-1"))
    assert plan_removal(account, BUCKET).objects == []
    remove(account, plan_removal(account, BUCKET, bucket=True))
    assert aws.client().list_buckets()["Buckets"] == []


def test_buckets_of_others_are_left_alone(aws: ObjectStore) -> None:
    theirs = aws.bucket()
    with pytest.raises(CloudError, match="exists and was not made by Lapel"):
        make_bucket(Account(), theirs)
    with pytest.raises(CloudError, match="was not made by Lapel; delete it in the console"):
        plan_removal(Account(), S3Location(theirs), bucket=True)


@pytest.mark.usefixtures("aws")
def test_a_bucket_that_is_there_in_another_region_is_not_made_nor_set() -> None:
    make_bucket(Account(), BUCKET.bucket)
    elsewhere = Account(region="eu-west-1")
    with pytest.raises(UsageError, match=r"there already, in eu-central-1, and no bucket moves"):
        make_bucket(elsewhere, BUCKET.bucket)
    assert [call.operation for call in elsewhere.calls] == ["HeadBucket"]


def test_a_bucket_whose_setting_is_refused_is_not_left_behind(aws: ObjectStore) -> None:
    account = Account()
    account.client("s3").meta.events.register(
        "before-call.s3.PutBucketEncryption", lambda **_: (_Refused(), {})
    )
    with pytest.raises(CloudError, match="PutBucketEncryption"):
        make_bucket(account, BUCKET.bucket)
    assert aws.client().list_buckets()["Buckets"] == []


class _Refused:
    """AWS's refusal, as botocore hands it on."""

    status_code = 403


def test_a_dry_run_needs_no_account() -> None:
    account = Account(region="eu-central-1", dry_run=True)
    make_bucket(account, BUCKET.bucket, versions=True)
    assert [call.operation for call in account.calls] == [
        "HeadBucket", "CreateBucket", "PutBucketTagging", "PutPublicAccessBlock",
        "PutBucketEncryption", "PutBucketLifecycleConfiguration", "PutBucketVersioning",
    ]  # fmt: skip
