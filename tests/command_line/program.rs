//! Runs the program.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Longer than any run takes without optimisation on a busy machine.
const MAX_RUN: Duration = Duration::from_secs(240);

/// The program: the one that `IAMWATCH_CLI` names. Without that it is built as the sources are now, in the profile and
/// target directory of this test, and with this test, for whose sake its dependencies have been built.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("IAMWATCH_CLI") {
            return PathBuf::from(named);
        }
        // target/debug/deps/command_line-0123456789abcdef
        let test = std::env::current_exe().unwrap();
        let folder = test.parent().and_then(Path::parent).unwrap();
        let profile = match folder.file_name().and_then(OsStr::to_str).unwrap() {
            "debug" => "dev",
            other => other,
        };
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--locked",
                "--workspace",
                "--bin",
                "iamwatch",
                "--test",
                "command_line",
                "--profile",
                profile,
                "--target-dir",
            ])
            .arg(folder.parent().unwrap())
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success(), "the program does not build");
        folder.join(format!("iamwatch{}", std::env::consts::EXE_SUFFIX))
    })
}

/// The outcome of one run.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// Every line of stdout as JSON.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let parsed = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(parsed).collect()
    }

    /// The rule of every line.
    #[track_caller]
    pub fn rules(&self) -> Vec<String> {
        self.lines().iter().map(|line| line["rule"].as_str().unwrap().to_owned()).collect()
    }

    /// Asserts the exit status.
    #[track_caller]
    pub fn exits(self, status: i32) -> Run {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// Asserts that stderr holds this text.
    #[track_caller]
    pub fn says(self, part: &str) -> Run {
        assert!(self.stderr.contains(part), "{part:?} is not in: {}", self.stderr);
        self
    }
}

/// A folder in which the program runs.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    /// A folder with one file.
    pub fn with(name: &str, content: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        folder.file(name, content);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file, and the folders it needs.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        iamwatch_tests::corpus::write(self.path(), name, content.as_ref()).unwrap();
    }

    /// Runs `iamwatch` with these arguments, the folder as current directory.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Run {
        run_in(self.path(), arguments)
    }
}

/// Runs `iamwatch` in a folder.
#[track_caller]
pub fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    ended(command(folder, arguments).spawn().unwrap(), arguments)
}

/// Waits for the end of a program that was started.
#[track_caller]
pub fn ended(mut child: Child, arguments: &[&str]) -> Run {
    let started = Instant::now();
    let stdout = reading(child.stdout.take().unwrap());
    let stderr = reading(child.stderr.take().unwrap());
    while child.try_wait().unwrap().is_none() {
        give_up_after_too_long(&mut child, started, arguments);
        thread::sleep(Duration::from_millis(2));
    }
    let run = Run {
        status: child.wait().unwrap().code().expect("no signal ends it"),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    check(&run);
    run
}

/// The command with no input, captured output, and full panic messages.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    command_of(program(), folder, arguments)
}

/// The same for another build of the program.
pub fn command_of(program: &Path, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Asserts what holds for every run: no panic, and nothing that steers a terminal, progress bars included.
#[track_caller]
pub fn check(run: &Run) {
    assert!(matches!(run.status, 0 | 1 | 2 | 64), "{run:#?}");
    for sign in ["panicked", "stack backtrace", "RUST_BACKTRACE"] {
        assert!(!run.stderr.contains(sign), "{}", run.stderr);
    }
    for text in [&run.stdout, &run.stderr] {
        let dangerous: Vec<char> = text.chars().filter(|character| dangerous(*character)).collect();
        assert!(dangerous.is_empty(), "{dangerous:?} in {text:?}");
    }
}

/// Control characters other than the line break (C1 and carriage return included), and those that change the direction
/// of text.
pub fn dangerous(character: char) -> bool {
    character.is_control() && character != '\n'
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[track_caller]
fn give_up_after_too_long(child: &mut Child, started: Instant, arguments: &[&str]) {
    if started.elapsed() > MAX_RUN {
        let _ = child.kill();
        panic!("still running after {MAX_RUN:?}: {arguments:?}");
    }
}

fn reading(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        pipe.read_to_end(&mut text).unwrap();
        String::from_utf8(text).expect("output is UTF-8")
    })
}
