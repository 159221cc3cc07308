//! `--set`.

use serde_json::{Value, json};
use shared::config::SETTINGS;

use crate::program::Folder;
use crate::records::{failure, gzipped, log_file, sign_in};

#[test]
fn every_setting_is_accepted_with_its_default_and_changes_nothing() {
    let folder = Folder::with("x.json", log_file(&[failure("1")]));
    let expected = folder.run(&["sign-in", "x.json"]).exits(0);
    for setting in SETTINGS {
        let value = format!("{}={}", setting.name, setting.default);
        let run = folder.run(&["sign-in", "x.json", "--set", &value]).exits(0);
        assert_eq!(run.stdout, expected.stdout, "{value}");
        folder.run(&["sign-ins", "x.json", "--set", &value]).exits(0);
    }
}

#[test]
fn help_lists_every_setting_with_its_default() {
    let folder = Folder::new();
    for command in ["sign-in", "sign-ins", "records"] {
        let help = folder.run(&[command, "--help"]).exits(0).stdout;
        for setting in SETTINGS {
            let default = if setting.default.is_empty() { "nothing" } else { setting.default };
            assert!(help.contains(&format!("\n  {} [default: {default}]\n", setting.name)), "{help}");
        }
    }
}

#[test]
fn allowed_sign_in_cidrs_take_effect_and_the_last_one_counts() {
    let folder = Folder::with("x.json", log_file(&[sign_in(json!({}))]));
    let run = |sets: &[&str]| {
        let mut arguments = vec!["sign-in", "x.json", "--format", "json"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
        folder.run(&arguments).exits(0).rules()
    };
    let (inside, outside) =
        ("ALLOWED_SIGN_IN_CIDRS=192.0.2.0/24", "ALLOWED_SIGN_IN_CIDRS=198.51.100.0/24,2001:db8::/32");
    let raised = ["sign-in.outside-allowed-addresses"];
    assert_eq!(run(&[]), [""; 0]);
    assert_eq!(run(&[inside]), [""; 0]);
    assert_eq!(run(&[outside]), raised);
    assert_eq!(run(&[inside, outside]), raised);
    assert_eq!(run(&[outside, "MAX_RECORD_BYTES=2048", inside]), [""; 0]);
}

#[test]
fn account_names_are_in_mails_and_in_the_table() {
    let folder = Folder::with("x.json", log_file(&[failure("1")]));
    let set = "ACCOUNT_NAMES=111122223333=prod,444455556666=audit";
    let mail = folder.run(&["sign-in", "x.json", "--set", set]).exits(0).stdout;
    let subject = mail.lines().find(|line| line.starts_with("Subject: ")).unwrap();
    assert!(subject.contains("prod (111122223333)"), "{subject}");
    let table = folder.run(&["sign-ins", "x.json", "--set", set]).exits(0).stdout;
    assert!(table.contains("  prod (111122223333)  ConsoleLogin"), "{table}");
    let csv = folder.run(&["sign-ins", "x.json", "--set", set, "--format", "csv"]).exits(0).stdout;
    assert!(csv.contains(",111122223333,"), "machines keep the id: {csv}");
    let named = "ACCOUNT_NAMES=111122223333=\u{1b}[2J=x";
    folder.run(&["sign-ins", "x.json", "--set", named]).exits(0);
    folder.run(&["sign-in", "x.json", "--set", named]).exits(0);
}

#[test]
fn limits_take_effect_and_the_message_names_them() {
    let mut large = failure("large");
    large["requestParameters"] = json!({"padding": "x".repeat(5_000)});
    let records: Vec<Value> = (0..40).map(|number| failure(&number.to_string())).chain([large]).collect();
    for (name, content) in [("x.json", log_file(&records)), ("x.json.gz", gzipped(&records))] {
        let folder = Folder::with(name, &content);
        let run = |set: &str| folder.run(&["sign-in", name, "--format", "json", "--set", set]);
        assert_eq!(run("MAX_RECORD_BYTES=8192").exits(0).lines().len(), 41);
        let small = run("MAX_RECORD_BYTES=4096").exits(2).says("MAX_RECORD_BYTES");
        assert_eq!(small.lines().len(), 41, "{name}: 40, and the file");
        let stored = format!("MAX_COMPRESSED_BYTES={}", content.len());
        assert_eq!(run(&stored).exits(0).lines().len(), 41);
        let less = format!("MAX_COMPRESSED_BYTES={}", content.len() - 1);
        run(&less).exits(2).says("MAX_COMPRESSED_BYTES");
        let decompressed = log_file(&records).len();
        assert_eq!(run(&format!("MAX_DECOMPRESSED_BYTES={decompressed}")).exits(0).lines().len(), 41);
        if name.ends_with(".gz") {
            run(&format!("MAX_DECOMPRESSED_BYTES={}", decompressed / 2))
                .exits(2)
                .says("MAX_DECOMPRESSED_BYTES");
        }
    }
}
