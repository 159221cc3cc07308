"""A template as CloudFormation would see it: the SAM transform made, and conditions and references resolved.

Emulators lack some of what the template may create, such as a trail. What the template says in those branches
can be looked at all the same.
"""

import functools
import logging
import os
from pathlib import Path

# The SAM transform asks boto3 for it, to know the partition.
os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

# Each translation warns that its metrics are not collected.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ROOT = Path(__file__).parents[2]
NOTHING = object()
PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::NoValue": NOTHING,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "watch",
    "AWS::URLSuffix": "amazonaws.com",
}


def template(path="template.yaml"):
    """The template as it stands in the file."""
    return yaml_parse((ROOT / path).read_text())


@functools.cache
def transformed(path):
    """The template after the SAM transform."""
    source = template(path)
    for function in source["Resources"].values():
        if function["Type"] == "AWS::Serverless::Function":
            function["Properties"]["CodeUri"] = "s3://artefacts/code.zip"
    return Translator({}, Parser()).translate(source, {})


class Stack:
    """The template with these parameters; a resource's ARN reads `<LogicalId.Arn>`, its `Ref` `<LogicalId>`."""

    def __init__(self, pseudo=None, path="template.yaml", **parameters):
        source = template(path)
        known = source["Parameters"]
        unknown = set(parameters) - set(known)
        assert not unknown, f"the template has no parameter {unknown}"
        self.values = {name: str(parameter["Default"]) for name, parameter in known.items() if "Default" in parameter}
        self.values |= parameters
        self.values |= PSEUDO | (pseudo or {})
        self.rules = source.get("Rules", {})
        self.document = transformed(path)
        self.conditions = {name: self.resolved(test) for name, test in self.document["Conditions"].items()}
        self.resources = {
            name: self.resolved(resource)
            for name, resource in self.document["Resources"].items()
            if self.conditions.get(resource.get("Condition"), True)
        }
        self.outputs = {name: self.resolved(output["Value"]) for name, output in self.document["Outputs"].items()}

    def properties(self, name):
        """The properties of a resource."""
        return self.resources[name]["Properties"]

    def of_type(self, kind):
        """The resources of a type, by logical id."""
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def refused(self):
        """What the template's Rules say against the parameters."""
        return [
            assertion["AssertDescription"]
            for rule in self.rules.values()
            if self.resolved(rule.get("RuleCondition", {"Fn::Equals": ["", ""]}))
            for assertion in rule["Assertions"]
            if not self.resolved(assertion["Assert"])
        ]

    def resolved(self, node):
        """A part of the template with every function replaced by what it yields."""
        if isinstance(node, list):
            return [value for value in map(self.resolved, node) if value is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            function, argument = next(iter(node.items()))
            if function == "Ref" or function.startswith("Fn::"):
                return self.function(function, argument)
        values = {name: self.resolved(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value is not NOTHING}

    def function(self, function, argument):
        """What an intrinsic function yields."""
        if function == "Ref":
            return self.values.get(argument, f"<{argument}>")
        if function == "Fn::If":
            condition, yes, no = argument
            return self.resolved(yes if self.conditions[condition] else no)
        if function == "Fn::Sub":
            text, named = argument if isinstance(argument, list) else (argument, {})
            return self.substituted(text, {name: self.resolved(value) for name, value in named.items()})
        argument = self.resolved(argument)
        if function == "Fn::GetAtt":
            return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
        if function == "Fn::Equals":
            return argument[0] == argument[1]
        if function == "Fn::Not":
            return not argument[0]
        if function == "Fn::And":
            return all(argument)
        if function == "Fn::Or":
            return any(argument)
        if function == "Fn::Join":
            return argument[0].join(argument[1])
        if function == "Fn::Split":
            return argument[1].split(argument[0])
        if function == "Fn::Select":
            return argument[1][int(argument[0])]
        if function == "Fn::FindInMap":
            mapping, first, second = argument
            return self.document["Mappings"][mapping][first][second]
        raise AssertionError(f"{function} is not known here")

    def substituted(self, text, named):
        """A text with each `${name}` replaced."""
        for part in text.split("${")[1:]:
            name = part.split("}")[0]
            value = named.get(name, self.values.get(name, f"<{name}>"))
            text = text.replace("${" + name + "}", value)
        return text
