"""make backfill, against the state bucket of an emulated AWS, with a fake of the function.

The fake answers a status from the state in the bucket, in the form that `tests/flows/backfills/status.rs` asserts.
"""

import argparse
import contextlib
import datetime
import email.utils
import io
import json
import re
import sys
import unittest
from unittest import mock

import botocore.exceptions
from emulated import ACCOUNT, client, emulated_aws
from translated import ROOT

sys.path.insert(0, str(ROOT / "deploy"))
import backfill
import follower
import invocations
import words
from aws import Aws, Refused

OUTPUTS = {
    "BackfillFunctionName": "watch-backfill",
    "BackfillLogGroupName": "watch-log",
    "BackfillStateMachineArn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:watch-backfill",
    "LogBucketName": "logs-example",
    "StateBucketName": "state-example",
}
RUN = "2026-01-01_2026-03-31_0123456789abcdef"
KEY = f"backfills/{RUN}/run.json"
EXECUTION = f"arn:aws:states:us-east-1:{ACCOUNT}:execution:watch-backfill:{RUN}-1"
ESTIMATE = {
    "log_files": 2000,
    "bytes": 18_000_000,
    "accounts": 3,
    "regions": 4,
    "days": 92,
    "items": 2,
    "seconds": 1,
    "cost_usd": 0.0123,
    "by_fleet": False,
    "none_of_these_days": False,
}
RESULT = {
    "findings": {"CRITICAL": 1, "HIGH": 0, "LOW": 1200},
    "told": 1150,
    "known": 50,
    "accepted": 1,
    "counted": 0,
    "left_out": 0,
    "objects": [f"s3://state-example/backfills/{RUN}/1/findings.jsonl.gz", f"s3://state-example/backfills/{RUN}/1/report.html"],
    "subject": "[CRITICAL] Backfill 2026-01-01 to 2026-03-31",
}


def now(seconds=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def run_json(stage, log_files=0, items=0, **more):
    """How far a backfill is, as the function writes it."""
    counts = {"log_files": log_files, "records": 9 * log_files, "judged": 1, "skipped": 0, "unreadable": 0, "unreadable_log_files": 0}
    return {
        "format": 1,
        "bucket": "logs-example",
        "wanted": {"from": "2026-01-01", "to": "2026-03-31", "accounts": [], "regions": []},
        "notify": True,
        "generation": 1,
        "stage": stage,
        "begun": now(),
        "updated": now(),
        "alert_id": "a",
        "estimate": ESTIMATE,
        "read": {"items": items, "counts": counts, "bytes": 18_000_000, "skipped_objects": 0, "unread": 0},
        **more,
    }


def leased(seconds=60):
    return {"claim": {"token": "t", "until": now(seconds)}}


def mail(seconds):
    """A mail with an unknown outcome and a lease for this long."""
    return {"mail": {"alert": {"id": "a"}, "may_repeat": False, **leased(seconds)}}


def is_live(lease):
    return lease is not None and now() < lease["until"] <= now(20 * 60)


def worker_of(state):
    """What is working on a backfill, and until when."""
    if state["stage"] == "done":
        return None
    for name, lease in [("invocation", state.get("claim")), ("publisher", (state.get("mail") or {}).get("claim"))]:
        if is_live(lease):
            return {"name": name, "until": lease["until"]}
    expires = expires_of(state)
    return {"name": "state-machine", "until": expires} if state["stage"] == "fleet" and now() < expires else None


def expires_of(state):
    """When the state machine can be started again."""
    fleet = state.get("fleet")
    return fleet and (datetime.datetime.fromisoformat(fleet["at"]) + datetime.timedelta(hours=6)).isoformat()


def status_of(stored):
    """The status of the backfill of this object; `None` if it was never started."""
    state = json.loads(stored["Body"].read()) if stored else {}
    parts = state.get("estimate") or {}
    done = (state.get("read") or {}).get("items", 0)
    if state.get("stage") == "fleet":
        done = client("s3").list_objects_v2(Bucket="state-example", Prefix=f"backfills/{RUN}/1/parts/")["KeyCount"]
    worker = worker_of(state) if state else None
    times = (state.get("fleet") or {}).get("times")
    return {
        "run": RUN,
        "state": f"s3://state-example/{KEY}",
        "tag": stored["ETag"] if stored else None,
        "modified": stored["LastModified"].isoformat() + stored["VersionId"] if stored else None,
        "generation": state.get("generation", 0),
        "stage": state.get("stage"),
        "updated": state.get("updated"),
        "parts_done": done,
        "parts": parts.get("items", 0),
        "estimate": state.get("estimate"),
        "read": state.get("read"),
        "result": state.get("result"),
        "error": state.get("trouble"),
        "worker": worker,
        "needs_invocation": worker is None and state.get("stage") != "done",
        "execution": times and f"{RUN}-{state['generation']}" + (f"-{times}" if times > 1 else ""),
        "execution_expires": expires_of(state),
    }


class Function:
    """A fake of the function: each invocation writes the next of these states, one for each status request."""

    def __init__(self, *invocations):
        self.invocations, self.asked, self.under_way = list(invocations), [], []

    def invoke(self, FunctionName, Payload, InvocationType="RequestResponse"):
        assert FunctionName == "watch-backfill"
        payload = json.loads(Payload)
        if "status" in payload:
            return {"Payload": io.BytesIO(json.dumps(self.status(payload["status"])).encode())}
        self.asked.append(payload)
        if InvocationType == "Event":
            self.under_way = list(self.invocations.pop(0))
            date = email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc), usegmt=True)
            return {"StatusCode": 202, "ResponseMetadata": {"RequestId": self.request_id(), "HTTPHeaders": {"date": date}}}
        answer = self.invocations.pop(0)
        failed = {"FunctionError": "Unhandled"} if "errorType" in answer else {}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failed}

    def status(self, request):
        """As the function answers it."""
        assert request["from"] == "2026-01-01" and not {"dry_run", "again"} & request.keys()
        try:
            return status_of(client("s3").get_object(Bucket="state-example", Key=KEY))
        except client("s3").exceptions.NoSuchKey:
            return status_of(None)

    def request_id(self):
        """That of the last invocation."""
        return f"request-{len(self.asked)}"

    def go_on(self, _seconds):
        """What happens while the script waits."""
        if self.under_way:
            step = self.under_way.pop(0)
            if callable(step):
                step()
            else:
                client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(step).encode())


class Backfill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        aws = emulated_aws()
        aws.__enter__()
        cls.addClassCleanup(aws.__exit__, None, None, None)
        client("s3").create_bucket(Bucket="state-example")
        client("s3").put_bucket_versioning(Bucket="state-example", VersioningConfiguration={"Status": "Enabled"})
        client("logs").create_log_group(logGroupName="watch-log")
        client("logs").create_log_stream(logGroupName="watch-log", logStreamName="s")

    def setUp(self):
        for found in client("s3").list_objects_v2(Bucket="state-example").get("Contents", []):
            client("s3").delete_object(Bucket="state-example", Key=found["Key"])

    def follow(self, function, executions=None, **more):
        """The exit status and the output. `executions`: the status of each execution of the state machine that exists."""
        usual = Aws.client
        states = mock.Mock()

        def describe_execution(executionArn):
            if status := (executions or {}).get(executionArn):
                return {"status": status}
            raise botocore.exceptions.ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")

        states.describe_execution = describe_execution
        stand_ins = {"lambda": function, "stepfunctions": states}

        def stand_in(aws, service, *config):
            return stand_ins.get(service) or usual(aws, service, *config)

        arguments = {"stack": "watch", "first": "2026-01-01", "last": "2026-03-31", "accounts": "", "regions": ""}
        arguments |= {"notify": "", "dry_run": False, "again": False, **more}
        printed = io.StringIO()
        with (
            contextlib.redirect_stdout(printed),
            mock.patch.object(Aws, "client", stand_in),
            mock.patch.object(Aws, "outputs", lambda aws, stack: ("CREATE_COMPLETE", OUTPUTS)),
            mock.patch.object(follower, "POLL_SECONDS", 0),
            mock.patch.object(follower.time, "sleep", function.go_on),
        ):
            status = backfill.main(argparse.Namespace(**arguments))
        return status, printed.getvalue()

    def refused(self, function, why, **more):
        with self.assertRaisesRegex(Refused, why):
            self.follow(function, **more)

    def logged(self, line):
        """Writes a log line of the function, or of Lambda."""
        message = line if isinstance(line, str) else json.dumps(line)
        event = {"timestamp": int(datetime.datetime.now().timestamp() * 1000) + 1000, "message": message}
        client("logs").put_log_events(logGroupName="watch-log", logStreamName="s", logEvents=[event])

    def failed(self, request_id, **fields):
        """Writes the log line of a failed invocation."""
        span = {"requestId": request_id, "name": "Lambda runtime invoke"}
        self.logged({"level": "ERROR", "fields": {"message": "the invocation failed", **fields}, "span": span, "spans": [span]})

    def ended(self, request_id):
        """Writes the log line of Lambda about an ended invocation."""
        self.logged({"type": "platform.report", "record": {"requestId": request_id, "status": "timeout"}})

    def forget_log(self):
        client("logs").delete_log_stream(logGroupName="watch-log", logStreamName="s")
        client("logs").create_log_stream(logGroupName="watch-log", logStreamName="s")

    def test_the_estimate_is_shown_and_nothing_is_started(self):
        planned = {"estimate": ESTIMATE, "not_done": None}
        function = Function(planned)
        status, printed = self.follow(function, dry_run=True, accounts="444455556666, 111122223333", regions="us-east-1", notify="none")
        self.assertEqual(status, 0)
        self.assertEqual(
            function.asked,
            [
                {
                    "from": "2026-01-01",
                    "to": "2026-03-31",
                    "accounts": ["111122223333", "444455556666"],
                    "regions": ["us-east-1"],
                    "notify": "none",
                    "dry_run": True,
                }
            ],
        )
        for words in ["2,000 log files with 18.0 MB, of 3 accounts, 4 Regions and 92 days", "2 parts, by one invocation", "US$ 0.0123", "nothing was read"]:
            self.assertIn(words, printed)
        fleet = {**planned, "estimate": {**ESTIMATE, "by_fleet": True}}
        self.assertIn("by the state machine", self.follow(Function(fleet), dry_run=True)[1])
        self.refused(Function({"errorType": "InputError", "errorMessage": "from is wrong"}), "InputError: from is wrong", dry_run=True)
        self.refused(Function({"estimate": None, "not_done": "s3:ListObjectsV2 failed"}), "s3:ListObjectsV2 failed", dry_run=True)

    def test_a_backfill_is_followed_to_its_end(self):
        function = Function(
            [
                run_json("planning", **leased()) | {"estimate": None},
                run_json("scanning", **leased()),
                run_json("scanning", 1000, 1, **leased()),
                run_json("telling", 2000, 2, **leased()),
                run_json("done", 2000, 2, result=RESULT),
            ]
        )
        status, printed = self.follow(function)
        self.assertEqual(status, 0, printed)
        self.assertEqual(function.asked, [{"from": "2026-01-01", "to": "2026-03-31"}])
        for words in [
            "listing the log files to read",
            "2,000 log files with 18.0 MB",
            "0 of 2,000 log files (0%)",
            "1,000 of 2,000 log files (50%)",
            "creating the digest",
            "read 2,000 log files with 18.0 MB and 18,000 records",
            "findings: 1 CRITICAL, 1,200 LOW",
            "1,150 in its mail",
            "50 mailed before",
            "mail: [CRITICAL] Backfill 2026-01-01 to 2026-03-31",
            f"aws s3 cp s3://state-example/backfills/{RUN}/1/report.html .",
        ]:
            self.assertIn(words, printed)
        self.assertNotIn("left out", printed)

    def test_an_invocation_that_ended_early_is_followed_by_another_one(self):
        function = Function(
            [run_json("scanning", 500, 0, **leased()), run_json("scanning", 1000, 1, trouble="no time was left")],
            # Killed: its lease ends by itself.
            [run_json("scanning", 1000, 1, **leased()), run_json("scanning", 1500, 1, **leased(-1))],
            [run_json("done", 2000, 2, result=RESULT)],
        )
        status, printed = self.follow(function)
        self.assertEqual(status, 0, printed)
        self.assertEqual(len(function.asked), 3)
        self.assertIn("an invocation ended early (no time was left); the next one continues", printed)

    def test_a_mail_with_a_lease_is_left_to_the_invocation_that_leases_it(self):
        left = {"trouble": "sns:Publish failed: no answer"}
        function = Function(
            # Its run has released the backfill, and not the mail.
            [run_json("telling", 2000, 2, **left, **mail(900)), *[lambda: None] * 9, run_json("telling", 2000, 2, **left, **mail(-1))],
            [run_json("telling", 2000, 2, **leased(), **mail(900)), run_json("done", 2000, 2, result=RESULT)],
        )
        status, printed = self.follow(function)
        self.assertEqual(status, 0, printed)
        self.assertEqual(len(function.asked), 2)
        self.assertEqual(printed.count("it is not known whether the mail was published; the next invocation after"), 1)
        # No run lasts for hours: such a lease is ignored.
        self.setUp()
        far = [run_json("telling", 2000, 2, **left, **leased(7200), **mail(7200))]
        function = Function(far, [run_json("done", 2000, 2, result=RESULT)])
        self.assertEqual(self.follow(function)[0], 0)
        self.assertEqual(len(function.asked), 2)

    def test_a_backfill_that_makes_no_progress_is_given_up(self):
        stuck = [run_json("scanning", 500, 0, trouble="s3:GetObject failed: AccessDenied")]
        function = Function(*[stuck] * 9)
        self.refused(function, "it makes no progress: s3:GetObject failed: AccessDenied.*the same command continues")
        self.assertEqual(len(function.asked), follower.MAX_WITHOUT_PROGRESS + 1)

    def test_a_request_that_the_function_refuses_is_reported_at_once(self):
        self.addCleanup(self.forget_log)
        for number in range(120):
            self.failed(f"others-{number}", error_type="InputError", error="to is wrong")
        self.logged("INIT_REPORT request-1")
        function = Function([lambda: self.failed("request-1", error_type="InputError", error="from is \"x\"; it must be a day")])
        self.refused(function, "^InputError: from is \"x\"; it must be a day$")
        self.assertEqual(len(function.asked), 1)

    def test_why_an_invocation_failed_is_found_in_either_form_of_the_log(self):
        text = r'ERROR Lambda runtime invoke{requestId="1"}: the invocation failed error_type="InputError" error="from is \"x\"; it must be a day"'
        for line, reason in [
            (json.dumps({"fields": {"error_type": "AwsError", "error": "denied"}}), "AwsError: denied"),
            (text, 'InputError: from is "x"; it must be a day'),
            ("the invocation failed\n", "the invocation failed"),
            ('"the invocation failed"', '"the invocation failed"'),
        ]:
            self.assertEqual(invocations.reason_in(line), reason)

    def test_the_error_of_another_invocation_is_not_reported(self):
        self.addCleanup(self.forget_log)
        self.failed("others", error_type="InputError", error="to is wrong")
        function = Function(
            [run_json("scanning", 500, trouble="no time was left")],
            [lambda: self.failed("others", error_type="InputError", error="to is wrong"), run_json("done", 2000, 2, result=RESULT)],
        )
        status, printed = self.follow(function)
        self.assertEqual(status, 0, printed)
        self.assertNotIn("to is wrong", printed)

    def test_an_invocation_that_lambda_has_not_started_is_waited_for(self):
        # The account's concurrency is used up: nothing happens for many polls.
        nothing = [lambda: None] * 9
        function = Function(
            [run_json("scanning", 500, trouble="no time was left")],
            [*nothing, run_json("scanning", 500, trouble="no time was left")],
            [*nothing, run_json("done", 2000, 2, result=RESULT)],
        )
        status, printed = self.follow(function)
        self.assertEqual(status, 0, printed)
        self.assertEqual(len(function.asked), 3)

    def test_an_invocation_that_lambda_dropped_or_ended_without_a_result_is_made_again(self):
        self.addCleanup(self.forget_log)
        left = run_json("scanning", 500, trouble="no time was left")
        function = Function([left], [lambda: self.ended("request-2")], [run_json("done", 2000, 2, result=RESULT)])
        self.assertEqual(self.follow(function)[0], 0)
        self.assertEqual(len(function.asked), 3)
        self.setUp()
        with mock.patch.object(invocations, "MAX_SECONDS_UNTIL_STARTED", 1e-9):
            client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(left).encode())
            function = Function(*[[]] * 9)
            self.refused(function, "it makes no progress: no time was left")
        self.assertEqual(len(function.asked), follower.MAX_WITHOUT_PROGRESS + 1)

    def test_an_invocation_that_never_starts_is_given_up(self):
        with mock.patch.object(invocations, "MAX_SECONDS_UNTIL_STARTED", -1):
            self.refused(Function([]), "it did not start; .*watch-log")

    def test_a_finished_backfill_is_repeated_only_on_request(self):
        done = run_json("done", 2000, 2, result=RESULT)
        Function().go_on(0)
        client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(done).encode())
        function = Function()
        status, printed = self.follow(function)
        self.assertEqual((status, function.asked), (0, []))
        self.assertIn("this request was finished at", printed)
        self.assertIn("AGAIN=1", printed)
        function = Function([done, run_json("scanning", 10, 0, **leased()) | {"generation": 2}, done | {"generation": 2}])
        status, printed = self.follow(function, again=True)
        self.assertEqual(status, 0)
        self.assertEqual([asked.get("again") for asked in function.asked], [True])
        self.assertIn("10 of 2,000 log files", printed)

    def test_an_unfinished_backfill_is_not_started_again(self):
        state = run_json("scanning", 10, 0, **leased())
        client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(state).encode())
        function = Function([run_json("done", 2000, 2, result=RESULT)])
        self.assertEqual(self.follow(function, again=True)[0], 0)
        self.assertEqual([asked.get("again") for asked in function.asked], [None])

    def part(self, number):
        client("s3").put_object(Bucket="state-example", Key=f"backfills/{RUN}/1/parts/{number}.json.gz", Body=b"x")

    def test_a_fleet_is_followed_by_its_parts(self):
        fleet = run_json("fleet", estimate={**ESTIMATE, "items": 4, "by_fleet": True}, fleet={"times": 1, "at": now()})
        function = Function([fleet, lambda: self.part(0), lambda: self.part(1), run_json("done", 2000, 4, result=RESULT)])
        status, printed = self.follow(function, executions={EXECUTION: "RUNNING", f"{EXECUTION}-2": "FAILED"})
        self.assertEqual(status, 0, printed)
        self.assertIn("by the state machine", printed)
        for words in ["0 of 4 parts (0%)", "1 of 4 parts (25%)", "2 of 4 parts (50%)"]:
            self.assertIn(words, printed)
        self.assertEqual(len(function.asked), 1)

    def fleet(self, times=1, seconds_ago=0):
        return run_json("fleet", estimate={**ESTIMATE, "by_fleet": True}, fleet={"times": times, "at": now(-seconds_ago)})

    def test_a_failed_fleet_is_reported_with_the_time_to_retry(self):
        fleet = self.fleet(seconds_ago=3600)
        again = datetime.datetime.fromisoformat(fleet["fleet"]["at"]) + datetime.timedelta(hours=6)
        for status, more in [("FAILED", "parts$"), ("TIMED_OUT", "parts; a higher BackfillMaximumConcurrency"), ("ABORTED", "parts$")]:
            self.setUp()
            why = f"{EXECUTION} is {status}: .*watch-log.*not before {again:%Y-%m-%d %H:%M} UTC, the same command starts it again.*remaining {more}"
            self.refused(Function([fleet]), why, executions={EXECUTION: status})
        self.setUp()
        with mock.patch.object(follower, "MAX_SECONDS_WITHOUT_PART", -1):
            self.refused(Function([fleet]), "no part was finished")

    def test_a_fleet_that_failed_is_started_again_and_only_the_new_one_followed(self):
        failed = self.fleet(seconds_ago=6 * 3600 + 1)
        client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(failed).encode())
        function = Function([lambda: None, failed | leased(), self.fleet(times=2), lambda: None, run_json("done", 2000, 2, result=RESULT)])
        status, printed = self.follow(function, executions={EXECUTION: "TIMED_OUT", f"{EXECUTION}-2": "RUNNING"})
        self.assertEqual(status, 0, printed)
        self.assertEqual(len(function.asked), 1)
        # It could not be started.
        client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(failed).encode())
        function = Function([failed | {"trouble": "AccessDenied"}], [self.fleet(times=2)])
        why = f"{EXECUTION}-2 is FAILED: .*not before"
        self.refused(function, why, executions={EXECUTION: "ABORTED", f"{EXECUTION}-2": "FAILED"})
        self.assertEqual(len(function.asked), 2)

    def test_unreadable_log_files_are_a_problem(self):
        def done(**more):
            state = run_json("done", 1990, 2, result=RESULT)
            state["read"] |= {name: value for name, value in more.items() if name in state["read"]}
            state["read"]["counts"] |= {name: value for name, value in more.items() if name in state["read"]["counts"]}
            return state

        for more, words in [
            ({"unread": 1}, "problem  1 log file could not be fetched"),
            ({"unreadable": 7}, "problem  7 records could not be read"),
            ({"unreadable_log_files": 2}, "problem  2 log files could not be read whole"),
            ({"items": 1}, "problem  1 part failed"),
        ]:
            self.setUp()
            status, printed = self.follow(Function([done(**more)]))
            self.assertEqual(status, 1, printed)
            self.assertIn(words, printed)

    def test_days_without_log_files_are_a_problem(self):
        nothing = {"estimate": {**ESTIMATE, "log_files": 0, "bytes": 0, "accounts": 0, "regions": 0, "days": 0, "items": 0, "none_of_these_days": True}}
        for more, words in [({}, "of these days in"), ({"regions": "us-east-1"}, "of these days, accounts and Regions in")]:
            self.setUp()
            done = run_json("done", result=RESULT | {"findings": {"HIGH": 1}}, **nothing)
            done["wanted"]["regions"] = more.get("regions", "").split()
            status, printed = self.follow(Function([done]), **more)
            self.assertEqual(status, 1, printed)
            self.assertIn(f"problem  there are no log files {words} the bucket logs-example", printed)
            self.assertIn("check whether CloudTrail delivers there, and whether a lifecycle rule removed them", printed)

    def test_untrusted_text_cannot_control_the_terminal(self):
        title, shown = "\x1b]0;all is well\x07\x9b2J\x7f\u202e\ud800\n", r"\u{1b}]0;all is well\u{7}\u{9b}2J\u{7f}\u{202e}\u{d800}\u{a}"
        self.assertEqual(words.visible(f"alice, Ωmega: {title}"), f"alice, Ωmega: {shown}")
        result = RESULT | {"subject": title, "objects": [f"s3://state-example/{title}"]}
        function = Function([run_json("scanning", 500, trouble=title)], [run_json("done", 2000, 2, result=result, updated=title)])
        printed = self.follow(function)[1] + self.follow(Function())[1]
        self.assertEqual([c for c in printed if c != "\n" and not c.isprintable()], [])
        for said in [f"ended early ({shown})", f"mail: {shown}", f"s3://state-example/{shown}", f"finished at {shown}"]:
            self.assertIn(said, printed)
        # A refusal is written to the terminal too, by the script or by AWS.
        self.setUp()
        self.refused(Function(*[[run_json("scanning", 500, trouble=title)]] * 9), f"makes no progress: {re.escape(shown)};")
        self.refused(Function({"errorType": "InputError", "errorMessage": title}), f"^InputError: {re.escape(shown)}$", dry_run=True)
        denied = botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": title}}, "Invoke")
        with mock.patch.object(Function, "invoke", side_effect=denied):
            self.refused(Function(), f"^Invoke failed: AccessDenied: {re.escape(shown)}$")

    def test_ctrl_c_leaves_the_backfill_running_and_says_how_to_follow_it(self):
        def stopped():
            raise KeyboardInterrupt

        status, printed = self.follow(Function([run_json("scanning", 1000, 1, **leased()), stopped]))
        self.assertEqual(status, 130)
        self.assertIn("the current invocation continues", printed)
        self.assertIn(f"aws s3 cp s3://state-example/{KEY} -", printed)
        # Before it was found.
        self.setUp()
        self.assertIn("aws s3 ls s3://state-example/backfills/", self.follow(Function([stopped]))[1])

    def test_the_command_that_ctrl_c_names_starts_no_second_backfill(self):
        def stopped():
            raise KeyboardInterrupt

        done = run_json("done", 2000, 2, result=RESULT)
        client("s3").put_object(Bucket="state-example", Key=KEY, Body=json.dumps(done).encode())
        line = "\n  make backfill STACK=watch FROM=2026-01-01 TO=2026-03-31\n"
        new = "The repeat has not started yet"
        for name, steps, is_new in [
            ("not started", [stopped], True),
            ("started", [run_json("scanning", 10, 0, **leased()) | {"generation": 2}, stopped], False),
        ]:
            printed = self.follow(Function(steps), again=True)[1]
            self.assertIn(line, printed, name)
            self.assertNotIn("AGAIN", printed, name)
            self.assertEqual(new in printed, is_new, name)
        self.setUp()
        printed = self.follow(Function([stopped]), accounts="111122223333, 444455556666", regions="us-east-1", notify="none")[1]
        options = "'ACCOUNTS=111122223333, 444455556666' REGIONS=us-east-1 NOTIFY=none"
        self.assertIn(f"{line.rstrip()} {options}\n", printed)
        self.assertNotIn(new, printed)

    def test_a_stack_of_an_earlier_version_is_refused(self):
        with mock.patch.dict(OUTPUTS, clear=True):
            self.refused(Function(), "has no function backfill: deploy again")

    def test_numbers_are_written_for_people(self):
        self.assertEqual([words.size(number) for number in [1, 999, 1000, 5_250_000, 3 * 10**9]], ["1 byte", "999 bytes", "1.0 KB", "5.2 MB", "3.0 GB"])
        self.assertEqual([words.duration(seconds) for seconds in [1, 89, 90, 3600, 7200]], ["1 second", "89 seconds", "2 minutes", "60 minutes", "2.0 hours"])


if __name__ == "__main__":
    unittest.main()
