"""What template.yaml says in each of its branches, also in those that no emulator deploys."""

import fnmatch
import json
import re
import sys
import unittest

from translated import ROOT, Stack, template

sys.path.insert(0, str(ROOT / "deploy"))
from kept import KEPT

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
}


def statements(stack):
    """The statements of the function's role, by Sid."""
    [policy] = stack.properties("SignInRole")["Policies"]
    return {statement["Sid"]: statement for statement in policy["PolicyDocument"]["Statement"]}


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
        self.assertEqual(stack.outputs["LogBucketName"], "<LogBucket>")

    def test_an_existing_bucket_is_left_as_it_is(self):
        stack = existing()
        for name in ["Trail", "LogBucket", "LogBucketPolicy"]:
            self.assertNotIn(name, stack.resources)
        self.assertNotIn("<LogBucket>", json.dumps(stack.resources))
        self.assertEqual(stack.properties("DeliveryRule")["EventPattern"]["detail"]["bucket"]["name"], ["logs-example"])
        self.assertEqual(statements(stack)["TellGoneFromDenied"]["Resource"], "arn:aws:s3:::logs-example")
        self.assertEqual(stack.outputs["LogBucketName"], "logs-example")

    def test_what_the_rule_takes_is_what_the_role_may_read_in_every_layout_of_a_bucket(self):
        stack = existing()
        [pattern] = stack.properties("DeliveryRule")["EventPattern"]["detail"]["object"]["key"]
        readable = statements(stack)["ReadLogFiles"]["Resource"]
        for key in LOG_FILES:
            self.assertTrue(fnmatch.fnmatchcase(key, pattern["wildcard"]), key)
            self.assertTrue(fnmatch.fnmatchcase(f"arn:aws:s3:::logs-example/{key}", readable), key)
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
            statement = statements(stack)["DecryptLogFiles"]
            self.assertEqual((statement["Action"], statement["Resource"]), ("kms:Decrypt", KEY))
            [through] = statement["Condition"]["StringLike"].values()
            self.assertTrue(fnmatch.fnmatchcase("s3.eu-central-1.amazonaws.com", through))
            self.assertFalse(fnmatch.fnmatchcase("sns.eu-central-1.amazonaws.com", through))
            self.assertNotIn("EncryptFindings", statements(stack))

    def test_a_key_of_the_topic_is_the_topics_and_encrypts_only_through_sns(self):
        self.assertEqual(existing().properties("FindingsTopic")["KmsMasterKeyId"], "alias/aws/sns")
        stack = existing(TopicKeyArn=KEY)
        self.assertEqual(stack.properties("FindingsTopic")["KmsMasterKeyId"], KEY)
        statement = statements(stack)["EncryptFindings"]
        self.assertEqual((statement["Action"], statement["Resource"]), (["kms:Decrypt", "kms:GenerateDataKey"], KEY))
        self.assertEqual(list(statement["Condition"]["StringLike"]), ["kms:ViaService"])
        self.assertNotIn("DecryptLogFiles", statements(stack))


class Watched(unittest.TestCase):
    # What is changed by way of another, or whose change is told by rules of its own.
    OTHERWISE = {
        "AWS::CloudTrail::Trail",
        "AWS::Lambda::EventSourceMapping",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Subscription",
        "AWS::SNS::TopicPolicy",
        "AWS::SQS::QueuePolicy",
    }

    def test_the_function_knows_everything_that_the_stack_is_made_of(self):
        for name, branch in BRANCHES.items():
            stack = branch()
            own = stack.properties("SignInFunction")["Environment"]["Variables"]["OWN_RESOURCES"].lower().split(",")
            prefix = stack.values.get("AWS::StackName", "<AWS::StackName>")
            for resource, definition in stack.resources.items():
                if definition["Type"] in self.OTHERWISE:
                    continue
                made = f"{prefix}-{resource}-AbCd1234EfGh".lower()
                self.assertTrue(any(fnmatch.fnmatchcase(made, pattern) for pattern in own), f"{name}: {made}")

    def test_what_was_there_before_is_named_too_a_key_by_the_id_that_cloudtrail_names(self):
        key = KEY.rpartition("/")[2]
        for stack, named in [
            (created(), set()),
            (created(LogKeyArn=KEY), {key}),
            (existing(), {"logs-example"}),
            (existing(LogKeyArn=KEY, TopicKeyArn=KEY), {"logs-example", key}),
        ]:
            own = stack.properties("SignInFunction")["Environment"]["Variables"]["OWN_RESOURCES"].split(",")
            self.assertEqual({name for name in own if "*" not in name}, named)


class Told(unittest.TestCase):
    def test_who_gives_no_address_is_subscribed_to_nothing(self):
        self.assertEqual(existing().of_type("AWS::SNS::Subscription"), {})

    def test_an_address_gets_findings_of_its_severity_and_above(self):
        severities = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]
        for least, severity in enumerate(severities):
            stack = existing(Email="a@example.com", EmailMinSeverity=severity)
            self.assertEqual(list(stack.of_type("AWS::SNS::Subscription")), ["EmailSubscription"])
            subscription = stack.properties("EmailSubscription")
            self.assertEqual(subscription["FilterPolicy"], {"severity": severities[least:]})
            self.assertEqual((subscription["TopicArn"], subscription["Endpoint"]), ("<FindingsTopic>", "a@example.com"))

    def test_the_operations_topic_shares_neither_key_nor_publisher_nor_filter_with_the_findings(self):
        stack = existing(TopicKeyArn=KEY, Email="a@example.com", OperationsEmail="b@example.com")
        self.assertNotIn("KmsMasterKeyId", stack.properties("OperationsTopic"))
        self.assertNotIn("FilterPolicy", stack.properties("OperationsEmailSubscription"))
        self.assertNotIn("<OperationsTopic>", json.dumps(stack.properties("SignInRole")))
        publish = [
            (statement["Principal"], statement["Condition"])
            for statement in stack.properties("OperationsTopicPolicy")["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow"
        ]
        [(principal, condition)] = publish
        self.assertEqual(principal, {"Service": "cloudwatch.amazonaws.com"})
        self.assertEqual(condition["StringEquals"], {"aws:SourceAccount": "111122223333"})

    def test_every_alarm_tells_the_operations_topic_and_is_about_something_of_this_stack(self):
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
                ("AWS/Events", "FailedInvocations", "RuleName", "DeliveryRule"),
                ("AWS/Lambda", "Errors", "FunctionName", "SignInFunction"),
                ("AWS/Lambda", "Throttles", "FunctionName", "SignInFunction"),
                ("AWS/SNS", "NumberOfNotificationsFailed", "TopicName", "FindingsTopic"),
                ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "DeliveryQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "DeadLetterQueue"),
                ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "RuleDeadLetterQueue"),
                ("iamwatch", "FailedPublishes", "FunctionName", "SignInFunction"),
                ("iamwatch", "StateFailures", "FunctionName", "SignInFunction"),
            },
        )


class LeastPrivilege(unittest.TestCase):
    def test_the_role_may_do_what_the_function_does_to_resources_that_it_names(self):
        for name, branch in BRANCHES.items():
            role = branch().properties("SignInRole")
            self.assertNotIn("ManagedPolicyArns", role, name)
            actions = set()
            for statement in statements(branch()).values():
                self.assertEqual(statement["Effect"], "Allow")
                self.assertNotIn("*", listed(statement["Resource"]), statement["Sid"])
                actions |= set(listed(statement["Action"]))
            expected = {
                "logs:CreateLogStream",
                "logs:PutLogEvents",
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:ListBucket",
                "s3:PutObject",
                "sns:Publish",
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            }
            keys = {"kms:Decrypt", "kms:GenerateDataKey"} if "keys" in name else set()
            self.assertEqual(actions, expected | keys, name)

    def test_sam_adds_no_role_and_no_permission_of_its_own(self):
        stack = created()
        self.assertEqual(list(stack.of_type("AWS::IAM::Role")), ["SignInRole"])
        self.assertEqual(stack.of_type("AWS::IAM::Policy"), {})
        self.assertEqual(stack.of_type("AWS::Lambda::Permission"), {})
        self.assertEqual(stack.properties("SignInFunction")["Role"], "<SignInRole.Arn>")

    def test_buckets_queues_and_topics_refuse_what_is_not_encrypted_on_its_way(self):
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

    def test_only_the_rule_of_this_stack_sends_to_the_queues(self):
        stack = created()
        for policy in stack.of_type("AWS::SQS::QueuePolicy").values():
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    self.assertEqual(statement["Principal"], {"Service": "events.amazonaws.com"})
                    self.assertEqual(statement["Action"], "sqs:SendMessage")
                    self.assertEqual(statement["Condition"], {"ArnEquals": {"aws:SourceArn": "<DeliveryRule.Arn>"}})

    def test_what_is_kept_is_encrypted_private_and_versioned(self):
        stack = created()
        for name, bucket in stack.of_type("AWS::S3::Bucket").items():
            properties = bucket["Properties"]
            self.assertEqual(set(properties["PublicAccessBlockConfiguration"].values()), {True}, name)
            self.assertEqual(properties["VersioningConfiguration"], {"Status": "Enabled"}, name)
            self.assertIn("BucketEncryption", properties, name)
        for name, queue in stack.of_type("AWS::SQS::Queue").items():
            self.assertIs(queue["Properties"]["SqsManagedSseEnabled"], True, name)


class State(unittest.TestCase):
    """The state bucket: `allowed` by the function's role, `denied` by the bucket's policy."""

    OWN = "<SignInRole.Arn>"
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
    # What an administrator needs in order to mend, change or delete the bucket, and to read it.
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

    def allowed(self, action, key, stack):
        return any(
            action in listed(statement["Action"]) and self.names(statement["Resource"], f"<StateBucket.Arn>/{key}")
            for statement in statements(stack).values()
        )

    def denied(self, principal, action, path, stack):
        """By a statement about who calls; `principal` is its ARN, nothing where the caller is anonymous or a service."""
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

    def test_the_function_reads_and_writes_its_own_folders_and_deletes_nothing(self):
        for name, branch in BRANCHES.items():
            stack = branch()
            for key, read, written in [
                ("cases/a.json", True, True),
                ("budgets/a.json", True, True),
                ("overflow/a.json", False, True),
                ("seen/a.json", True, True),
                ("quarantine/a.json", False, True),
                ("config/suppressions.toml", True, False),
                ("config/other.toml", False, False),
                ("told/a.json", False, False),
            ]:
                self.assertEqual(self.allowed("s3:GetObject", key, stack), read, f"{name}: {key}")
                self.assertEqual(self.allowed("s3:PutObject", key, stack), written, f"{name}: {key}")
                if written:
                    self.assertFalse(self.denied(self.OWN, "s3:PutObject", f"/{key}", stack), f"{name}: {key}")
            self.assertNotIn("s3:Delete", json.dumps(stack.properties("SignInRole")))

    def test_the_function_is_told_what_is_not_there_wherever_it_reads(self):
        statement = statements(created())["TellNewFromDenied"]
        self.assertEqual((statement["Action"], statement["Resource"]), ("s3:ListBucket", "<StateBucket.Arn>"))
        [(operator, condition)] = statement["Condition"].items()
        self.assertEqual(operator, "StringLikeIfExists", "S3 judges a GetObject without a prefix")
        for resource in statements(created())["ReadState"]["Resource"]:
            key = resource.removeprefix("<StateBucket.Arn>/")
            self.assertTrue(self.names(condition["s3:prefix"], key), key)

    def test_nobody_but_functions_writes_what_was_told_and_no_function_what_is_accepted(self):
        stack = created()
        for action in self.WRITES:
            for path in ["/cases/a.json", "/budgets/a", "/overflow/a", "/quarantine/a", "/seen/a", "/elsewhere"]:
                for principal in self.OTHERS:
                    self.assertTrue(self.denied(principal, action, path, stack), (principal, action, path))
                self.assertFalse(self.denied(self.OWN, action, path, stack), (action, path))
            path = "/config/suppressions.toml"
            self.assertTrue(self.denied(self.OWN, action, path, stack), action)
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

    def test_what_is_remembered_expires_when_nobody_can_ask_for_it_any_more(self):
        for days in ["30", "400"]:
            stack = existing(ToldDays=days)
            rules = stack.properties("StateBucket")["LifecycleConfiguration"]["Rules"]
            expiring = {rule["Prefix"]: str(rule["ExpirationInDays"]) for rule in rules if "ExpirationInDays" in rule}
            self.assertEqual(expiring, {"cases/": days, "budgets/": "2", "overflow/": "90", "quarantine/": "90"})
            [earlier] = [rule for rule in rules if "ExpirationInDays" not in rule]
            self.assertEqual(earlier["NoncurrentVersionExpiration"], {"NoncurrentDays": 30})
            self.assertNotIn("Prefix", earlier)
            self.assertEqual({rule["Status"] for rule in rules}, {"Enabled"})

    def test_a_case_outlives_every_delivery_that_waits_in_a_queue(self):
        least = template()["Parameters"]["ToldDays"]["MinValue"]
        for name, queue in created().of_type("AWS::SQS::Queue").items():
            self.assertGreater(least * 24 * 3600, queue["Properties"]["MessageRetentionPeriod"], name)


class Lifetimes(unittest.TestCase):
    def test_what_holds_data_outlives_the_stack_and_is_named_when_it_is_removed(self):
        data = {"AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Logs::LogGroup"}
        stack = created()
        for name, resource in stack.resources.items():
            if resource["Type"] in data:
                self.assertIn(resource.get("DeletionPolicy"), ["Retain", "RetainExceptOnCreate"], name)
                self.assertEqual(resource.get("UpdateReplacePolicy"), "Retain", name)
            else:
                self.assertNotIn("DeletionPolicy", resource, name)
        kept = {name for name, resource in stack.resources.items() if resource["Type"] in data - {"AWS::S3::BucketPolicy"}}
        self.assertEqual(set(KEPT), kept)

    def test_messages_live_for_14_days_and_are_given_up_after_hours(self):
        stack = created()
        for name, queue in stack.of_type("AWS::SQS::Queue").items():
            self.assertEqual(queue["Properties"]["MessageRetentionPeriod"], 14 * 24 * 3600, name)
        queue, function = stack.properties("DeliveryQueue"), stack.properties("SignInFunction")
        window = stack.properties("SignInFunctionDeliveries")["MaximumBatchingWindowInSeconds"]
        self.assertGreaterEqual(queue["VisibilityTimeout"], 6 * function["Timeout"] + window)
        receives = queue["RedrivePolicy"]["maxReceiveCount"]
        self.assertGreaterEqual(receives * queue["VisibilityTimeout"], 2 * 3600)
        backed_off = sum(min(30 * 2**again, 900) for again in range(receives - 1))
        self.assertGreaterEqual(backed_off, 3 * 3600)

    def test_the_queue_hands_failed_messages_back_one_by_one_and_bounds_its_concurrency(self):
        mapping = existing(MaximumConcurrency="7").properties("SignInFunctionDeliveries")
        self.assertEqual(mapping["EventSourceArn"], "<DeliveryQueue.Arn>")
        self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])
        self.assertEqual(mapping["ScalingConfig"], {"MaximumConcurrency": "7"})
        self.assertNotIn("ReservedConcurrentExecutions", existing().properties("SignInFunction"))

    def test_two_stacks_fit_into_one_account_and_region(self):
        for name, branch in BRANCHES.items():
            for resource, definition in branch().resources.items():
                own = {
                    key
                    for key in definition["Properties"]
                    if key.endswith("Name") and key not in ("DisplayName", "MetricName", "FunctionName", "S3BucketName")
                    or key == "Name"
                }
                self.assertEqual(own, {"TrailName"} if resource == "Trail" else set(), f"{name}: {resource}")
        self.assertEqual(created().properties("Trail")["TrailName"], "watch-eu-central-1")


class Parameters(unittest.TestCase):
    def test_what_cannot_work_is_refused_with_what_would(self):
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

    def test_patterns_take_what_is_right_and_refuse_what_is_not(self):
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
            ("AllowedSignInCidrs", ["", "192.0.2.0/24", "192.0.2.0/24, 2001:db8::/32,198.51.100.7"], ["office", "192.0.2.0/24;198.51.100.7", "192.0.2.0/"]),
        ]:
            pattern = parameters[name]["AllowedPattern"]
            for value in right:
                self.assertRegex(value, pattern, name)
            for value in wrong:
                self.assertNotRegex(value, pattern, name)
        self.assertEqual(parameters["LogKeyArn"]["AllowedPattern"], parameters["TopicKeyArn"]["AllowedPattern"])
        self.assertEqual(parameters["Email"]["AllowedPattern"], parameters["OperationsEmail"]["AllowedPattern"])

    def test_both_processors_can_be_deployed(self):
        for architecture in ["arm64", "x86_64"]:
            self.assertEqual(existing(Architecture=architecture).properties("SignInFunction")["Architectures"], [architecture])

    def test_every_partition_gets_names_of_its_own(self):
        for partition in ["aws-cn", "aws-us-gov"]:
            for parameters in [{}, {"CreateTrail": "false", "LogBucketName": "logs-example"}]:
                stack = Stack(pseudo={"AWS::Partition": partition}, **parameters)
                arns = re.findall(r"arn:(aws[a-z-]*):", json.dumps([stack.resources, stack.outputs]))
                self.assertEqual(set(arns), {partition})


if __name__ == "__main__":
    unittest.main()
