#!/usr/bin/env python3
"""usage: rpcs.py < DESCRIPTORS > docs/rpcs.md

Every RPC and message of the services, out of the comments in protos/. DESCRIPTORS: a FileDescriptorSet as JSON, as eng/rpcs.sh makes it.
"""
import json
import sys

SCALARS = {"TYPE_" + t.upper(): t
           for t in "double float int64 uint64 int32 fixed64 fixed32 bool string bytes uint32 sint32 sint64".split()}
SERVICES = [f"overture/{service}/v1/{service}.proto" for service in ("conductor", "certauthority", "classifier")]


def comments(file):
    """Path of a declaration -> its comment, on one line; paragraphs stay apart."""
    found = {}
    for place in file.get("sourceCodeInfo", {}).get("location", []):
        text = place.get("leadingComments") or place.get("trailingComments")
        if text:
            found[tuple(place.get("path", []))] = " ".join(line.strip() for line in text.strip().split("\n")).replace("|", "\\|")
    return found


def prose(text):
    """Outside of code: what Markdown would take for its own."""
    return (text or "").replace("<", "\\<").replace("*", "\\*")


def anchor(full):
    return full.lower().replace(".", "")


class Reference:
    def __init__(self, files):
        self.files = {f["name"]: f for f in files}
        self.messages, self.enums = {}, {}
        for file in files:
            notes = comments(file)
            for i, message in enumerate(file.get("messageType", [])):
                self.take(f".{file['package']}" if "package" in file else "", message, (4, i), notes)
            for i, enum in enumerate(file.get("enumType", [])):
                self.enums[f".{file.get('package', '')}.{enum['name']}"] = (enum, (5, i), notes)
        self.maps = {n for n, (m, _, _) in self.messages.items() if m.get("options", {}).get("mapEntry")}

    def take(self, scope, message, path, notes):
        full = f"{scope}.{message['name']}"
        self.messages[full] = (message, path, notes)
        for i, inner in enumerate(message.get("nestedType", [])):
            self.take(full, inner, path + (3, i), notes)
        for i, enum in enumerate(message.get("enumType", [])):
            self.enums[f"{full}.{enum['name']}"] = (enum, path + (4, i), notes)

    def short(self, full):
        return full.split(".v1.")[-1].removeprefix(".")

    def type_of(self, field):
        name = field.get("typeName")
        if name in self.maps:
            key, value = self.messages[name][0]["field"]
            return f"map of {self.type_of(key)} to {self.type_of(value)}"
        kind = SCALARS.get(field["type"]) or self.link(name)
        return f"list of {kind}" if field.get("label") == "LABEL_REPEATED" else kind

    def link(self, full):
        if full not in self.wanted:
            return f"`{full.removeprefix('.')}`"
        return f"[{self.short(full)}](#{anchor(self.short(full))})"

    def reach(self, full):
        if full in self.wanted or (full not in self.messages and full not in self.enums) or full.startswith(".google."):
            return
        if full not in self.maps:
            self.wanted.append(full)
        for field in self.messages[full][0].get("field", []) if full in self.messages else []:
            if "typeName" in field:
                self.reach(field["typeName"])

    def write(self):
        self.wanted = []
        for name in SERVICES:
            for service in self.files[name]["service"]:
                for method in service["method"]:
                    self.reach(method["inputType"])
                    self.reach(method["outputType"])
        lines = ["# RPCs", "", "Every RPC of the three services with its messages, out of the comments in [protos/](../protos); "
                 "`eng/rpcs.sh` writes this page. Who may call one is its roles; what a refusal looks like, and every reason: "
                 "[errors](errors.md). With the services up, `grpcurl` and the like find the same by reflection."]
        for name in SERVICES:
            file = self.files[name]
            notes = comments(file)
            for i, service in enumerate(file["service"]):
                lines += ["", f"## {service['name']}", "", f"`{file['package']}.{service['name']}`", "", prose(notes.get((6, i)))]
                for j, method in enumerate(service["method"]):
                    lines += self.method(method, notes.get((6, i, 2, j)))
        lines += ["", "## Messages"]
        for full in sorted(self.wanted, key=self.short):
            lines += self.message(full) if full in self.messages else self.enum(full)
        return "\n".join(lines) + "\n"

    def method(self, method, note):
        roles = method.get("options", {}).get("[overture.roles]", {})
        stream = "stream of " if method.get("serverStreaming") else ""
        who = ", ".join(r.removeprefix("ROLE_").lower() for r in roles.get("anyOf", roles.get("any_of", [])))
        scope = "; a person with a scope, for instances in it" if roles.get("scoped") else ""
        return ["", f"### {method['name']}", "", prose(note), "",
                f"{self.link(method['inputType'])} → {stream}{self.link(method['outputType'])}."
                + (f" Roles: {who}{scope}." if who else "")]

    def message(self, full):
        message, path, notes = self.messages[full]
        lines = ["", f"### {self.short(full)}", ""]
        if notes.get(path):
            lines += [prose(notes[path]), ""]
        fields = message.get("field", [])
        if not fields:
            return lines + ["No fields."]
        lines += ["| field | type | what |", "| --- | --- | --- |"]
        for i, field in enumerate(fields):
            one = ""
            if "oneofIndex" in field and not field.get("proto3Optional"):
                one = f" (one of {message['oneofDecl'][field['oneofIndex']]['name']})"
            lines.append(f"| `{field['name']}` | {self.type_of(field)}{one} | {prose(notes.get(path + (2, i)))} |")
        return lines

    def enum(self, full):
        enum, path, notes = self.enums[full]
        lines = ["", f"### {self.short(full)}", ""]
        if notes.get(path):
            lines += [prose(notes[path]), ""]
        lines += ["| value | what |", "| --- | --- |"]
        return lines + [f"| `{v['name']}` | {prose(notes.get(path + (2, i)))} |" for i, v in enumerate(enum["value"])]


sys.stdout.write(Reference(json.load(sys.stdin)["file"]).write())
