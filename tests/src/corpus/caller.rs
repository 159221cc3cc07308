//! Who makes the calls in a log file: sessions, with an identity, an address and a user agent.
//!
//! Source: CloudTrail User Guide, "CloudTrail userIdentity element".

use super::{
    events::{EVENTS, Event},
    rng::Rng,
    template::Scene,
};

/// One caller for as long as it is active, and the few calls it makes.
#[derive(Debug)]
pub struct Session {
    /// The `userIdentity` object.
    pub identity: Vec<u8>,
    /// The `sourceIPAddress` value.
    pub address: Vec<u8>,
    /// The `userAgent` value.
    pub agent: Vec<u8>,
    /// True where the caller is a program that speaks TLS to AWS itself.
    pub over_tls: bool,
    /// What it calls.
    pub habits: Vec<&'static Event>,
}

/// A kind of role, each field a template.
struct Role {
    path: &'static str,
    name: &'static str,
    session: &'static str,
    /// Further fields of `sessionContext` before its `attributes`.
    federation: &'static str,
    /// Further fields after `attributes`, in `sessionContext` and then after it.
    delivery: &'static str,
    scope: &'static str,
}

const INSTANCE: Role = Role {
    path: "",
    name: "<own 30 <pick payments|orders|search|ledger|web|batch>-<pick api|worker|node>-<pick prod|stage>-role>",
    session: "<same i-0<hex 16>>",
    federation: "",
    delivery: r#","ec2RoleDelivery":"2.0""#,
    scope: "",
};

const FUNCTION: Role = Role {
    path: "service-role/",
    name: "<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>-role",
    session: "<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>",
    federation: "",
    delivery: "",
    scope: r#","inScopeOf":{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:<region>:<account>:function:<own 40 <pick resize|invoice|notify|export|sync|audit>-<pick images|events|orders|users>>"}"#,
};

const AUTOMATION: Role = Role {
    path: "",
    name: "<own 12 <pick DeploymentRole|MonitoringReadOnly|CostExplorerReader|SecurityAudit>>",
    session: "<same <pick deploy|terraform|botocore-session|aws-sdk-js>-<digits 10>>",
    federation: r#""webIdFederationData":{},"#,
    delivery: "",
    scope: "",
};

const POD: Role = Role {
    path: "",
    name: "eks-<own 12 <pick external-dns|cluster-autoscaler|load-balancer|ebs-csi>>",
    session: "<same <digits 19>>",
    federation: r#""webIdFederationData":{"federatedProvider":"arn:aws:iam::<account>:oidc-provider/oidc.eks.<region>.amazonaws.com/id/<own 2 <id 32>>","attributes":{}},"#,
    delivery: "",
    scope: "",
};

/// A person who came through Identity Center.
const PERSON: Role = Role {
    path: "aws-reserved/sso.amazonaws.com/<region>/",
    name: "AWSReservedSSO_<own 4 <pick ReadOnly|PowerUser|Developer>_<hex 16>>",
    session: "<own 20 <pick ana|bela|chidi|dora|emre|farah|goran>.<pick novak|silva|okafor|weber|kaya>@example.com>",
    federation: "",
    delivery: "",
    scope: "",
};

/// A role that a service uses on the account's behalf; `SERVICE` is the service's name.
const SERVICE_LINKED: Role = Role {
    path: "aws-service-role/SERVICE/",
    name: "AWSServiceRoleFor<own 8 <pick AutoScaling|ElasticLoadBalancing|Config|ECS|RDS>>",
    session: "<own 8 <pick AutoScaling|ElasticLoadBalancing|AWSConfig-Describe|CloudFormation|ecs-service-scheduler>>",
    federation: "",
    delivery: "",
    scope: r#","invokedBy":"SERVICE""#,
};

impl Role {
    /// The `userIdentity` of a session with this role.
    fn identity(&self) -> String {
        let Self { path, name, session, federation, delivery, scope } = self;
        format!(
            concat!(
                r#"{{"type":"AssumedRole","principalId":"<own 40 AROA<id 10>EXAMPLE>:{session}","#,
                r#""arn":"arn:aws:sts::<account>:assumed-role/{name}/{session}","#,
                r#""accountId":"<account>","accessKeyId":"ASIA<id 9>EXAMPLE","#,
                r#""sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"<own 40 AROA<id 10>EXAMPLE>","#,
                r#""arn":"arn:aws:iam::<account>:role/{path}{name}","accountId":"<account>","userName":"{name}"}},"#,
                r#"{federation}"attributes":{{"creationDate":"<earlier>","mfaAuthenticated":"false"}}{delivery}}}{scope}}}"#,
            ),
            session = session,
            name = name,
            path = path,
            federation = federation,
            delivery = delivery,
            scope = scope,
        )
    }
}

/// A user with a long-lived access key.
const USER: &str = concat!(
    r#"{"type":"IAMUser","principalId":"<own 9 AIDA<id 10>EXAMPLE>","#,
    r#""arn":"arn:aws:iam::<account>:user/<own 9 <pick svc-backup|svc-metrics|svc-mail|svc-import>>","#,
    r#""accountId":"<account>","accessKeyId":"<own 9 AKIA<id 9>EXAMPLE>","#,
    r#""userName":"<own 9 <pick svc-backup|svc-metrics|svc-mail|svc-import>>"}"#,
);

/// A service on its own account; `SERVICE` is its name.
const SERVICE: &str = r#"{"type":"AWSService","invokedBy":"SERVICE"}"#;

const SERVICES: &[&str] = &[
    "autoscaling.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "config.amazonaws.com",
    "cloudformation.amazonaws.com",
    "ecs.amazonaws.com",
    "rds.amazonaws.com",
];

const PROGRAMS: &[&str] = &[
    "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#arm64 api/<pick ec2|sts|s3>#1.<int 30-190>.<int 0-9> m/E,<pick g|n|C>",
    "aws-sdk-go/1.44.<int 100-300> (go1.21.8; linux; amd64) amazon-ssm-agent/3.3.<int 100-900>.0",
    "Boto3/1.34.<int 10-160> md/Botocore#1.34.<int 10-160> ua/2.0 os/linux#6.1.<int 70-99>-99.176.amzn2023.x86_64 md/arch#x86_64 lang/python#3.12.<int 1-7> md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.34.131",
    "aws-sdk-java/2.25.<int 10-70> Linux/5.10.<int 200-230>-202.855.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/21.0.3+9-LTS Java/21.0.3 vendor/Amazon.com_Inc. md/internal exec-env/AWS_Lambda_java21 io/sync http/Apache cfg/retry-mode/standard",
    "APN/1.0 HashiCorp/1.0 Terraform/1.8.<int 0-5> (+https://www.terraform.io) terraform-provider-aws/5.<int 40-60>.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.27.2 os/linux lang/go#1.22.4",
    "aws-cli/2.17.<int 0-30> md/awscrt#0.20.11 ua/2.0 os/linux#5.15.0-1063-aws md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#<pick ec2.describe-instances|s3api.list-buckets|ssm.get-parameter>",
    "aws-sdk-js/3.<int 540-620>.0 ua/2.1 os/linux#5.10.219-229.866.amzn2.x86_64 lang/js md/nodejs#20.14.0 api/dynamodb#3.<int 540-620>.0 exec-env/AWS_Lambda_nodejs20.x",
    "aws-sdk-rust/1.<int 1-8>.0 ua/2.1 api/<pick s3|dynamodb|ssm>/1.<int 20-90>.0 os/linux lang/rust/1.<int 78-90>.0",
];

const BROWSER: &str = "Mozilla/5.0 (<pick Windows NT 10.0; Win64; x64|Macintosh; Intel Mac OS X 10_15_7|X11; Linux x86_64>) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/<int 118-134>.0.0.0 Safari/537.36";

impl Session {
    /// A caller that was not active before.
    pub fn new(rng: &mut Rng, scene: &Scene) -> Self {
        let mut session = Self {
            identity: Vec::new(),
            address: Vec::new(),
            agent: Vec::new(),
            over_tls: true,
            habits: habits(rng, scene),
        };
        let program = rng.pick(PROGRAMS);
        let (identity, agent) = match rng.below(100) {
            0..=12 => (USER.to_string(), program),
            13..=38 => {
                let service = rng.pick(SERVICES);
                let identity = match rng.below(5) {
                    0..=2 => SERVICE.to_string(),
                    _ => SERVICE_LINKED.identity(),
                };
                scene.fill(rng, &mut session.identity, &identity.replace("SERVICE", service));
                // Such a caller's name is its address and its user agent.
                session.address.extend_from_slice(service.as_bytes());
                session.agent.extend_from_slice(service.as_bytes());
                session.over_tls = false;
                return session;
            }
            39..=45 => (PERSON.identity(), BROWSER),
            46..=70 => (INSTANCE.identity(), program),
            71..=83 => (FUNCTION.identity(), program),
            84..=91 => (AUTOMATION.identity(), program),
            _ => (POD.identity(), program),
        };
        scene.fill(rng, &mut session.identity, &identity);
        scene.fill(rng, &mut session.address, "<ip>");
        scene.fill(rng, &mut session.agent, agent);
        session
    }
}

/// One to four events, the frequent ones more likely.
fn habits(rng: &mut Rng, scene: &Scene) -> Vec<&'static Event> {
    let total: usize = EVENTS.iter().map(|event| event.weight).sum();
    let mut habits = Vec::new();
    let wanted = rng.between(1, 4);
    while habits.len() < wanted {
        let mut left = rng.below(total);
        for event in EVENTS {
            if left < event.weight {
                // IAM has one endpoint, whose records are those of us-east-1.
                if event.source != "iam.amazonaws.com" || scene.region == "us-east-1" {
                    habits.push(event);
                }
                break;
            }
            left -= event.weight;
        }
    }
    habits
}
