# SPDX-License-Identifier: Apache-2.0
"""allows.py CONSTRAINT LINE: exit 0 if Composer's constraint allows some release of the line (8.2). What
is not understood is allowed: Composer itself has the last word."""
import re
import sys

FAR = 10**6


def numbers(text):
    return [int(part) for part in re.findall(r"\d+", text.partition("-")[0])]


def bounds(condition):
    """The versions from lowest to below highest, as lists of numbers; None if not understood."""
    match = re.fullmatch(r"(\^|~|>=|<=|>|<|==?|!=)?\s*v?(\d+(?:\.\d+)*)(\.[*x])?(-[A-Za-z].*|@.*)?", condition)
    if condition in ("*", ""):
        return [0], [FAR]
    if not match or match[1] == "!=":
        return None
    version = numbers(match[2])
    sign = match[1] or ("" if not match[3] else "*")
    if sign == "^":
        return version, [version[0] + 1]
    if sign == "~":
        keep = version[:-1] or version
        return version, keep[:-1] + [keep[-1] + 1]
    if sign == "*":
        return version, version[:-1] + [version[-1] + 1]
    if sign == ">=":
        return version, [FAR]
    if sign == ">":
        return version + [1], [FAR]
    if sign == "<":
        return [0], version
    if sign == "<=":
        return [0], version + [1]
    return version, version + ([1] if len(version) > 2 else [FAR])


def allows(constraint, line):
    first, last = numbers(line), numbers(line) + [FAR]
    for choice in re.split(r"\|\|?", constraint):
        choice = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2.999", choice)
        choice = re.sub(r"(\^|~|>=|<=|>|<|=|!=)\s+", r"\1", choice)
        fits = True
        for condition in re.split(r"[\s,]+", choice.strip()):
            found = bounds(condition)
            if found and not (found[0] <= last and found[1] > first):
                fits = False
        if fits:
            return True
    return False


sys.exit(0 if allows(sys.argv[1], sys.argv[2]) else 1)
