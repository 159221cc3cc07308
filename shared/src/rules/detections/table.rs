//! The table of the rules over records.

use super::detection::Detection;
use super::{credential_change, grant, identity_center, root, sign_in, tampered, trail};

/// Every rule over records, in order of precedence.
pub fn table() -> impl Iterator<Item = &'static Detection> {
    [
        root::SPECIFIC,
        tampered::DETECTIONS,
        trail::DETECTIONS,
        credential_change::DETECTIONS,
        grant::DETECTIONS,
        identity_center::DETECTIONS,
        sign_in::DETECTIONS,
        root::ACTIVITY,
    ]
    .into_iter()
    .flatten()
}
