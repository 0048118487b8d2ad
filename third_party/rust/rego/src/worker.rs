// SPDX-License-Identifier: Apache-2.0
//! Runs one piece of work on a thread of its own, within limits, while the caller waits.

use std::os::unix::thread::JoinHandleExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::meter::{self, Excess};

#[derive(Clone, Copy)]
pub struct Limits {
    pub time: Duration, // Of the processor, so that a busy machine changes no decision.
    pub memory: usize,
}

pub enum Outcome<T> {
    Done(T),
    TimeExceeded,
    MemoryExceeded,
    /// The thread was suspended for good.
    TimeStopped,
    MemoryStopped,
    /// The thread panicked, or could not be made.
    Failed,
}

enum State<T> {
    Working,
    Ended(Excess, Option<T>), // None: it panicked.
    OutOfMemory,
}

struct Desk<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

/// How far past its time the work may be before it is taken to be deaf.
const GRACE: Duration = Duration::from_millis(100);
/// How long the caller waits, by the clock, for a thread that gets no processor.
const PATIENCE: Duration = Duration::from_secs(10);

impl<T> Desk<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: State<T>) {
        *self.lock() = state;
        self.changed.notify_one();
    }

    fn out_of_memory(desk: *const ()) {
        // The desk outlives the work: the worker holds a share of it.
        unsafe { &*desk.cast::<Self>() }.set(State::OutOfMemory);
    }

    /// Until the work ends, or `time` has passed and it is not for want of a processor.
    fn wait(&self, time: Duration, starved: impl Fn() -> bool) -> State<T> {
        let last = Instant::now() + PATIENCE;
        let mut until = Instant::now() + time;
        let mut state = self.lock();
        while matches!(*state, State::Working) {
            let now = Instant::now();
            if now >= until {
                if now >= last || !starved() {
                    break;
                }
                until = now + GRACE;
            }
            let waited = self.changed.wait_timeout(state, until - now);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::replace(&mut *state, State::Working)
    }
}

fn work<T>(desk: &Arc<Desk<T>>, limits: Limits, job: impl FnOnce() -> T) {
    meter::accept_only_stop();
    meter::start(limits.time, limits.memory, (Desk::<T>::out_of_memory, Arc::as_ptr(desk).cast()));
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
    let excess = meter::finish();
    desk.set(State::Ended(excess, result.ok()));
}

/// `job` may be abandoned half done: what it shares with others must not care.
pub fn run<T: Send + 'static>(limits: Limits, job: impl FnOnce() -> T + Send + 'static) -> Outcome<T> {
    let desk = Arc::new(Desk { state: Mutex::new(State::Working), changed: Condvar::new() });
    let workers = Arc::clone(&desk);
    let spawned = thread::Builder::new()
        .stack_size(meter::STACK)
        .spawn(move || work(&workers, limits, job));
    let Ok(worker) = spawned else {
        return Outcome::Failed;
    };
    let thread = worker.as_pthread_t();
    let starved = || meter::processor_time_of(thread) < limits.time + GRACE;
    match desk.wait(limits.time + GRACE, starved) {
        State::Ended(Excess::None, Some(value)) => Outcome::Done(value),
        State::Ended(Excess::Time, _) => Outcome::TimeExceeded,
        State::Ended(Excess::Memory, _) => Outcome::MemoryExceeded,
        State::Ended(Excess::None, None) => Outcome::Failed,
        State::OutOfMemory => Outcome::MemoryStopped,
        State::Working => {
            meter::stop(thread);
            Outcome::TimeStopped
        }
    }
}
