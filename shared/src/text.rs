//! What an attacker wrote, made fit to be read.
