/// What went wrong, by what the caller should do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Change the setting.
    #[error("{name} is {value:?}; it must be {expected}")]
    Setting {
        /// The setting's name, the same everywhere.
        name: String,
        /// What it was set to.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// Fix the input.
    #[error("{thing} is {value:?}; it must be {expected}")]
    Input {
        /// What was handed in.
        thing: String,
        /// What it was, as far as it may be shown.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// Name a setting that exists.
    #[error("{name:?} is no setting; the settings are {known}")]
    UnknownSetting {
        /// The name that was given.
        name: String,
        /// Every setting's name, separated by commas.
        known: String,
    },
}
