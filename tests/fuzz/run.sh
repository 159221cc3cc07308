#!/bin/sh
# Fuzzes every target for its share of so many seconds: tests/fuzz/run.sh SECONDS
#
# Needs a nightly toolchain. Installs cargo-fuzz into .tools once. Says of each target how much it ran, and
# ends with 1 and the input to run again where one crashed, hung or took too much memory.

set -eu

CARGO_FUZZ_VERSION=0.13.2
TARGETS="scan log_file record export"
# What one input may take: more is a bug that a hostile log file could use.
MAX_SECONDS_AN_INPUT=20
MAX_MEGABYTES=2048

seconds=${1:-60}
case $seconds in
    '' | *[!0-9]*)
        echo "SECONDS is \"$seconds\"; it must be a whole number of seconds" >&2
        exit 64
        ;;
esac
cd "$(dirname "$0")/../.."

if ! rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    echo "fuzzing needs a nightly toolchain: rustup toolchain install nightly" >&2
    exit 1
fi
if [ "$(.tools/bin/cargo-fuzz --version 2>/dev/null)" != "cargo-fuzz $CARGO_FUZZ_VERSION" ]; then
    cargo install --locked --root .tools "cargo-fuzz@$CARGO_FUZZ_VERSION"
fi
cargo run --quiet --locked -p iamwatch-tests --example fuzz-seeds

target_dir=${CARGO_TARGET_DIR:-tests/fuzz/target}
count=$(echo "$TARGETS" | wc -w)
share=$((seconds / count > 0 ? seconds / count : 1))
log=$(mktemp)
trap 'rm -f "$log"' EXIT

cargo_fuzz() {
    command=$1
    shift
    PATH="$PWD/.tools/bin:$PATH" cargo +nightly fuzz "$command" --fuzz-dir tests/fuzz \
        --target-dir "$target_dir/fuzz" "$@"
}

# The lock file is the committed one, or this stops here.
cargo +nightly fetch --locked --manifest-path tests/fuzz/Cargo.toml --quiet
cargo_fuzz build

failed=0
for target in $TARGETS; do
    # What is found while fuzzing goes to the first folder, beside the seeds.
    if cargo_fuzz run "$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$share" -timeout="$MAX_SECONDS_AN_INPUT" -rss_limit_mb="$MAX_MEGABYTES" \
        -max_len=8192 -dict=tests/fuzz/corpus/words.dict -print_final_stats=1 >"$log" 2>&1; then
        outcome=passed
    else
        outcome=FAILED
        failed=1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
    per_second=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log" | tail -n 1)
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    echo "$target $outcome: ${executions:-0} executions, ${per_second:-0} a second," \
        "${covered:-0} code edges covered, $share s"
    if [ "$outcome" = FAILED ]; then
        grep -E 'panicked at|ERROR:|SUMMARY:' "$log" | head -n 5
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        if [ -n "$input" ]; then
            echo "run it again: cargo +nightly fuzz run --fuzz-dir tests/fuzz $target $input"
        else
            tail -n 20 "$log"
        fi
    fi
done
exit "$failed"
