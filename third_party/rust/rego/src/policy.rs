// SPDX-License-Identifier: Apache-2.0
//! A compiled policy and the questions to it. Everything here runs under a meter.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use crate::functions::{self, Functions};

pub enum Failure {
    Text(String),
    /// The answer is too large.
    Output,
}

pub struct Policy {
    engine: Engine,
    tests: Vec<String>,
}

fn text(error: impl std::fmt::Display) -> Failure {
    Failure::Text(error.to_string())
}

fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    &value[name]
}

/// How many steps the interpreter takes between two looks at the meter.
const CHECK_INTERVAL: NonZeroU32 = NonZeroU32::new(4).unwrap();

impl Policy {
    /// From the JSON text of the header.
    pub fn compile(source: &str) -> Result<Self, Failure> {
        let source = Value::from_json_str(source).map_err(text)?;
        let mut engine = Engine::new();
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_secs(3600), // meter::Interpreter jumps past it.
            check_interval: CHECK_INTERVAL,
        });
        engine.set_strict_builtin_errors(false); // As OPA: undefined.
        for module in member(&source, "modules").as_array().map_err(text)?.iter() {
            let name = member(module, "name").as_string().map_err(text)?;
            let rego = member(module, "text").as_string().map_err(text)?;
            engine.add_policy(name.to_string(), rego.to_string()).map_err(text)?;
        }
        engine.add_data(member(&source, "data").clone()).map_err(text)?;
        let tests = Self::check(&mut engine)?;
        // Analyses all modules, which otherwise happens at the first query.
        engine.eval_query("true".to_owned(), false).map_err(text)?;
        Ok(Self { engine, tests })
    }

    fn check(engine: &mut Engine) -> Result<Vec<String>, Failure> {
        let modules = engine.get_modules();
        let functions = Functions::of(modules.iter().map(|module| module.as_ref()));
        let mut tests = Vec::new();
        for module in modules.iter() {
            functions.check(module).map_err(Failure::Text)?;
            tests.extend(functions::tests(module));
        }
        tests.dedup();
        Ok(tests)
    }

    pub fn tests_json(&self) -> String {
        serde_json::to_string(&self.tests).unwrap_or_default()
    }

    /// The answer to a query on one input, as JSON.
    pub fn query(&self, query: String, input: &str, limit: usize) -> Result<String, Failure> {
        let mut engine = self.engine.clone();
        engine.set_input(Value::from_json_str(input).map_err(text)?);
        let results = engine.eval_query(query, false).map_err(text)?;
        let undefined = |value: &Value| matches!(value, Value::Undefined);
        let defined: Vec<_> = results
            .result
            .iter()
            .filter(|one| !one.expressions.iter().any(|expression| undefined(&expression.value)))
            .collect();
        let mut out = Bounded { text: Vec::new(), limit };
        serde_json::to_writer(&mut out, &defined).map_err(|_| Failure::Output)?;
        String::from_utf8(out.text).map_err(text)
    }
}

/// JSON of at most so many bytes.
struct Bounded {
    text: Vec<u8>,
    limit: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit.saturating_sub(self.text.len()) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
