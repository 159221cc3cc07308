"""Follows a backfill to its end: asks for its status, prints progress, and invokes the function again when needed."""

import datetime
import shlex
import time

import botocore.exceptions

from aws import Refused, code
from invocations import Invocation, answer_of
from progress import Progress, show_estimate
from words import duration, say

POLL_SECONDS = 5

# How often the status is asked for before the function's failure ends the display.
MAX_STATUS_ATTEMPTS = 10

STAGES = {"planning": "listing the log files to read", "telling": "creating the digest"}

# After this many invocations without progress the script gives up.
MAX_WITHOUT_PROGRESS = 3

# The state machine retries a part for about this long.
MAX_SECONDS_WITHOUT_PART = 2 * 3600


class Follower:
    """Follows the backfill of one request."""

    def __init__(self, aws, outputs, request):
        self.aws, self.outputs, self.request, self.progress = aws, outputs, request, Progress()
        self.status, self.stage, self.worker, self.reached, self.without_progress = None, None, None, None, 0
        # Whether a finished backfill is to be repeated, and the repeat has not started.
        self.waits_for_new = False
        # The last invocation, and the version of the state before it.
        self.invocation, self.before = None, None

    def read_status(self):
        """The status, as the function answers it. A temporary failure, such as a time-out, is retried."""
        for attempt in range(1, MAX_STATUS_ATTEMPTS + 1):
            try:
                self.status = answer_of(self.aws, self.outputs["BackfillFunctionName"], {"status": self.request})
                return self.status
            except Refused as error:
                if attempt == MAX_STATUS_ATTEMPTS or str(error).startswith(("InputError", "SettingError")):
                    raise
            time.sleep(POLL_SECONDS)

    def version(self):
        """Changes whenever the state is written."""
        return self.status["tag"], self.status["modified"]

    def invoke(self, again=False):
        """Invokes the function without waiting for it."""
        self.before = self.version()
        self.invocation = Invocation(self.aws, self.outputs, {**self.request, **({"again": True} if again else {})})

    def follow(self, again):
        """Returns the status of the finished backfill."""
        status = self.read_status()
        generation = max(status["generation"], 1)
        if status["stage"] == "done":
            if not again:
                say(f"this request was finished at {status['updated']}; AGAIN=1 reads log files delivered since")
                return status
            generation, self.waits_for_new = generation + 1, True
        # Without `again` an unfinished one continues: it may end before this invocation starts, and must not be repeated.
        self.invoke(again=self.waits_for_new)
        while True:
            status = self.read_status()
            if status["generation"] < generation:
                self.must_start()
            else:
                self.waits_for_new = False
                self.show(status)
                if status["stage"] == "done":
                    return status
                self.go_on(status)
            time.sleep(POLL_SECONDS)

    def must_start(self):
        """Gives up on an invocation that failed before it wrote anything, or never started."""
        if why := self.invocation.logged()[0]:
            raise Refused(why)
        if self.invocation.was_dropped():
            raise Refused(f"it did not start; the log of the function says why: {self.outputs['BackfillLogGroupName']}")

    def show(self, status):
        """Prints the stage and the progress."""
        stage, estimate = status["stage"], status["estimate"]
        if stage != self.stage:
            if self.stage in (None, "planning") and estimate:
                show_estimate(estimate)
            if stage in STAGES:
                say(STAGES[stage])
            self.stage = stage
        if stage == "fleet":
            self.progress.show(status["parts_done"], status["parts"], "parts")
        elif stage == "scanning":
            self.progress.show(status["read"]["counts"]["log_files"] + status["read"]["unread"], estimate["log_files"], "log files")
        if status["worker"] and status["worker"]["name"] == "publisher" and status["worker"] != self.worker:
            until = datetime.datetime.fromisoformat(status["worker"]["until"])
            say(f"it is not known whether the mail was published; the next invocation after {until:%H:%M:%S} UTC publishes it")
        self.worker = status["worker"]

    def go_on(self, status):
        """Invokes the function again if needed, unless the last invocation may still start."""
        ended = self.fleet_ended(status) if status["stage"] == "fleet" else None
        may_start = self.version() == self.before and not self.invocation.was_dropped()
        if not status["needs_invocation"] or (may_start and not any(self.invocation.logged())):
            return
        reached = (status["stage"], status["parts_done"], status["read"], status["execution_expires"])
        self.without_progress = 0 if reached != self.reached else self.without_progress + 1
        self.reached = reached
        refusal = self.invocation.logged()[0]
        if refusal and refusal.startswith(("InputError", "SettingError")):
            raise Refused(refusal)
        why = status["error"] or refusal
        if self.without_progress >= MAX_WITHOUT_PROGRESS:
            raise Refused(
                f"it makes no progress: {why or 'the log of the function says why'}; log: {self.outputs['BackfillLogGroupName']}; "
                "once that is fixed, the same command continues"
            )
        say(f"{ended or 'an invocation ended early'}{f' ({why})' if why else ''}; the next one continues")
        self.invoke()

    def fleet_ended(self, status):
        """How the state machine's execution ended, if it failed. Raises `Refused` while it cannot be started again."""
        arn = f"{self.outputs['BackfillStateMachineArn'].replace(':stateMachine:', ':execution:')}:{status['execution']}"
        try:
            ended = self.aws.client("stepfunctions").describe_execution(executionArn=arn)["status"]
        except botocore.exceptions.ClientError as error:
            if code(error) != "ExecutionDoesNotExist":
                raise
            ended = None
        if ended in ("FAILED", "TIMED_OUT", "ABORTED"):
            if (status["worker"] or {}).get("name") == "state-machine":
                again = datetime.datetime.fromisoformat(status["execution_expires"])
                faster = "; a higher BackfillMaximumConcurrency makes it faster" if ended == "TIMED_OUT" else ""
                raise Refused(
                    f"the execution {arn} is {ended}: its history and the log {self.outputs['BackfillLogGroupName']} say why; "
                    f"once that is fixed, and not before {again:%Y-%m-%d %H:%M} UTC, the same command starts it again, and it "
                    f"continues with the remaining parts{faster}"
                )
            return f"the execution {arn} is {ended}"
        if time.monotonic() - self.progress.moved > MAX_SECONDS_WITHOUT_PART:
            raise Refused(f"no part was finished for {duration(MAX_SECONDS_WITHOUT_PART)}; look at the executions of {self.outputs['BackfillStateMachineArn']}")
        return None

    def state_command(self):
        """The command that prints the state."""
        return f"aws s3 cp {shlex.quote(self.status['state'])} -" if self.status["tag"] else f"aws s3 ls s3://{self.outputs['StateBucketName']}/backfills/"
