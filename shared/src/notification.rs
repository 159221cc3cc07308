//! One message to publish, in all its forms.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::finding::Status;
use crate::severity::Severity;

/// The note below the first sentence of a mail that may have been published before.
const MAY_REPEAT: &str = "(This mail may repeat one that you have got: it is not known whether that went\nout. Mails with the same alert id, at their end, are the same.)\n\n";

/// One message to publish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// The alert id, which a repeated publish keeps.
    pub id: String,
    /// One line of ASCII of fewer than 100 characters.
    pub subject: String,
    /// A JSON object: `email` the mail's text, `sms` one line, `default` a JSON array of OCSF findings.
    pub message: String,
    /// The severity of the worst finding.
    pub severity: Severity,
    /// `New` if a finding is new; else the first of `CameBack`, `Still` and `Resolved` that a finding has.
    #[serde(default = "new")]
    pub status: Status,
    /// The rules of its findings.
    pub rules: Vec<String>,
    /// The accounts of its findings.
    pub accounts: Vec<String>,
}

fn new() -> Status {
    Status::New
}

impl Notification {
    /// A list as the value of an SNS attribute of type `String.Array`.
    pub fn list(values: &[String]) -> String {
        Value::from(values).to_string()
    }

    /// The notification with a note, for people and machines, that it may have been published before.
    pub fn repeated(&self) -> Notification {
        let mut repeated = self.clone();
        if let Ok(Value::Object(mut forms)) = serde_json::from_str(&self.message) {
            if let Some(Value::String(email)) = forms.get_mut("email") {
                let below = email.find("\n\n").map_or(0, |end| end + 2);
                email.insert_str(below, MAY_REPEAT);
            }
            if let Some(Value::String(documents)) = forms.get_mut("default")
                && let Ok(Value::Array(mut findings)) = serde_json::from_str(documents)
            {
                for finding in findings.iter_mut().filter_map(Value::as_object_mut) {
                    let unmapped = finding.entry("unmapped").or_insert_with(|| json!({}));
                    unmapped["may_repeat"] = true.into();
                }
                *documents = Value::from(findings).to_string();
            }
            repeated.message = Value::Object(forms).to_string();
        }
        repeated
    }
}
