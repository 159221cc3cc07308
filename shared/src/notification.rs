//! One message to publish, in all its forms.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::finding::Status;
use crate::severity::Severity;

/// What a mail says below its first sentence if it may have been published before.
const MAY_REPEAT: &str = "(This mail may repeat one that you have got: it is not known whether that went\nout. Mails with the same alert id, at their end, are the same.)\n\n";

/// What is published as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notification {
    /// What tells a repetition of it from another one.
    pub id: String,
    /// At most [`super::MAX_SUBJECT_CHARS`] of ASCII on one line.
    pub subject: String,
    /// A JSON object: `email` the mail's text, `sms` one line, `default` a JSON array of OCSF findings.
    pub message: String,
    /// How bad the worst finding is.
    pub severity: Severity,
    /// Whether it tells of anything new; else what came back, what still stands, what is resolved.
    #[serde(default = "new")]
    pub status: Status,
    /// The rules that raised its findings.
    pub rules: Vec<String>,
    /// The accounts that they are about.
    pub accounts: Vec<String>,
}

fn new() -> Status {
    Status::New
}

impl Notification {
    /// The attributes that are lists, as SNS wants them.
    pub fn list(values: &[String]) -> String {
        Value::from(values).to_string()
    }

    /// The same, which says that it may have been published before.
    pub fn repeated(&self) -> Notification {
        let mut alert = self.clone();
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
            alert.message = Value::Object(forms).to_string();
        }
        alert
    }
}
