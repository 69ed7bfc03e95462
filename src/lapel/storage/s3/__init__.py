"""S3 as a place where bytes live; boto3 is imported here and in ``lapel.cloud`` alone."""
