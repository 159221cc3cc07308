//! The everyday calls, none of which a rule should care about.
//!
//! Shapes after the CloudTrail User Guide ("CloudTrail record contents") and the
//! services' API references; names, values and weights are made up.

/// One kind of call. The texts are templates.
#[derive(Debug)]
pub struct Event {
    /// How often it is called, compared with the others.
    pub weight: usize,
    /// `eventSource`.
    pub source: &'static str,
    /// `eventName`.
    pub name: &'static str,
    /// `readOnly`.
    pub read_only: bool,
    /// `requestParameters`.
    pub request: &'static str,
    /// `responseElements`.
    pub response: &'static str,
    /// Fields between `responseElements` and `requestID`, with a comma after each.
    pub extra: &'static str,
    /// The `resources` list, or nothing.
    pub resources: &'static str,
}

/// What most calls are: a read without response elements.
const READ: Event = Event {
    weight: 0,
    source: "",
    name: "",
    read_only: true,
    request: "null",
    response: "null",
    extra: "",
    resources: "",
};

const WRITE: Event = Event { read_only: false, ..READ };

const S3_EXTRA: &str = r#""additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<base64 75>\u003d","bytesTransferredOut":<int 120-9000>},"#;

/// Every everyday call.
pub const EVENTS: &[Event] = &[
    Event {
        weight: 70,
        source: "ec2.amazonaws.com",
        name: "DescribeInstances",
        request: r#"{"maxResults":1000,"instancesSet":{},"filterSet":{"items":[{"name":"tag:kubernetes.io/cluster/<own 3 <pick blue|green>-<hex 6>>","valueSet":{"items":[{"value":"owned"},{"value":"shared"}]}},{"name":"instance-state-name","valueSet":{"items":[{"value":"running"},{"value":"pending"}]}}]}}"#,
        ..READ
    },
    Event {
        weight: 50,
        source: "ec2.amazonaws.com",
        name: "DescribeInstances",
        request: r#"{"instancesSet":{"items":[<some 1-22 {"instanceId":"i-0<hex 16>"}>]},"filterSet":{}}"#,
        ..READ
    },
    Event {
        weight: 35,
        source: "ec2.amazonaws.com",
        name: "DescribeNetworkInterfaces",
        request: r#"{"networkInterfaceIdSet":{},"filterSet":{"items":[{"name":"attachment.instance-id","valueSet":{"items":[{"value":"<own 50 i-0<hex 16>>"}]}},{"name":"vpc-id","valueSet":{"items":[{"value":"<own 3 vpc-0<hex 16>>"}]}}]}}"#,
        ..READ
    },
    Event {
        weight: 25,
        source: "ec2.amazonaws.com",
        name: "DescribeVolumes",
        request: r#"{"volumeSet":{"items":[<some 1-6 {"volumeId":"vol-0<hex 16>"}>]},"filterSet":{}}"#,
        ..READ
    },
    Event {
        weight: 25,
        source: "ec2.amazonaws.com",
        name: "DescribeTags",
        request: r#"{"maxResults":500,"filterSet":{"items":[{"name":"resource-type","valueSet":{"items":[{"value":"<pick instance|volume|subnet>"}]}},{"name":"tag:Team","valueSet":{"items":[{"value":"<pick R\u0026D|Größe-Süd|Zahlungen|東京-決済|équipe-paiement|Ops>"}]}}]},"nextToken":"<base64 80-180>\u003d\u003d"}"#,
        ..READ
    },
    Event {
        weight: 20,
        source: "ec2.amazonaws.com",
        name: "CreateTags",
        request: r#"{"resourcesSet":{"items":[{"resourceId":"<pick i|vol|eni>-0<hex 16>"}]},"tagSet":{"items":[{"key":"Name","value":"<pick web|batch|cache>-<hex 6>"},{"key":"Team","value":"<pick R\u0026D|Größe-Süd|Zahlungen|東京-決済|équipe-paiement|Ops>"},{"key":"CostCenter","value":"<digits 5>"},{"key":"ManagedBy","value":"terraform"}]}}"#,
        response: r#"{"requestId":"<uuid>","_return":true}"#,
        ..WRITE
    },
    Event {
        weight: 6,
        source: "ec2.amazonaws.com",
        name: "RunInstances",
        request: r#"{"instancesSet":{"items":[{"imageId":"<own 5 ami-0<hex 16>>","minCount":1,"maxCount":1}]},"userData":"\u003csensitiveDataRemoved\u003e","instanceType":"<pick m7g.large|c7g.xlarge|t4g.small>","blockDeviceMapping":{"items":[{"deviceName":"/dev/xvda","ebs":{"volumeSize":<int 20-200>,"deleteOnTermination":true,"volumeType":"gp3"}}]},"monitoring":{"enabled":false},"disableApiTermination":false,"clientToken":"fleet-<uuid>-0","networkInterfaceSet":{"items":[{"deviceIndex":0,"subnetId":"<own 6 subnet-0<hex 16>>"}]},"launchTemplate":{"launchTemplateId":"<own 9 lt-0<hex 16>>","version":"<int 1-90>"},"tagSpecificationSet":{"items":[{"resourceType":"instance","tags":[{"key":"aws:autoscaling:groupName","value":"<own 9 <pick web|batch|cache>-<hex 6>>"}]}]}}"#,
        response: r#"{"requestId":"<uuid>","reservationId":"r-0<hex 16>","ownerId":"<account>","groupSet":{},"instancesSet":{"items":[{"instanceId":"<same i-0<hex 16>>","imageId":"<own 5 ami-0<hex 16>>","currentState":{"code":0,"name":"pending"},"privateDnsName":"ip-192-0-2-<int 1-254>.<region>.compute.internal","amiLaunchIndex":0,"productCodes":{},"instanceType":"m7g.large","launchTime":17750<digits 8>,"placement":{"availabilityZone":"<region><pick a|b|c>","tenancy":"default"},"monitoring":{"state":"disabled"},"subnetId":"<own 6 subnet-0<hex 16>>","vpcId":"<own 3 vpc-0<hex 16>>","privateIpAddress":"<ip>","stateReason":{"code":"pending","message":"pending"},"architecture":"arm64","rootDeviceType":"ebs","rootDeviceName":"/dev/xvda","blockDeviceMapping":{},"virtualizationType":"hvm","hypervisor":"xen","groupSet":{"items":[{"groupId":"<own 9 sg-0<hex 16>>","groupName":"<own 9 <pick web|batch|cache>-<hex 6>>"}]},"sourceDestCheck":true,"networkInterfaceSet":{"items":[{"networkInterfaceId":"eni-0<hex 16>","subnetId":"<own 6 subnet-0<hex 16>>","vpcId":"<own 3 vpc-0<hex 16>>","ownerId":"<account>","status":"in-use","macAddress":"02:<hex 2>:<hex 2>:<hex 2>:<hex 2>:<hex 2>","privateIpAddress":"<ip>","interfaceType":"interface","attachment":{"attachmentId":"eni-attach-0<hex 16>","deviceIndex":0,"networkCardIndex":0,"status":"attaching","deleteOnTermination":true}}]},"ebsOptimized":false,"enaSupport":true,"metadataOptions":{"state":"pending","httpTokens":"required","httpPutResponseHopLimit":2,"httpEndpoint":"enabled"}}]}}"#,
        ..WRITE
    },
    Event {
        weight: 15,
        source: "ec2.amazonaws.com",
        name: "DescribeImages",
        request: r#"{"imagesSet":{"items":[{"imageId":"<own 5 ami-0<hex 16>>"}]},"filterSet":{},"ownersSet":{"items":[{"owner":"amazon"},{"owner":"self"}]},"executableBySet":{}}"#,
        extra: "",
        ..READ
    },
    Event {
        weight: 45,
        source: "sts.amazonaws.com",
        name: "AssumeRole",
        request: r#"{"roleArn":"arn:aws:iam::<account>:role/<own 12 <pick DeploymentRole|MonitoringReadOnly|CostExplorerReader|SecurityAudit>>","roleSessionName":"<same <pick deploy|terraform|botocore-session>-<digits 10>>","durationSeconds":<pick 900|3600>}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIA<id 9>EXAMPLE","sessionToken":"IQoJb3JpZ2luX2VjE<base64 180-280>","expiration":"Apr 1, 2026, <int 1-12>:<int 10-59>:<int 10-59> <pick AM|PM>"},"assumedRoleUser":{"assumedRoleId":"<own 12 AROA<id 10>EXAMPLE>:<same <pick deploy|terraform|botocore-session>-<digits 10>>","arn":"arn:aws:sts::<account>:assumed-role/<own 12 <pick DeploymentRole|MonitoringReadOnly|CostExplorerReader|SecurityAudit>>/<same <pick deploy|terraform|botocore-session>-<digits 10>>"}}"#,
        resources: r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/<own 12 <pick DeploymentRole|MonitoringReadOnly|CostExplorerReader|SecurityAudit>>"}]"#,
        ..READ
    },
    Event {
        weight: 5,
        source: "sts.amazonaws.com",
        name: "AssumeRole",
        request: r#"{"roleArn":"arn:aws:iam::<account>:role/tenant-access","roleSessionName":"tenant-<same <digits 6>>","policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"TenantObjects\",\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Resource\":\"arn:aws:s3:::tenant-objects/<same <digits 6>>/*\"},{\"Sid\":\"TenantRows\",\"Effect\":\"Allow\",\"Action\":[\"dynamodb:GetItem\",\"dynamodb:Query\"],\"Resource\":\"arn:aws:dynamodb:<region>:<account>:table/tenants\",\"Condition\":{\"ForAllValues:StringEquals\":{\"dynamodb:LeadingKeys\":[\"<same <digits 6>>\"]}}}]}","durationSeconds":900}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIA<id 9>EXAMPLE","sessionToken":"IQoJb3JpZ2luX2VjE<base64 300>","expiration":"Apr 1, 2026, <int 1-12>:<int 10-59>:<int 10-59> <pick AM|PM>"},"assumedRoleUser":{"assumedRoleId":"<own 1 AROA<id 10>EXAMPLE>:tenant-<same <digits 6>>","arn":"arn:aws:sts::<account>:assumed-role/tenant-access/tenant-<same <digits 6>>"},"packedPolicySize":<int 20-60>}"#,
        resources: r#"[{"accountId":"<account>","type":"AWS::IAM::Role","ARN":"arn:aws:iam::<account>:role/tenant-access"}]"#,
        ..READ
    },
    Event { weight: 40, source: "sts.amazonaws.com", name: "GetCallerIdentity", ..READ },
    Event {
        weight: 110,
        source: "kms.amazonaws.com",
        name: "Decrypt",
        request: r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:<pick s3|secretsmanager|lambda:FunctionArn>:arn":"arn:aws:s3:::<own 25 <pick data|logs|exports|uploads>-<hex 8>>/<pick in|out>/<hex 12>"},"keyId":"arn:aws:kms:<region>:<account>:key/<own 12 <uuid>>"}"#,
        resources: r#"[{"accountId":"<account>","type":"AWS::KMS::Key","ARN":"arn:aws:kms:<region>:<account>:key/<own 12 <uuid>>"}]"#,
        ..READ
    },
    Event {
        weight: 50,
        source: "kms.amazonaws.com",
        name: "GenerateDataKey",
        request: r#"{"keyId":"arn:aws:kms:<region>:<account>:key/<own 12 <uuid>>","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::<own 25 <pick data|logs|exports|uploads>-<hex 8>>"},"keySpec":"AES_256"}"#,
        resources: r#"[{"accountId":"<account>","type":"AWS::KMS::Key","ARN":"arn:aws:kms:<region>:<account>:key/<own 12 <uuid>>"}]"#,
        ..READ
    },
    Event {
        weight: 45,
        source: "s3.amazonaws.com",
        name: "GetBucketAcl",
        request: r#"{"bucketName":"<own 25 <pick data|logs|exports|uploads>-<hex 8>>","Host":"<own 25 <pick data|logs|exports|uploads>-<hex 8>>.s3.<region>.amazonaws.com","acl":""}"#,
        extra: S3_EXTRA,
        resources: r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<own 25 <pick data|logs|exports|uploads>-<hex 8>>"}]"#,
        ..READ
    },
    Event {
        weight: 25,
        source: "s3.amazonaws.com",
        name: "GetBucketLocation",
        request: r#"{"bucketName":"<own 25 <pick data|logs|exports|uploads>-<hex 8>>","Host":"s3.<region>.amazonaws.com","location":""}"#,
        extra: S3_EXTRA,
        resources: r#"[{"accountId":"<account>","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::<own 25 <pick data|logs|exports|uploads>-<hex 8>>"}]"#,
        ..READ
    },
    Event {
        weight: 12,
        source: "s3.amazonaws.com",
        name: "ListBuckets",
        request: r#"{"Host":"s3.<region>.amazonaws.com"}"#,
        extra: S3_EXTRA,
        ..READ
    },
    Event {
        weight: 10,
        source: "s3.amazonaws.com",
        name: "GetBucketPolicyStatus",
        request: r#"{"bucketName":"<own 25 <pick data|logs|exports|uploads>-<hex 8>>","Host":"s3.<region>.amazonaws.com","policyStatus":""}"#,
        extra: r#""errorCode":"NoSuchBucketPolicy","errorMessage":"The bucket policy does not exist","additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"<base64 75>\u003d","bytesTransferredOut":314},"#,
        ..READ
    },
    Event {
        weight: 30,
        source: "dynamodb.amazonaws.com",
        name: "DescribeTable",
        request: r#"{"tableName":"<own 18 <pick orders|users|sessions|tenants|carts>-<pick prod|stage>>"}"#,
        resources: r#"[{"accountId":"<account>","type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:<region>:<account>:table/<own 18 <pick orders|users|sessions|tenants|carts>-<pick prod|stage>>"}]"#,
        ..READ
    },
    Event {
        weight: 25,
        source: "lambda.amazonaws.com",
        name: "ListTags20170331",
        request: r#"{"resource":"arn:aws:lambda:<region>:<account>:function:<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>"}"#,
        ..READ
    },
    Event {
        weight: 20,
        source: "lambda.amazonaws.com",
        name: "GetFunction20150331v2",
        request: r#"{"functionName":"arn:aws:lambda:<region>:<account>:function:<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>"}"#,
        ..READ
    },
    Event {
        weight: 6,
        source: "lambda.amazonaws.com",
        name: "UpdateFunctionCode20150331v2",
        request: r#"{"functionName":"<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>","s3Bucket":"<own 2 deployments-<hex 8>>","s3Key":"<hex 32>.zip","publish":true,"dryRun":false}"#,
        response: r#"{"functionName":"<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>","functionArn":"arn:aws:lambda:<region>:<account>:function:<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>","runtime":"python3.12","role":"arn:aws:iam::<account>:role/service-role/<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>-role","handler":"app.handler","codeSize":<int 9000-900000>,"description":"Ships \u0026 stores","timeout":30,"memorySize":512,"lastModified":"<time>","codeSha256":"<base64 43>\u003d","version":"<int 2-400>","environment":{},"tracingConfig":{"mode":"PassThrough"},"revisionId":"<uuid>","layers":[],"state":"Active","lastUpdateStatus":"InProgress","packageType":"Zip","architectures":["arm64"],"ephemeralStorage":{"size":512},"snapStart":{"applyOn":"None","optimizationStatus":"Off"},"loggingConfig":{"logFormat":"JSON","logGroup":"/aws/lambda/shared"}}"#,
        ..WRITE
    },
    Event {
        weight: 30,
        source: "logs.amazonaws.com",
        name: "CreateLogStream",
        request: r#"{"logGroupName":"/aws/lambda/<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>","logStreamName":"2026/04/01/[$LATEST]<hex 32>"}"#,
        ..WRITE
    },
    Event {
        weight: 25,
        source: "logs.amazonaws.com",
        name: "DescribeLogGroups",
        request: r#"{"logGroupNamePrefix":"/aws/<pick lambda|ecs|rds>/<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>","limit":50}"#,
        ..READ
    },
    Event {
        weight: 4,
        source: "logs.amazonaws.com",
        name: "PutResourcePolicy",
        request: r#"{"policyName":"delivery-<hex 8>","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Delivery\",\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"delivery.logs.amazonaws.com\"]},\"Action\":[\"logs:CreateLogStream\",\"logs:PutLogEvents\"],\"Resource\":[\"arn:aws:logs:<region>:<account>:log-group:/aws/vendedlogs/*:log-stream:*\"],\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":[\"<account>\"]},\"ArnLike\":{\"aws:SourceArn\":[\"arn:aws:logs:<region>:<account>:*\"]}}}]}"}"#,
        response: r#"{"resourcePolicy":{"policyName":"delivery-<hex 8>","lastUpdatedTime":17750<digits 8>}}"#,
        ..WRITE
    },
    Event {
        weight: 20,
        source: "ssm.amazonaws.com",
        name: "UpdateInstanceInformation",
        request: r#"{"instanceId":"<own 50 i-0<hex 16>>","agentVersion":"3.3.<int 100-900>.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"<ip>","computerName":"ip-192-0-2-<int 1-254>.<region>.compute.internal","agentName":"amazon-ssm-agent","availabilityZone":"<region><pick a|b|c>","availabilityZoneId":"use1-az<int 1-6>","sSMConnectionChannel":"ssmmessages"}"#,
        ..WRITE
    },
    Event {
        weight: 25,
        source: "ssm.amazonaws.com",
        name: "GetParameter",
        request: r#"{"name":"/<pick payments|orders|search|ledger>/<pick prod|stage>/<own 30 <pick db|cache|queue|api>-<pick url|user|timeout|flag>>","withDecryption":true}"#,
        resources: r#"[{"accountId":"<account>","ARN":"arn:aws:ssm:<region>:<account>:parameter/<own 30 <pick db|cache|queue|api>-<pick url|user|timeout|flag>>"}]"#,
        ..READ
    },
    Event {
        weight: 12,
        source: "ssm.amazonaws.com",
        name: "PutInventory",
        request: r#"{"instanceId":"<own 50 i-0<hex 16>>","items":[<some 1-6 {"contentHash":"<base64 22>\u003d\u003d","typeName":"AWS:<pick Application|Network|Service|InstanceInformation|File>","schemaVersion":"1.0","captureTime":"<time>"}>]}"#,
        ..WRITE
    },
    Event {
        weight: 18,
        source: "autoscaling.amazonaws.com",
        name: "DescribeAutoScalingGroups",
        request: r#"{"autoScalingGroupNames":[<some 1-4 "<own 9 <pick web|batch|cache>-<hex 6>>">],"maxRecords":100}"#,
        ..READ
    },
    Event {
        weight: 20,
        source: "elasticloadbalancing.amazonaws.com",
        name: "DescribeTargetHealth",
        request: r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<own 14 <pick web|api|admin>-<hex 6>/<hex 16>>"}"#,
        ..READ
    },
    Event {
        weight: 8,
        source: "elasticloadbalancing.amazonaws.com",
        name: "RegisterTargets",
        request: r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:<region>:<account>:targetgroup/<own 14 <pick web|api|admin>-<hex 6>/<hex 16>>","targets":[<some 1-4 {"id":"<ip>","port":8080,"availabilityZone":"<region><pick a|b|c>"}>]}"#,
        ..WRITE
    },
    Event {
        weight: 14,
        source: "cloudformation.amazonaws.com",
        name: "DescribeStacks",
        request: r#"{"stackName":"arn:aws:cloudformation:<region>:<account>:stack/<own 16 <pick network|service|database|queue>-<pick prod|stage>/<uuid>>"}"#,
        ..READ
    },
    Event {
        weight: 8,
        source: "cloudformation.amazonaws.com",
        name: "DescribeStackEvents",
        request: r#"{"stackName":"<own 16 <pick network|service|database|queue>-<pick prod|stage>>"}"#,
        extra: r#""errorCode":"ValidationException","errorMessage":"Stack [<own 16 <pick network|service|database|queue>-<pick prod|stage>>] does not exist","#,
        ..READ
    },
    Event {
        weight: 4,
        source: "cloudformation.amazonaws.com",
        name: "CreateChangeSet",
        request: r#"{"stackName":"<own 16 <pick network|service|database|queue>-<pick prod|stage>>","changeSetName":"release-<digits 10>","changeSetType":"UPDATE","templateURL":"https://<own 2 deployments-<hex 8>>.s3.<region>.amazonaws.com/<hex 32>.template?versionId\u003d<text 32>\u0026part\u003d1","capabilities":["CAPABILITY_IAM","CAPABILITY_NAMED_IAM"],"parameters":[<some 4-16 {"parameterKey":"<pick VpcId|SubnetIds|InstanceType|DesiredCount|ImageTag|Alarm>"}>],"tags":[{"key":"Team","value":"<pick Größe-Süd|東京-決済|Ops>"}]}"#,
        response: r#"{"id":"arn:aws:cloudformation:<region>:<account>:changeSet/release-<digits 10>/<uuid>","stackId":"arn:aws:cloudformation:<region>:<account>:stack/<own 16 <pick network|service|database|queue>-<pick prod|stage>/<uuid>>"}"#,
        ..WRITE
    },
    Event {
        weight: 16,
        source: "monitoring.amazonaws.com",
        name: "DescribeAlarms",
        request: r#"{"alarmNames":[<some 1-9 "<own 30 <pick web|api|queue|db>-<pick errors|latency|depth|cpu>-<pick high|low>>">],"maxRecords":100}"#,
        ..READ
    },
    Event {
        weight: 14,
        source: "ecs.amazonaws.com",
        name: "DescribeTasks",
        request: r#"{"cluster":"arn:aws:ecs:<region>:<account>:cluster/<own 3 <pick main|jobs>>","tasks":[<some 1-8 "arn:aws:ecs:<region>:<account>:task/main/<hex 32>">],"include":["TAGS"]}"#,
        ..READ
    },
    Event {
        weight: 4,
        source: "ecs.amazonaws.com",
        name: "RegisterTaskDefinition",
        request: r#"{"family":"<own 12 <pick web|api|jobs>-<pick prod|stage>>","networkMode":"awsvpc","containerDefinitions":[<some 1-3 {"name":"<pick app|proxy|agent>","image":"<account>.dkr.ecr.<region>.amazonaws.com/<pick app|proxy|agent>@sha256:<hex 64>","cpu":256,"memory":512,"essential":true,"environment":[{"name":"LIMITS","value":"{\"retries\":3,\"backoff\":{\"first_ms\":200,\"factor\":2},\"hosts\":[\"a.example.com\",\"b.example.com\"]}"}],"logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/app","awslogs-region":"<region>"}}}>],"requiresCompatibilities":["FARGATE"],"cpu":"512","memory":"1024"}"#,
        ..WRITE
    },
    Event {
        weight: 14,
        source: "rds.amazonaws.com",
        name: "DescribeDBInstances",
        request: r#"{"dBInstanceIdentifier":"<own 8 <pick orders|users|ledger>-<hex 6>>"}"#,
        ..READ
    },
    Event {
        weight: 12,
        source: "ecr.amazonaws.com",
        name: "BatchGetImage",
        request: r#"{"registryId":"<account>","repositoryName":"<own 12 <pick app|proxy|agent>>","imageIds":[{"imageDigest":"sha256:<hex 64>"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json","application/vnd.oci.image.manifest.v1+json"]}"#,
        resources: r#"[{"accountId":"<account>","ARN":"arn:aws:ecr:<region>:<account>:repository/<own 12 <pick app|proxy|agent>>"}]"#,
        ..READ
    },
    Event {
        weight: 10,
        source: "sqs.amazonaws.com",
        name: "GetQueueAttributes",
        request: r#"{"queueUrl":"https://sqs.<region>.amazonaws.com/<account>/<own 14 <pick orders|mails|exports>-<pick in|out|dead>>","attributeNames":["ApproximateNumberOfMessages","QueueArn"]}"#,
        ..READ
    },
    Event {
        weight: 12,
        source: "secretsmanager.amazonaws.com",
        name: "GetSecretValue",
        request: r#"{"secretId":"arn:aws:secretsmanager:<region>:<account>:secret:<own 20 <pick db|api|mail>/<pick prod|stage>-<text 6>>"}"#,
        ..READ
    },
    Event {
        weight: 20,
        source: "iam.amazonaws.com",
        name: "GetRole",
        request: r#"{"roleName":"<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>-role"}"#,
        ..READ
    },
    Event {
        weight: 15,
        source: "iam.amazonaws.com",
        name: "ListAttachedRolePolicies",
        request: r#"{"roleName":"<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>-role","maxItems":100}"#,
        ..READ
    },
    Event {
        weight: 8,
        source: "iam.amazonaws.com",
        name: "GetInstanceProfile",
        request: r#"{"instanceProfileName":"<own 30 <pick payments|orders|search|ledger|web|batch>-<pick api|worker|node>-<pick prod|stage>-role>"}"#,
        extra: r#""errorCode":"NoSuchEntityException","errorMessage":"Instance Profile <own 30 <pick payments|orders|search|ledger|web|batch>-<pick api|worker|node>-<pick prod|stage>-role> cannot be found.","#,
        ..READ
    },
    Event {
        weight: 8,
        source: "ec2.amazonaws.com",
        name: "DescribeSnapshots",
        request: r#"{"snapshotSet":{},"ownersSet":{"items":[{"owner":"self"}]},"sharedUsersSet":{},"filterSet":{}}"#,
        extra: r#""errorCode":"Client.UnauthorizedOperation","errorMessage":"You are not authorized to perform this operation. User: arn:aws:sts::<account>:assumed-role/MonitoringReadOnly/botocore-session-<digits 10> is not authorized to perform: ec2:DescribeSnapshots because no identity-based policy allows the ec2:DescribeSnapshots action","#,
        ..READ
    },
];
