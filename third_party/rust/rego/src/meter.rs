// SPDX-License-Identifier: Apache-2.0
//! What the policy on this thread has used, and how it is stopped.
//!
//! Rust cannot fail an allocation or leave a computation from outside without ending the process. So
//! there are two lines: the interpreter asks `Interpreter` for the time at every few steps and gets
//! an hour past its limit once memory, stack or time are used up, upon which it returns an error. A
//! step that goes on for too long, or asks for too much memory at once, is suspended for good: its
//! thread never runs again, and never holds a lock of the C library's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use regorus::utils::limits::TimeSource;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    None,
    Time,
    Memory,
}

/// One thread's account. Plain cells that need neither construction nor destruction, since the
/// allocator and a signal handler look at them.
struct Meter {
    active: Cell<bool>,
    used: Cell<isize>,
    soft: Cell<isize>,
    hard: Cell<isize>,
    stack: Cell<usize>, // Address at the start of the work.
    time: Cell<Duration>,
    steps: Cell<u32>,
    excess: Cell<Excess>,
    in_libc: Cell<bool>,
    warned: Cell<bool>,
    stop: Cell<bool>,
    on_suspend: Cell<Option<(fn(*const ()), *const ())>>,
}

thread_local! {
    static METER: Meter = const {
        Meter {
            active: Cell::new(false),
            used: Cell::new(0),
            soft: Cell::new(0),
            hard: Cell::new(0),
            stack: Cell::new(0),
            time: Cell::new(Duration::ZERO),
            steps: Cell::new(0),
            excess: Cell::new(Excess::None),
            in_libc: Cell::new(false),
            warned: Cell::new(false),
            stop: Cell::new(false),
            on_suspend: Cell::new(None),
        }
    };
}

/// Steps between two looks at the clock.
const CLOCK_STRIDE: u32 = 16;
/// Of the stack, what the interpreter may use; the rest is for built-in functions and destructors,
/// which recurse over values without asking.
const INTERPRETER_STACK: usize = 16 * 1024 * 1024;
pub const STACK: usize = 256 * 1024 * 1024;

/// Begins to count on this thread. `on_suspend` is called before the thread stops because of memory.
pub fn start(time: Duration, memory: usize, on_suspend: (fn(*const ()), *const ())) {
    let soft = isize::try_from(memory).unwrap_or(isize::MAX);
    METER.with(|meter| {
        meter.soft.set(soft);
        meter.hard.set(soft.saturating_mul(2));
        meter.stack.set(stack_pointer());
        meter.time.set(time);
        meter.on_suspend.set(Some(on_suspend));
        meter.active.set(true);
    });
}

/// Ends counting and says what was exceeded, also when the interpreter lost the error on its way.
pub fn finish() -> Excess {
    METER.with(|meter| {
        meter.active.set(false);
        if meter.used.get() > meter.soft.get() {
            meter.excess.set(Excess::Memory);
        }
        meter.excess.get()
    })
}

fn stack_pointer() -> usize {
    let here = 0_u8;
    ptr::from_ref(&here).addr()
}

impl Meter {
    fn look(&self) {
        if self.excess.get() != Excess::None {
            return;
        }
        let deep = self.stack.get().abs_diff(stack_pointer()) > INTERPRETER_STACK;
        if deep || self.used.get() > self.soft.get() {
            self.excess.set(Excess::Memory);
            return;
        }
        self.steps.set(self.steps.get().wrapping_add(1));
        if self.steps.get() % CLOCK_STRIDE == 0
            && processor_time(libc::CLOCK_THREAD_CPUTIME_ID) > self.time.get()
        {
            self.excess.set(Excess::Time);
        }
    }

    fn charge(&self, size: usize) {
        let size = isize::try_from(size).unwrap_or(isize::MAX);
        self.used.set(self.used.get().saturating_add(size));
        if self.used.get() > self.hard.get() {
            if let Some((call, argument)) = self.on_suspend.get() {
                call(argument);
            }
            suspend(&());
        }
    }

    fn release(&self, size: usize) {
        let size = isize::try_from(size).unwrap_or(isize::MAX);
        self.used.set(self.used.get().saturating_sub(size));
    }

    /// Calls the C library's allocator, which a stopped thread must not be inside of.
    fn libc<T>(&self, call: impl FnOnce() -> T) -> T {
        self.in_libc.set(true);
        let result = call();
        self.in_libc.set(false);
        if self.stop.get() {
            suspend(&result);
        }
        result
    }
}

/// `kept` stays in memory, where a leak checker finds what it points to.
fn suspend<T>(kept: &T) -> ! {
    loop {
        std::hint::black_box(kept);
        unsafe { libc::pause() };
    }
}

/// The interpreter's clock: stands still until a limit is passed.
pub struct Interpreter;

impl TimeSource for Interpreter {
    fn now(&self) -> Option<Duration> {
        METER.with(|meter| {
            if meter.active.get() {
                meter.look();
            }
            let late = meter.excess.get() != Excess::None;
            Some(if late { Duration::MAX } else { Duration::ZERO })
        })
    }
}

/// The allocator of all Rust code of the program: counts where a policy is at work.
pub struct Counting;

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        METER.with(|meter| {
            if !meter.active.get() {
                return unsafe { System.alloc(layout) };
            }
            meter.charge(layout.size());
            meter.libc(|| unsafe { System.alloc(layout) })
        })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        METER.with(|meter| {
            if !meter.active.get() {
                return unsafe { System.dealloc(memory, layout) };
            }
            meter.release(layout.size());
            meter.libc(|| unsafe { System.dealloc(memory, layout) });
        });
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        METER.with(|meter| {
            if !meter.active.get() {
                return unsafe { System.realloc(memory, layout, size) };
            }
            meter.charge(size);
            let moved = meter.libc(|| unsafe { System.realloc(memory, layout, size) });
            meter.release(layout.size());
            moved
        })
    }
}

fn processor_time(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(clock, &mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What a thread that has not been joined has used; zero when it has ended.
pub fn processor_time_of(thread: libc::pthread_t) -> Duration {
    let mut clock: libc::clockid_t = 0;
    match unsafe { libc::pthread_getcpuclockid(thread, &mut clock) } {
        0 => processor_time(clock),
        _ => Duration::ZERO,
    }
}

/// Real-time signals are nobody else's in this program.
fn signal() -> libc::c_int {
    libc::SIGRTMAX() - 2
}

extern "C" fn on_signal(_: libc::c_int) {
    METER.with(|meter| {
        if !meter.active.get() {
            return;
        }
        meter.excess.set(Excess::Time);
        if !meter.warned.replace(true) {
            return;
        }
        if meter.in_libc.get() {
            meter.stop.set(true);
        } else {
            suspend(&());
        }
    });
}

/// Once for the process.
pub fn install() {
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_signal as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal(), &action, ptr::null_mut());
    }
}

/// This thread takes the stop signal and no other, except those that report a fault.
pub fn accept_only_stop() {
    unsafe {
        let mut blocked: libc::sigset_t = MaybeUninit::zeroed().assume_init();
        libc::sigfillset(&mut blocked);
        for open in [signal(), libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT] {
            libc::sigdelset(&mut blocked, open);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, ptr::null_mut());
    }
}

/// Suspends a thread that did not notice its limits. It must not have been joined. The first signal
/// only tells the interpreter, should it be about to ask: a thread that leaves by itself holds no
/// lock of the interpreter's, which one suspended there would keep.
pub fn stop(thread: libc::pthread_t) {
    unsafe { libc::pthread_kill(thread, signal()) };
    std::thread::sleep(Duration::from_millis(10));
    unsafe { libc::pthread_kill(thread, signal()) };
}
