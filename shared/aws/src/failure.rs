//! The failure of a whole invocation.

use lambda_runtime::Diagnostic;
use shared::Error;
use shared::ports::AwsError;

/// Why a whole invocation failed. Lambda reports `kind` as `errorType`.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) kind: &'static str,
    pub(crate) message: String,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let kind = match error {
            Error::Setting { .. } | Error::UnknownSetting { .. } => "SettingError",
            Error::Input { .. } => "InputError",
        };
        Failure { kind, message: error.to_string() }
    }
}

impl From<&AwsError> for Failure {
    fn from(error: &AwsError) -> Failure {
        Failure { kind: "AwsError", message: error.to_string() }
    }
}

impl From<Failure> for Diagnostic {
    fn from(Failure { kind, message }: Failure) -> Diagnostic {
        Diagnostic { error_type: kind.to_owned(), error_message: message }
    }
}
