"""Prints which resources stay when a stack is deleted: make remove STACK=name"""

import sys

from aws import Aws, run

# `sam delete` itself says what it deletes; these have DeletionPolicy Retain or RetainExceptOnCreate.
RETAINED = ["LogBucket", "StateBucket", "SignInLogGroup", "CredentialReportLogGroup", "BackfillLogGroup"]


def main():
    aws = Aws()
    stack = sys.argv[1]
    aws.outputs(stack)
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    print(f"These stay when {stack} is deleted, with what is in them; delete them by hand when they are no longer needed:")
    for resource in resources:
        if resource["LogicalResourceId"] in RETAINED:
            print(f"  {resource['ResourceType']}  {resource['PhysicalResourceId']}")
        if resource["LogicalResourceId"] == "StateBucket":
            print("    Only functions may delete what is in it. To empty it, first delete its policy:")
            print(f"    aws s3api delete-bucket-policy --bucket {resource['PhysicalResourceId']}")
    print("Messages in the queues are lost, and subscriptions are ended.")
    print("Roles in other accounts (deploy/member-role.yaml) are stacks of their own: delete them there.")
    if any(resource["LogicalResourceId"] == "Trail" for resource in resources):
        print("Its trail is deleted too: unless there is another trail, CloudTrail delivers no more log files.")
    return 0


if __name__ == "__main__":
    run(main)
