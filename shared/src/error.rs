/// An error of the core, by what the caller should do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Change the setting.
    #[error("{name} is {value:?}; it must be {expected}")]
    Setting {
        /// The setting's name, the same everywhere.
        name: String,
        /// The invalid value.
        value: String,
        /// The valid values.
        expected: String,
    },
    /// Fix the input.
    #[error("{thing} is {value:?}; it must be {expected}")]
    Input {
        /// The name of the input.
        thing: String,
        /// Its value, as far as it may be shown.
        value: String,
        /// The valid values.
        expected: String,
    },
    /// Name a setting that exists.
    #[error("{name:?} is no setting; the settings are {known}")]
    UnknownSetting {
        /// The unknown name.
        name: String,
        /// Every setting's name, separated by commas.
        known: String,
    },
}
