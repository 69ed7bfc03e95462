"""Begin a training job by AWS's SDK of version 3, in its own environment; none of Lapel is used.

    python sdk_job.py SOURCE_FOLDER DATA_PLACE OUT_PLACE BUCKET

Calls go where ``AWS_ENDPOINT_URL`` says; the job's name is printed last.
"""

import json
import sys
from types import SimpleNamespace
from typing import Any


def allowed(params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
    """The answer that moto lacks: what the SDK asks of IAM about the role is allowed."""
    actions = [value for key, value in params["body"].items() if key.startswith("ActionNames.")]
    results = [{"EvalActionName": action, "EvalDecision": "allowed"} for action in actions]
    answer = {"EvaluationResults": results, "IsTruncated": False}
    return SimpleNamespace(status_code=200, headers={}), answer


def main() -> None:
    import boto3
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

    source, data, out, bucket = sys.argv[1:]
    own = boto3.Session()
    own.events.register("before-call.iam.SimulatePrincipalPolicy", allowed)
    session = Session(boto_session=own, default_bucket=bucket)
    trainer = ModelTrainer(
        training_image="123456789012.dkr.ecr.eu-central-1.amazonaws.com/pytorch:latest",
        role="arn:aws:iam::123456789012:role/lapel/lapel-sagemaker",
        source_code=SourceCode(
            source_dir=source, entry_script="train.py", requirements="requirements.txt"
        ),
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=30),
        output_data_config=OutputDataConfig(s3_output_path=out),
        # A dot cannot stand in a variable of the shell, which this launcher makes of each name.
        hyperparameters={
            "recipe": "fashion-mnist-tiny",
            "format": "fashion-mnist",
            "schedule__epochs": 1,
            "report": False,
        },
        base_job_name="by-the-sdk",
        sagemaker_session=session,
    )
    channel = InputData(channel_name="training", data_source=data)
    trainer.train(input_data_config=[channel], wait=False, logs=False)
    job = trainer._latest_training_job
    print(json.dumps({"name": job.training_job_name}))


if __name__ == "__main__":
    main()
