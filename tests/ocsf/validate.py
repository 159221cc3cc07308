"""Holds OCSF Detection Findings, one JSON document a line on stdin, to py-ocsf-models.

The model alone would let much pass: it ignores members it does not know and never compares the class. So
types are strict here, unknown members are refused unless OCSF 1.5.0 has them and the model only lacks them,
and the ids are held to each other. Exit 1: a line was refused, or there was none.
"""

import copy
import json
import sys

from pydantic import ValidationError
from py_ocsf_models import OCSF_VERSION
from py_ocsf_models.events.findings.activity_id import ActivityID
from py_ocsf_models.events.findings.class_uid import ClassUID
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from py_ocsf_models.events.findings.severity_id import SeverityID

# OCSF 1.5.0, object "evidences": the model has not got round to these yet.
BEYOND_THE_MODEL = {"evidences[].actor", "evidences[].src_endpoint"}


def unknown_members(document, known, path=""):
    """The members of the document that the model dropped."""
    if isinstance(document, dict) and isinstance(known, dict):
        for name, value in document.items():
            here = f"{path}.{name}" if path else name
            if here in BEYOND_THE_MODEL:
                continue
            if name not in known:
                yield here
            else:
                yield from unknown_members(value, known[name], here)
    elif isinstance(document, list) and isinstance(known, list):
        for value, known_value in zip(document, known):
            yield from unknown_members(value, known_value, f"{path}[]")


def complaint(line):
    """Why the line is refused; nothing where it is not."""
    try:
        finding = DetectionFinding.model_validate_json(line, strict=True)
    except ValidationError as error:
        return str(error)
    document = json.loads(line)
    unknown = sorted(set(unknown_members(document, finding.model_dump(mode="json", exclude_unset=True))))
    if unknown:
        return f"the model does not know {', '.join(unknown)}"
    for name, right in [
        ("category_uid", 2),
        ("class_uid", ClassUID.DetectionFinding.value),
        ("type_uid", ClassUID.DetectionFinding.value * 100 + finding.activity_id),
        ("activity_name", ActivityID(finding.activity_id).name),
        ("severity", SeverityID(finding.severity_id).name),
    ]:
        if document.get(name) != right:
            return f"{name} is {document.get(name)!r}; it must be {right!r}"
    if finding.metadata.version != OCSF_VERSION:
        return f"metadata.version is {finding.metadata.version!r}; the model is of {OCSF_VERSION!r}"
    if not finding.finding_info.uid or not finding.finding_info.title:
        return "finding_info has an empty uid or title"
    return None


def self_test(line):
    """Breaks a good document in every way that must be noticed."""
    good = json.loads(line)
    assert complaint(line) is None, complaint(line)

    def removed(*path):
        def change(document):
            for name in path[:-1]:
                document = document[name]
            del document[path[-1]]

        return change

    def replaced(value, *path):
        def change(document):
            for name in path[:-1]:
                document = document[name]
            document[path[-1]] = value

        return change

    broken = {
        "finding_info is missing": removed("finding_info"),
        "finding_info.uid is missing": removed("finding_info", "uid"),
        "finding_info.uid is empty": replaced("", "finding_info", "uid"),
        "metadata is missing": removed("metadata"),
        "metadata.version is another": replaced("0.0.1", "metadata", "version"),
        "time is missing": removed("time"),
        "time is text": replaced("2026-04-01T00:00:00Z", "time"),
        "severity_id is text": replaced("4", "severity_id"),
        "severity_id is no severity": replaced(7, "severity_id"),
        "severity says something else": replaced("Fatal", "severity"),
        "class_uid is another class": replaced(2003, "class_uid"),
        "class_uid is missing": removed("class_uid"),
        "type_uid is another type": replaced(200402, "type_uid"),
        "a member is misspelt": replaced("x", "finding_info", "description"),
        "a member is misspelt at the top": replaced([], "evidence"),
        "the account has no name": removed("cloud", "account", "name"),
    }
    for name, change in broken.items():
        document = copy.deepcopy(good)
        change(document)
        assert complaint(json.dumps(document)), f"not refused: {name}"
    for name, text in {"no JSON": "{", "no object": "[]", "nothing": ""}.items():
        assert complaint(text), f"not refused: {name}"
    return len(broken) + 3


def main():
    # Not splitlines: a text may hold U+2028 and U+0085, which JSON does not escape.
    lines = sys.stdin.buffer.read().decode("utf-8").removesuffix("\n").split("\n")
    if lines == [""]:
        sys.exit("no OCSF document on stdin")
    if sys.argv[1:] == ["--self-test"]:
        print(f"{self_test(lines[0])} broken documents refused")
        return
    refused = 0
    for number, line in enumerate(lines, start=1):
        why = complaint(line)
        if why is not None:
            refused += 1
            print(f"line {number}: {why}\n{line[:2000]}", file=sys.stderr)
    if refused:
        sys.exit(f"{refused} of {len(lines)} documents refused")
    print(f"{len(lines)} documents accepted")


if __name__ == "__main__":
    main()
