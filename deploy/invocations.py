"""Invocations of the function `backfill`, and their lines in its log."""

import email.utils
import json
import re
import time

from botocore.config import Config

from aws import Refused

# The function has 15 minutes at most, and boto3 must not repeat the invocation.
ONCE = Config(connect_timeout=10, read_timeout=930, retries={"total_max_attempts": 1})

# Lambda starts an event within seconds, unless the account's concurrency is used up; after ten minutes it drops it.
MAX_SECONDS_UNTIL_STARTED = 660


def answer_of(aws, function, payload):
    """The function's answer; its refusal or failure is raised."""
    answer = aws.client("lambda", ONCE).invoke(FunctionName=function, Payload=json.dumps(payload).encode())
    said = json.loads(answer["Payload"].read() or b"null")
    if "FunctionError" in answer:
        said = said if isinstance(said, dict) else {}
        raise Refused(f"{said.get('errorType', answer['FunctionError'])}: {said.get('errorMessage', 'no reason given')}")
    return said


def reason_in(line):
    """Why an invocation failed, from its log line: JSON as the template sets it, or text."""
    try:
        fields = json.loads(line)["fields"]
        return f"{fields['error_type']}: {fields['error']}"
    except (ValueError, KeyError, TypeError):
        found = re.search(r'error_type="([^"]*)" error=("(?:[^"\\]|\\.)*")', line)
        return f"{found[1]}: {json.loads(found[2])}" if found else line.strip()


class Invocation:
    """An invocation without waiting for its answer."""

    def __init__(self, aws, outputs, request):
        self.aws, self.outputs = aws, outputs
        function = outputs["BackfillFunctionName"]
        sent = aws.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(request).encode())["ResponseMetadata"]
        self.request_id, self.sent_at = sent["RequestId"], time.monotonic()
        # By the clock of AWS: ours may be wrong.
        self.sent = email.utils.parsedate_to_datetime(sent["HTTPHeaders"]["date"])

    def was_dropped(self):
        """Whether Lambda no longer starts it."""
        return time.monotonic() - self.sent_at > MAX_SECONDS_UNTIL_STARTED

    def logged(self):
        """Why it failed, if its log says so, and whether it has ended."""
        pages = self.aws.client("logs").get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs["BackfillLogGroupName"], startTime=int(self.sent.timestamp() * 1000) - 5000, filterPattern=f'"{self.request_id}"'
        )
        lines = [event["message"] for page in pages for event in page["events"] if self.request_id in event["message"]]
        failed = [line for line in lines if "the invocation failed" in line]
        ended = any("platform.report" in line or line.startswith("REPORT ") for line in lines)
        return (reason_in(failed[-1]) if failed else None), ended
