"""make attach, against an emulated AWS."""

import contextlib
import io
import os
import sys
import unittest
import uuid
from unittest import mock

from emulated import ACCOUNT, client, emulated_aws
from translated import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
import attach
from aws import Aws, Refused

OTHERS = {
    "QueueConfigurations": [
        {
            "Id": "somebody's",
            "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:somebodys",
            "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "a b/"}, {"Name": "suffix", "Value": ".gz"}]}},
        }
    ],
    "TopicConfigurations": [
        {"Id": "more", "TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:more", "Events": ["s3:ObjectRestore:Completed"]}
    ],
}


class Attach(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        aws = emulated_aws()
        aws.__enter__()
        cls.addClassCleanup(aws.__exit__, None, None, None)
        cls.s3 = client("s3")
        client("sqs").create_queue(QueueName="somebodys")
        client("sns").create_topic(Name="more")

    def setUp(self):
        self.asked = 0
        self.bucket = f"logs-{uuid.uuid4()}"
        self.s3.create_bucket(Bucket=self.bucket)

    def yes(self):
        self.asked += 1
        return True

    def attach(self, confirm, bucket=None):
        """The exit status and what was printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = attach.attach(Aws(), bucket or self.bucket, confirm)
        return status, printed.getvalue()

    def notifications(self):
        answer = self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        answer.pop("ResponseMetadata")
        return answer

    def set_notifications(self, configuration):
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket, NotificationConfiguration=configuration, SkipDestinationValidation=True
        )

    def test_other_notifications_stay_as_they_were(self):
        self.set_notifications(OTHERS)
        before = self.notifications()
        self.assertEqual(before["QueueConfigurations"], OTHERS["QueueConfigurations"])
        status, printed = self.attach(self.yes)
        self.assertEqual((status, self.asked), (0, 1), printed)
        self.assertEqual(self.notifications(), {**before, "EventBridgeConfiguration": {}})
        added = [line for line in printed.splitlines() if line.startswith(("+ ", "- "))]
        self.assertEqual(added, ['+  "EventBridgeConfiguration": {},'])

    def test_a_setting_that_is_already_on_is_not_written(self):
        self.set_notifications({"EventBridgeConfiguration": {}})
        status, printed = self.attach(self.yes)
        self.assertEqual((status, self.asked), (0, 0))
        self.assertIn("nothing to do", printed)

    def test_nothing_changes_without_a_yes(self):
        self.set_notifications(OTHERS)
        before = self.notifications()
        status, printed = self.attach(lambda: False)
        self.assertEqual(status, 1)
        self.assertIn("nothing was changed", printed)
        self.assertEqual(self.notifications(), before)

    def test_without_a_terminal_it_names_the_option_that_needs_none(self):
        with mock.patch("sys.stdin", io.StringIO("y\n")), self.assertRaisesRegex(Refused, "YES=1"):
            self.attach(attach.confirmed)
        self.assertEqual(self.notifications(), {})

    def test_a_change_made_while_it_waits_for_a_yes_is_not_overwritten(self):
        def meanwhile():
            self.set_notifications(OTHERS)
            return True

        with self.assertRaisesRegex(Refused, "nothing was changed: the notifications of .* have changed meanwhile"):
            self.attach(meanwhile)
        self.assertNotIn("EventBridgeConfiguration", self.notifications())
        self.assertIn("QueueConfigurations", self.notifications())

    def test_a_kind_of_notification_that_boto3_does_not_know_is_not_wiped(self):
        def add_unknown(response_dict, **_):
            response_dict["body"] = response_dict["body"].replace(
                b"</NotificationConfiguration>", b"<CarrierPigeon><Id>x</Id></CarrierPigeon></NotificationConfiguration>"
            )

        self.set_notifications(OTHERS)
        read = attach.Notifications.keep_body

        def keep_body(notifications, response_dict, **more):
            add_unknown(response_dict)
            read(notifications, response_dict, **more)

        with mock.patch.object(attach.Notifications, "keep_body", keep_body):
            with self.assertRaisesRegex(Refused, "CarrierPigeon.*S3 console"):
                self.attach(self.yes)
        self.assertEqual(self.asked, 0)

    def test_a_bucket_that_is_not_there_is_refused(self):
        with self.assertRaisesRegex(Refused, "there is no bucket no-such-bucket"):
            self.attach(self.yes, "no-such-bucket")

    def test_a_bucket_of_another_region_is_refused_with_the_region_to_use(self):
        other = client("s3", region="eu-west-1")
        other.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        with self.assertRaisesRegex(Refused, "far-away is in eu-west-1.*AWS_REGION=eu-west-1"):
            self.attach(self.yes, "far-away")

    def test_a_bucket_of_another_account_is_refused(self):
        """The emulator denies nothing; AWS answers so."""
        aws = Aws()
        s3 = aws.client("s3")
        denied = {"Error": {"Code": "403", "Message": "Forbidden"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        found = {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "us-east-1"}}}
        error = s3.exceptions.ClientError(denied, "HeadBucket")
        for answers, why in [([error], "another account than .*or you lack s3:ListBucket"), ([found, error], "sends its events to its owner only")]:
            with mock.patch.object(s3, "head_bucket", side_effect=answers), self.assertRaisesRegex(Refused, why):
                attach.refuse_foreign(aws, s3, "theirs")

    def test_a_missing_permission_is_named(self):
        aws = Aws()
        s3 = aws.client("s3")
        notifications = attach.Notifications(aws, s3, self.bucket)
        error = s3.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "X")
        with mock.patch.object(s3, "get_bucket_notification_configuration", side_effect=error):
            with self.assertRaisesRegex(Refused, "s3:GetBucketNotification"):
                notifications.read()
        with mock.patch.object(s3, "put_bucket_notification_configuration", side_effect=error):
            with self.assertRaisesRegex(Refused, "nothing was changed: s3:PutBucketNotification"):
                notifications.write({})

    def test_without_a_region_it_says_so(self):
        kept = {name: os.environ.pop(name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION")}
        try:
            with mock.patch.dict(os.environ, AWS_CONFIG_FILE="/nonexistent"), self.assertRaisesRegex(Refused, "AWS_REGION"):
                Aws()
        finally:
            os.environ.update(kept)


if __name__ == "__main__":
    unittest.main()
