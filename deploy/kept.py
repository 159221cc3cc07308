"""Says what stays when a stack is deleted: make remove STACK=name"""

import sys

from aws import Aws, run

# `sam delete` itself says what it deletes; these have DeletionPolicy Retain or RetainExceptOnCreate.
KEPT = ["LogBucket", "StateBucket", "SignInLogGroup", "CredentialReportLogGroup", "BackfillLogGroup"]


def main():
    aws = Aws()
    stack = sys.argv[1]
    aws.outputs(stack)
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    print(f"These stay when {stack} is deleted, with what is in them; delete them by hand once nobody needs them:")
    for resource in resources:
        if resource["LogicalResourceId"] in KEPT:
            print(f"  {resource['ResourceType']}  {resource['PhysicalResourceId']}")
        if resource["LogicalResourceId"] == "StateBucket":
            print("    Only functions may delete what is in it. To empty it, first delete its policy:")
            print(f"    aws s3api delete-bucket-policy --bucket {resource['PhysicalResourceId']}")
    print("What waits in the queues is lost, and subscriptions are ended.")
    print("Roles in other accounts (deploy/member-role.yaml) are stacks of their own: delete them there.")
    if any(resource["LogicalResourceId"] == "Trail" for resource in resources):
        print("Its trail is deleted too: unless there is another one, CloudTrail delivers nothing any more.")
    return 0


if __name__ == "__main__":
    run(main)
