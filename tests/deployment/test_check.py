"""make check, against the template deployed into an emulated AWS, with a stand-in for the functions."""

import contextlib
import datetime
import io
import json
import re
import sys
import unittest
import zipfile
from unittest import mock

from emulated import client, emulated_aws
from translated import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
import check
import retained
from aws import Refused

# Answers as the functions do, or as their variable ACCOUNT_NAMES says.
BOOTSTRAP = """#!/usr/bin/env python3
import json, os, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(api + "/next") as event:
        request, payload = event.headers["Lambda-Runtime-Aws-Request-Id"], json.load(event)
    kind = next(kind for kind in ["test_mail", "objects", "accounts", "dry_run"] if kind in payload)
    other = json.loads(os.environ["ACCOUNT_NAMES"] or "{}").get(kind)
    answer = {
        "test_mail": {"test_mail": {"message_id": "m-1", "subject": "TEST"}},
        "objects": {"log_files": 1, "records": 3, "unreadable": 0, "unreadable_log_files": 0, "failed": []},
        "accounts": {"accounts": 1, "users": 7, "failed": [], "to_do": [], "not_done": None},
        "dry_run": {"estimate": {"log_files": 12}, "not_done": None},
    }[kind]
    end = "response"
    if other:
        answer, end = (other, "error") if "errorType" in other else ({**answer, **other}, "response")
    urllib.request.urlopen(urllib.request.Request(f"{api}/{request}/{end}", json.dumps(answer).encode(), method="POST")).read()
"""
STACK = "watch"


def create(stack, parameters):
    """Begins to create a stack of the template as it stands, but for where the code is."""
    text = re.sub(r"CodeUri: target/lambda/.*", "CodeUri: s3://artefacts/code.zip", (ROOT / "template.yaml").read_text())
    # By way of a bucket, as `sam` does: CloudFormation takes no more than 51,200 bytes from a request.
    client("s3").put_object(Bucket="artefacts", Key="template.yaml", Body=text.encode())
    client("cloudformation").create_stack(
        StackName=stack,
        TemplateURL="https://s3.amazonaws.com/artefacts/template.yaml",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )


def deploy():
    """A stack, attached to a bucket."""
    s3, cloudformation = client("s3"), client("cloudformation")
    for bucket in ["artefacts", "logs-example"]:
        s3.create_bucket(Bucket=bucket)
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        bootstrap = zipfile.ZipInfo("bootstrap")
        bootstrap.external_attr = 0o755 << 16
        archive.writestr(bootstrap, BOOTSTRAP)
    s3.put_object(Bucket="artefacts", Key="code.zip", Body=code.getvalue())
    parameters = {
        "Architecture": "x86_64",
        "CreateTrail": "false",
        "LogBucketName": "logs-example",
        "Email": "a@example.com",
        "OperationsEmail": "b@example.com",
    }
    create(STACK, parameters)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    s3.put_bucket_notification_configuration(
        Bucket="logs-example", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def log_file_key(day, account="111122223333", region="us-east-1", before="AWSLogs/", minute=10):
    name = f"{account}_CloudTrail_{region}_{day:%Y%m%d}T08{minute}Z_AbCdEf0123456789.json.gz"
    return f"{before}{account}/CloudTrail/{region}/{day:%Y/%m/%d}/{name}"


class Check(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        aws = emulated_aws()
        aws.__enter__()
        cls.addClassCleanup(aws.__exit__, None, None, None)
        deploy()
        cls.outputs = {
            output["OutputKey"]: output["OutputValue"]
            for output in client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        }
        cls.functions = [cls.outputs[f"{name}FunctionName"] for name in ["SignIn", "CredentialReport", "Backfill"]]
        cls.sign_in, cls.credential_report, cls.backfill = cls.functions
        cls.today = datetime.datetime.now(datetime.timezone.utc)
        cls.key = log_file_key(cls.today)
        client("s3").put_object(Bucket="logs-example", Key=cls.key, Body=b"")

    def check(self):
        """The exit status and what was printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            status = check.main(STACK)
        return status, printed.getvalue()

    def problem(self, *words):
        """Asserts that there is one problem and that it contains all these words."""
        status, printed = self.check()
        self.assertEqual(status, 1, printed)
        lines = printed.splitlines()
        problems = [f"{line}\n{lines[place + 1]}" for place, line in enumerate(lines) if line.startswith("problem")]
        self.assertEqual(len(problems), 1, printed)
        for word in words:
            self.assertIn(word, problems[0])

    @contextlib.contextmanager
    def function_that(self, name, **answers):
        """Makes a function answer something else."""
        functions = client("lambda")
        usual = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        for variables in [{**usual, "ACCOUNT_NAMES": json.dumps(answers)}, usual]:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
            if variables is not usual:
                yield

    def test_all_is_well(self):
        status, printed = self.check()
        self.assertEqual(status, 0, printed)
        self.assertNotIn("problem", printed)
        for line in ["sends its events to EventBridge", "email a@example.com gets the findings", "email b@example.com gets the alarms", f"read 3 records of s3://logs-example/{self.key}", "read those of 1 account with 7 users", "checks the credential reports, rate(4 hours)", "checks for missed deliveries, cron(20 4 * * ? *)", "can list log files, and found 12 log files around today"]:
            self.assertIn(line, printed)
        for function in self.functions:
            for line in [f'{function} published a mail "TEST" (m-1)', f"the queue invokes {function}", f"in the queue of {function}, or in progress: "]:
                self.assertIn(line, printed)

    def test_a_bucket_that_is_not_attached(self):
        s3 = client("s3")
        s3.put_bucket_notification_configuration(Bucket="logs-example", NotificationConfiguration={})
        try:
            self.problem("does not send its events", "make attach BUCKET=logs-example")
        finally:
            s3.put_bucket_notification_configuration(
                Bucket="logs-example", NotificationConfiguration={"EventBridgeConfiguration": {}}
            )

    def test_a_rule_that_is_off(self):
        events = client("events")
        for output in ["RuleName", "CredentialReportRuleName", "SweepRuleName"]:
            rule = self.outputs[output]
            events.disable_rule(Name=rule)
            try:
                self.problem(f"rule {rule} is disabled", f"aws events enable-rule --name {rule}")
            finally:
                events.enable_rule(Name=rule)

    def test_a_rule_without_its_target(self):
        events = client("events")
        for output in ["RuleName", "CredentialReportRuleName", "SweepRuleName"]:
            rule = self.outputs[output]
            targets = events.list_targets_by_rule(Rule=rule)["Targets"]
            events.remove_targets(Rule=rule, Ids=["queue"])
            try:
                self.problem(f"rule {rule} has lost its target", "make deploy")
            finally:
                events.put_targets(Rule=rule, Targets=targets)

    def test_an_event_source_that_is_off(self):
        functions = client("lambda")
        for function in self.functions:
            [mapping] = functions.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
            try:
                self.problem(
                    f"the event source of {function} is Disabl",
                    f"update-event-source-mapping --uuid {mapping['UUID']} --enabled",
                )
            finally:
                functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def test_dead_letters(self):
        sqs = client("sqs")
        for output, words in [
            ("DeadLetterQueueUrl", ["dead letters: 1 delivery that sign-in could not read", "start-message-move-task", self.outputs["SignInLogGroupName"]]),
            (
                "CredentialReportDeadLetterQueueUrl",
                ["dead letters: 1 run that credential-report could not finish", "start-message-move-task", self.outputs["CredentialReportLogGroupName"]],
            ),
            ("SweepDeadLetterQueueUrl", ["dead letters: 1 check for missed deliveries that backfill could not finish", "start-message-move-task", self.outputs["BackfillLogGroupName"]]),
            ("RuleDeadLetterQueueUrl", ["dead letters: 1 message that EventBridge could not put into a queue", "ERROR_CODE"]),
        ]:
            sqs.send_message(QueueUrl=self.outputs[output], MessageBody="x")
            try:
                self.problem(*words)
            finally:
                sqs.purge_queue(QueueUrl=self.outputs[output])

    def test_a_subscription_that_nobody_confirmed(self):
        sns = client("sns")
        usual = check.Aws.client

        def half_subscribed(aws, service, *more):
            made = usual(aws, service, *more)
            if service == "sns":
                made.meta.events.register("after-call.sns.ListSubscriptionsByTopic", pending)
            return made

        def pending(parsed, **_):
            for subscription in parsed["Subscriptions"]:
                if subscription["Endpoint"] == "c@example.com":
                    subscription["SubscriptionArn"] = "PendingConfirmation"

        topic = self.outputs["TopicArn"]
        arn = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="c@example.com", ReturnSubscriptionArn=True)
        try:
            with mock.patch.object(check.Aws, "client", half_subscribed):
                self.problem("email c@example.com gets no findings yet", "click the link", "--notification-endpoint c@example.com")
        finally:
            sns.unsubscribe(SubscriptionArn=arn["SubscriptionArn"])

    def test_an_unsubscribe_click(self):
        sns, topic = client("sns"), self.outputs["OperationsTopicArn"]
        [subscription] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        try:
            self.problem("no address gets the alarms", "OperationsEmail=", "Unsubscribe")
        finally:
            sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="b@example.com")

    def test_a_mail_that_cannot_be_published(self):
        for function in self.functions:
            with self.function_that(function, test_mail={"errorType": "AwsError", "errorMessage": "KMSDisabled: the key is disabled"}):
                self.problem(f"{function} could not publish a test mail: AwsError: KMSDisabled", "TopicKeyArn")

    def test_a_setting_that_the_function_refuses(self):
        for function in self.functions:
            with self.function_that(function, test_mail={"errorType": "SettingError", "errorMessage": "ACCOUNT_NAMES is no list"}):
                self.problem("SettingError: ACCOUNT_NAMES is no list", "make deploy")

    def test_credential_reports_that_cannot_be_read(self):
        denied = {"account": "444455556666", "error": "sts:AssumeRole failed: AccessDenied"}
        for answer, words in [
            ({"errorType": "AwsError", "errorMessage": "s3:GetObject failed"}, ["could not check the credential reports: AwsError: s3:GetObject failed", "CredentialReportRole"]),
            ({"accounts": 1, "failed": [denied]}, ["credential report of 444455556666: sts:AssumeRole failed", "deploy/member-role.yaml", self.outputs["CredentialReportRoleArn"]]),
            ({"accounts": 0}, ["checked no credential report", "report this"]),
        ]:
            with self.function_that(self.credential_report, accounts=answer):
                self.problem(self.credential_report, *words)

    def test_unknown_accounts_and_failed_checks_are_named(self):
        state = self.outputs["StateBucketName"]
        # The previous accounts may have been checked anyway.
        for accounts, why, advice in [
            (0, "organizations:ListAccounts failed: AccessDeniedException; this account must be the management account", "elsewhere list the accounts"),
            (3, "organizations:ListAccounts failed: no answer; it has to be tried again", "try again in some minutes"),
            (3, f"s3://{state}/config/accounts.txt: there is no such file", f"aws s3 cp accounts.txt s3://{state}/config/accounts.txt"),
            (3, f"s3://{state}/config/accounts.txt: line 5 is 1111; it must be a 12-digit account id", "one per line"),
            (0, f"s3:GetObject s3://{state}/config/accounts.txt failed: AccessDenied", "compare the role CredentialReportRole"),
        ]:
            with self.function_that(self.credential_report, accounts={"accounts": accounts, "not_done": why}):
                self.problem(f"{self.credential_report} could not finish: {why}", advice)

    def test_accounts_for_which_there_was_no_time_are_no_problem_unless_there_was_none_for_any(self):
        to_do = [f"{number:012}" for number in range(22)]
        with self.function_that(self.credential_report, accounts={"to_do": to_do}):
            status, printed = self.check()
        self.assertEqual(status, 0, printed)
        self.assertIn("no time for 22 accounts (000000000000, ", printed)
        self.assertIn("000000000019 and 2 more);", printed)
        with self.function_that(self.credential_report, accounts={"accounts": 0, "to_do": to_do[:1]}):
            self.problem("had no time to check any credential report", "try again")

    def test_many_accounts_that_cannot_be_read_are_named_up_to_a_number(self):
        failed = [{"account": f"{number:012}", "error": "AccessDenied"} for number in range(23)]
        with self.function_that(self.credential_report, accounts={"failed": failed, "to_do": ["444455556666"]}):
            status, printed = self.check()
        self.assertEqual(status, 1)
        self.assertIn("21 problems", printed)
        self.assertIn("those of 3 more accounts", printed)
        self.assertIn("no time for 1 account (444455556666);", printed)

    def test_a_log_file_that_the_function_may_not_read(self):
        failed = [{"object": f"s3://logs-example/{self.key}", "error": "AccessDenied"}]
        with self.function_that(self.sign_in, objects={"log_files": 0, "records": 0, "failed": failed}):
            self.problem(f"could not read s3://logs-example/{self.key}: AccessDenied", "LogKeyArn")

    def test_a_log_file_that_the_function_cannot_read_whole(self):
        with self.function_that(self.sign_in, objects={"unreadable_log_files": 1}):
            self.problem("could read only a part of", self.outputs["SignInLogGroupName"])

    def test_log_files_that_cannot_be_listed(self):
        for answer, words in [
            ({"not_done": "s3:ListObjectsV2 s3://logs-example/ failed: AccessDenied"}, ["could not list the log files of logs-example: s3:ListObjectsV2", "Deny"]),
            ({"errorType": "InputError", "errorMessage": "where the log files are is wrong"}, ["InputError: where the log files are is wrong", "Deny"]),
            ({"errorType": "SettingError", "errorMessage": "LOG_BUCKET is wrong"}, ["SettingError: LOG_BUCKET is wrong", "make deploy"]),
        ]:
            with self.function_that(self.backfill, dry_run=answer):
                self.problem(self.backfill, *words)

    def test_a_bucket_without_a_log_file_of_today(self):
        s3 = client("s3")
        s3.delete_object(Bucket="logs-example", Key=self.key)
        s3.put_object(Bucket="logs-example", Key=log_file_key(self.today - datetime.timedelta(days=3)), Body=b"")
        try:
            self.problem("no log file of today or yesterday", "describe-trails")
            # The function would refuse an empty bucket, and its alarm would be raised.
            with self.function_that(self.backfill, dry_run={"errorType": "InputError", "errorMessage": "it was asked"}):
                status, printed = self.check()
            self.assertEqual(status, 1)
            self.assertIn(f"whether {self.backfill} can list log files is not known", printed)
            self.assertNotIn("it was asked", printed)
        finally:
            s3.put_object(Bucket="logs-example", Key=self.key, Body=b"")

    def test_a_refused_check_is_named_and_the_others_run(self):
        usual = check.bucket_sends

        def denied(report, aws, outputs):
            error = {"Error": {"Code": "AccessDenied", "Message": "not authorized to perform s3:GetBucketNotification"}}
            raise check.botocore.exceptions.ClientError(error, "GetBucketNotificationConfiguration")

        with mock.patch.object(check, "bucket_sends", denied):
            self.problem("could not check the bucket", "s3:GetBucketNotification", "ask for the permission")
        self.assertIs(check.bucket_sends, usual)

    def test_a_stack_that_cannot_work_is_not_checked(self):
        for parameters, why in [
            ({"CreateTrail": "false"}, "CreateTrail=false needs LogBucketName"),
            ({"CreateTrail": "false", "LogBucketName": "logs-example", "EmailMinSeverity": "HIGH"}, "Set Email"),
            ({"CreateTrail": "false", "LogBucketName": "s3://logs-example"}, "without s3://"),
            ({"CreateTrail": "false", "LogBucketName": "logs-example", "MaxRecordBytes": "1023"}, "1024"),
            ({"CreateTrail": "false", "LogBucketName": "logs-example", "CredentialReportSchedule": "rate(2 days)"}, "1 day at most"),
        ]:
            with self.assertRaisesRegex(client("cloudformation").exceptions.ClientError, why):
                create("impossible", parameters)

    def test_a_stack_that_is_not_there(self):
        with self.assertRaisesRegex(Refused, 'there is no stack "other" in us-east-1 of account 111122223333'):
            check.main("other")

    def test_the_newest_log_file_is_found_in_every_layout_of_a_bucket(self):
        s3, day = client("s3"), self.today
        for number, (keys, newest) in enumerate(
            [
                ([log_file_key(day)], 0),
                ([log_file_key(day, before="AWSLogs/o-exampleorg1/")], 0),
                ([log_file_key(day, before="trails/all/AWSLogs/")], 0),
                ([log_file_key(day - datetime.timedelta(days=1))], 0),
                ([log_file_key(day - datetime.timedelta(days=2))], None),
                ([log_file_key(day, account="444455556666", before="trails/AWSLogs/o-exampleorg1/")], 0),
                ([log_file_key(day), log_file_key(day, region="eu-west-1", minute=20)], 1),
                (["AWSLogs/111122223333/Config/x.json.gz", "other/file"], None),
                ([log_file_key(day).replace("/CloudTrail/", "/CloudTrail-Digest/")], None),
                ([], None),
            ]
        ):
            bucket = f"layout-{number}"
            s3.create_bucket(Bucket=bucket)
            for key in keys:
                s3.put_object(Bucket=bucket, Key=key, Body=b"")
            found = check.newest_log_file(check.Aws(), bucket, day)
            expected = None if newest is None else keys[newest]
            self.assertEqual(found and found["Key"], expected, keys)

    def test_a_bucket_with_many_folders_is_given_up_in_time(self):
        with mock.patch.object(check.Listing, "folders", lambda listing, prefix: listing.page(prefix) and [f"{prefix}x/", f"{prefix}y/"]):
            with mock.patch.object(check, "MOST_LISTINGS", 7):
                self.assertIsNone(check.newest_log_file(check.Aws(), "logs-example", self.today))

    def test_removing_says_what_stays(self):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), mock.patch.object(sys, "argv", ["retained.py", STACK]):
            retained.main()
        self.assertIn(self.outputs["StateBucketName"], printed.getvalue())
        for log in ["SignInLogGroupName", "CredentialReportLogGroupName", "BackfillLogGroupName"]:
            self.assertIn(self.outputs[log], printed.getvalue())
        self.assertIn("deploy/member-role.yaml", printed.getvalue())
        self.assertIn(f"delete-bucket-policy --bucket {self.outputs['StateBucketName']}", printed.getvalue())


if __name__ == "__main__":
    unittest.main()
