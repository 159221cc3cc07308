"""Shared by the scripts of this folder: clients, and errors as sentences."""

import sys

import boto3
import botocore.exceptions
from botocore.config import Config

# A person waits for the script: a failure must be reported soon.
PATIENCE = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
# A function has five minutes at most, and boto3 must not repeat a failed invocation.
INVOKE = Config(connect_timeout=10, read_timeout=330, retries={"total_max_attempts": 1})


class Refused(Exception):
    """An error that a person must resolve first; its text is the message."""


class Aws:
    """Clients for the account and Region that the environment names."""

    def __init__(self):
        self.session = boto3.session.Session()
        self.region = self.session.region_name
        if not self.region:
            raise Refused("no Region is set: set AWS_REGION, or a region in the profile that AWS_PROFILE names")
        self.account = self.client("sts").get_caller_identity()["Account"]

    def client(self, service, config=PATIENCE):
        """A client of that service in our Region."""
        return self.session.client(service, region_name=self.region, config=config)

    def outputs(self, stack):
        """The stack's status and outputs."""
        try:
            found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        except botocore.exceptions.ClientError as error:
            if code(error) == "ValidationError":
                raise Refused(f'there is no stack "{stack}" in {self.region} of account {self.account}') from error
            raise
        return found["StackStatus"], {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def code(error):
    """The code of an error answer, such as AccessDenied; head requests have only a number."""
    return error.response.get("Error", {}).get("Code", "")


def denied(error):
    """Whether the error is a missing permission."""
    return code(error) in ("403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation")


def sentence(error):
    """An error of boto3 as a sentence."""
    if isinstance(error, botocore.exceptions.ClientError):
        what = error.response.get("Error", {})
        return f"{error.operation_name} failed: {what.get('Code', '?')}: {what.get('Message', 'no reason given')}"
    if isinstance(error, botocore.exceptions.NoCredentialsError):
        return "there are no AWS credentials: sign in, or set AWS_PROFILE"
    return str(error)


def run(main):
    """Runs a script's main; a refusal by it or by AWS is one sentence and exit status 1."""
    try:
        sys.exit(main())
    except Refused as refused:
        sys.exit(str(refused))
    except botocore.exceptions.BotoCoreError as error:
        sys.exit(sentence(error))
    except botocore.exceptions.ClientError as error:
        sys.exit(sentence(error))
    except KeyboardInterrupt:
        sys.exit("stopped; nothing more was changed")
