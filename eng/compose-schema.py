#!/usr/bin/env python3
"""usage: compose-schema.py SCHEMA FILE

Validates a compose file against the Compose specification's JSON schema, which Compose v2 applies as it reads one. Prints each violation by
its path; exit 1 where there is one. Anchors and merges are resolved first; ${...} stays as text, which the schema allows wherever it stands.
"""
import json
import sys

import jsonschema
import yaml

with open(sys.argv[1]) as file:
    schema = json.load(file)
with open(sys.argv[2]) as file:
    document = yaml.safe_load(file)
violations = list(jsonschema.Draft7Validator(schema).iter_errors(document))
for violation in violations:
    print(f"{sys.argv[2]}: {'/'.join(map(str, violation.path))}: {violation.message[:200]}")
sys.exit(1 if violations else 0)
