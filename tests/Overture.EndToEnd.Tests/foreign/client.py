"""A client in another language: lists the services by reflection and launches an instance, over mTLS.

usage: client.py GENERATED_DIR HOST:PORT CA CERT KEY BUCKET PUPPETSERVER_PORT CA_PORT
Prints the services, one a line, then the certname.
"""
import sys

generated, address, ca, cert, key, bucket, puppet_port, ca_port = sys.argv[1:]
sys.path.insert(0, generated)

import grpc
from google.protobuf import json_format
from grpc_reflection_v1 import reflection_pb2, reflection_pb2_grpc
from overture.conductor.v1 import conductor_pb2, conductor_pb2_grpc


def read(path):
    with open(path, "rb") as file:
        return file.read()


channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(read(ca), read(key), read(cert)))

reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
for answer in reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")])):
    for service in answer.list_services_response.service:
        print(service.name)

request = json_format.ParseDict(
    {
        "spec": {
            "bucket": bucket,
            "provider": "local",
            "image": "host",
            "puppet": {"server": "localhost", "serverport": int(puppet_port), "caServer": "localhost", "caPort": int(ca_port)},
            "node": {"classes": {"login_allowed": {"user": "guest", "key": "ssh-ed25519 AAAA"}}},
        },
        "count": 1,
    },
    conductor_pb2.LaunchInstancesRequest(),
)
response = conductor_pb2_grpc.ConductorServiceStub(channel).LaunchInstances(request, timeout=60)
print(response.results[0].instance.certname)
