"""Following a backfill to its end: how far it is, and asking again where an invocation ended early.

How far it is stands in the state bucket, as `shared/src/backfill/run.rs` writes it.
"""

import datetime
import email.utils
import json
import re
import shlex
import time

import botocore.exceptions

from aws import Refused, code
from words import counted, duration, say, size

# How often we look how far it is.
POLL_SECONDS = 5

# Lambda begins an event within seconds, unless the account's concurrency is used up; after ten minutes it gives it up.
MOST_SECONDS_UNTIL_BEGUN = 660

# So many invocations that came no further: then it is for a person to see why.
MOST_WITHOUT_PROGRESS = 3

# A claim that lies further ahead than that is none. Source: `shared/src/pending.rs`.
LONGEST_CLAIM = datetime.timedelta(minutes=20)

# The state machine gives a part up only after it has tried it again for about that long.
MOST_QUIET_SECONDS = 2 * 3600

# Where a run stands. Source: `RunId::parse` and `RunState` in `shared/src/backfill/run.rs`.
FOLDER = re.compile(r"backfills/[0-9-]{10}_[0-9-]{10}_[0-9a-f]{16}/")
STAGES = ["planning", "scanning", "fleet", "telling", "done"]

# The same request starts the state machine again after so long; by then it has ended.
FLEET_TIME = datetime.timedelta(hours=6)


def shown(said):
    """How much there is to read, as the answer to a dry run, or a run that was planned, says."""
    say(
        f"{counted(said['log_files'], 'log file', 'log files')} with {size(said['bytes'])}, "
        f"of {counted(said['accounts'], 'account', 'accounts')}, {counted(said['regions'], 'Region', 'Regions')} and "
        f"{counted(said['days'], 'day', 'days')} (a day before and one behind are read too)"
    )
    how = "by the state machine, many parts at once" if said["by_fleet"] else "by one invocation after the other"
    say(
        f"{counted(said['items'], 'part', 'parts')}, {how}; about {duration(said['seconds'])} of one processor, "
        f"and about US$ {said['cost_usd']:.4f}"
    )


def reason_in(line):
    """Why an invocation failed, as its line in the log says: JSON as the template asks for it, or text."""
    try:
        fields = json.loads(line)["fields"]
        return f"{fields['error_type']}: {fields['error']}"
    except (ValueError, KeyError, TypeError):
        found = re.search(r'error_type="([^"]*)" error=("(?:[^"\\]|\\.)*")', line)
        return f"{found[1]}: {json.loads(found[2])}" if found else line.strip()


class Run:
    """What the state bucket says about the backfill that a request is for."""

    def __init__(self, aws, outputs, request):
        self.s3, self.bucket = aws.client("s3"), outputs["StateBucketName"]
        self.whose = {"Bucket": self.bucket, "ExpectedBucketOwner": aws.account}
        self.days = f"{request['from']}_{request['to']}_"
        self.wanted = {
            "from": request["from"],
            "to": request["to"],
            "accounts": request.get("accounts", []),
            "regions": request.get("regions", []),
        }
        self.log_bucket = outputs["LogBucketName"]
        self.notify = request.get("notify", "digest") != "none"
        self.key, self.version = None, None

    def read(self, key):
        """An object of the state bucket; nothing where there is none, or none that can be read: the function begins that anew."""
        try:
            found = self.s3.get_object(**self.whose, Key=key)
            # An invocation that fails as the one before it did leaves the same content.
            self.version = (found.get("VersionId"), found["LastModified"])
            said = json.loads(found["Body"].read())
            return said if isinstance(said, dict) else None
        except ValueError:
            return None
        except botocore.exceptions.ClientError as error:
            if code(error) == "NoSuchKey":
                return None
            raise

    def state(self):
        """How far it is; nothing where nobody has begun it."""
        if self.key is None:
            self.key = next((key for key in self.keys() if self.is_it(self.read(key))), None)
        self.version = None
        return self.key and self.read(self.key)

    def keys(self):
        """Those of the runs about the same days."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(**self.whose, Prefix=f"backfills/{self.days}", Delimiter="/")
        folders = [folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", [])]
        # Their names become a part of commands.
        return [f"{folder}run.json" for folder in folders if FOLDER.fullmatch(folder)]

    def is_it(self, state):
        """Whether that is the run of the same request, as the function writes it; it begins any other anew."""
        return state is not None and type(state.get("generation")) is int and state.get("stage") in STAGES and (state.get("wanted"), state.get("notify"), state.get("bucket")) == (
            self.wanted,
            self.notify,
            self.log_bucket,
        )

    def parts(self, state):
        """How many parts the state machine has brought to their end."""
        folder = self.key.removesuffix("run.json")
        pages = self.s3.get_paginator("list_objects_v2").paginate(**self.whose, Prefix=f"{folder}{state['generation']}/parts/")
        return sum(page["KeyCount"] for page in pages)

    def follow_it(self):
        """How a person looks how far it is."""
        return f"aws s3 cp {shlex.quote(f's3://{self.bucket}/{self.key}')} -" if self.key else f"aws s3 ls s3://{self.bucket}/backfills/"


class Progress:
    """One line whenever it came further."""

    def __init__(self):
        self.began, self.first, self.said, self.moved = time.monotonic(), None, None, time.monotonic()

    def is_at(self, done, of, unit):
        """So much of it is done."""
        now = time.monotonic()
        if self.first is None or done < self.first[1]:
            self.first = (now, done)
        if done == self.said:
            return
        self.said, self.moved = done, now
        since, before = self.first
        rate = (done - before) / (now - since) if now > since else 0
        line = f"{done:,} of {of:,} {unit}"
        if of:
            line += f" ({done / of:.0%})"
        if rate > 0:
            line += f", {rate:,.0f} a second" if rate >= 1 else f", {rate * 60:.1f} a minute"
            line += f", about {duration(max(of - done, 0) / rate)} left"
        say(line)


class Follower:
    """Asks, looks how far it is, and asks again until all is done."""

    def __init__(self, aws, outputs, request):
        self.aws, self.outputs, self.request = aws, outputs, request
        self.run, self.progress = Run(aws, outputs, request), Progress()
        self.without_progress, self.last, self.stage, self.mail_waits_until = 0, None, None, None
        # Whether it is to be read once more, and that has not begun.
        self.waits_for_new = False
        # When AWS was asked last, and what it and our clock said then; which invocation that is, and how far it was before.
        self.asked, self.asked_at, self.request_id, self.before = None, None, None, None

    def ask(self, again=False):
        """One more invocation; nobody waits for it."""
        payload = {**self.request, **({"again": True} if again else {})}
        self.before = self.run.version
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.outputs["BackfillFunctionName"], InvocationType="Event", Payload=json.dumps(payload).encode()
        )["ResponseMetadata"]
        self.request_id, self.asked_at = answer["RequestId"], time.monotonic()
        self.asked = email.utils.parsedate_to_datetime(answer["HTTPHeaders"]["date"])

    def waited(self):
        """For how many seconds the last invocation was waited for."""
        return time.monotonic() - self.asked_at

    def now(self):
        """What AWS's clock says; this machine's may be wrong."""
        return self.asked + datetime.timedelta(seconds=self.waited())

    def main(self, again):
        """From the request to the end, which is what it returns."""
        before = self.run.state()
        generation = 1 if before is None else before["generation"]
        if before and before["stage"] == "done":
            if not again:
                say(f"this was asked for before, and ended at {before['updated']}; AGAIN=1 reads what was delivered since")
                return before
            generation += 1
            self.waits_for_new = True
        # What has not ended may end before the function hears of this: it must not begin once more.
        self.ask(again=self.waits_for_new)
        while True:
            state = self.run.state()
            if state is None or state["generation"] < generation:
                self.must_begin()
            else:
                self.waits_for_new = False
                if state["stage"] == "done":
                    return state
                self.look(state)
            time.sleep(POLL_SECONDS)

    def must_begin(self):
        """Nothing has come of the request yet: the function refuses it, or Lambda has not begun."""
        if why := self.said()[0]:
            raise Refused(why)
        if self.waited() > MOST_SECONDS_UNTIL_BEGUN:
            raise Refused(f"nothing has begun; the log of the function says why: {self.outputs['BackfillLogGroupName']}")

    def said(self):
        """What the log says of the last invocation: why it failed, where it did, and whether it has ended."""
        pages = self.aws.client("logs").get_paginator("filter_log_events").paginate(
            logGroupName=self.outputs["BackfillLogGroupName"],
            startTime=int(self.asked.timestamp() * 1000) - 5000,
            filterPattern=f'"{self.request_id}"',
        )
        why, ended = None, False
        for line in (event["message"] for page in pages for event in page["events"]):
            # Others' invocations are no business of ours.
            if self.request_id not in line:
                continue
            if "the invocation failed" in line:
                why = reason_in(line)
            # As JSON, which the template asks for, or as text.
            ended = ended or "platform.report" in line or line.startswith("REPORT ")
        return why, ended

    def look(self, state):
        """How far it is; asks again where nobody works on it any more."""
        estimate, stage = state.get("estimate"), state["stage"]
        if stage != self.stage:
            if self.stage in (None, "planning") and estimate:
                shown(estimate)
            if stage == "planning":
                say("finding out what there is to read")
            elif stage == "telling":
                say("putting together what was found")
            self.stage = stage
        if stage == "fleet":
            done = self.run.parts(state)
            self.progress.is_at(done, estimate["items"], "parts")
            self.fleet_must_live(state, done)
        else:
            done = state["read"]["counts"]["log_files"] + state["read"]["unread"]
            if stage == "scanning":
                self.progress.is_at(done, estimate["log_files"], "log files")
            if not self.somebody_works_on(state):
                self.go_on(state, (stage, done))

    def somebody_works_on(self, state):
        """Whether an invocation is under way, or may be about to begin."""
        if self.live_until(state.get("claim")):
            return True
        # A run of which AWS did not say whether it published the mail leaves that claimed. Until its time is over nobody else may.
        if until := self.live_until((state.get("mail") or {}).get("claim")):
            if until != self.mail_waits_until:
                say(f"it is not known whether the mail was published; the next invocation after {until:%H:%M:%S} UTC publishes it")
            self.mail_waits_until = until
            return True
        if self.run.version != self.before:
            return False
        # It is as it was when we asked: Lambda has not begun, unless the log knows more.
        return self.waited() <= MOST_SECONDS_UNTIL_BEGUN and not any(self.said())

    def live_until(self, claim):
        """Until when somebody may be working under a claim; nothing where nobody is."""
        try:
            until = datetime.datetime.fromisoformat(claim["until"]) if claim else None
        except (ValueError, KeyError, TypeError):
            return None
        return until if until and until.tzinfo and self.now() < until <= self.now() + LONGEST_CLAIM else None

    def go_on(self, state, reached, ended="an invocation ended before all was done"):
        """The same request again: it goes on where the last invocation ended."""
        self.without_progress = 0 if reached != self.last else self.without_progress + 1
        self.last = reached
        refusal = self.said()[0]
        # What the function refuses, it refuses again.
        if refusal and refusal.startswith(("InputError", "SettingError")):
            raise Refused(refusal)
        why = state.get("trouble") or refusal
        if self.without_progress >= MOST_WITHOUT_PROGRESS:
            raise Refused(
                f"it comes no further: {why or 'the log of the function says why'}; log: {self.outputs['BackfillLogGroupName']}; "
                "once that is mended, the same command goes on"
            )
        say(f"{ended} ({why}); the next goes on" if why else f"{ended}; the next goes on")
        self.ask()

    def execution(self, state):
        """The newest execution of the state machine for this backfill: its ARN and its status, where it is known."""
        times = state["fleet"]["times"]
        name = f"{self.run.key.split('/')[1]}-{state['generation']}" + (f"-{times}" if times > 1 else "")
        arn = f"{self.outputs['BackfillStateMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return arn, self.aws.client("stepfunctions").describe_execution(executionArn=arn)["status"]
        except botocore.exceptions.ClientError as error:
            if code(error) == "ExecutionDoesNotExist":
                return arn, None
            raise

    def fleet_must_live(self, state, done):
        """Whether the state machine is still at work; an execution that failed tells nobody what it found."""
        arn, status = self.execution(state)
        if status in ("FAILED", "TIMED_OUT", "ABORTED"):
            again = datetime.datetime.fromisoformat(state["fleet"]["at"]) + FLEET_TIME
            if self.now() < again:
                faster = "; a higher BackfillMaximumConcurrency makes it faster" if status == "TIMED_OUT" else ""
                raise Refused(
                    f"the execution {arn} is {status}: its history and the log {self.outputs['BackfillLogGroupName']} say why; "
                    f"once that is mended, and not before {again:%Y-%m-%d %H:%M} UTC, the same command starts it again, and it "
                    f"goes on with the parts that are left{faster}"
                )
            # It is being started again, or has to be.
            if not self.somebody_works_on(state):
                self.go_on(state, ("fleet", done, state["fleet"]), f"the execution {arn} is {status}")
            return
        if time.monotonic() - self.progress.moved > MOST_QUIET_SECONDS:
            raise Refused(f"no part has ended for {duration(MOST_QUIET_SECONDS)}; look at the executions of {self.outputs['BackfillStateMachineArn']}")
