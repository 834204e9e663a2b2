"""Keeps the descriptors that a service stores (sd_notify(3), FDSTORE) and hands them to its next start, as systemd does.

usage: service_manager.py SOCKET COMMAND...
Reads start, stop and end; says after each start, when the service is ready, which descriptors it keeps by then.
"""
import array
import os
import signal
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
kept, given_up = {}, []


def start():
    child = os.fork()
    if child:
        return child
    environment = dict(os.environ, NOTIFY_SOCKET=path)
    # Its log is not among what is said here.
    os.dup2(2, 1)
    if kept:
        high = [os.dup2(fd, 100 + i) for i, fd in enumerate(kept.values())]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i)
            os.close(fd)
        environment.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=":".join(kept))
    os.execvpe(command[0], command, environment)


def hear():
    """One message; true where it says that the service is ready."""
    text, control, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(4))
    lines = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
    descriptors = array.array("i")
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if lines.get("FDSTORE") == "1":
        assert lines["FDPOLL"] == "0" and ":" not in lines["FDNAME"], lines
        os.set_inheritable(descriptors[0], False)
        kept[lines["FDNAME"]] = descriptors[0]
    # systemd does so when it comes to it; here, as late as can be: when the service is ready, or before its next start.
    if lines.get("FDSTOREREMOVE") == "1":
        given_up.append(kept.pop(lines["FDNAME"]))
    if lines.get("READY") == "1":
        while given_up:
            os.close(given_up.pop())
    return lines.get("READY") == "1"


child = None
for line in sys.stdin:
    word = line.strip()
    if word == "start":
        child = start()
        while not hear():
            pass
        print("ready", *kept, flush=True)
    elif word == "stop":
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        child = None
        print("stopped", flush=True)
    else:
        break
if child:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
