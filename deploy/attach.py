"""Switches on the events of a bucket to EventBridge: make attach BUCKET=name

A bucket has one notification configuration, and S3 replaces it only as a whole. The script reads it, adds EventBridge,
shows the difference, asks, checks that it is unchanged, writes it, and reads it back. Exit 0: EventBridge is on.
"""

import argparse
import difflib
import json
import sys
import xml.etree.ElementTree as ElementTree

import botocore.exceptions

from aws import Aws, Refused, code, denied, run, sentence


def refuse_foreign(aws, s3, bucket):
    """Refuses a bucket that a stack of this account and Region cannot watch."""
    try:
        head = s3.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as error:
        if code(error) in ("404", "NoSuchBucket"):
            raise Refused(f"there is no bucket {bucket}") from error
        if denied(error):
            raise Refused(
                f"{bucket} belongs to another account than {aws.account}, or you lack s3:ListBucket on it: "
                "iamwatch has to be deployed in the account that owns the bucket"
            ) from error
        raise
    headers = head["ResponseMetadata"]["HTTPHeaders"]
    region = head.get("BucketRegion") or headers.get("x-amz-bucket-region")
    if region and region != aws.region:
        raise Refused(
            f"{bucket} is in {region}, and you are in {aws.region}: it sends its events to its own Region only. "
            f"Deploy iamwatch there: AWS_REGION={region}"
        )
    try:
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=aws.account)
    except botocore.exceptions.ClientError as error:
        if denied(error):
            raise Refused(
                f"{bucket} belongs to another account than {aws.account}: it sends its events to its owner only, so "
                "iamwatch has to be deployed there"
            ) from error
        raise


def unknown_elements(element, shape):
    """Elements of S3's answer that this version of boto3 does not know, and would remove by writing."""
    members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
    for child in element:
        name = child.tag.rpartition("}")[2]
        member = members.get(name)
        if member is None:
            yield name
            continue
        while member.type_name == "list":
            member = member.member
        if member.type_name == "structure":
            yield from unknown_elements(child, member)


class Notifications:
    """A bucket's notification configuration."""

    def __init__(self, aws, s3, bucket):
        self.s3 = s3
        self.whose = {"Bucket": bucket, "ExpectedBucketOwner": aws.account}
        self.bucket = bucket
        self.body = b""
        s3.meta.events.register("before-parse.s3.GetBucketNotificationConfiguration", self.keep_body)

    def keep_body(self, response_dict, **_):
        """Keeps the answer as S3 sent it."""
        self.body = response_dict["body"]

    def read(self):
        """The configuration as boto3 reads and writes it. Raises `Refused` if boto3 does not know all of it."""
        try:
            answer = self.s3.get_bucket_notification_configuration(**self.whose)
        except botocore.exceptions.ClientError as error:
            if denied(error):
                raise Refused(f"you may not read it: s3:GetBucketNotification on {self.bucket} is missing") from error
            raise
        answer.pop("ResponseMetadata", None)
        shape = self.s3.meta.service_model.operation_model("GetBucketNotificationConfiguration").output_shape
        unknown = sorted(set(unknown_elements(ElementTree.fromstring(self.body), shape))) if self.body else []
        if unknown:
            raise Refused(
                f"{self.bucket} has notifications of a kind unknown here ({', '.join(unknown)}), which writing would remove: "
                "switch EventBridge on in the S3 console (Properties, Event notifications)"
            )
        return answer

    def write(self, configuration):
        """Replaces the whole configuration."""
        try:
            self.s3.put_bucket_notification_configuration(
                **self.whose,
                NotificationConfiguration=configuration,
                # Existing notifications stay, even if their queue or topic was deleted; and no destination gets a
                # test message.
                SkipDestinationValidation=True,
            )
        except botocore.exceptions.ClientError as error:
            if denied(error):
                raise Refused(f"nothing was changed: s3:PutBucketNotification on {self.bucket} is missing") from error
            raise Refused(f"nothing was changed: {sentence(error)}") from error


def as_text(configuration):
    """The configuration in a form that can be compared line by line."""
    return json.dumps(configuration, indent=2, sort_keys=True).splitlines()


def confirmed():
    """Asks a person; whether the answer is yes."""
    if not sys.stdin.isatty():
        raise Refused("nothing was changed: there is no terminal to ask. YES=1 writes it without asking")
    return input("Write this? [y/N] ").strip().lower() in ("y", "yes")


def attach(aws, bucket, confirm):
    """Runs the command; `confirm` is called before anything is written."""
    s3 = aws.client("s3")
    refuse_foreign(aws, s3, bucket)
    notifications = Notifications(aws, s3, bucket)
    before = notifications.read()
    if "EventBridgeConfiguration" in before:
        print(f"{bucket} sends its events to EventBridge already; nothing to do")
        return 0
    after = {**before, "EventBridgeConfiguration": {}}
    print(f"The notifications of {bucket} would change like this:\n")
    print("\n".join(difflib.unified_diff(as_text(before), as_text(after), "now", "then", lineterm="")) + "\n")
    if not confirm():
        print("nothing was changed")
        return 1
    if notifications.read() != before:
        raise Refused(f"nothing was changed: the notifications of {bucket} have changed meanwhile. Run the command again")
    notifications.write(after)
    found = notifications.read()
    if found != after:
        raise Refused(
            f"the notifications of {bucket} are not what was written; they may have been changed at the same time. "
            f"Before, they were {json.dumps(before, sort_keys=True)}; now they are {json.dumps(found, sort_keys=True)}"
        )
    print(f"{bucket} sends its events to EventBridge now; S3 takes up to five minutes to begin")
    return 0


def main():
    parser = argparse.ArgumentParser(description="Switches on the events of a bucket to EventBridge.")
    parser.add_argument("bucket")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    arguments = parser.parse_args()
    return attach(Aws(), arguments.bucket, (lambda: True) if arguments.yes else confirmed)


if __name__ == "__main__":
    run(main)
