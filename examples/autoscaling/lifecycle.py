#!/usr/bin/env python3
"""Registers what an autoscaling group launches, and terminates what it ends.

Reads lifecycle actions from an SQS queue (EventBridge or the group's own notifications put them there) until there is none for a while:
  lifecycle.py QUEUE-URL SPEC-FILE
A launch is registered under the cloud's instance id, its user data is put where the new machine waits for it (a SecureString parameter
/overture/user-data/<instance id>, which boot.sh reads), and the group goes on. An end is terminated in Overture before the machine goes.
What fails stays in the queue, and the hook's own time limit decides. Needs boto3 (Debian: python3-boto3); environment: see ../curl/call.sh.
"""
import json
import pathlib
import subprocess
import sys

import boto3

CALL = pathlib.Path(__file__).resolve().parent.parent / "curl" / "call.sh"
LAUNCHING, TERMINATING = "autoscaling:EC2_INSTANCE_LAUNCHING", "autoscaling:EC2_INSTANCE_TERMINATING"
LABEL = "ec2-instance"


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
    answer = call("POST", "/v1/instances:register", {"requestId": f"asg-{instance}", "spec": spec})
    # Longer than 4 KiB, which a standard parameter takes.
    ssm.put_parameter(Name=f"/overture/user-data/{instance}", Value=answer["userData"], Type="SecureString", Tier="Advanced",
                      Overwrite=True)
    return answer["instance"]["certname"]


def terminate(instance, ssm):
    listed = call("GET", f"/v1/instances?filter.selector={LABEL}%3D{instance}")
    for found in listed.get("instances", []):
        try:
            call("POST", f"/v1/instances/{found['certname']}:terminate", {"reason": "ended by its autoscaling group"})
        except Refused as refused:
            # The Conductor goes on by itself.
            if "REVOCATION_PENDING" not in str(refused):
                raise
    try:
        ssm.delete_parameter(Name=f"/overture/user-data/{instance}")
    except ssm.exceptions.ParameterNotFound:
        pass


def handle(action, spec, ssm, groups):
    instance = action["EC2InstanceId"]
    if action["LifecycleTransition"] == LAUNCHING:
        register(instance, spec, ssm)
    elif action["LifecycleTransition"] == TERMINATING:
        terminate(instance, ssm)
    groups.complete_lifecycle_action(
        LifecycleHookName=action["LifecycleHookName"], AutoScalingGroupName=action["AutoScalingGroupName"],
        LifecycleActionToken=action["LifecycleActionToken"], InstanceId=instance, LifecycleActionResult="CONTINUE")
    print(f"{action['LifecycleTransition']} {instance}", flush=True)


def receive(sqs, queue):
    return sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", [])


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: lifecycle.py QUEUE-URL SPEC-FILE")
    queue, spec = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text(encoding="utf-8"))
    sqs, ssm, groups = boto3.client("sqs"), boto3.client("ssm"), boto3.client("autoscaling")
    failed = set()  # what failed is for the next run, or this one would have no end
    while messages := [m for m in receive(sqs, queue) if m["MessageId"] not in failed]:
        for message in messages:
            body = json.loads(message["Body"])
            action = body.get("detail", body)  # EventBridge wraps it
            if "LifecycleTransition" in action:  # else the test notification of a new hook
                try:
                    handle(action, spec, ssm, groups)
                except Refused as refused:
                    failed.add(message["MessageId"])
                    print(f"{action.get('EC2InstanceId')}: {refused}", file=sys.stderr, flush=True)
                    continue
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
