//! A backfill that is not finished and that no invocation works on, in words.

use crate::state::backfill::{RunId, RunState, Stage};

/// What the finding says; `state` is the reason if the state could not be read.
pub fn what(id: &RunId, state: Result<&RunState, &String>) -> String {
    let id = id.as_str();
    let state = match state {
        Ok(state) => state,
        Err(reason) => {
            return format!(
                "backfill {id}: nobody can say any more how far it is, for what it has noted cannot be read: {reason}; the line below is that of all accounts and Regions, and only the request that it was begun with, with its ACCOUNTS, REGIONS and NOTIFY if it had any, tells what it had found"
            );
        }
    };
    let parts = state.estimate.as_ref().map_or(0, |estimate| estimate.items);
    let progress = match state.stage {
        Stage::Planning => "it is not known yet what there is to read".to_owned(),
        Stage::Scanning => format!("{} of {parts} parts are read", state.read.items),
        Stage::Fleet => format!("the state machine was to read {parts} parts, and has not come back"),
        Stage::Notifying | Stage::Done => "what it has found is not told".to_owned(),
    };
    format!(
        "backfill {id} of bucket {} was begun on {} and is not finished, and nobody works on it: {progress}",
        state.bucket,
        state.begun.date_naive()
    )
}

/// The command that continues the backfill; without a readable state, that of all accounts and Regions.
pub fn command(id: &RunId, state: Result<&RunState, &String>) -> String {
    let Ok(state) = state else {
        let mut days = id.as_str().split('_');
        let (from, to) = (days.next().unwrap_or_default(), days.next().unwrap_or_default());
        return format!("make backfill STACK=name FROM={from} TO={to}");
    };
    let wanted = &state.wanted;
    let mut command = format!("make backfill STACK=name FROM={} TO={}", wanted.from, wanted.to);
    for (name, values) in [("ACCOUNTS", &wanted.accounts), ("REGIONS", &wanted.regions)] {
        if !values.is_empty() {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            command += &format!(" {name}={}", values.join(","));
        }
    }
    command
}
