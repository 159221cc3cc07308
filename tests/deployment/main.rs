//! The deployment: `template.yaml` held to the code (`template`), and what the Python tests of this folder prove: every
//! branch of the template, `make attach`, `make check` and `make backfill`.

#![allow(clippy::unwrap_used, reason = "clippy allows it in `#[test]` functions, not in what they call")]

mod template;

use std::process::Command;

use iamwatch_tests::python;

#[track_caller]
fn passes(file: &str) {
    let output = Command::new(python())
        .args(["-B", "-m", "unittest", file])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/deployment"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("Ran 0 tests"), "{said}");
}

#[test]
fn every_branch_of_the_template_says_what_it_should() {
    passes("test_template");
}

#[test]
fn the_attach_script_changes_one_setting_and_only_after_a_yes() {
    passes("test_attach");
}

#[test]
fn the_check_script_finds_what_is_wrong_with_a_deployed_stack() {
    passes("test_check");
}

#[test]
fn the_backfill_script_follows_a_run_to_its_end_through_every_failure() {
    passes("test_backfill");
}

#[test]
fn only_binaries_that_lambda_can_run_are_deployed() {
    passes("test_binaries");
}
