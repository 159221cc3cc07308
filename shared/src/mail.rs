//! Everything written in English to a person.
//!
//! A mail starts with one sentence that a pager can show. Below it: who, what, when and where from, the rule and what
//! to do, where to look, and how to suppress it. Text from a record passes [`text::clean`](crate::text::clean) before
//! it is shown, and [`text::iam_name`](crate::text::iam_name) or [`text::arn`](crate::text::arn) before a person is
//! told to paste it.
//!
//! | module | the mail about |
//! |---|---|
//! | [`incident`] | the findings of one subject |
//! | [`audit`] | what changed in the checks of one or many accounts |
//! | [`backfill`] | past log files |
//! | [`test_mail`] | nothing: it shows that mails arrive |
//! | [`html_report`] | past log files, as an HTML file |
//!
//! [`phrases`] and [`unfinished_backfill`] have the phrases of findings about iamwatch itself that only a use
//! case can make.

pub mod audit;
pub mod backfill;
mod evidence;
mod explanation;
mod facts;
mod forms;
pub mod html_report;
pub mod incident;
mod layout;
mod message;
mod names;
mod order;
pub mod phrases;
mod suppression_hint;
pub mod test_mail;
pub mod unfinished_backfill;

pub use forms::{MAX_SMS_CHARS, MAX_SUBJECT_CHARS, Mail};
pub use message::MAX_MESSAGE_BYTES;
pub use order::by_subject;
