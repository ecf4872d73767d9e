#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Payloads of others' corpora through a real router to a strict origin: refused, forwarded clean, or dangerous.

Reads checkouts that the user names; nothing of them is in this repository:
  nodejs/llhttp             test/request/*.md
  aws/http-desync-guardian  tests/*.yaml (needs python3-yaml)
  defparam/smuggler         configs/*.py; they are programs, and are run
Exit status 1 if a payload is dangerous, with each of them listed.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys

HOST = b"hello.localhost"


def for_our_host(payload):
    """The payload with our host, in the Host field it has or in one that it gets; else every one would be refused
    for its host alone."""
    changed, count = re.subn(rb"(?im)^(host[ \t]*:[ \t]*)[^\r\n]*", rb"\g<1>" + HOST, payload, count=1)
    if count:
        return changed
    line = re.search(rb"[^\r\n]+(\r\n|\n|\r)", payload)
    if not line:
        return payload
    return payload[:line.end()] + b"Host: " + HOST + line[1] + payload[line.end():]


def as_bytes(payload):
    """In Latin-1, where a character is the byte that its author meant, and in UTF-8 where that differs."""
    codings = [payload.encode()]
    if all(ord(character) < 256 for character in payload):
        codings.insert(0, payload.encode("latin-1"))
    return dict.fromkeys(codings)


def llhttp(checkout):
    """The blocks of their documents, unescaped as their test/md-test.ts does it."""
    def evaluated(match):
        program = ["node", "-p", match[1]]
        return subprocess.run(program, check=True, capture_output=True, text=True).stdout.rstrip("\n")

    for file in sorted((checkout / "test" / "request").glob("*.md")):
        text = file.read_text(encoding="utf-8")
        for block in re.finditer(r"^```http\n(.*?)^```$", text, re.M | re.S):
            payload = block[1].removesuffix("\n")
            payload = re.sub(r"\\(\r\n|\r|\n)", "", payload)
            payload = re.sub(r"\r\n|\r|\n", "\r\n", payload)
            for escaped, byte in (("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f")):
                payload = payload.replace(escaped, byte)
            payload = re.sub(r"\\x([0-9a-fA-F]+)", lambda match: chr(int(match[1], 16)), payload)
            payload = re.sub(r"\\([0-7]{1,3})", lambda match: chr(int(match[1], 8)), payload)
            payload = re.sub(r"\$\{(.+?)\}", evaluated, payload)
            line = text.count("\n", 0, block.start()) + 1
            for coding in as_bytes(payload):
                yield f"{file.name}:{line}", coding


def guardian(checkout):
    """Their cases are heads, to which a body is given that fits what they state."""
    try:
        import yaml
    except ImportError:
        sys.exit("corpora: their cases are YAML, which this Python cannot read; install python3-yaml")

    for file in sorted((checkout / "tests").glob("*.yaml")):
        for case in yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader) or []:
            lines = [" ".join(part for part in (case["method"], case["uri"], case["version"]) if part)]
            length, chunked = 0, False
            for field in case.get("headers") or []:
                lines.append(f"{field['name']}: {field['value']}")
                chunked = chunked or "encoding" in field["name"].lower()
                if "length" in field["name"].lower() and (digits := re.search("[0-9]+", field["value"])):
                    length = min(int(digits[0]), 4096)
            body = "0\r\n\r\n" if chunked else "x" * length
            payload = "\r\n".join(lines) + "\r\n\r\n" + body
            for coding in as_bytes(payload):
                yield f"{file.name}: {case['name']}", coding


def smuggler(checkout):
    """Each mutation with the two bodies that their program tries first."""
    class Payload:
        header = ""

    bodies = (("te.cl", "0\r\n\r\nX", 6), ("cl.te", "1\r\nZ\r\n0\r\n\r\n", 4))
    for file in sorted((checkout / "configs").glob("*.py")):
        mutations = {}
        exec(file.read_text(encoding="utf-8"), {"mutations": mutations, "Payload": Payload})
        for name, mutation in mutations.items():
            for kind, body, length in bodies:
                payload = mutation.header + "\r\n" + body
                for mark, value in (("METHOD", "POST"), ("ENDPOINT", "/"), ("RANDOM", "1"),
                                    ("HOST", "hello.localhost"), ("REPLACE_CL", str(length))):
                    payload = payload.replace(f"__{mark}__", value)
                for coding in as_bytes(payload):
                    yield f"{file.name}: {name} {kind}", coding


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    corpora = {"llhttp": llhttp, "guardian": guardian, "smuggler": smuggler}
    for name in corpora:
        parser.add_argument(f"--{name}", type=pathlib.Path, metavar="CHECKOUT")
    parser.add_argument("--program", default="build/http1_corpora", help="%(default)s, built by ./test conformance")
    parser.add_argument("--list", action="store_true", help="say what became of every payload")
    arguments = parser.parse_args()
    chosen = {name: getattr(arguments, name) for name in corpora if getattr(arguments, name)}
    if not chosen:
        parser.error("name at least one checkout")

    dangerous = []
    with subprocess.Popen([arguments.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        print(f"{'corpus':10} {'payloads':>9} {'refused':>8} {'clean':>7} {'dangerous':>10}  refused with")
        for name, checkout in chosen.items():
            counts, statuses = {"refused": 0, "clean": 0, "dangerous": 0}, {}
            for title, payload in corpora[name](checkout):
                payload = for_our_host(payload)
                program.stdin.write(payload.hex() + "\n")
                program.stdin.flush()
                answer = program.stdout.readline()
                if not answer:
                    sys.exit(f"corpora: the program ended at {name}, {title}: {payload!r}")
                seen = json.loads(answer)
                forwarded = [target for target in seen["targets"] if target != "/after"]
                verdict = "dangerous" if seen["dangers"] else "clean" if forwarded else "refused"
                counts[verdict] += 1
                if verdict == "refused":
                    statuses[seen["status"] or "none"] = statuses.get(seen["status"] or "none", 0) + 1
                if verdict == "dangerous":
                    dangerous.append(f"{name}, {title}: {seen['dangers'][0]}\nof: {payload!r}")
                if arguments.list:
                    print(f"{verdict} {seen['status']} {title}: {payload!r}")
            if not sum(counts.values()):
                sys.exit(f"corpora: no payload of {name} is in {checkout}; is it a checkout of the project?")
            shown = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
            print(f"{name:10} {sum(counts.values()):9} {counts['refused']:8} {counts['clean']:7} "
                  f"{counts['dangerous']:10}  {shown}", flush=True)
    for text in dangerous:
        print(f"\n{text}")
    return 1 if dangerous else 0


if __name__ == "__main__":
    sys.exit(main())
