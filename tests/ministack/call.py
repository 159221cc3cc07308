"""Makes AWS API calls: one a line on stdin, its outcome as a line on stdout, until stdin ends.

A call is {"service", "operation", "parameters"}, named as botocore names them, and may have a "role", the ARN of
the role that makes it, or an "account", the other account whose administrator makes it; an outcome is {"answer"} or {"error": {"code", "message"}}. `Body` in a call is the path of
a file; bodies in answers are text.
"""

import json
import sys

import botocore.config
import botocore.exceptions
import botocore.session

# One attempt: a test wants to see what the first one comes to.
CONFIG = botocore.config.Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


def plain(value):
    """What JSON has no word for, as text."""
    return value.read().decode("utf-8", "replace") if hasattr(value, "read") else str(value)


def keys_of(session, role, account):
    """What a client needs to call as a role, as another account's administrator, or as the administrator."""
    if account is not None:
        # As the emulator knows the administrator of every account.
        return {"aws_access_key_id": account, "aws_secret_access_key": "test"}
    if role is None:
        return {}
    keys = session.create_client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def main():
    session = botocore.session.get_session()
    clients = {}
    for line in sys.stdin:
        call = json.loads(line)
        service, parameters = call["service"], call["parameters"]
        who = service, call.get("role"), call.get("account")
        if who not in clients:
            clients[who] = session.create_client(service, config=CONFIG, **keys_of(session, *who[1:]))
        if "Body" in parameters:
            with open(parameters["Body"], "rb") as body:
                parameters["Body"] = body.read()
        try:
            answer = getattr(clients[who], call["operation"])(**parameters)
            answer.pop("ResponseMetadata", None)
            outcome = {"answer": answer}
        except botocore.exceptions.ClientError as error:
            outcome = {"error": {"code": error.response["Error"]["Code"], "message": str(error)}}
        print(json.dumps(outcome, default=plain), flush=True)


if __name__ == "__main__":
    main()
