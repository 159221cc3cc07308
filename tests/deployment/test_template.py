"""template.yaml and deploy/member-role.yaml in each of their branches, also in those that no emulator deploys."""

import fnmatch
import json
import re
import sys
import unittest

from translated import ROOT, Stack, template

sys.path.insert(0, str(ROOT / "deploy"))
from retained import RETAINED

KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NAME = "2026/04/01/111122223333_CloudTrail_us-east-1_20260401T0820Z_AbCdEf0123456789.json.gz"
LOG_FILES = [
    f"AWSLogs/111122223333/CloudTrail/us-east-1/{NAME}",
    f"AWSLogs/o-exampleorg1/111122223333/CloudTrail/us-gov-west-1/{NAME}",
    f"a prefix/b/AWSLogs/111122223333/CloudTrail/cn-north-1/{NAME}",
    f"a-prefix/AWSLogs/o-exampleorg1/444455556666/CloudTrail/us-east-1/{NAME}",
]
OTHERS = [
    f"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{NAME}",
    f"AWSLogs/111122223333/CloudTrail-Insight/us-east-1/{NAME}",
    f"AWSLogs/111122223333/CloudTrail-NetworkActivity/us-east-1/{NAME}",
    f"CloudTrail/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/{NAME}",
    f"AWSLogs/111122223333/Config/us-east-1/{NAME}",
    "AWSLogs/111122223333/CloudTrail/",
]


def created(**parameters):
    return Stack(**parameters)


def existing(**parameters):
    return Stack(CreateTrail="false", LogBucketName="logs-example", **parameters)


BRANCHES = {
    "a trail of its own": created,
    "a trail of its own, with keys and addresses": lambda: created(
        LogKeyArn=KEY, TopicKeyArn=KEY, Email="a@example.com", OperationsEmail="b@example.com"
    ),
    "an existing bucket": existing,
    "an existing bucket, with keys and addresses": lambda: existing(
        LogKeyArn=KEY, TopicKeyArn=KEY, Email="a@example.com", OperationsEmail="b@example.com"
    ),
    "other accounts": lambda: existing(WatchedAccounts="444455556666"),
    "no sweep": lambda: existing(Sweep="false"),
    "an organisation, with keys": lambda: existing(WatchedAccounts="organization", LogKeyArn=KEY, TopicKeyArn=KEY),
}


# The roles of the functions; the state machine has one of its own.
FUNCTION_ROLES = ["SignInRole", "CredentialReportRole", "BackfillRole"]
MACHINE_ROLE = "BackfillStateMachineRole"


def statements(stack, role="SignInRole"):
    """The statements of a role, by Sid."""
    [policy] = stack.properties(role)["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


def own_resources(stack, function="SignInFunction"):
    """The names that a function treats as resources of iamwatch."""
    return stack.properties(function)["Environment"]["Variables"]["OWN_RESOURCES"].split(",")


def listed(value):
    """The members of what may be one or a list."""
    return value if isinstance(value, list) else [value]


class Trail(unittest.TestCase):
    def test_a_created_trail_records_every_management_event_and_nothing_else(self):
        trail = created().properties("Trail")
        self.assertEqual(trail["EventSelectors"], [{"IncludeManagementEvents": True, "ReadWriteType": "All"}])
        self.assertNotIn("AdvancedEventSelectors", trail)
        for switch in ["IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"]:
            self.assertIs(trail[switch], True, switch)
        self.assertEqual(trail["S3BucketName"], "<LogBucket>")
        self.assertNotIn("S3KeyPrefix", trail)
        self.assertNotIn("KMSKeyId", trail)

    def test_a_created_trail_waits_for_the_policy_that_lets_it_deliver_and_nobody_else(self):
        stack = created()
        trail = stack.resources["Trail"]
        self.assertEqual(trail["DependsOn"], "LogBucketPolicy")
        arn = f"arn:aws:cloudtrail:eu-central-1:111122223333:trail/{trail['Properties']['TrailName']}"
        policy = stack.properties("LogBucketPolicy")["PolicyDocument"]["Statement"]
        allowed = {statement["Action"]: statement for statement in policy if statement["Effect"] == "Allow"}
        self.assertEqual(set(allowed), {"s3:GetBucketAcl", "s3:PutObject"})
        for statement in allowed.values():
            self.assertEqual(statement["Principal"], {"Service": "cloudtrail.amazonaws.com"})
            self.assertEqual(statement["Condition"]["StringEquals"]["aws:SourceArn"], arn)
        self.assertEqual(allowed["s3:GetBucketAcl"]["Resource"], "<LogBucket.Arn>")
        self.assertEqual(allowed["s3:PutObject"]["Resource"], "<LogBucket.Arn>/AWSLogs/111122223333/*")
        acl = allowed["s3:PutObject"]["Condition"]["StringEquals"]["s3:x-amz-acl"]
        self.assertEqual(acl, "bucket-owner-full-control")

    def test_a_created_bucket_sends_its_events_and_is_what_the_rule_and_the_role_name(self):
        stack = created()
        notifications = stack.properties("LogBucket")["NotificationConfiguration"]
        self.assertEqual(notifications, {"EventBridgeConfiguration": {"EventBridgeEnabled": True}})
        self.assertEqual(stack.properties("DeliveryRule")["EventPattern"]["detail"]["bucket"]["name"], ["<LogBucket>"])
        self.assertEqual(statements(stack)["TellGoneFromDenied"]["Resource"], "arn:aws:s3:::<LogBucket>")
        self.assertEqual(statements(stack, "BackfillRole")["ListLogFiles"]["Resource"], "arn:aws:s3:::<LogBucket>")
        self.assertEqual(stack.properties("BackfillFunction")["Environment"]["Variables"]["LOG_BUCKET"], "<LogBucket>")
        self.assertEqual(stack.outputs["LogBucketName"], "<LogBucket>")

    def test_an_existing_bucket_is_left_as_it_is(self):
        stack = existing()
        for name in ["Trail", "LogBucket", "LogBucketPolicy"]:
            self.assertNotIn(name, stack.resources)
        self.assertNotIn("<LogBucket>", json.dumps(stack.resources))
        self.assertEqual(stack.properties("DeliveryRule")["EventPattern"]["detail"]["bucket"]["name"], ["logs-example"])
        self.assertEqual(statements(stack)["TellGoneFromDenied"]["Resource"], "arn:aws:s3:::logs-example")
        self.assertEqual(statements(stack, "BackfillRole")["ListLogFiles"]["Resource"], "arn:aws:s3:::logs-example")
        self.assertEqual(stack.properties("BackfillFunction")["Environment"]["Variables"]["LOG_BUCKET"], "logs-example")
        self.assertEqual(stack.outputs["LogBucketName"], "logs-example")

    def test_the_rule_matches_what_the_role_may_read_in_every_layout_of_a_bucket(self):
        stack = existing()
        [pattern] = stack.properties("DeliveryRule")["EventPattern"]["detail"]["object"]["key"]
        readable = [statements(stack, role)["ReadLogFiles"]["Resource"] for role in ["SignInRole", "BackfillRole"]]
        for key in LOG_FILES:
            self.assertTrue(fnmatch.fnmatchcase(key, pattern["wildcard"]), key)
            for by_role in readable:
                self.assertTrue(fnmatch.fnmatchcase(f"arn:aws:s3:::logs-example/{key}", by_role), key)
        for key in OTHERS:
            self.assertFalse(fnmatch.fnmatchcase(key, pattern["wildcard"]), key)


class Keys(unittest.TestCase):
    def test_without_keys_the_role_uses_none(self):
        for branch in [created, existing]:
            self.assertNotIn("kms:", json.dumps(branch().resources))

    def test_a_key_of_the_log_files_is_used_by_the_trail_and_decrypts_only_through_s3(self):
        stack = created(LogKeyArn=KEY)
        self.assertEqual(stack.properties("Trail")["KMSKeyId"], KEY)
        for stack in [stack, existing(LogKeyArn=KEY)]:
            for role in ["SignInRole", "BackfillRole"]:
                statement = statements(stack, role)["DecryptLogFiles"]
                self.assertEqual((statement["Action"], statement["Resource"]), ("kms:Decrypt", KEY))
                [through] = statement["Condition"]["StringLike"].values()
                self.assertTrue(fnmatch.fnmatchcase("s3.eu-central-1.amazonaws.com", through))
                self.assertFalse(fnmatch.fnmatchcase("sns.eu-central-1.amazonaws.com", through))
                self.assertNotIn("EncryptFindings", statements(stack, role))

    def test_a_key_of_the_topic_is_the_topics_and_encrypts_only_through_sns(self):
        self.assertEqual(existing().properties("FindingsTopic")["KmsMasterKeyId"], "alias/aws/sns")
        stack = existing(TopicKeyArn=KEY)
        self.assertEqual(stack.properties("FindingsTopic")["KmsMasterKeyId"], KEY)
        for role in FUNCTION_ROLES:
            statement = statements(stack, role)["EncryptFindings"]
            self.assertEqual((statement["Action"], statement["Resource"]), (["kms:Decrypt", "kms:GenerateDataKey"], KEY))
            [through] = statement["Condition"]["StringLike"].values()
            self.assertTrue(fnmatch.fnmatchcase("sns.eu-central-1.amazonaws.com", through))
            self.assertNotIn("DecryptLogFiles", statements(stack, role))


class Watched(unittest.TestCase):
    # Resources that change with another one, or whose changes have rules of their own.
    OTHERWISE = {
        "AWS::CloudTrail::Trail",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }

    # The name of a resource, if CloudFormation does not generate it.
    NAMES = {"AlarmName", "BucketName", "FunctionName", "LogGroupName", "Name", "QueueName", "RoleName", "StateMachineName", "TopicName"}

    def test_sign_in_knows_everything_that_the_stack_is_made_of(self):
        for name, branch in BRANCHES.items():
            stack = branch()
            own = own_resources(stack)
            self.assertEqual(own_resources(stack, "BackfillFunction"), own, name)

            def known(made):
                # As the function does: stack-LogicalId-random is of that stack.
                texts = [made.lower()]
                if of_stack := re.fullmatch("(.+)-[A-Za-z0-9]+-[A-Za-z0-9]{12,}", made):
                    texts.append(f"stack/{of_stack[1]}/".lower())
                return any(fnmatch.fnmatchcase(text, pattern.lower()) for text in texts for pattern in own)

            prefix = stack.values.get("AWS::StackName", "<AWS::StackName>")
            for resource, definition in stack.resources.items():
                if definition["Type"] in self.OTHERWISE:
                    continue
                named = [value for key, value in definition.get("Properties", {}).items() if key in self.NAMES]
                [made] = named or [f"{prefix}-{resource}-AbCd1234EfGh"]
                self.assertTrue(known(made), f"{name}: {made}")
                # Another stack may be called almost the same.
                other = made.removeprefix(prefix)
                self.assertNotEqual(other, made)
                self.assertFalse(known(f"{prefix}-test{other}"), f"{name}: {made}")

    def test_existing_resources_are_known_too_and_a_key_by_the_id_that_cloudtrail_names(self):
        key = KEY.rpartition("/")[2]
        for stack, named in [
            (created(), set()),
            (created(LogKeyArn=KEY), {key}),
            (existing(), {"logs-example"}),
            (existing(LogKeyArn=KEY, TopicKeyArn=KEY), {"logs-example", key}),
        ]:
            machine = stack.properties("BackfillStateMachine")["StateMachineName"]
            self.assertEqual({name for name in own_resources(stack) if "*" not in name}, {machine} | named)


class Notified(unittest.TestCase):
    def test_without_an_address_there_is_no_subscription(self):
        self.assertEqual(existing().of_type("AWS::SNS::Subscription"), {})

    def test_an_address_gets_findings_of_its_severity_and_above_and_all_about_iamwatch_itself(self):
        severities = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
        for least, severity in enumerate(severities):
            stack = existing(Email="a@example.com", EmailMinSeverity=severity)
            self.assertEqual(list(stack.of_type("AWS::SNS::Subscription")), ["EmailSubscription"])
            subscription = stack.properties("EmailSubscription")
            # SNS takes "$or" for an operator only above two or more objects without names of operators.
            either = [{"severity": severities[least:]}, {"rule": [{"prefix": "watch."}]}]
            self.assertEqual(subscription["FilterPolicy"], {"$or": either})
            self.assertEqual((subscription["TopicArn"], subscription["Endpoint"]), ("<FindingsTopic>", "a@example.com"))

    def test_the_operations_topic_shares_neither_key_nor_publisher_nor_filter_with_the_findings(self):
        stack = existing(TopicKeyArn=KEY, Email="a@example.com", OperationsEmail="b@example.com")
        self.assertNotIn("KmsMasterKeyId", stack.properties("OperationsTopic"))
        self.assertNotIn("FilterPolicy", stack.properties("OperationsEmailSubscription"))
        for role in stack.of_type("AWS::IAM::Role"):
            self.assertNotIn("<OperationsTopic>", json.dumps(stack.properties(role)))
        publish = [
            (statement["Principal"], statement["Condition"])
            for statement in stack.properties("OperationsTopicPolicy")["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        [(principal, condition)] = publish
        self.assertEqual(principal, {"Service": "cloudwatch.amazonaws.com"})
        self.assertEqual(condition["StringEquals"], {"aws:SourceAccount": "111122223333"})

    def test_every_alarm_notifies_the_operations_topic_and_is_about_a_resource_of_this_stack(self):
        stack = created()
        alarms = stack.of_type("AWS::CloudWatch::Alarm")
        watched = set()
        for name, alarm in alarms.items():
            properties = alarm["Properties"]
            self.assertEqual(properties["AlarmActions"], ["<OperationsTopic>"], name)
            [dimension] = properties["Dimensions"]
            logical = dimension["Value"].strip("<>").split(".")[0]
            self.assertIn(logical, stack.resources, name)
            watched.add((properties["Namespace"], properties["MetricName"], dimension["Name"], logical))
        self.assertEqual(
            watched,
            {
                ("AWS/Events", "FailedInvocations", "RuleName", "CredentialReportRule"),
                ("AWS/Events", "FailedInvocations", "RuleName", "DeliveryRule"),
                ("AWS/Events", "FailedInvocations", "RuleName", "SweepRule"),
                ("AWS/Lambda", "Errors", "FunctionName", "BackfillFunction"),
                ("AWS/Lambda", "Errors", "FunctionName", "CredentialReportFunction"),
                ("AWS/Lambda", "Errors", "FunctionName", "SignInFunction"),
                ("AWS/Lambda", "Throttles", "FunctionName", "BackfillFunction"),
                ("AWS/Lambda", "Throttles", "FunctionName", "CredentialReportFunction"),
                ("AWS/Lambda", "Throttles", "FunctionName", "SignInFunction"),
                ("AWS/SNS", "NumberOfNotificationsFailed", "TopicName", "FindingsTopic"),
                ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "DeliveryQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "CredentialReportDeadLetterQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "DeadLetterQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "RuleDeadLetterQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "SweepDeadLetterQueue"),
                ("AWS/States", "ExecutionsFailed", "StateMachineArn", "BackfillStateMachine"),
                ("AWS/States", "ExecutionsTimedOut", "StateMachineArn", "BackfillStateMachine"),
                ("iamwatch", "FailedPublishes", "FunctionName", "BackfillFunction"),
                ("iamwatch", "MailsHeldBack", "FunctionName", "BackfillFunction"),
                ("iamwatch", "StateFailures", "FunctionName", "BackfillFunction"),
                ("iamwatch", "Sweeps", "FunctionName", "BackfillFunction"),
                ("iamwatch", "AccountsLookedAt", "FunctionName", "CredentialReportFunction"),
                ("iamwatch", "FailedPublishes", "FunctionName", "CredentialReportFunction"),
                ("iamwatch", "FailedPublishes", "FunctionName", "SignInFunction"),
                ("iamwatch", "MailsHeldBack", "FunctionName", "SignInFunction"),
                ("iamwatch", "StateFailures", "FunctionName", "CredentialReportFunction"),
                ("iamwatch", "StateFailures", "FunctionName", "SignInFunction"),
            },
        )

    def test_missing_metrics_raise_only_the_alarms_about_a_day_without_checks(self):
        alarms = {name: alarm["Properties"] for name, alarm in created().of_type("AWS::CloudWatch::Alarm").items()}
        ringing = [name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"]
        self.assertEqual(sorted(ringing), ["CredentialReportMissedAlarm", "SweepMissedAlarm"])
        for name, alarm in alarms.items():
            if name not in ringing:
                self.assertEqual(alarm["ComparisonOperator"], "GreaterThanThreshold", name)
                continue
            comparison = (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"])
            self.assertEqual(comparison, ("Sum", "LessThanThreshold", 1), name)
            # CloudWatch looks further back than it evaluates, by periods.
            self.assertLessEqual(alarm["Period"], 3600, name)
            looked_back = alarm["Period"] * alarm["EvaluationPeriods"]
            self.assertTrue(24 * 3600 < looked_back <= 7 * 24 * 3600, f"{name}: {looked_back}")


class LeastPrivilege(unittest.TestCase):
    LOGS_QUEUE_STATE_AND_TOPIC = {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListBucket",
        "s3:PutObject",
        "sns:Publish",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }
    # Service Authorization Reference: actions without a resource type.
    ABOUT_NO_RESOURCE = {"iam:GenerateCredentialReport", "iam:GetCredentialReport", "organizations:ListAccounts"}

    def test_a_role_allows_the_calls_of_its_function_on_named_resources(self):
        for name, branch in BRANCHES.items():
            stack = branch()
            keys = {"kms:Decrypt", "kms:GenerateDataKey"} if "keys" in name else set()
            own = {"iam:GenerateCredentialReport", "iam:GetCredentialReport"}
            if "account" in name or "organisation" in name:
                own |= {"sts:AssumeRole"}
            if "organisation" in name:
                own |= {"organizations:ListAccounts"}
            for role, expected in [
                ("SignInRole", {"s3:GetObjectVersion"}),
                ("CredentialReportRole", own),
                ("BackfillRole", {"states:StartExecution"}),
            ]:
                self.assertNotIn("ManagedPolicyArns", stack.properties(role), name)
                actions = set()
                for statement in statements(stack, role).values():
                    self.assertEqual(statement["Effect"], "Allow")
                    allowed = set(listed(statement["Action"]))
                    if "*" in listed(statement["Resource"]):
                        self.assertLessEqual(allowed, self.ABOUT_NO_RESOURCE, statement["Sid"])
                    actions |= allowed
                self.assertEqual(actions, self.LOGS_QUEUE_STATE_AND_TOPIC | expected | keys, f"{name}: {role}")

    def test_a_function_uses_its_own_queue_and_log_and_no_other(self):
        for role, log, queue in [
            ("SignInRole", "SignInLogGroup", "DeliveryQueue"),
            ("CredentialReportRole", "CredentialReportLogGroup", "CredentialReportQueue"),
            ("BackfillRole", "BackfillLogGroup", "SweepQueue"),
        ]:
            for statement in statements(created(), role).values():
                for service, resource in [("logs:", f"<{log}.Arn>"), ("sqs:", f"<{queue}.Arn>")]:
                    if any(action.startswith(service) for action in listed(statement["Action"])):
                        self.assertEqual(statement["Resource"], resource, role)
            function = created().properties(role.replace("Role", "Function"))
            self.assertEqual(function["LoggingConfig"]["LogGroup"], f"<{log}>")

    def test_only_the_named_role_of_other_accounts_is_assumed_and_only_where_there_are_others(self):
        for watched, assumed, lists in [("", False, False), ("444455556666", True, False), ("file", True, False), ("organization", True, True)]:
            found = statements(existing(WatchedAccounts=watched, MemberRoleName="audit/x"), "CredentialReportRole")
            self.assertEqual("ReadReportsOfOthers" in found, assumed, watched)
            self.assertEqual("ListAccounts" in found, lists, watched)
            if assumed:
                self.assertEqual(found["ReadReportsOfOthers"]["Action"], "sts:AssumeRole")
                self.assertEqual(found["ReadReportsOfOthers"]["Resource"], "arn:aws:iam::*:role/audit/x")

    def test_sam_adds_no_role_and_no_permission_of_its_own(self):
        stack = created()
        self.assertEqual(set(stack.of_type("AWS::IAM::Role")), {*FUNCTION_ROLES, MACHINE_ROLE})
        self.assertEqual(stack.of_type("AWS::IAM::Policy"), {})
        self.assertEqual(stack.of_type("AWS::Lambda::Permission"), {})
        for function in ["SignIn", "CredentialReport", "Backfill"]:
            self.assertEqual(stack.properties(f"{function}Function")["Role"], f"<{function}Role.Arn>")

    def test_buckets_queues_and_topics_refuse_unencrypted_connections(self):
        def refuses(policies, names, subject):
            for policy in policies:
                if names(policy["Properties"]) != [f"<{subject}>"]:
                    continue
                for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                    if statement.get("Sid") == "TlsOnly":
                        self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"))
                        self.assertEqual(statement["Condition"], {"Bool": {"aws:SecureTransport": "false"}})
                        return True
            return False

        stack = created()
        for kind, policy, names in [
            ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", lambda policy: [policy["Bucket"]]),
            ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", lambda policy: policy["Queues"]),
            ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", lambda policy: policy["Topics"]),
        ]:
            subjects = stack.of_type(kind)
            self.assertTrue(subjects)
            for subject in subjects:
                self.assertTrue(refuses(stack.of_type(policy).values(), names, subject), subject)

    def test_only_the_rules_of_this_stack_send_to_the_queues_each_to_its_own(self):
        stack = created()
        senders = {}
        for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
            [queue] = policy["Properties"]["Queues"]
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    self.assertEqual(statement["Principal"], {"Service": "events.amazonaws.com"})
                    self.assertEqual(statement["Action"], "sqs:SendMessage")
                    self.assertEqual(statement["Resource"], queue.replace(">", ".Arn>"))
                    [(operator, keys)] = statement["Condition"].items()
                    [(key, rules)] = keys.items()
                    self.assertEqual((operator, key), ("ArnEquals", "aws:SourceArn"))
                    senders[queue] = listed(rules)
        self.assertEqual(
            senders,
            {
                "<DeliveryQueue>": ["<DeliveryRule.Arn>"],
                "<CredentialReportQueue>": ["<CredentialReportRule.Arn>"],
                "<SweepQueue>": ["<SweepRule.Arn>"],
                "<RuleDeadLetterQueue>": ["<DeliveryRule.Arn>", "<CredentialReportRule.Arn>", "<SweepRule.Arn>"],
            },
        )

    def test_stored_data_is_encrypted_private_and_versioned(self):
        stack = created()
        for name, bucket in stack.of_type("AWS::S3::Bucket").items():
            properties = bucket["Properties"]
            self.assertEqual(set(properties["PublicAccessBlockConfiguration"].values()), {True}, name)
            self.assertEqual(properties["VersioningConfiguration"], {"Status": "Enabled"}, name)
            self.assertIn("BucketEncryption", properties, name)
        for name, queue in stack.of_type("AWS::SQS::Queue").items():
            self.assertIs(queue["Properties"]["SqsManagedSseEnabled"], True, name)


class State(unittest.TestCase):
    """The state bucket: `allowed` by a function's role, `denied` by the bucket's policy."""

    ROLES = FUNCTION_ROLES
    OTHERS = ["arn:aws:iam::111122223333:role/admin", "arn:aws:iam::111122223333:root", None]
    WRITES = [
        "s3:DeleteObject",
        "s3:DeleteObjectTagging",
        "s3:DeleteObjectVersion",
        "s3:PutObject",
        "s3:PutObjectAcl",
        "s3:PutObjectRetention",
        "s3:PutObjectTagging",
        "s3:PutObjectVersionTagging",
        "s3:ReplicateDelete",
        "s3:ReplicateObject",
        "s3:RestoreObject",
        "s3:UpdateObjectEncryption",
    ]
    # What an administrator needs to fix, change or delete the bucket, and to read it.
    ADMINISTRATION = [
        ("s3:DeleteBucket", ""),
        ("s3:DeleteBucketPolicy", ""),
        ("s3:ListBucketVersions", ""),
        ("s3:PutBucketPolicy", ""),
        ("s3:PutLifecycleConfiguration", ""),
        ("s3:GetObject", "/cases/a.json"),
        ("s3:GetObjectVersion", "/quarantine/a.json"),
    ]

    @staticmethod
    def names(patterns, text):
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in listed(patterns))

    def allowed(self, role, action, key, stack):
        return any(
            action in listed(statement["Action"]) and self.names(statement["Resource"], f"<StateBucket.Arn>/{key}")
            for statement in statements(stack, role).values()
        )

    def denied(self, principal, action, path, stack):
        """By a statement about who calls; `principal` is its ARN, empty if the caller is anonymous or a service."""
        resource = f"<StateBucket.Arn>{path}"
        for statement in stack.properties("StateBucketPolicy")["PolicyDocument"]["Statement"]:
            if statement["Sid"] == "TlsOnly":
                continue
            self.assertEqual((statement["Effect"], statement["Principal"]), ("Deny", "*"), statement["Sid"])
            [(operator, keys)] = statement["Condition"].items()
            [(key, roles)] = keys.items()
            self.assertEqual(key, "aws:PrincipalArn")
            about = {"ArnEquals": principal in roles, "ArnNotEquals": principal not in roles}[operator]
            if "NotResource" in statement:
                about = about and not self.names(statement["NotResource"], resource)
            else:
                about = about and self.names(statement["Resource"], resource)
            if about and self.names(statement["Action"], action):
                return True
        return False

    def test_a_function_reads_and_writes_its_own_folders_and_deletes_markers_alone(self):
        sign_in, credential_report, backfill = self.ROLES
        for name, branch in BRANCHES.items():
            stack = branch()
            for key, read, written, roles in [
                ("cases/a.json", True, True, self.ROLES),
                ("budgets/a.json", True, True, self.ROLES),
                ("outbox/a.json", True, True, self.ROLES),
                ("overflow/a.json", False, True, self.ROLES),
                ("seen/a.json", True, True, self.ROLES),
                ("quarantine/a.json", False, True, self.ROLES),
                ("config/suppressions.toml", True, False, self.ROLES),
                ("config/other.toml", False, False, self.ROLES),
                ("told/a.json", False, False, self.ROLES),
                ("config/accounts.txt", False, False, [sign_in, backfill]),
                ("config/accounts.txt", True, False, [credential_report]),
                ("audits/credential-report.json", False, False, [sign_in, backfill]),
                ("audits/credential-report.json", True, True, [credential_report]),
                ("reports/111122223333/2026-04-01.csv.gz", False, False, [sign_in, backfill]),
                ("reports/111122223333/2026-04-01.csv.gz", True, True, [credential_report]),
                ("read/2026-04-01/a.json", False, True, [sign_in]),
                ("read/2026-04-01/a.json", False, False, [credential_report]),
                ("read/2026-04-01/a.json", True, True, [backfill]),
                ("sweep.json", False, False, [sign_in, credential_report]),
                ("sweep.json", True, True, [backfill]),
                ("backfills/a/run.json", False, False, [sign_in, credential_report]),
                ("backfills/a/1/parts/1.json.gz", True, True, [backfill]),
            ]:
                for role in roles:
                    case = f"{name}: {role}: {key}"
                    self.assertEqual(self.allowed(role, "s3:GetObject", key, stack), read, case)
                    self.assertEqual(self.allowed(role, "s3:PutObject", key, stack), written, case)
                    if written:
                        self.assertFalse(self.denied(f"<{role}.Arn>", "s3:PutObject", f"/{key}", stack), case)
            for role in self.ROLES:
                deleting = [of for of in statements(stack, role).values() if "s3:Delete" in json.dumps(of)]
                allowed = [(of["Sid"], of["Action"], of["Resource"]) for of in deleting]
                self.assertEqual(allowed, [("DeleteMarkers", "s3:DeleteObject", "<StateBucket.Arn>/outbox/*")], role)

    def test_a_function_may_list_what_it_reads_and_sees_a_missing_object_as_missing(self):
        for role in self.ROLES:
            found = statements(created(), role)
            statement = found["TellNewFromDenied"]
            self.assertEqual((statement["Action"], statement["Resource"]), ("s3:ListBucket", "<StateBucket.Arn>"))
            [(operator, condition)] = statement["Condition"].items()
            self.assertEqual(operator, "StringLikeIfExists", "S3 judges a GetObject without a prefix")
            for resource in found["ReadState"]["Resource"]:
                key = resource.removeprefix("<StateBucket.Arn>/")
                self.assertTrue(self.names(condition["s3:prefix"], key), key)

    def test_only_functions_write_the_notification_state_and_none_writes_suppressions(self):
        stack = created()
        owns = [f"<{role}.Arn>" for role in self.ROLES]
        for action in self.WRITES:
            for path in ["/cases/a.json", "/budgets/a", "/overflow/a", "/quarantine/a", "/seen/a", "/audits/a", "/reports/a/b", "/read/a/b", "/backfills/a", "/sweep.json", "/elsewhere"]:
                for principal in self.OTHERS:
                    self.assertTrue(self.denied(principal, action, path, stack), (principal, action, path))
                for own in owns:
                    self.assertFalse(self.denied(own, action, path, stack), (own, action, path))
            for path in ["/config/suppressions.toml", "/config/accounts.txt"]:
                for own in owns:
                    self.assertTrue(self.denied(own, action, path, stack), (own, action))
                for principal in self.OTHERS:
                    self.assertFalse(self.denied(principal, action, path, stack), (principal, action))

    def test_an_administrator_is_not_locked_out(self):
        stack = created()
        for action, path in self.ADMINISTRATION:
            for principal in self.OTHERS:
                self.assertFalse(self.denied(principal, action, path, stack), (principal, action))

    def test_every_function_is_in_both_statements(self):
        stack = created()
        roles = {function["Properties"]["Role"] for function in stack.of_type("AWS::Lambda::Function").values()}
        policy = stack.properties("StateBucketPolicy")["PolicyDocument"]["Statement"]
        by_sid = {statement["Sid"]: statement for statement in policy}
        self.assertEqual(set(by_sid), {"TlsOnly", "OnlyFunctionsWrite", "NoFunctionWritesWhatIsAccepted"})
        others, functions = by_sid["OnlyFunctionsWrite"], by_sid["NoFunctionWritesWhatIsAccepted"]
        self.assertEqual(set(others["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]), roles)
        self.assertEqual(set(functions["Condition"]["ArnEquals"]["aws:PrincipalArn"]), roles)
        self.assertEqual(others["Action"], functions["Action"])
        self.assertEqual(others["NotResource"], functions["Resource"])

    def test_state_expires_after_the_last_run_that_can_need_it(self):
        for days, kept in [("30", "1"), ("400", "3650")]:
            stack = existing(ToldDays=days, ReportRetentionDays=kept, BackfillRetentionDays=kept)
            rules = stack.properties("StateBucket")["LifecycleConfiguration"]["Rules"]
            expiring = {rule["Prefix"]: str(rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule}
            expected = {"cases/": days, "budgets/": "2", "outbox/": "30", "overflow/": "90", "quarantine/": "90", "read/": "14"}
            expected |= {"reports/": kept, "backfills/": kept}
            self.assertEqual(expiring, expected)
            [earlier] = [rule for rule in rules if "ExpirationInDays" not in rule]
            self.assertEqual(earlier["NoncurrentVersionExpiration"], {"NoncurrentDays": 30})
            self.assertNotIn("Prefix", earlier)
            self.assertEqual({rule["Status"] for rule in rules}, {"Enabled"})

    def test_a_case_outlives_every_delivery_that_waits_in_a_queue(self):
        least = template()["Parameters"]["ToldDays"]["MinValue"]
        for name, queue in created().of_type("AWS::SQS::Queue").items():
            self.assertGreater(least * 24 * 3600, queue["Properties"]["MessageRetentionPeriod"], name)


class Lifetimes(unittest.TestCase):
    def test_resources_with_data_are_retained_and_named_when_the_stack_is_removed(self):
        data = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Logs::LogGroup"}
        stack = created()
        for name, resource in stack.resources.items():
            if resource["Type"] in data:
                self.assertIn(resource.get("DeletionPolicy"), ["Retain", "RetainExceptOnCreate"], name)
                self.assertEqual(resource.get("UpdateReplacePolicy"), "Retain", name)
            else:
                self.assertNotIn("DeletionPolicy", resource, name)
        kept = {name for name, resource in stack.resources.items() if resource["Type"] in data - {"AWS::S3::BucketPolicy"}}
        self.assertEqual(set(RETAINED), kept)

    def test_messages_live_for_14_days_and_are_retried_for_hours(self):
        stack = created()
        for name, queue in stack.of_type("AWS::SQS::Queue").items():
            self.assertEqual(queue["Properties"]["MessageRetentionPeriod"], 14 * 24 * 3600, name)
        for queue, function, mapping in [
            ("DeliveryQueue", "SignInFunction", "SignInFunctionDeliveries"),
            ("CredentialReportQueue", "CredentialReportFunction", "CredentialReportFunctionAudits"),
            ("SweepQueue", "BackfillFunction", "BackfillFunctionSweeps"),
        ]:
            queue, function = stack.properties(queue), stack.properties(function)
            window = stack.properties(mapping).get("MaximumBatchingWindowInSeconds", 0)
            self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * function["Timeout"] + window)
            receives = queue["RedrivePolicy"]["maxReceiveCount"]
            self.assertGreaterEqual(receives * queue["VisibilityTimeout"], 2 * 3600)
            backed_off = sum(min(30 * 2**again, 900) for again in range(receives - 1))
            self.assertGreaterEqual(backed_off, 3 * 3600)

    def test_each_queue_has_its_own_dead_letter_queue(self):
        stack = created()
        dead = {name: queue["Properties"].get("RedrivePolicy", {}).get("deadLetterTargetArn") for name, queue in stack.of_type("AWS::SQS::Queue").items()}
        self.assertEqual(
            {name: target for name, target in dead.items() if target},
            {
                "DeliveryQueue": "<DeadLetterQueue.Arn>",
                "CredentialReportQueue": "<CredentialReportDeadLetterQueue.Arn>",
                "SweepQueue": "<SweepDeadLetterQueue.Arn>",
            },
        )
        for name, rule in stack.of_type("AWS::Events::Rule").items():
            [target] = rule["Properties"]["Targets"]
            self.assertEqual(target["DeadLetterConfig"], {"Arn": "<RuleDeadLetterQueue.Arn>"}, name)

    def test_the_schedule_sends_a_constant_message_to_the_queue_of_credential_report(self):
        rule = created(CredentialReportSchedule="cron(0 6 * * ? *)").properties("CredentialReportRule")
        self.assertEqual((rule["ScheduleExpression"], rule["State"]), ("cron(0 6 * * ? *)", "ENABLED"))
        self.assertNotIn("EventPattern", rule)
        [target] = rule["Targets"]
        self.assertEqual(target["Arn"], "<CredentialReportQueue.Arn>")
        self.assertEqual(json.loads(target["Input"]), {"audit": "credential-report"})

    def test_missed_deliveries_are_checked_every_night_and_backfills_even_if_that_is_off(self):
        rule = created().properties("SweepRule")
        self.assertEqual((rule["ScheduleExpression"], rule["State"]), ("cron(20 4 * * ? *)", "ENABLED"))
        self.assertNotIn("EventPattern", rule)
        [target] = rule["Targets"]
        self.assertEqual(target["Arn"], "<SweepQueue.Arn>")
        self.assertEqual(json.loads(target["Input"]), {"sweep": "log-files"})
        [target] = created(Sweep="false").properties("SweepRule")["Targets"]
        self.assertEqual(json.loads(target["Input"]), {"sweep": "backfills"})

    def test_the_queues_hand_failed_messages_back_one_by_one_and_bound_their_concurrency(self):
        stack = existing(MaximumConcurrency="7")
        for mapping, queue, batch, at_once in [
            ("SignInFunctionDeliveries", "DeliveryQueue", 20, "7"),
            ("CredentialReportFunctionAudits", "CredentialReportQueue", 1, 2),
            ("BackfillFunctionSweeps", "SweepQueue", 1, 2),
        ]:
            mapping = stack.properties(mapping)
            self.assertEqual(mapping["EventSourceArn"], f"<{queue}.Arn>")
            self.assertEqual(mapping["BatchSize"], batch)
            self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
            self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": at_once})
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            self.assertNotIn("ReservedConcurrentExecutions", function["Properties"], name)

    def test_two_stacks_fit_into_one_account_and_region(self):
        for name, branch in BRANCHES.items():
            for resource, definition in branch().resources.items():
                own = {
                    key
                    for key in definition["Properties"]
                    if key.endswith("Name") and key not in ("DisplayName", "MetricName", "FunctionName", "S3BucketName")
                    or key == "Name"
                }
                named = {"Trail": {"TrailName"}, "BackfillStateMachine": {"StateMachineName"}}
                self.assertEqual(own, named.get(resource, set()), f"{name}: {resource}")
        self.assertEqual(created().properties("Trail")["TrailName"], "watch-eu-central-1")
        self.assertEqual(created().properties("BackfillStateMachine")["StateMachineName"], "watch-backfill")


class Fleet(unittest.TestCase):
    """The state machine, its role and the function behind it."""

    ARN = "arn:aws:states:eu-central-1:111122223333:stateMachine:watch-backfill"

    def definition(self, **parameters):
        return json.loads(existing(**parameters).properties("BackfillStateMachine")["DefinitionString"])

    def test_each_part_has_its_own_invocation_and_the_digest_comes_last(self):
        definition = self.definition(BackfillMaximumConcurrency="7", BackfillToleratedFailurePercentage="3")
        states = definition["States"]
        scan = states["Scan"]
        self.assertEqual((definition["StartAt"], scan["Type"], scan["Next"]), ("Scan", "Map", "Digest"))
        self.assertEqual((scan["MaxConcurrency"], scan["ToleratedFailurePercentage"]), (7, 3))
        self.assertEqual(scan["ItemReader"]["Parameters"], {"Bucket": "<StateBucket>", "Key.$": "$.items"})
        self.assertEqual(scan["ItemReader"]["ReaderConfig"], {"InputType": "JSON"})
        self.assertEqual(scan["ItemProcessor"]["ProcessorConfig"]["Mode"], "DISTRIBUTED")
        [read] = scan["ItemProcessor"]["States"].values()
        self.assertEqual(read["Parameters"], {"FunctionName": "<BackfillFunction.Arn>", "Payload.$": "$"})
        self.assertIsNone(read["OutputPath"], "all answers together must fit into 256 KiB")
        self.assertIsNone(scan["ResultPath"])
        digest = states["Digest"]["Parameters"]
        payload = {"run.$": "$.run", "generation.$": "$.generation", "step": "digest"}
        self.assertEqual(digest, {"FunctionName": "<BackfillFunction.Arn>", "Payload": payload})

    def test_the_state_machine_waits_15_minutes_for_an_invocation(self):
        stack = existing()
        timeout = stack.properties("BackfillFunction")["Timeout"]
        machine = stack.properties("BackfillStateMachine")
        states = self.definition()["States"]
        parts = states["Scan"]["ItemProcessor"]
        # Step Functions ends an Express execution after five minutes.
        self.assertEqual((machine["StateMachineType"], parts["ProcessorConfig"]["ExecutionType"]), ("STANDARD", "STANDARD"))
        for task in [parts["States"]["Read"], states["Digest"]]:
            self.assertGreater(task["TimeoutSeconds"], timeout)
            for error in ["Lambda.TooManyRequestsException", "Sandbox.Timedout", "AwsError", "Runtime.ExitError"]:
                first = next(retry for retry in task["Retry"] if {error, "States.ALL"} & set(retry["ErrorEquals"]))
                self.assertGreaterEqual(first["MaxAttempts"], 3, error)
            for error in ["InputError", "SettingError"]:
                first = next(retry for retry in task["Retry"] if error in retry["ErrorEquals"])
                self.assertEqual(first["MaxAttempts"], 0, error)

    def test_the_state_machine_has_ended_before_the_function_starts_another(self):
        run = (ROOT / "shared/src/state/backfill/run.rs").read_text()
        [hours] = re.findall(r"const FLEET_TIME: TimeDelta = TimeDelta::hours\((\d+)\);", run)
        self.assertLess(self.definition()["TimeoutSeconds"], int(hours) * 3600)

    def test_a_failed_part_is_reported_and_an_unfinished_digest_continues(self):
        states = self.definition()["States"]
        [catch] = states["Scan"]["Catch"]
        self.assertEqual((catch["ErrorEquals"], catch["Next"], catch["ResultPath"]), (["States.ALL"], "Digest", None))
        self.assertNotIn("Catch", states["Digest"], "a failure would not be reported, so the execution must fail")
        [choice] = states[states["Digest"]["Next"]]["Choices"]
        self.assertEqual((choice["Variable"], choice["BooleanEquals"]), ("$.digest.finished", False))
        self.assertEqual(states[choice["Next"]]["Next"], "Digest")
        self.assertEqual(states[states["IsItFinished"]["Default"]]["Type"], "Succeed")

    def test_the_role_of_the_state_machine_allows_its_calls_only(self):
        stack = existing()
        found = {sid: (listed(one["Action"]), one["Resource"]) for sid, one in statements(stack, MACHINE_ROLE).items()}
        executions = self.ARN.replace(":stateMachine:", ":execution:") + "/*"
        self.assertEqual(
            found,
            {
                "ReadWhatIsToBeDone": (["s3:GetObject"], "<StateBucket.Arn>/backfills/*/items.json"),
                "HaveItDone": (["lambda:InvokeFunction"], "<BackfillFunction.Arn>"),
                "RunEachPart": (["states:StartExecution"], self.ARN),
                "WatchAndStopParts": (["states:DescribeExecution", "states:StopExecution"], executions),
            },
        )
        [trust] = stack.properties(MACHINE_ROLE)["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trust["Principal"], {"Service": "states.amazonaws.com"})
        self.assertEqual(trust["Condition"]["ArnLike"], {"aws:SourceArn": self.ARN})
        self.assertEqual(stack.properties("BackfillStateMachine")["RoleArn"], f"<{MACHINE_ROLE}.Arn>")

    def test_the_function_starts_this_state_machine_and_is_not_invoked_again_by_lambda(self):
        stack = existing()
        self.assertEqual(statements(stack, "BackfillRole")["HandOverToTheFleet"]["Resource"], self.ARN)
        self.assertEqual(stack.properties("BackfillFunction")["Environment"]["Variables"]["STATE_MACHINE_ARN"], self.ARN)
        name = stack.properties("BackfillStateMachine")["StateMachineName"]
        self.assertEqual(self.ARN.rpartition(":")[2], name)
        [asynchronous] = stack.of_type("AWS::Lambda::EventInvokeConfig").values()
        asynchronous = asynchronous["Properties"]
        self.assertEqual((asynchronous["FunctionName"], asynchronous["MaximumRetryAttempts"]), ("<BackfillFunction>", 0))
        self.assertLessEqual(asynchronous["MaximumEventAgeInSeconds"], 900)


class MemberRole(unittest.TestCase):
    """deploy/member-role.yaml, which goes into the other accounts."""

    PATH = "deploy/member-role.yaml"
    WATCHER = "arn:aws:iam::111122223333:role/iamwatch-CredentialReportRole-AbCd1234EfGh"

    def role(self, **parameters):
        return Stack(path=self.PATH, **{"WatcherRoleArn": self.WATCHER, **parameters}).properties("MemberRole")

    def test_the_member_role_reads_the_credential_report_only(self):
        role = self.role()
        self.assertNotIn("ManagedPolicyArns", role)
        [policy] = role["Policies"]
        [statement] = policy["PolicyDocument"]["Statement"]
        self.assertEqual(statement["Effect"], "Allow")
        self.assertEqual(statement["Action"], ["iam:GenerateCredentialReport", "iam:GetCredentialReport"])
        self.assertEqual(role["MaxSessionDuration"], 3600)

    def test_only_the_named_role_assumes_the_member_role(self):
        for watcher, parameters, condition in [
            (self.WATCHER, {}, {}),
            ("arn:aws:iam::111122223333:role/iamwatch-CredentialReportRole-*", {}, {}),
            (self.WATCHER, {"ExternalId": "example-1"}, {"StringEquals": {"sts:ExternalId": "example-1"}}),
        ]:
            role = self.role(WatcherRoleArn=watcher, **parameters)
            [statement] = role["AssumeRolePolicyDocument"]["Statement"]
            self.assertEqual((statement["Effect"], statement["Action"]), ("Allow", "sts:AssumeRole"))
            self.assertEqual(statement["Principal"], {"AWS": "arn:aws:iam::111122223333:root"})
            self.assertEqual(statement["Condition"], {"ArnLike": {"aws:PrincipalArn": watcher}, **condition})

    def test_the_member_role_has_the_name_that_iamwatch_assumes_by_default(self):
        own = statements(existing(WatchedAccounts="444455556666"), "CredentialReportRole")["ReadReportsOfOthers"]["Resource"]
        self.assertEqual(own, f"arn:aws:iam::*:role/{self.role()['RoleName']}")

    def test_the_member_role_trusts_the_role_in_the_outputs_of_iamwatch(self):
        self.assertEqual(created().outputs["CredentialReportRoleArn"], "<CredentialReportRole.Arn>")
        parameters = template(self.PATH)["Parameters"]
        for right in [self.WATCHER, "arn:aws-cn:iam::111122223333:role/a/path/x", self.WATCHER[:-12] + "*"]:
            self.assertRegex(right, parameters["WatcherRoleArn"]["AllowedPattern"])
        roles = "arn:aws:iam::111122223333:role/"
        for wrong in [
            "",
            "*",
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::*:role/x",
            self.WATCHER + "*",
            self.WATCHER[:-12] + "**",
            self.WATCHER[:-12] + "*x",
            *(roles + name for name in ["*", "iamwatch-*", "iamwatch-CredentialReportRole*", "*-CredentialReportRole-*", "-CredentialReportRole-*"]),
        ]:
            self.assertNotRegex(wrong, parameters["WatcherRoleArn"]["AllowedPattern"])
        self.assertNotIn("Default", parameters["WatcherRoleArn"])

    def test_a_stack_set_can_deploy_the_member_role_in_every_partition(self):
        self.assertNotIn("Transform", template(self.PATH))
        watcher = self.WATCHER.replace("arn:aws:", "arn:aws-us-gov:")
        stack = Stack(pseudo={"AWS::Partition": "aws-us-gov"}, path=self.PATH, WatcherRoleArn=watcher)
        self.assertEqual(set(re.findall(r"arn:(aws[a-z-]*):", json.dumps(stack.resources))), {"aws-us-gov"})


class Parameters(unittest.TestCase):
    def test_a_combination_that_cannot_work_is_refused_with_the_fix(self):
        for parameters, word in [
            ({}, None),
            ({"CreateTrail": "false", "LogBucketName": "logs-example"}, None),
            ({"Email": "a@example.com", "EmailMinSeverity": "HIGH"}, None),
            ({"CreateTrail": "true", "LogBucketName": "logs-example"}, "CreateTrail=false"),
            ({"CreateTrail": "false"}, "LogBucketName"),
            ({"EmailMinSeverity": "HIGH"}, "Set Email"),
        ]:
            refused = Stack(**parameters).refused()
            if word is None:
                self.assertEqual(refused, [], parameters)
            else:
                [why] = refused
                self.assertIn(word, why)

    def test_patterns_accept_valid_values_and_refuse_others(self):
        parameters = template()["Parameters"]
        for name, right, wrong in [
            ("LogBucketName", ["", "logs-example", "a.b-1"], ["s3://logs", "logs/prefix", "Logs", "ab", "-ab"]),
            ("LogKeyArn", ["", KEY, KEY.replace("arn:aws:", "arn:aws-us-gov:"), KEY.replace("key/", "key/mrk-")], ["1234abcd", "alias/logs", KEY.replace("key/", "alias/")]),
            ("Email", ["", "a@example.com", "o'neill+x@mail.example.com"], ["a", "a@b", "a@example.com,b@example.com", "a b@example.com"]),
            ("AccountNames", ["", "111122223333=prod", "111122223333=prod account, 444455556666 = x"], ["prod", "1111=prod", "111122223333=", "111122223333=a,"]),
            (
                "MailsPerHour",
                ["CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10,UNAUTHENTICATED=5", "LOW = 1000, HIGH=1 ,MEDIUM=9,CRITICAL=99, UNAUTHENTICATED=100 "],
                [
                    "",
                    "60",
                    "CRITICAL=60,HIGH=30,MEDIUM=15,LOW=10",
                    "CRITICAL=0,HIGH=30,MEDIUM=15,LOW=10,UNAUTHENTICATED=5",
                    "CRITICAL=1001,HIGH=30,MEDIUM=15,LOW=10,UNAUTHENTICATED=5",
                    "CRITICAL=60,HIGH=30,MEDIUM=15,INFORMATIONAL=10,UNAUTHENTICATED=5",
                ],
            ),
            *(
                (
                    name,
                    ["90", "1", "3650", "PEOPLE=90,MACHINES=365", " MACHINES = 365 , PEOPLE = 30 "],
                    ["", "0", "090", "10000", "ninety", "PEOPLE=90", "PEOPLE=90;MACHINES=90", "PEOPLE=90,ROBOTS=90"],
                )
                for name in ["AccessKeyMaxAgeDays", "CertificateMaxAgeDays", "IdleDays", "UnusedCredentialDays"]
            ),
            (
                "RemindDays",
                ["CRITICAL=1,HIGH=7,MEDIUM=30,LOW=90", "LOW=0, HIGH = 3650 ,MEDIUM=4,CRITICAL=2"],
                ["", "7", "CRITICAL=1,HIGH=7,MEDIUM=30", "CRITICAL=1,HIGH=7,MEDIUM=30,INFORMATIONAL=90", "CRITICAL=-1,HIGH=7,MEDIUM=30,LOW=90"],
            ),
            (
                "WatchedAccounts",
                ["", "organization", "file", "111122223333", "111122223333, 444455556666", " 111122223333 ,444455556666"],
                ["organisation", "files", "1111", "111122223333,", "111122223333 444455556666", "111122223333,file"],
            ),
            ("MemberRoleName", ["iamwatch-member", "audit/iamwatch-member", "a"], ["", "/x", "x/", "arn:aws:iam::111122223333:role/x", "*", "a" * 65]),
            ("MemberExternalId", ["", "ab", "example+=,.@:/_-9"], ["a", "a b", "a*"]),
            (
                "CredentialReportSchedule",
                ["rate(4 hours)", "rate(1 minute)", "rate(1 day)", "rate(24 hours)", "cron(0 6 * * ? *)", "cron(0/30 8-17 ? * MON-FRI *)"],
                ["", "4 hours", "rate(1 hours)", "rate(4 hour)", "rate(0 hours)", "rate(25 hours)", "rate(2 days)", "cron(0 6 * * *)", "at(2026-04-01T00:00:00)", "DISABLED"],
            ),
            ("AllowedSignInCidrs", ["", "192.0.2.0/24", "192.0.2.0/24, 2001:db8::/32,198.51.100.7"], ["office", "192.0.2.0/24;198.51.100.7", "192.0.2.0/"]),
        ]:
            pattern = parameters[name]["AllowedPattern"]
            for value in right:
                self.assertRegex(value, pattern, name)
            for value in wrong:
                self.assertNotRegex(value, pattern, name)
        self.assertEqual(parameters["LogKeyArn"]["AllowedPattern"], parameters["TopicKeyArn"]["AllowedPattern"])
        self.assertEqual(parameters["Email"]["AllowedPattern"], parameters["OperationsEmail"]["AllowedPattern"])

    def test_the_results_of_a_backfill_are_kept_while_it_can_be_resumed(self):
        self.assertGreaterEqual(template()["Parameters"]["BackfillRetentionDays"]["MinValue"], 7)

    def test_both_processors_can_be_deployed(self):
        for architecture in ["arm64", "x86_64"]:
            for name, function in existing(Architecture=architecture).of_type("AWS::Lambda::Function").items():
                self.assertEqual(function["Properties"]["Architectures"], [architecture], name)

    def test_each_function_has_memory_of_its_own(self):
        stack = existing(MemorySize="256", CredentialReportMemorySize="10240", BackfillMemorySize="2048")
        memory = {name: function["Properties"]["MemorySize"] for name, function in stack.of_type("AWS::Lambda::Function").items()}
        self.assertEqual(memory, {"SignInFunction": "256", "CredentialReportFunction": "10240", "BackfillFunction": "2048"})

    def test_the_longest_values_fit_into_the_environment_of_a_function(self):
        # Lambda measures the environment as JSON. Source: Lambda Developer Guide, "Lambda quotas".
        room = 4096
        parameters = template()["Parameters"]
        globals_, resources = template()["Globals"]["Function"], template()["Resources"].values()
        functions = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Serverless::Function"]
        values = {"CreateTrail": "false", "LogBucketName": "x" * 63, "LogKeyArn": KEY, "TopicKeyArn": KEY}
        for variables in [function["Environment"]["Variables"] for function in [globals_, *functions]]:
            for name in {value.get("Ref") for value in variables.values()} & set(parameters):
                parameter = parameters[name]
                ends = [*parameter.get("AllowedValues", []), "x" * parameter.get("MaxLength", 0), str(parameter.get("MaxValue", ""))]
                values[name] = max(ends, key=len)
                self.assertNotEqual(values[name], "", f"{name} has no end")
        # The state machine is called STACK-backfill, and a state machine's name has 80 characters at most.
        longest = "x" * (80 - len("-backfill"))
        stack = Stack(pseudo={"AWS::StackName": longest, "AWS::Region": "ap-southeast-1"}, **values)
        self.assertEqual(len(stack.properties("BackfillStateMachine")["StateMachineName"]), 80)
        for name, function in stack.of_type("AWS::Lambda::Function").items():
            variables = function["Properties"]["Environment"]["Variables"]
            variables |= {"STATE_BUCKET": "x" * 63, "TOPIC_ARN": f"arn:aws:sns:ap-southeast-1:111122223333:{longest}-FindingsTopic-AbCd1234EfGh"}
            length = len(json.dumps(variables, separators=(",", ":")))
            self.assertTrue(3000 < length <= room, f"{name}: {length}")

    def test_every_partition_gets_names_of_its_own(self):
        for partition in ["aws-cn", "aws-us-gov"]:
            for parameters in [{}, {"CreateTrail": "false", "LogBucketName": "logs-example"}]:
                stack = Stack(pseudo={"AWS::Partition": partition}, **parameters)
                arns = re.findall(r"arn:(aws[a-z-]*):", json.dumps([stack.resources, stack.outputs]))
                self.assertEqual(set(arns), {partition})


if __name__ == "__main__":
    unittest.main()
