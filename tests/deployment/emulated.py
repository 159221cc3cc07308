"""An emulated AWS on the loopback interface, for as long as a test runs."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import boto3

ACCOUNT = "111122223333"
# The emulator takes an access key id of twelve digits for the account.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "none", "AWS_SESSION_TOKEN": ""}
REGION = "us-east-1"


def free_port():
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def emulated_aws():
    """Starts one, points boto3 at it, and ends it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    kept = dict(os.environ)
    os.environ.pop("AWS_CA_BUNDLE", None)
    os.environ.pop("AWS_PROFILE", None)
    os.environ.update(CREDENTIALS, AWS_ENDPOINT_URL=endpoint, AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log").open("wb+")
        emulator = subprocess.Popen(
            [Path(sys.executable).parent / "ministack"],
            env={
                **os.environ,
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(port),
                "IOT_MTLS_ENABLED": "0",
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_HOST": "127.0.0.1",
                "SFTP_ENABLED": "0",
            },
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until_ready(emulator, endpoint, log)
            yield
        finally:
            emulator.terminate()
            try:
                emulator.wait(10)
            except subprocess.TimeoutExpired:
                emulator.kill()
                emulator.wait()
            log.close()
            os.environ.clear()
            os.environ.update(kept)


def wait_until_ready(emulator, endpoint, log):
    """Waits, up to a minute."""
    for _ in range(600):
        if emulator.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/_ministack/ready", timeout=5):
            return
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError("the emulated AWS did not start:\n" + log.read().decode(errors="replace"))


def client(service, region=REGION, account=ACCOUNT):
    """A client of the emulated AWS."""
    return boto3.client(service, region_name=region, aws_access_key_id=account, aws_secret_access_key="none")
