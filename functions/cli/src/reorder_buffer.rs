//! Puts what several threads produce from files into the order of the files, within bounded memory.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How much of one file is buffered before its turn; then its thread waits.
const MAX_FILE_BYTES: usize = 1 << 20;

/// How much of all files that ended before their turn is buffered.
const MAX_READY_BYTES: usize = 16 << 20;

/// How many files that ended before their turn are buffered.
const MAX_READY_FILES: usize = 100_000;

/// Passes the items of files to a sink in the order of the files. Files are numbered from 0; each is started once, and
/// only after those before it were started.
pub struct ReorderBuffer<T, S> {
    state: Mutex<State<T, S>>,
    turn_changed: Condvar,
}

struct State<T, S> {
    /// The file whose turn it is.
    turn: usize,
    /// The items of files that ended before their turn.
    ready: BTreeMap<usize, Vec<T>>,
    ready_bytes: usize,
    sink: S,
}

/// Receives items in order.
pub trait OrderedSink<T> {
    /// Takes the next item.
    fn take(&mut self, item: T);
    /// The memory that an item uses, in bytes.
    fn bytes(item: &T) -> usize;
}

impl<T, S: OrderedSink<T>> ReorderBuffer<T, S> {
    pub fn new(sink: S) -> Self {
        let state = State { turn: 0, ready: BTreeMap::new(), ready_bytes: 0, sink };
        ReorderBuffer { state: Mutex::new(state), turn_changed: Condvar::new() }
    }

    /// Begins a file, which ends when the slot is dropped.
    pub fn file(&self, number: usize) -> FileSlot<'_, T, S> {
        FileSlot { buffer: self, number, items: Vec::new(), bytes: 0 }
    }

    /// The sink, after the last file.
    pub fn into_sink(self) -> S {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).sink
    }

    // Only a panic poisons a lock, and the scope of the threads passes the panic on.
    fn lock(&self) -> MutexGuard<'_, State<T, S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for(&self, number: usize) -> MutexGuard<'_, State<T, S>> {
        let waited = self.turn_changed.wait_while(self.lock(), |state| state.turn != number);
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the items of one file.
pub struct FileSlot<'b, T, S: OrderedSink<T>> {
    buffer: &'b ReorderBuffer<T, S>,
    number: usize,
    items: Vec<T>,
    bytes: usize,
}

impl<T, S: OrderedSink<T>> FileSlot<'_, T, S> {
    /// Buffers an item. Waits for this file's turn if more than [`MAX_FILE_BYTES`] are buffered.
    pub fn add(&mut self, item: T) {
        self.bytes += S::bytes(&item);
        self.items.push(item);
        if self.bytes > MAX_FILE_BYTES {
            self.bytes = 0;
            let items = mem::take(&mut self.items);
            let mut state = self.buffer.wait_for(self.number);
            items.into_iter().for_each(|item| state.sink.take(item));
        }
    }
}

impl<T, S: OrderedSink<T>> Drop for FileSlot<'_, T, S> {
    fn drop(&mut self) {
        let items = mem::take(&mut self.items);
        let mut state = self.buffer.lock();
        let has_room =
            state.ready_bytes + self.bytes <= MAX_READY_BYTES && state.ready.len() < MAX_READY_FILES;
        if state.turn != self.number && has_room {
            state.ready_bytes += self.bytes;
            state.ready.insert(self.number, items);
            return;
        }
        drop(state);
        let mut state = self.buffer.wait_for(self.number);
        let state = &mut *state;
        items.into_iter().for_each(|item| state.sink.take(item));
        state.turn += 1;
        while let Some(ready) = state.ready.remove(&state.turn) {
            state.ready_bytes -= ready.iter().map(S::bytes).sum::<usize>();
            ready.into_iter().for_each(|item| state.sink.take(item));
            state.turn += 1;
        }
        self.buffer.turn_changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    impl OrderedSink<(usize, usize, usize)> for Vec<(usize, usize)> {
        fn take(&mut self, (file, number, _): (usize, usize, usize)) {
            self.push((file, number));
        }

        fn bytes(&(_, _, bytes): &(usize, usize, usize)) -> usize {
            bytes
        }
    }

    #[test]
    fn items_come_whole_and_in_the_order_of_the_files_whatever_threads_do() {
        for bytes in [1, MAX_FILE_BYTES / 2, MAX_READY_BYTES] {
            let buffer = ReorderBuffer::new(Vec::new());
            let next = AtomicUsize::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        loop {
                            let number = next.fetch_add(1, Ordering::Relaxed);
                            if number >= 200 {
                                break;
                            }
                            let mut file = buffer.file(number);
                            (0..number % 5).for_each(|item| file.add((number, item, bytes)));
                        }
                    });
                }
            });
            let expected: Vec<(usize, usize)> =
                (0..200).flat_map(|file| (0..file % 5).map(move |item| (file, item))).collect();
            assert_eq!(buffer.into_sink(), expected, "{bytes} bytes each");
        }
    }
}
