//! Progress bars on stderr, hidden if stderr is no terminal.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// A bar up to `length`. The template may use indicatif's keys, and `{rate}` for whole units per second.
pub fn bar(is_shown: bool, length: u64, template: &str) -> ProgressBar {
    if !is_shown {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        // A rate that cannot be written is left out until the bar is drawn again.
        let _ = write!(out, "{:.0}/s", state.per_sec());
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.with_key("rate", rate));
    }
    bar
}
