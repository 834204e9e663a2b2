#!/usr/bin/env python3
"""Registers an instance for Terraform's or OpenTofu's external data source.

Standard input is a JSON object of strings, the query: request_id, and spec, a LaunchSpec as JSON text. Standard output is a JSON object of
strings: certname, user_data. The same request_id and spec find the same instance, so that every plan may ask again. Environment: see
../curl/call.sh.
"""
import json
import pathlib
import subprocess
import sys

CALL = pathlib.Path(__file__).resolve().parent.parent / "curl" / "call.sh"


def main():
    query = json.load(sys.stdin)
    request = {"requestId": query["request_id"], "spec": json.loads(query["spec"])}
    ran = subprocess.run([CALL, "POST", "/v1/instances:register"], input=json.dumps(request), text=True, capture_output=True, check=False)
    if ran.returncode != 0:
        # Terraform shows one line of standard error.
        try:
            reason = json.loads(ran.stdout)["message"]
        except (ValueError, KeyError):
            reason = ran.stderr.strip()
        sys.exit(f"overture: {reason}")
    answer = json.loads(ran.stdout)
    json.dump({"certname": answer["instance"]["certname"], "user_data": answer["userData"]}, sys.stdout)


if __name__ == "__main__":
    main()
