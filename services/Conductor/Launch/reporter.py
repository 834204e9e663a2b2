# Says how a first boot goes, off its path: the stages of cloud-init and the last words of the Puppet agent, to the Conductor and onto the
# console, until the first good run. docs/first-boot.md has the whole story. Rendered by Reporter.cs: it takes out comments and most of
# the indentation, so no text here goes over lines; and it puts these in front:
#
#   host port name token          where to, of which certname, and with which secret
#
# agent.sh starts it, with the Python that its cloud-init is made for: 3.6 and above. Nothing waits for it, nothing depends on it.
import calendar
import http.client
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import time

DIR = "/var/lib/cloud/instance/overture"
STATUS = "/run/cloud-init/status.json"
FILES = ("/var/log/puppet/puppet.log", "/var/log/puppetlabs/puppet/puppet.log")
HOMES = ("/var/lib/puppet/state", "/var/cache/puppet/state", "/var/cache/puppet/public", "/opt/puppetlabs/puppet/public",
         "/opt/puppetlabs/puppet/cache/state")
STAGES = ("init-local", "init", "modules-config", "modules-final")
# What a disabled agent says, as a notice.
OFF = "administratively disabled"
# Lines in all, lines at once, seconds until a line is said again.
MOST, KEEP, AGAIN = 200, 20, 300


# What is on disk of it goes first: the token is in it.
def swallow(path):
    with open(path) as f:
        text = f.read()
    os.remove(path)
    return text


def clean(text):
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(text))
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text).replace(token, "*" * 8)
    return re.sub(r"\b[a-z2-7]{52}\b", "*" * 8, text).encode("utf-8", "replace").decode()[:300]


def stages():
    try:
        with open(STATUS) as f:
            status = json.load(f)["v1"]
    except (OSError, ValueError, KeyError):
        return []
    found = []
    for stage in STAGES:
        s = status.get(stage) or {}
        if s.get("start"):
            errors = [clean(e) for e in (s.get("errors") or [])[:3]]
            found.append({"name": stage, "start": s["start"], "end": s.get("finished"), "errors": errors})
    return found


def journal():
    units = [a for u in ("puppet", "puppet-agent", "openvox-agent") for a in ("-u", u)]
    command = ["journalctl", "-q", "-b", "-o", "json", "-n", str(MOST)] + units
    said = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20).stdout
    for line in said.decode("utf-8", "replace").splitlines():
        entry = json.loads(line)
        text = entry.get("MESSAGE") or ""
        if isinstance(text, list):
            text = bytes(text).decode("utf-8", "replace")
        rank = int(entry.get("PRIORITY", 6))
        yield int(entry["__REALTIME_TIMESTAMP"]) / 1e6, "err" if rank < 4 else "warning" if rank == 4 else "notice", text


def logs():
    # What an image brings along is another instance's.
    first = min([s["start"] for s in stages()], default=0)
    for path in FILES:
        try:
            with open(path, "rb") as f:
                f.seek(max(0, os.path.getsize(path) - 65536))
                lines = f.read().decode("utf-8", "replace").splitlines()[-MOST:]
        except OSError:
            continue
        for line in lines:
            m = re.match(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) ([+-])(\d\d)(\d\d) (.*?) \((\w+)\): (.*)", line)
            if m:
                when, sign, hours, minutes, source, level, text = m.groups()
                off = int(sign + "60") * (int(hours) * 60 + int(minutes))
                at = calendar.timegm(time.strptime(when, "%Y-%m-%d %H:%M:%S")) - off
                level = "err" if level in ("alert", "emerg", "crit") else level
                if at >= first - 1:
                    yield at, level, text if source == "Puppet" else "(%s) %s" % (source, text)


def lines():
    try:
        said = journal() if os.path.isdir("/run/systemd/system") else logs()
        return [(at, "err" if OFF in text else level, clean(text)) for at, level, text in said]
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return []


def summaries():
    found = {}
    for home in HOMES:
        path = home + "/last_run_summary.yaml"
        try:
            s = os.stat(path)
            found[path] = (s.st_ino, s.st_mtime_ns, s.st_size)
        except OSError:
            pass
    return found


# A run since the start applied a catalog without a failure, as far as the instance knows; by no clock, which may turn meanwhile.
def good(before):
    for path, file in summaries().items():
        if before.get(path) == file:
            continue
        try:
            with open(path) as f:
                m = re.search(r"^resources:\n((?: +\S.*\n)+)", f.read(), re.M)
            run = dict(re.findall(r"(\w+): *\"?(\d+)", m.group(1))) if m else {}
        except OSError:
            continue
        if int(run.get("total", 0)) and run.get("failed") == run.get("failed_to_restart") == "0":
            return True
    return False


def show(text):
    try:
        path = "/dev/console" if os.path.exists("/dev/console") else "/proc/1/fd/1"
        fd = os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_APPEND)
        try:
            os.write(fd, ("overture: the agent says " + text + "\n").encode())
        finally:
            os.close(fd)
    except OSError:
        pass


def late(*_):
    raise OSError("late")


# The status of the answer; 0: there was none. Its body is not read, redirects and proxies are not followed.
def send(body):
    signal.alarm(30)
    link = http.client.HTTPSConnection(host, port, timeout=10, context=trust)
    try:
        header = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        link.request("POST", "/first-boot/v1/" + name, json.dumps(body, ensure_ascii=False).encode(), header)
        return link.getresponse().status
    except (OSError, http.client.HTTPException, ValueError):
        return 0
    finally:
        signal.alarm(0)
        link.close()


def main():
    began, before = time.monotonic(), summaries()
    known, seen, waiting, count = {}, {}, [], 0
    status, pause, due, beat, well = 0, 2, began, began, None
    while status != 410 and time.monotonic() - began < 86400:
        now = time.monotonic()
        # 1. what is new; what the agent repeats is said again after some minutes
        news = [s for s in stages() if known.get(s["name"]) != (s["end"] is not None)]
        for at, level, text in lines():
            if level not in ("err", "warning") or (at, text) in seen or count >= MOST:
                continue
            seen[(at, text)] = now
            if now - seen.get(text, now - AGAIN) >= AGAIN:
                seen[text] = now
                count += 1
                waiting = (waiting + [{"at": at, "level": level, "text": text}])[-KEEP:]
                show("(%s): %s" % (level, text))
        if len(seen) > 20 * MOST:
            seen.clear()
        # 2. said; and now and then without news, so that clocks are compared and the end is learned of
        if now >= due and (news or waiting or now >= beat):
            status = send({"time": time.time(), "stages": news, "said": waiting})
            if status == 204:
                known.update((s["name"], s["end"] is not None) for s in news)
                waiting, pause = [], 2
                beat = now + (10 if well else 60)
            else:
                pause = min(pause * 2, 300)
            due = now + pause * random.uniform(0.5, 1)
        # 3. over, also where no answer ever comes or none is a yes
        if good(before):
            if not well:
                well, beat = now, now
            elif now - well > 600 and (status == 0 or status >= 400):
                break
        time.sleep(2 if now - began < 600 else 15)
    with open(DIR + "/reported", "w"):
        pass


try:
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust.load_verify_locations(cadata=swallow(sys.argv[0] + ".pem"))
finally:
    os.remove(sys.argv[0])
signal.signal(signal.SIGALRM, late)
main()
