#!/usr/bin/env python3
"""Registers what an autoscaling group launches, and terminates what it ends.

Reads lifecycle actions from an SQS queue (EventBridge or the group's own notifications put them there) until there is none for a while:
  lifecycle.py QUEUE-URL SPEC-FILE
A launch is registered under the cloud's instance id, its user data is put where the new machine waits for it (a SecureString parameter
/overture/user-data/<instance id>, which boot.sh reads), and the group goes on. An end is terminated in Overture before the machine goes.
The parameter only includes the user data from its URL, as a parameter takes 4 KiB: the Conductor's records are in an s3: bucket.
What fails stays in the queue, and the hook's own time limit decides. Needs boto3 (Debian: python3-boto3); environment: see ../curl/call.sh.
"""
import json
import pathlib
import subprocess
import sys
import urllib.parse

import boto3
from botocore.exceptions import BotoCoreError, ClientError

CALL = pathlib.Path(__file__).resolve().parent.parent / "curl" / "call.sh"
LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
LABEL = "ec2-instance"
LATER = 120  # seconds until what failed is tried again, by this run or another


class Refused(Exception):
    """What Overture answered instead."""


def call(method, path, body=None):
    text = None if body is None else json.dumps(body)
    ran = subprocess.run([CALL, method, path], input=text, text=True, capture_output=True, check=False)
    if ran.returncode != 0:
        raise Refused(ran.stdout or ran.stderr)
    return json.loads(ran.stdout)


def register(instance, spec, ssm):
    spec = {**spec, "labels": {**spec.get("labels", {}), LABEL: instance}}
    answer = call("POST", "/v1/instances:register", {"requestId": f"asg-{instance}", "spec": spec, "userDataUrl": True})
    ssm.put_parameter(Name=f"/overture/user-data/{instance}", Value=answer["userData"], Type="SecureString", Overwrite=True)


def registered(instance):
    page = ""
    while True:
        listed = call("GET", f"/v1/instances?filter.selector={LABEL}%3D{instance}&pageToken={urllib.parse.quote(page, safe='')}")
        yield from (found["certname"] for found in listed.get("instances", []))
        page = listed.get("nextPageToken")
        if not page:
            return


def terminate(instance, ssm):
    for certname in list(registered(instance)):
        try:
            call("POST", f"/v1/instances/{certname}:terminate", {"reason": "ended by its autoscaling group"})
        except Refused as refused:
            # The Conductor goes on by itself.
            if "REVOCATION_PENDING" not in str(refused):
                raise
    try:
        ssm.delete_parameter(Name=f"/overture/user-data/{instance}")
    except ssm.exceptions.ParameterNotFound:
        pass


def complete(action, result, groups):
    try:
        groups.complete_lifecycle_action(
            LifecycleHookName=action["LifecycleHookName"], AutoScalingGroupName=action["AutoScalingGroupName"],
            LifecycleActionToken=action["LifecycleActionToken"], InstanceId=action["EC2InstanceId"], LifecycleActionResult=result)
    except ClientError as error:
        # Delivered twice, or too late: the group has gone on.
        if "No active Lifecycle Action" not in str(error):
            raise


def handle(action, spec, ssm, groups):
    instance, result = action["EC2InstanceId"], "CONTINUE"
    if action["LifecycleTransition"] == LAUNCHING:
        try:
            register(instance, spec, ssm)
        except Refused as refused:
            # It has booted with its token already and this is an old message, or it never can: then the group takes another machine.
            if "TOKEN_EXPIRED" not in str(refused):
                raise
            result = "ABANDON"
    elif action["LifecycleTransition"] == TERMINATING:
        terminate(instance, ssm)
    complete(action, result, groups)
    print(f"{action['LifecycleTransition']} {instance} {result}", flush=True)


def work(message, spec, ssm, groups):
    body = json.loads(message["Body"])
    action = body.get("detail", body)  # EventBridge wraps it
    if "LifecycleTransition" in action:  # else the test notification of a new hook
        handle(action, spec, ssm, groups)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: lifecycle.py QUEUE-URL SPEC-FILE")
    queue, spec = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    sqs, ssm, groups = boto3.client("sqs"), boto3.client("ssm"), boto3.client("autoscaling")
    failed = False
    while messages := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            try:
                work(message, spec, ssm, groups)
            # The next message may do better, whatever is wrong with this one.
            except (Refused, BotoCoreError, ClientError, ValueError, KeyError, TypeError, AttributeError) as error:
                failed = True
                print(f"{message['MessageId']}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=LATER)
                continue
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
