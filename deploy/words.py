"""Text for a person: numbers with their units, and untrusted text without control characters."""

import unicodedata

# Controls, formats, changes of direction among them, halves of pairs, and separators of lines and paragraphs.
# Source: Unicode UAX #44, General_Category.
STEERING = ["Cc", "Cf", "Cs", "Zl", "Zp"]


def visible(text):
    """The same text; control characters of a terminal are written as their codes: \\u{1b}."""
    return "".join(f"\\u{{{ord(c):x}}}" if unicodedata.category(c) in STEERING else c for c in text)


def say(line):
    """Prints one line, at once: keys, names and AWS's answers are untrusted text."""
    print(visible(line), flush=True)


def counted(number, one, more):
    """A number and its noun."""
    return f"1 {one}" if number == 1 else f"{number:,} {more}"


def size(number):
    """A number of bytes for a person."""
    for unit, factor in [("GB", 10**9), ("MB", 10**6), ("KB", 10**3)]:
        if number >= factor:
            return f"{number / factor:,.1f} {unit}"
    return counted(number, "byte", "bytes")


def duration(seconds):
    """A length of time for a person."""
    if seconds < 90:
        return counted(round(seconds), "second", "seconds")
    if seconds < 5400:
        return counted(round(seconds / 60), "minute", "minutes")
    return f"{seconds / 3600:.1f} hours"
