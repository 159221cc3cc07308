//! The mail that shows that mails arrive, from function to mailbox.

use serde_json::json;

use crate::finding::Status;
use crate::notification::Notification;
use crate::severity::Severity;

/// The notification; `stack` names the function that publishes it.
pub fn notification(stack: &str, id: String) -> Notification {
    let subject = "TEST - iamwatch can reach you".to_owned();
    let body = format!(
        "This is a TEST: nothing has happened.\n\n\
         Somebody asked {stack} to show that its mails arrive. If you can read this, it may publish to its topic, \
         and your subscription is confirmed.\n"
    );
    let forms = json!({"default": "[]", "email": body, "sms": subject});
    Notification {
        id,
        subject,
        message: forms.to_string(),
        // It passes every subscriber's filter on severity.
        severity: Severity::Critical,
        status: Status::New,
        rules: Vec::new(),
        accounts: Vec::new(),
    }
}
