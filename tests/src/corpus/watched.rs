//! The few records that a rule may care about, as whole-record templates.
//!
//! Shapes after the CloudTrail User Guide, "AWS Management Console sign-in events",
//! and the IAM Identity Center User Guide, "Understanding IAM Identity Center sign-in events".

/// One kind of record and how often it stands for an everyday one.
#[derive(Debug)]
pub struct Watched {
    /// So many of 100,000 records.
    pub per_100_000: usize,
    /// The record.
    pub record: &'static str,
}

/// Everything that is not an everyday call: about 0.1 % of the records, console sign-ins 0.055 %.
pub const WATCHED: &[Watched] = &[
    // Console sign-in of a user, with MFA.
    Watched {
        per_100_000: 25,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"<own 20 AIDA<id 10>EXAMPLE>","arn":"arn:aws:iam::<account>:user/<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","accountId":"<account>","userName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/<int 118-134>.0.0.0 Safari/537.36","requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"#,
            r#""additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026state\u003dhashArgsFromTB_<region>_<hex 16>","MobileVersion":"No","MFAIdentifier":"arn:aws:iam::<account>:mfa/<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","MFAUsed":"Yes"},"#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"<region>.signin.aws.amazon.com"}}"#,
        ),
    },
    // Console sign-in of a user, without MFA.
    Watched {
        per_100_000: 12,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"<own 20 AIDA<id 10>EXAMPLE>","arn":"arn:aws:iam::<account>:user/<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","accountId":"<account>","userName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:1<int 20-35>.0) Gecko/20100101 Firefox/1<int 20-35>.0","requestParameters":null,"responseElements":{"ConsoleLogin":"Success"},"#,
            r#""additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026state\u003dhashArgsFromTB_<region>_<hex 16>","MobileVersion":"No","MFAUsed":"No"},"#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"<region>.signin.aws.amazon.com"}}"#,
        ),
    },
    // Failed console sign-in of a known user.
    Watched {
        per_100_000: 11,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"<own 20 AIDA<id 10>EXAMPLE>","accountId":"<account>","accessKeyId":"","userName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.<int 1-6> Safari/605.1.15","errorMessage":"Failed authentication","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"#,
            r#""additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026state\u003dhashArgsFromTB_<region>_<hex 16>","MobileVersion":"No","MFAUsed":"<pick No|No|Yes>"},"#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"<region>.signin.aws.amazon.com"}}"#,
        ),
    },
    // Failed console sign-in with a user name that the account does not have.
    Watched {
        per_100_000: 7,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","accountId":"<account>","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/<int 118-134>.0.0.0 Safari/537.36","errorMessage":"No username found in supplied account","requestParameters":null,"responseElements":{"ConsoleLogin":"Failure"},"#,
            r#""additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue\u0026state\u003dhashArgsFromTB_<region>_<hex 16>","MobileVersion":"No","MFAUsed":"No"},"#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"<region>.signin.aws.amazon.com"}}"#,
        ),
    },
    // Identity Center: a factor was wrong.
    Watched {
        per_100_000: 12,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"<pick IdentityCenterUser|Unknown>","accountId":"<account>","onBehalfOf":{"userId":"<own 20 <uuid>>","identityStoreArn":"arn:aws:identitystore::<account>:identitystore/d-<own 1 <hex 10>>"},"credentialId":"<uuid>"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"CredentialVerification","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/<int 118-134>.0.0.0 Safari/537.36","requestParameters":null,"responseElements":null,"#,
            r#""additionalEventData":{"AuthWorkflowID":"<uuid>","CredentialType":"<pick PASSWORD|TOTP>"},"requestID":"<uuid>","#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"<account>","serviceEventDetails":{"CredentialVerification":"Failure"},"eventCategory":"Management"}"#,
        ),
    },
    // Identity Center: signed in, mostly with two factors.
    Watched {
        per_100_000: 12,
        record: concat!(
            r#"{"eventVersion":"1.08","userIdentity":{"type":"<pick IdentityCenterUser|Unknown>","accountId":"<account>","onBehalfOf":{"userId":"<own 20 <uuid>>","identityStoreArn":"arn:aws:identitystore::<account>:identitystore/d-<own 1 <hex 10>>"},"credentialId":"<uuid>"},"#,
            r#""eventTime":"<time>","eventSource":"signin.amazonaws.com","eventName":"UserAuthentication","awsRegion":"<region>","sourceIPAddress":"<ip>","userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/<int 118-134>.0.0.0 Safari/537.36","requestParameters":null,"responseElements":null,"#,
            r#""additionalEventData":{"AuthWorkflowID":"<uuid>","LoginTo":"https://d-<own 1 <hex 10>>.awsapps.com/start","UserName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>@example.com","CredentialType":"<pick PASSWORD,TOTP|PASSWORD,WEBAUTHN|EXTERNAL_IDP|PASSWORD>"},"requestID":"<uuid>","#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"<account>","serviceEventDetails":{"UserAuthentication":"Success"},"eventCategory":"Management"}"#,
        ),
    },
    // A new access key.
    Watched {
        per_100_000: 8,
        record: concat!(
            r#"{"eventVersion":"1.10","userIdentity":{"type":"IAMUser","principalId":"<own 20 AIDA<id 10>EXAMPLE>","arn":"arn:aws:iam::<account>:user/<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","accountId":"<account>","accessKeyId":"ASIA<id 9>EXAMPLE","userName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","sessionContext":{"attributes":{"creationDate":"<earlier>","mfaAuthenticated":"true"}}},"#,
            r#""eventTime":"<time>","eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey","awsRegion":"us-east-1","sourceIPAddress":"<ip>","userAgent":"aws-cli/2.17.<int 0-30> md/awscrt#0.20.11 ua/2.0 os/linux#5.15.0-1063-aws md/command#iam.create-access-key","requestParameters":{"userName":"svc-<same <hex 6>>"},"#,
            r#""responseElements":{"accessKey":{"userName":"svc-<same <hex 6>>","accessKeyId":"AKIA<id 9>EXAMPLE","status":"Active","createDate":"Apr 1, 2026, 9:<int 10-59>:<int 10-59> AM"}},"requestID":"<uuid>","#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"iam.amazonaws.com"}}"#,
        ),
    },
    // A second factor taken off.
    Watched {
        per_100_000: 5,
        record: concat!(
            r#"{"eventVersion":"1.10","userIdentity":{"type":"IAMUser","principalId":"<own 20 AIDA<id 10>EXAMPLE>","arn":"arn:aws:iam::<account>:user/<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","accountId":"<account>","accessKeyId":"ASIA<id 9>EXAMPLE","userName":"<own 20 <pick ana|bela|chidi|dora|emre>.<pick novak|silva|okafor>>","sessionContext":{"attributes":{"creationDate":"<earlier>","mfaAuthenticated":"true"}}},"#,
            r#""eventTime":"<time>","eventSource":"iam.amazonaws.com","eventName":"DeactivateMFADevice","awsRegion":"us-east-1","sourceIPAddress":"<ip>","userAgent":"AWS Internal","requestParameters":{"userName":"svc-<same <hex 6>>","serialNumber":"arn:aws:iam::<account>:mfa/svc-<same <hex 6>>"},"responseElements":null,"requestID":"<uuid>","#,
            r#""eventID":"<uuid>","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","sessionCredentialFromConsole":"true"}"#,
        ),
    },
    // The root user at work.
    Watched {
        per_100_000: 8,
        record: concat!(
            r#"{"eventVersion":"1.10","userIdentity":{"type":"Root","principalId":"<account>","arn":"arn:aws:iam::<account>:root","accountId":"<account>","accessKeyId":"ASIA<id 9>EXAMPLE","sessionContext":{"sessionIssuer":{},"webIdFederationData":{},"attributes":{"creationDate":"<earlier>","mfaAuthenticated":"true"}}},"#,
            r#""eventTime":"<time>","eventSource":"<pick iam|account|billingconsole>.amazonaws.com","eventName":"<pick GetAccountSummary|ListAccountAliases|GetContactInformation>","awsRegion":"us-east-1","sourceIPAddress":"<ip>","userAgent":"AWS Internal","requestParameters":null,"responseElements":null,"requestID":"<uuid>","#,
            r#""eventID":"<uuid>","readOnly":true,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"<account>","eventCategory":"Management","sessionCredentialFromConsole":"true"}"#,
        ),
    },
];
