//! What several threads make of files at the same time, handed on in the order of the files, within bounded memory.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So much of a file is held back until it is its turn; then whoever makes it waits.
const MAX_HELD_BYTES: usize = 1 << 20;

/// So much of all files that are done before their turn is held back, and so many of them.
const MAX_READY_BYTES: usize = 16 << 20;
const MAX_READY_FILES: usize = 100_000;

/// Takes things of files that are numbered from 0, each of which is begun once, and none before those before it.
pub struct InOrder<T, S> {
    state: Mutex<State<T, S>>,
    turn_comes: Condvar,
}

struct State<T, S> {
    /// The file whose turn it is.
    turn: usize,
    /// Files that are done before their turn.
    ready: BTreeMap<usize, Vec<T>>,
    ready_bytes: usize,
    sink: S,
}

/// Where things go, in order.
pub trait Sink<T> {
    /// Takes the next thing.
    fn take(&mut self, thing: T);
    /// How many bytes a thing takes.
    fn bytes(thing: &T) -> usize;
}

impl<T, S: Sink<T>> InOrder<T, S> {
    pub fn new(sink: S) -> Self {
        let state = State { turn: 0, ready: BTreeMap::new(), ready_bytes: 0, sink };
        InOrder { state: Mutex::new(state), turn_comes: Condvar::new() }
    }

    /// Begins a file; it ends when what is answered is dropped.
    pub fn file(&self, number: usize) -> File<'_, T, S> {
        File { in_order: self, number, held: Vec::new(), held_bytes: 0 }
    }

    /// Where everything went.
    pub fn into_sink(self) -> S {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).sink
    }

    // A lock is only poisoned by a panic, which the scope of the threads passes on.
    fn lock(&self) -> MutexGuard<'_, State<T, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for(&self, number: usize) -> MutexGuard<'_, State<T, S>> {
        let waited = self.turn_comes.wait_while(self.lock(), |state| state.turn != number);
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file that is being read.
pub struct File<'o, T, S: Sink<T>> {
    in_order: &'o InOrder<T, S>,
    number: usize,
    held: Vec<T>,
    held_bytes: usize,
}

impl<T, S: Sink<T>> File<'_, T, S> {
    /// Hands a thing on, or holds it back until it is this file's turn.
    pub fn add(&mut self, thing: T) {
        self.held_bytes += S::bytes(&thing);
        self.held.push(thing);
        if self.held_bytes > MAX_HELD_BYTES {
            self.held_bytes = 0;
            let held = mem::take(&mut self.held);
            let mut state = self.in_order.wait_for(self.number);
            held.into_iter().for_each(|thing| state.sink.take(thing));
        }
    }
}

impl<T, S: Sink<T>> Drop for File<'_, T, S> {
    fn drop(&mut self) {
        let held = mem::take(&mut self.held);
        let mut state = self.in_order.lock();
        let has_room =
            state.ready_bytes + self.held_bytes <= MAX_READY_BYTES && state.ready.len() < MAX_READY_FILES;
        if state.turn != self.number && has_room {
            state.ready_bytes += self.held_bytes;
            state.ready.insert(self.number, held);
            return;
        }
        drop(state);
        let mut state = self.in_order.wait_for(self.number);
        let state = &mut *state;
        held.into_iter().for_each(|thing| state.sink.take(thing));
        state.turn += 1;
        while let Some(ready) = state.ready.remove(&state.turn) {
            state.ready_bytes -= ready.iter().map(S::bytes).sum::<usize>();
            ready.into_iter().for_each(|thing| state.sink.take(thing));
            state.turn += 1;
        }
        self.in_order.turn_comes.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    impl Sink<(usize, usize, usize)> for Vec<(usize, usize)> {
        fn take(&mut self, (file, number, _): (usize, usize, usize)) {
            self.push((file, number));
        }

        fn bytes(&(_, _, bytes): &(usize, usize, usize)) -> usize {
            bytes
        }
    }

    #[test]
    fn whatever_threads_do_the_files_come_in_order_and_whole() {
        for bytes in [1, MAX_HELD_BYTES / 2, MAX_READY_BYTES] {
            let in_order = InOrder::new(Vec::new());
            let next = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        loop {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            if number >= 200 {
                                break;
                            }
                            let mut file = in_order.file(number);
                            (0..number % 5).for_each(|thing| file.add((number, thing, bytes)));
                        }
                    });
                }
            });
            let expected: Vec<(usize, usize)> =
                (0..200).flat_map(|file| (0..file % 5).map(move |thing| (file, thing))).collect();
            assert_eq!(in_order.into_sink(), expected, "{bytes} bytes each");
        }
    }
}
