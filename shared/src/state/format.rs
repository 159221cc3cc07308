//! The format number of the state bucket's objects.

use serde::Deserialize;

/// The format that this version reads and writes.
pub const FORMAT: u32 = 1;

/// Checks the format number of an object.
///
/// # Errors
/// Why the object cannot be read.
pub fn check_format(content: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Header {
        format: Option<u64>,
    }
    let Header { format } = serde_json::from_slice(content).map_err(not_json)?;
    if format == Some(FORMAT.into()) {
        return Ok(());
    }
    let format = format.map_or("none".to_owned(), |format| format.to_string());
    Err(format!("its format is {format}; it must be {FORMAT}"))
}

/// The reason why an object that does not parse cannot be read.
pub fn not_json(error: serde_json::Error) -> String {
    format!("it is not JSON as iamwatch writes it: {error}")
}
