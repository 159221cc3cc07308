//! The records of the sample's scenario.

use super::DATE;

const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36";
const COMMAND_LINE: &str =
    "aws-cli/2.17.5 md/awscrt#0.20.11 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.8";

/// Who signs in through Identity Center.
const DIRECTORY_USER: &str = r#"{"type":"IdentityCenterUser","accountId":"444455556666","onBehalfOf":{"userId":"0a1b2c3d-1111-4222-8333-444455556666","identityStoreArn":"arn:aws:identitystore::444455556666:identitystore/d-0123456789"},"credentialId":"7d8e9f00-1111-4222-8333-444455556666"}"#;

/// The event id of scenario record `n`.
fn event_id(n: usize) -> String {
    format!("5a3e0000-0000-4000-8000-{n:012}")
}

/// How a console sign-in ended.
#[derive(Debug, Clone, Copy)]
pub enum Outcome {
    /// It succeeded.
    Success,
    /// It failed.
    Failure {
        /// The error message of the record.
        message: &'static str,
    },
}

/// How it ends for a user whose password or second factor is wrong.
pub const WRONG_PASSWORD: Outcome = Outcome::Failure { message: "Failed authentication" };
/// How it ends for a [`STRANGER`].
pub const NO_SUCH_USER: Outcome = Outcome::Failure { message: "No username found in supplied account" };

/// A user who has signed in.
pub fn user(name: &str) -> String {
    format!(
        r#"{{"type":"IAMUser","principalId":"AIDA{:A<10}EXAMPLE","arn":"arn:aws:iam::111122223333:user/{name}","accountId":"111122223333","userName":"{name}"}}"#,
        name.to_uppercase()
    )
}

/// A user whose sign-in failed: without an ARN, and with an empty access key id.
pub fn unproven_user(name: &str) -> String {
    format!(
        r#"{{"type":"IAMUser","principalId":"AIDA{:A<10}EXAMPLE","accountId":"111122223333","accessKeyId":"","userName":"{name}"}}"#,
        name.to_uppercase()
    )
}

/// A person who gave a user name that the account does not have.
pub const STRANGER: &str = r#"{"type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#;

/// The root user of account 111122223333.
pub const ROOT: &str = r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":""}"#;

/// A federated person in a role, whose second factor AWS does not see.
pub fn role_session(role: &str, path: &str, session: &str) -> String {
    format!(
        concat!(
            r#"{{"type":"AssumedRole","principalId":"AROASAMPLEROLEEXAMPLE:{session}","arn":"arn:aws:sts::111122223333:assumed-role/{role}/{session}","accountId":"111122223333","#,
            r#""sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROASAMPLEROLEEXAMPLE","arn":"arn:aws:iam::111122223333:role/{path}{role}","accountId":"111122223333","userName":"{role}"}},"#,
            r#""webIdFederationData":{{}},"attributes":{{"creationDate":"2026-04-01T10:15:01Z","mfaAuthenticated":"false"}}}}}}"#,
        ),
        session = session,
        role = role,
        path = path,
    )
}

/// A console sign-in in account 111122223333.
pub fn sign_in(
    n: usize,
    region: &str,
    time: &str,
    identity: &str,
    address: &str,
    outcome: Outcome,
    mfa: &str,
) -> String {
    let (error, result) = match outcome {
        Outcome::Success => (String::new(), "Success"),
        Outcome::Failure { message } => (format!(r#""errorMessage":"{message}","#), "Failure"),
    };
    format!(
        concat!(
            r#"{{"eventVersion":"1.08","userIdentity":{identity},"eventTime":"{date}T{time}Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","#,
            r#""awsRegion":"{region}","sourceIPAddress":"{address}","userAgent":"{agent}",{error}"requestParameters":null,"responseElements":{{"ConsoleLogin":"{result}"}},"#,
            r#""additionalEventData":{{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs\u003d%23\u0026isauthcode\u003dtrue","MobileVersion":"No",{mfa}}},"#,
            r#""eventID":"{id}","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","#,
            r#""tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{region}.signin.aws.amazon.com"}}}}"#,
        ),
        identity = identity,
        date = DATE,
        time = time,
        region = region,
        address = address,
        agent = CHROME,
        error = error,
        result = result,
        mfa = mfa,
        id = event_id(n),
    )
}

/// A step of an Identity Center sign-in in account 444455556666.
pub fn directory(n: usize, time: &str, name: &str, result: &str, details: &str) -> String {
    format!(
        concat!(
            r#"{{"eventVersion":"1.08","userIdentity":{identity},"eventTime":"{date}T{time}Z","eventSource":"signin.amazonaws.com","eventName":"{name}","#,
            r#""awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.77","userAgent":"{agent}","requestParameters":null,"responseElements":null,"#,
            r#""additionalEventData":{{"AuthWorkflowID":"c0ffee00-1111-4222-8333-444455556666",{details}}},"requestID":"4e90e5ed-0000-4000-8000-{n:012}","#,
            r#""eventID":"{id}","readOnly":false,"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"444455556666","#,
            r#""serviceEventDetails":{{"{name}":"{result}"}},"eventCategory":"Management"}}"#,
        ),
        identity = DIRECTORY_USER,
        date = DATE,
        time = time,
        name = name,
        agent = CHROME,
        details = details,
        n = n,
        id = event_id(n),
        result = result,
    )
}

/// A call by mallory in account 111122223333.
pub fn call(n: usize, time: &str, service: &str, name: &str, request: &str, response: &str) -> String {
    format!(
        concat!(
            r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDAMALLORYAAAEXAMPLE","arn":"arn:aws:iam::111122223333:user/mallory","accountId":"111122223333","accessKeyId":"AKIAMALLORYAAEXAMPLE","userName":"mallory"}},"#,
            r#""eventTime":"{date}T{time}Z","eventSource":"{service}.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.23","userAgent":"{agent}","#,
            r#""requestParameters":{request},"responseElements":{response},"requestID":"4e90e5ed-0000-4000-8000-{n:012}","eventID":"{id}","readOnly":false,"#,
            r#""eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","#,
            r#""tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.amazonaws.com"}}}}"#,
        ),
        date = DATE,
        time = time,
        service = service,
        name = name,
        agent = COMMAND_LINE,
        request = request,
        response = response,
        n = n,
        id = event_id(n),
    )
}
