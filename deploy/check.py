"""Checks whether a deployed stack works, from the bucket to the mailbox: make check STACK=name

It invokes the functions where possible, because only that proves what their roles and the keys allow. Each publishes
one mail, marked TEST, and nothing is changed. Exit 0: all is well. Exit 1: the lines marked "problem".
"""

import datetime
import json
import sys

import botocore.exceptions

from aws import INVOKE, Aws, code, denied, run, sentence

# The names of a function's resources in the outputs, and in template.yaml.
SIGN_IN = {
    "function": "SignInFunctionName",
    "log": "SignInLogGroupName",
    "queue": "QueueUrl",
    "role": "SignInRole",
}
CREDENTIAL_REPORT = {
    "function": "CredentialReportFunctionName",
    "log": "CredentialReportLogGroupName",
    "queue": "CredentialReportQueueUrl",
    "role": "CredentialReportRole",
}
BACKFILL = {
    "function": "BackfillFunctionName",
    "log": "BackfillLogGroupName",
    "queue": "SweepQueueUrl",
    "role": "BackfillRole",
}

# How many of the accounts that could not be checked are named.
MOST_NAMED = 20

# An organisation's bucket has folders for every account and Region; this is enough to find one log file of today.
MOST_LISTINGS = 120


class Report:
    """Lines for a person, and how many of them are problems."""

    def __init__(self):
        self.problems = 0
        # Whether no log file was found in the bucket.
        self.may_be_empty = False

    def ok(self, text):
        """Prints a check that passed."""
        print(f"ok       {text}")

    def problem(self, text, advice):
        """Prints a check that failed, and what to do about it."""
        self.problems += 1
        print(f"problem  {text}\n         -> {advice}")


def stack_status(report, aws, stack):
    """Checks the status of the stack; returns its outputs, which name all other resources."""
    status, outputs = aws.outputs(stack)
    if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        report.ok(f"stack {stack} in {aws.region} of account {aws.account} is {status}")
    else:
        report.problem(
            f"stack {stack} is {status}",
            f"the events of the stack say why: aws cloudformation describe-stack-events --stack-name {stack}",
        )
    return outputs


def bucket_sends(report, aws, outputs):
    """Whether the bucket of log files sends its events to EventBridge."""
    bucket = outputs["LogBucketName"]
    configuration = aws.client("s3").get_bucket_notification_configuration(
        Bucket=bucket, ExpectedBucketOwner=aws.account
    )
    if "EventBridgeConfiguration" in configuration:
        report.ok(f"bucket {bucket} sends its events to EventBridge")
    else:
        report.problem(f"bucket {bucket} does not send its events to EventBridge", f"make attach BUCKET={bucket}")


def rule_enabled(report, aws, rule, url, does):
    """Whether a rule is on and has the queue as its target; `does` is its purpose."""
    events, queue = aws.client("events"), queue_arn(aws, url)
    described = events.describe_rule(Name=rule)
    when = f", {described['ScheduleExpression']}" if described.get("ScheduleExpression") else ""
    if described["State"] != "ENABLED":
        report.problem(f"rule {rule} is disabled", f"aws events enable-rule --name {rule}")
    elif queue not in [target["Arn"] for target in events.list_targets_by_rule(Rule=rule)["Targets"]]:
        report.problem(f"rule {rule} has lost its target, the queue", "deploy again: make deploy")
    else:
        report.ok(f"rule {rule} is enabled and {does}{when}")


def queue_arn(aws, url):
    """The ARN of a queue."""
    asked = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return asked["Attributes"]["QueueArn"]


def function_fed(report, aws, outputs, names):
    """Whether the queue invokes the function."""
    function, queue = outputs[names["function"]], queue_arn(aws, outputs[names["queue"]])
    pages = aws.client("lambda").get_paginator("list_event_source_mappings").paginate(FunctionName=function)
    mappings = [mapping for page in pages for mapping in page["EventSourceMappings"]]
    ours = [mapping for mapping in mappings if mapping["EventSourceArn"] == queue]
    if not ours:
        report.problem(f"the queue does not invoke {function}", "deploy again: make deploy")
    for mapping in ours:
        result = mapping.get("LastProcessingResult", "")
        if mapping["State"] not in ("Enabled", "Enabling", "Creating", "Updating"):
            report.problem(
                f"the event source of {function} is {mapping['State']}: {mapping.get('StateTransitionReason', '')}",
                f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled",
            )
        elif result.startswith("PROBLEM"):
            report.problem(
                f"Lambda cannot take from the queue of {function}: {result}",
                f"compare the role {names['role']} with template.yaml",
            )
        else:
            report.ok(f"the queue invokes {function}")


def counted(number, one, more):
    """A number and its noun."""
    return f"1 {one}" if number == 1 else f"{number} {more}"


def queues_empty(report, aws, outputs):
    """Messages in the queues, and dead letters."""
    sqs = aws.client("sqs")

    def count(url, *names):
        asked = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        return sum(int(asked["Attributes"][name]) for name in names)

    def redrive(names, url):
        source = queue_arn(aws, url)
        return (
            f"read the cause in {outputs[names['log']]}, fix it, then redrive them: "
            f"aws sqs start-message-move-task --source-arn {source}"
        )

    for names, one, more in [
        (SIGN_IN, "delivery", "deliveries"),
        (CREDENTIAL_REPORT, "run", "runs"),
        (BACKFILL, "check for missed deliveries", "checks for missed deliveries"),
    ]:
        url = outputs[names["queue"]]
        waiting = count(url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        report.ok(f"in the queue of {outputs[names['function']]}, or in progress: {counted(waiting, one, more)}")
    for url, one, more, whose, advice in [
        (
            outputs["DeadLetterQueueUrl"],
            "delivery",
            "deliveries",
            "that sign-in could not read",
            lambda url: redrive(SIGN_IN, url),
        ),
        (
            outputs["CredentialReportDeadLetterQueueUrl"],
            "run",
            "runs",
            "that credential-report could not finish",
            lambda url: redrive(CREDENTIAL_REPORT, url),
        ),
        (
            outputs["SweepDeadLetterQueueUrl"],
            "check for missed deliveries",
            "checks for missed deliveries",
            "that backfill could not finish",
            lambda url: redrive(BACKFILL, url),
        ),
        (
            outputs["RuleDeadLetterQueueUrl"],
            "message",
            "messages",
            "that EventBridge could not put into a queue",
            lambda url: (
                "the messages' attributes RULE_ARN, ERROR_CODE and ERROR_MESSAGE say why: "
                f"aws sqs receive-message --queue-url {url} --message-attribute-names All"
            ),
        ),
    ]:
        dead = count(url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        if dead:
            report.problem(f"dead letters: {counted(dead, one, more)} {whose}", advice(url))
        else:
            report.ok(f"there is no {one} {whose}")


def subscribed(report, aws, topic, what, parameter):
    """Which subscriptions a topic has, and which are pending."""
    pages = aws.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    confirmed = 0
    for subscription in (subscription for page in pages for subscription in page["Subscriptions"]):
        who = f"{subscription['Protocol']} {subscription['Endpoint']}"
        if subscription["SubscriptionArn"] == "PendingConfirmation":
            report.problem(
                f"{who} gets no {what} yet: its subscription is pending",
                "click the link in the mail from AWS Notifications; to get the mail again: aws sns subscribe --topic-arn "
                f"{topic} --protocol {subscription['Protocol']} --notification-endpoint {subscription['Endpoint']}",
            )
        elif subscription["SubscriptionArn"].startswith("arn:"):
            confirmed += 1
            report.ok(f"{who} gets the {what}")
    if confirmed == 0:
        report.problem(
            f"no address gets the {what}",
            f"make deploy STACK=... PARAMETERS={parameter}=you@example.com, and click the link in the mail. If {parameter} is set "
            f"already, Unsubscribe was clicked in a mail: deploy without it first (PARAMETERS='{parameter}=\"\" EmailMinSeverity=LOW')",
        )


def invoked(aws, function, payload):
    """Invokes a function: its answer, or its error."""
    answer = aws.client("lambda", INVOKE).invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    said = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        said = said if isinstance(said, dict) else {}
        return None, f"{said.get('errorType', answer['FunctionError'])}: {said.get('errorMessage', 'no reason given')}"
    return said, None


def advice_for(error, otherwise):
    """What to do about an error of a function."""
    if error.startswith("SettingError"):
        return "deploy again with a valid value: make deploy STACK=... PARAMETERS=..."
    return otherwise


def mail_published(report, aws, function):
    """Whether a function can publish: its role, the topic, the topic's key."""
    said, error = invoked(aws, function, {"test_mail": True})
    if error:
        report.problem(
            f"{function} could not publish a test mail: {error}",
            advice_for(error, "with a TopicKeyArn, check whether the key is enabled and its policy lets this account's roles use it"),
        )
        return
    mail = (said or {}).get("test_mail", {})
    report.ok(f'{function} published a mail "{mail.get("subject")}" ({mail.get("message_id")}): it should arrive within a minute')


class Listing:
    """Folders and objects of a bucket, up to a number of requests."""

    def __init__(self, s3, bucket, account):
        self.s3, self.whose, self.left = s3, {"Bucket": bucket, "ExpectedBucketOwner": account}, MOST_LISTINGS

    def page(self, prefix, **more):
        """One page, or an empty one once there were too many requests."""
        if self.left == 0:
            return {}
        self.left -= 1
        return self.s3.list_objects_v2(**self.whose, Prefix=prefix, Delimiter="/", **more)

    def folders(self, prefix):
        """The folders right under a prefix."""
        return [found["Prefix"] for found in self.page(prefix).get("CommonPrefixes", [])]

    def newest(self, prefix):
        """The newest object right under a prefix: names sort by the time of delivery."""
        newest, more = None, {}
        while True:
            page = self.page(prefix, **more)
            found = [item for item in page.get("Contents", []) if item["Key"].endswith(".json.gz")]
            newest = max([*found, *([newest] if newest else [])], key=lambda item: item["LastModified"], default=None)
            if not page.get("IsTruncated"):
                return newest
            more = {"ContinuationToken": page["NextContinuationToken"]}


def account_folders(listing, prefix="", depth=4):
    """The folders of accounts, `[prefix/]AWSLogs/[o-organisation/]account/`, wherever the trails' prefixes put them."""
    for folder in listing.folders(prefix):
        name = folder.rstrip("/").rpartition("/")[2]
        if "AWSLogs" in folder.split("/"):
            if name.isdigit() and len(name) == 12:
                yield folder
            elif name == "AWSLogs" or name.startswith("o-"):
                yield from account_folders(listing, folder, depth)
        elif depth > 0:
            yield from account_folders(listing, folder, depth - 1)


def newest_log_file(aws, bucket, now):
    """A log file that was delivered today or yesterday: the newest of the first account that has one."""
    listing = Listing(aws.client("s3"), bucket, aws.account)
    days = [now, now - datetime.timedelta(days=1)]
    for account in account_folders(listing):
        regions = listing.folders(f"{account}CloudTrail/")
        # There may be more folders than requests: the most likely first.
        regions.sort(key=lambda region: (not region.endswith(f"/{aws.region}/"), not region.endswith("/us-east-1/"), region))
        for day in days:
            found = [listing.newest(f"{region}{day:%Y/%m/%d}/") for region in regions]
            found = [item for item in found if item]
            if found:
                return max(found, key=lambda item: item["LastModified"])
    return None


def log_file_read(report, aws, outputs):
    """Whether sign-in can read what CloudTrail delivers: its role, the bucket's policy, the key of the log files."""
    bucket = outputs["LogBucketName"]
    newest = newest_log_file(aws, bucket, datetime.datetime.now(datetime.timezone.utc))
    if newest is None:
        report.may_be_empty = True
        report.problem(
            f"bucket {bucket} has no log file of today or yesterday",
            "a new trail delivers its first within a quarter of an hour; otherwise check whether the trail is logging, and "
            "to this bucket: aws cloudtrail describe-trails",
        )
        return
    name = f"s3://{bucket}/{newest['Key']}"
    request = {"objects": [{"bucket": bucket, "key": newest["Key"]}], "notify": False}
    said, error = invoked(aws, outputs["SignInFunctionName"], request)
    failed = (said or {}).get("failed") or []
    if error or failed:
        why = error or "; ".join(str(entry.get("error")) for entry in failed)
        report.problem(
            f"sign-in could not read {name}: {why}",
            advice_for(
                why,
                "log files encrypted with a KMS key need LogKeyArn, and a key policy that lets this account's roles decrypt; "
                "else look for a Deny in the bucket's policy",
            ),
        )
    elif not (said or {}).get("log_files"):
        report.problem(f"sign-in did not recognise {name} as a log file", "report this: it answered " + json.dumps(said))
    elif said.get("unreadable") or said.get("unreadable_log_files"):
        report.problem(
            f"sign-in could read only a part of {name}", f"its log says what: {outputs['SignInLogGroupName']}"
        )
    else:
        report.ok(f"sign-in can read log files, and read {said.get('records')} records of {name}")


def missed_deliveries_enabled(report, aws, outputs):
    """Whether the schedule checks for missed deliveries every night."""
    rule_enabled(report, aws, outputs["SweepRuleName"], outputs["SweepQueueUrl"], "checks for missed deliveries")


def log_files_listed(report, aws, outputs):
    """Whether backfill can list what CloudTrail delivered: its role, the bucket's policy."""
    function = outputs["BackfillFunctionName"]
    if report.may_be_empty:
        # It refuses an empty bucket, and that would raise its alarm.
        report.ok(f"whether {function} can list log files is not known until there is one of today or yesterday")
        return
    today = f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"
    said, error = invoked(aws, function, {"from": today, "to": today, "dry_run": True})
    error = error or (said or {}).get("not_done")
    if error:
        report.problem(
            f"{function} could not list the log files of {outputs['LogBucketName']}: {error}",
            advice_for(error, "look for a Deny in the bucket's policy"),
        )
        return
    estimate = (said or {}).get("estimate") or {}
    found = counted(estimate.get("log_files", 0), "log file", "log files")
    report.ok(f"{function} can list log files, and found {found} around today")


def reports_read(report, aws, outputs):
    """Whether credential-report can read the reports of all accounts: its role, theirs, the state bucket."""
    function, log = outputs["CredentialReportFunctionName"], outputs["CredentialReportLogGroupName"]
    said, error = invoked(aws, function, {"accounts": [], "notify": False})
    if error:
        report.problem(
            f"{function} could not check the credential reports: {error}",
            advice_for(error, f"its log says more: {log}; compare the role CredentialReportRole with template.yaml"),
        )
        return
    said = said or {}
    failed, to_do, not_done = said.get("failed") or [], said.get("to_do") or [], said.get("not_done")
    if not_done:
        report.problem(f"{function} could not finish: {not_done}", advice_for_undone(not_done, outputs))
    for entry in failed[:MOST_NAMED]:
        report.problem(
            f"{function} could not read the credential report of {entry.get('account')}: {entry.get('error')}",
            "in another account the role of deploy/member-role.yaml must be there, with the name that MemberRoleName says, for the "
            f"role {outputs['CredentialReportRoleArn']}; else look for a policy of the organisation that denies it",
        )
    if failed[MOST_NAMED:]:
        report.problem(
            f"{function} could not read those of {counted(len(failed[MOST_NAMED:]), 'more account', 'more accounts')}",
            f"its log says which: {log}",
        )
    if to_do:
        more = f" and {len(to_do[MOST_NAMED:])} more" if to_do[MOST_NAMED:] else ""
        report.ok(
            f"there was no time for {counted(len(to_do), 'account', 'accounts')} ({', '.join(to_do[:MOST_NAMED])}{more}); "
            "the scheduled runs have more time"
        )
    if said.get("accounts"):
        accounts, users = counted(said["accounts"], "account", "accounts"), counted(said.get("users"), "user", "users")
        report.ok(f"{function} can read credential reports, and read those of {accounts} with {users}")
    elif to_do and not failed and not not_done:
        report.problem(f"{function} had no time to check any credential report", f"try again; else its log says more: {log}")
    elif not failed and not not_done:
        report.problem(f"{function} checked no credential report", "report this: it answered " + json.dumps(said))


def advice_for_undone(why, outputs):
    """What to do if credential-report does not know which accounts are watched, or could not finish."""
    if "tried again" in why:
        return "try again in some minutes: make check"
    if "config/accounts.txt" in why and "s3:GetObject" not in why:
        return (
            "the file must exist and list account ids of 12 digits, one per line: "
            f"aws s3 cp accounts.txt s3://{outputs['StateBucketName']}/config/accounts.txt"
        )
    if "organizations:ListAccounts" in why:
        return (
            "WatchedAccounts=organization needs the organisation's management account or a delegated administrator's; elsewhere "
            "list the accounts: make deploy STACK=... PARAMETERS=\"WatchedAccounts=444455556666,...\""
        )
    return f"its log says more: {outputs['CredentialReportLogGroupName']}; compare the role CredentialReportRole with template.yaml"


def main(stack):
    """Makes every check; one that cannot be made is a problem, and does not stop the others."""
    aws, report = Aws(), Report()
    outputs = stack_status(report, aws, stack)
    for what, check in [
        ("the bucket", lambda: bucket_sends(report, aws, outputs)),
        (
            "the rule",
            lambda: rule_enabled(report, aws, outputs["RuleName"], outputs["QueueUrl"], "brings deliveries to the queue"),
        ),
        (
            "the schedule",
            lambda: rule_enabled(
                report,
                aws,
                outputs["CredentialReportRuleName"],
                outputs["CredentialReportQueueUrl"],
                "checks the credential reports",
            ),
        ),
        ("the check for missed deliveries", lambda: missed_deliveries_enabled(report, aws, outputs)),
        ("the event source", lambda: function_fed(report, aws, outputs, SIGN_IN)),
        ("the event source", lambda: function_fed(report, aws, outputs, CREDENTIAL_REPORT)),
        ("the event source", lambda: function_fed(report, aws, outputs, BACKFILL)),
        ("the queues", lambda: queues_empty(report, aws, outputs)),
        ("log files", lambda: log_file_read(report, aws, outputs)),
        ("log files", lambda: log_files_listed(report, aws, outputs)),
        ("credential reports", lambda: reports_read(report, aws, outputs)),
        ("the test mail", lambda: mail_published(report, aws, outputs["SignInFunctionName"])),
        ("the test mail", lambda: mail_published(report, aws, outputs["CredentialReportFunctionName"])),
        ("the test mail", lambda: mail_published(report, aws, outputs["BackfillFunctionName"])),
        ("subscriptions", lambda: subscribed(report, aws, outputs["TopicArn"], "findings", "Email")),
        ("subscriptions", lambda: subscribed(report, aws, outputs["OperationsTopicArn"], "alarms", "OperationsEmail")),
    ]:
        try:
            check()
        except KeyError as missing:
            report.problem(
                f"{what}: the stack has no output {missing}",
                "this is not a stack of iamwatch, or of another version: deploy again, make deploy",
            )
        except botocore.exceptions.ClientError as error:
            report.problem(
                f"could not check {what}: {sentence(error)}",
                "ask for the permission that it names" if denied(error) else f"check whether it was deleted ({code(error)})",
            )
        except botocore.exceptions.BotoCoreError as error:
            report.problem(f"could not check {what}: {sentence(error)}", "try again")
    if report.problems:
        print(f"\n{report.problems} {'problem' if report.problems == 1 else 'problems'}")
        return 1
    print("\nall is well, once all three test mails have arrived")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python deploy/check.py STACK")
    run(lambda: main(sys.argv[1]))
