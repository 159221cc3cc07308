"""Starts a backfill of a deployed stack and follows it to its end: make backfill STACK=name FROM=2026-01-01 TO=2026-03-31

The function is invoked as an event: a call that waits for the answer would time out after minutes, and be repeated. The
function answers its status. An invocation that ends early is followed by another one with the same request, which
continues. Exit 0: everything was read and reported. Exit 1: not everything. Exit 130: Ctrl-C.
"""

import argparse
import shlex

import botocore.exceptions

from aws import Aws, Refused, run, sentence
from follower import Follower
from invocations import answer_of
from progress import show_estimate
from words import counted, say, size, visible

SEVERITIES = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL"]


def request_of(arguments):
    """The request. The function validates it."""
    request = {"from": arguments.first, "to": arguments.last}
    for name in ["accounts", "regions"]:
        if listed := getattr(arguments, name).replace(",", " ").split():
            request[name] = sorted(set(listed))
    if arguments.notify:
        request["notify"] = arguments.notify
    return request


def dry_run(aws, function, request):
    """Prints the estimate; nothing is read."""
    said = answer_of(aws, function, {**request, "dry_run": True})
    if said["not_done"]:
        raise Refused(f"the log files could not be listed: {said['not_done']}")
    show_estimate(said["estimate"])
    if said["estimate"]["none_of_these_days"]:
        say("none of them is of these days: there would be no record of what happened")
    say("nothing was read: leave out DRY_RUN to read the log files")
    return 0


def end(status, request, bucket):
    """Prints the result and returns the exit status."""
    read, result, estimate = status["read"], status["result"], status["estimate"] or {}
    counts = read["counts"]
    say(
        f"read {counted(counts['log_files'], 'log file', 'log files')} with {size(read['bytes'])} and "
        f"{counted(counts['records'], 'record', 'records')}"
    )
    findings = [f"{result['findings'].get(severity, 0):,} {severity}" for severity in SEVERITIES if result["findings"].get(severity)]
    say(f"findings: {', '.join(findings) or 'none'}")
    for number, what in [
        (result["told"], "in its mail"),
        (result["known"], "mailed before"),
        (result["accepted"], "suppressed"),
        (result["counted"], "below the minimum severity, only counted"),
        (result["left_out"], "left out: too many findings"),
    ]:
        if number:
            say(f"  {number:,} {what}")
    say(f"mail: {result.get('subject') or 'none'}")
    for uri in result["objects"]:
        say(f"  aws s3 cp {shlex.quote(uri)} .")
    missing = estimate.get("items", 0) - read["items"]
    problems = [
        (counts["unreadable"], "record", "records", "could not be read"),
        (counts["unreadable_log_files"], "log file", "log files", "could not be read whole"),
        (read["unread"], "log file", "log files", "could not be fetched"),
        (missing, "part", "parts", "failed: the mail says how many log files were not read"),
    ]
    lines = [f"problem  {counted(number, one, more)} {what}" for number, one, more, what in problems if number > 0]
    for line in lines:
        say(line)
    if missing > 0:
        say("         -> AGAIN=1 reads everything again, once the cause in the log of the function is fixed")
    if nothing := estimate.get("none_of_these_days"):
        wanted = "of these days, accounts and Regions" if "accounts" in request or "regions" in request else "of these days"
        say(f"problem  there are no log files {wanted} in the bucket {bucket}")
        say("         -> check whether CloudTrail delivers there, and whether a lifecycle rule removed them; AGAIN=1 lists them again")
    return 1 if lines or nothing else 0


def repeated(arguments):
    """The command that follows it. Without AGAIN=1, which would repeat a backfill that has ended meanwhile."""
    named = {
        "STACK": arguments.stack,
        "FROM": arguments.first,
        "TO": arguments.last,
        "ACCOUNTS": arguments.accounts,
        "REGIONS": arguments.regions,
        "NOTIFY": arguments.notify,
    }
    return " ".join(["make backfill", *(shlex.quote(f"{name}={value}") for name, value in named.items() if value)])


def followed(aws, outputs, arguments):
    """Invokes the function, and follows the backfill to its end."""
    follower = Follower(aws, outputs, request_of(arguments))
    try:
        return end(follower.follow(arguments.again), follower.request, outputs["LogBucketName"])
    except KeyboardInterrupt:
        if follower.invocation is None:
            raise
        say("")
        say("the current invocation continues; if it ends early, no other one follows.")
        say("To follow the backfill, and to continue it:")
        say(f"  {repeated(arguments)}")
        if follower.waits_for_new:
            say("The repeat has not started yet: until then, this shows the previous result.")
        say("To print its state:")
        say(f"  {follower.state_command()}")
        return 130


def main(arguments):
    """Runs the command."""
    try:
        aws = Aws()
        _, outputs = aws.outputs(arguments.stack)
        if "BackfillFunctionName" not in outputs:
            raise Refused(f'stack "{arguments.stack}" has no function backfill: deploy again, make deploy')
        if arguments.dry_run:
            return dry_run(aws, outputs["BackfillFunctionName"], request_of(arguments))
        return followed(aws, outputs, arguments)
    except (Refused, botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        # Its text may be untrusted.
        raise Refused(visible(sentence(error))) from error


def arguments():
    """The command line's arguments."""
    parser = argparse.ArgumentParser(prog="deploy/backfill.py", description="Reads past log files with a deployed stack.")
    parser.add_argument("stack", help="the stack's name")
    parser.add_argument("first", metavar="from", help="the first day in UTC, such as 2026-01-01")
    parser.add_argument("last", metavar="to", help="the last day, inclusive")
    parser.add_argument("--accounts", default="", help="only these, comma-separated")
    parser.add_argument("--regions", default="", help="only these, comma-separated")
    parser.add_argument("--notify", default="", help="digest (one mail at the end) or none")
    parser.add_argument("--dry-run", action="store_true", help="print how much there is to read, and the cost")
    parser.add_argument("--again", action="store_true", help="repeat a finished backfill")
    return parser.parse_args()


if __name__ == "__main__":
    run(lambda: main(arguments()))
