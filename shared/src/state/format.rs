//! The version that every object of the state bucket names.

use serde::Deserialize;

/// What the objects are written in. Another number is not understood.
pub const FORMAT: u32 = 1;

/// Insists on what every object of the state bucket says of itself.
///
/// # Errors
/// What is wrong.
pub fn check_format(content: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Format {
        format: Option<u64>,
    }
    let Format { format } = serde_json::from_slice(content).map_err(not_json)?;
    if format == Some(FORMAT.into()) {
        return Ok(());
    }
    let format = format.map_or("none".to_owned(), |format| format.to_string());
    Err(format!("its format is {format}; it must be {FORMAT}"))
}

/// What an object is that cannot be read.
pub fn not_json(error: serde_json::Error) -> String {
    format!("it is not JSON as iamwatch writes it: {error}")
}
