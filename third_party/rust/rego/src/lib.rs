// SPDX-License-Identifier: Apache-2.0
//! The C interface of include/cofferdam_rego.h.

mod functions;
mod meter;
mod policy;
mod worker;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Once};
use std::time::Duration;
use std::{ptr, slice, str};

use policy::{Failure, Policy};
use worker::{Limits, Outcome};

#[global_allocator]
static ALLOCATOR: meter::Counting = meter::Counting;

pub struct CofferdamRego(Arc<Policy>);

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CofferdamRegoText {
    data: *const u8,
    size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct CofferdamRegoLimits {
    time_ms: u64,
    memory: u64,
    output: u64,
}

#[repr(u32)]
enum Status {
    Ok = 0,
    Error = 1,
    Time = 2,
    Memory = 3,
    Output = 4,
    TimeStopped = 5,
    MemoryStopped = 6,
    Failed = 7,
}

/// Destructors of a syntax tree recurse as deeply as its text says.
const FREE: Limits = Limits { time: Duration::from_secs(10), memory: 1 << 30 };

impl CofferdamRegoText {
    const EMPTY: Self = Self { data: ptr::null(), size: 0 };

    unsafe fn owned(self) -> Option<String> {
        if self.data.is_null() {
            return Some(String::new());
        }
        let bytes = unsafe { slice::from_raw_parts(self.data, self.size) };
        str::from_utf8(bytes).ok().map(str::to_owned)
    }

    fn give(text: String) -> Self {
        let text = Box::leak(text.into_boxed_str());
        Self { data: text.as_ptr(), size: text.len() }
    }
}

impl CofferdamRegoLimits {
    fn worker(self) -> Limits {
        let memory = usize::try_from(self.memory).unwrap_or(usize::MAX);
        Limits { time: Duration::from_millis(self.time_ms), memory }
    }

    fn output(self) -> usize {
        usize::try_from(self.output).unwrap_or(usize::MAX)
    }
}

/// Once for the process: the clock of the interpreter, the stop signal, and no message of a panic on
/// standard error, which could quote a policy's input.
fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|_| {}));
        meter::install();
        // Only fails where a clock is set already, and nobody else sets one.
        let _ = regorus::utils::limits::set_time_source(&meter::Interpreter);
    });
}

fn settle<T>(outcome: Outcome<Result<T, Failure>>, accept: impl FnOnce(T) -> String) -> (Status, String) {
    match outcome {
        Outcome::Done(Ok(value)) => (Status::Ok, accept(value)),
        Outcome::Done(Err(Failure::Text(text))) => (Status::Error, text),
        Outcome::Done(Err(Failure::Output)) => (Status::Output, String::new()),
        Outcome::TimeExceeded => (Status::Time, String::new()),
        Outcome::MemoryExceeded => (Status::Memory, String::new()),
        Outcome::TimeStopped => (Status::TimeStopped, String::new()),
        Outcome::MemoryStopped => (Status::MemoryStopped, String::new()),
        Outcome::Failed => (Status::Failed, String::new()),
    }
}

/// The boundary: whatever happens in `call`, an answer and a status come out.
unsafe fn answer(out: *mut CofferdamRegoText, call: impl FnOnce() -> (Status, String)) -> u32 {
    let (status, text) = catch_unwind(AssertUnwindSafe(call)).unwrap_or((Status::Failed, String::new()));
    unsafe { out.write(CofferdamRegoText::give(text)) };
    status as u32
}

/// # Safety
/// As the header says: texts are readable, pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn cofferdam_rego_compile(
    source: CofferdamRegoText,
    limits: CofferdamRegoLimits,
    out_policy: *mut *mut CofferdamRego,
    out_answer: *mut CofferdamRegoText,
) -> u32 {
    unsafe { out_policy.write(ptr::null_mut()) };
    let call = || {
        prepare();
        let Some(source) = (unsafe { source.owned() }) else {
            return (Status::Error, "the policy is not UTF-8".to_owned());
        };
        let compiled = worker::run(limits.worker(), move || Policy::compile(&source));
        settle(compiled, |policy| {
            let tests = policy.tests_json();
            let handle = Box::new(CofferdamRego(Arc::new(policy)));
            unsafe { out_policy.write(Box::into_raw(handle)) };
            tests
        })
    };
    unsafe { answer(out_answer, call) }
}

/// # Safety
/// As the header says.
#[no_mangle]
pub unsafe extern "C" fn cofferdam_rego_query(
    policy: *const CofferdamRego,
    query: CofferdamRegoText,
    input: CofferdamRegoText,
    limits: CofferdamRegoLimits,
    out_answer: *mut CofferdamRegoText,
) -> u32 {
    let call = || {
        let policy = Arc::clone(unsafe { &(*policy).0 });
        let (Some(query), Some(input)) = (unsafe { query.owned() }, unsafe { input.owned() }) else {
            return (Status::Error, "the query or its input is not UTF-8".to_owned());
        };
        let output = limits.output();
        let done = worker::run(limits.worker(), move || policy.query(query, &input, output));
        settle(done, |text| text)
    };
    unsafe { answer(out_answer, call) }
}

/// # Safety
/// `policy` comes from cofferdam_rego_compile and is not used again.
#[no_mangle]
pub unsafe extern "C" fn cofferdam_rego_free(policy: *mut CofferdamRego) {
    if policy.is_null() {
        return;
    }
    let policy = unsafe { Box::from_raw(policy) };
    let _ = catch_unwind(AssertUnwindSafe(|| worker::run(FREE, move || drop(policy))));
}

/// # Safety
/// `answer` comes from this library and is not used again.
#[no_mangle]
pub unsafe extern "C" fn cofferdam_rego_free_text(answer: CofferdamRegoText) {
    if answer.data.is_null() || answer.size == CofferdamRegoText::EMPTY.size {
        return;
    }
    let bytes = ptr::slice_from_raw_parts_mut(answer.data.cast_mut(), answer.size);
    drop(unsafe { Box::from_raw(bytes) });
}
