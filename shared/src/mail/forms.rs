//! The forms in which people get a notification.

use crate::text;

/// SNS requires a subject of fewer than 100 characters on one line.
///
/// Source: SNS API Reference, `Publish`, `Subject`.
pub const MAX_SUBJECT_CHARS: usize = 99;

/// One SMS message holds 160 7-bit characters; the rest is room for those that take two.
///
/// Source: SNS Developer Guide, "Publishing SMS messages".
pub const MAX_SMS_CHARS: usize = 140;

/// One text for each kind of subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// At most [`MAX_SUBJECT_CHARS`] of ASCII on one line.
    pub subject: String,
    /// Plain text; its first line is a whole sentence.
    pub body: String,
    /// At most [`MAX_SMS_CHARS`] of ASCII on one line.
    pub sms: String,
}

impl Mail {
    /// A mail whose SMS is its subject: `[HIGH] …` becomes `HIGH: …`.
    pub(super) fn with_subject_as_sms(subject: String, body: String) -> Mail {
        let sms = subject.replacen('[', "", 1).replacen(']', ":", 1);
        Mail { sms: text::cut(&text::ascii(&sms), MAX_SMS_CHARS), subject, body }
    }
}
