// SPDX-License-Identifier: Apache-2.0
//! Finds calls of functions that do not exist, which the interpreter would only notice when it gets
//! there, and the rules that are tests.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Import, Literal, Module, Query, Rule, RuleHead, Span, BUILTINS};

/// The texts of a reference's parts: data.a.b is ["data", "a", "b"]. None where one is computed.
fn path(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Var { span, .. } => Some(vec![span.text().to_owned()]),
        Expr::RefDot { refr, field, .. } => {
            let mut parts = path(refr)?;
            parts.push(field.0.text().to_owned());
            Some(parts)
        }
        Expr::RefBrack { refr, index, .. } => {
            let mut parts = path(refr)?;
            let Expr::String { value, .. } = index.as_ref() else {
                return None;
            };
            parts.push(value.as_string().ok()?.to_string());
            Some(parts)
        }
        _ => None,
    }
}

fn package(module: &Module) -> String {
    let parts = path(&module.package.refr).unwrap_or_default();
    format!("data.{}", parts.join("."))
}

fn head_path(head: &RuleHead) -> Option<Vec<String>> {
    match head {
        RuleHead::Compr { refr, .. } | RuleHead::Set { refr, .. } | RuleHead::Func { refr, .. } => path(refr),
    }
}

/// Paths of the rules test_* of a module, without repeats, in order.
pub fn tests(module: &Module) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for rule in &module.policy {
        let Rule::Spec { head: head @ RuleHead::Compr { .. }, .. } = rule.as_ref() else {
            continue;
        };
        let Some(parts) = head_path(head) else {
            continue;
        };
        if parts[0].starts_with("test_") && seen.insert(parts[0].clone()) {
            found.push(format!("{}.{}", package(module), parts[0]));
        }
    }
    found
}

pub struct Functions {
    defined: BTreeSet<String>, // data.package.name
}

impl Functions {
    pub fn of<'a>(modules: impl Iterator<Item = &'a Module>) -> Self {
        let mut defined = BTreeSet::new();
        for module in modules {
            let package = package(module);
            for rule in &module.policy {
                let name = match rule.as_ref() {
                    Rule::Spec { head, .. } => head_path(head),
                    Rule::Default { refr, .. } => path(refr),
                };
                if let Some(name) = name {
                    defined.insert(format!("{package}.{}", name.join(".")));
                }
            }
        }
        Self { defined }
    }

    /// The first call in a module of something that is neither built in nor defined.
    pub fn check(&self, module: &Module) -> Result<(), String> {
        let call = Calls { functions: self, package: package(module), imports: &module.imports };
        module.policy.iter().try_for_each(|rule| call.in_rule(rule))
    }
}

struct Calls<'a> {
    functions: &'a Functions,
    package: String,
    imports: &'a [Import],
}

impl Calls<'_> {
    fn known(&self, parts: &[String]) -> bool {
        let name = parts.join(".");
        if BUILTINS.contains_key(name.as_str()) || name == "print" {
            return true;
        }
        if parts[0] == "data" {
            return self.functions.defined.contains(&name);
        }
        self.functions.defined.contains(&format!("{}.{name}", self.package))
            || self.imports.iter().any(|import| self.imported(import, parts))
    }

    fn imported(&self, import: &Import, parts: &[String]) -> bool {
        let Some(target) = path(&import.refr) else {
            return false;
        };
        let alias = import.r#as.as_ref().map(|span| span.text().to_owned());
        if alias.as_ref().or(target.last()) != Some(&parts[0]) {
            return false;
        }
        let whole: Vec<&str> = target.iter().chain(&parts[1..]).map(String::as_str).collect();
        self.functions.defined.contains(&whole.join("."))
    }

    fn call(&self, span: &Span, fcn: &Expr) -> Result<(), String> {
        match path(fcn) {
            Some(parts) if self.known(&parts) => Ok(()),
            Some(parts) => Err(span
                .error(&format!("there is no function {}", parts.join(".")))
                .to_string()),
            None => Ok(()),
        }
    }

    fn in_rule(&self, rule: &Rule) -> Result<(), String> {
        match rule {
            Rule::Default { value, args, .. } => {
                args.iter().try_for_each(|arg| self.in_expr(arg))?;
                self.in_expr(value)
            }
            Rule::Spec { head, bodies, .. } => {
                self.in_head(head)?;
                for body in bodies {
                    if let Some(assign) = &body.assign {
                        self.in_expr(&assign.value)?;
                    }
                    self.in_query(&body.query)?;
                }
                Ok(())
            }
        }
    }

    fn in_head(&self, head: &RuleHead) -> Result<(), String> {
        match head {
            RuleHead::Compr { refr, assign, .. } | RuleHead::Func { refr, assign, .. } => {
                self.in_expr(refr)?;
                assign.as_ref().map_or(Ok(()), |assign| self.in_expr(&assign.value))
            }
            RuleHead::Set { refr, key, .. } => {
                self.in_expr(refr)?;
                key.as_ref().map_or(Ok(()), |key| self.in_expr(key))
            }
        }
    }

    fn in_query(&self, query: &Query) -> Result<(), String> {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { .. } => {}
                Literal::SomeIn { key, value, collection, .. } => {
                    if let Some(key) = key {
                        self.in_expr(key)?;
                    }
                    self.in_expr(value)?;
                    self.in_expr(collection)?;
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.in_expr(expr)?,
                Literal::Every { domain, query, .. } => {
                    self.in_expr(domain)?;
                    self.in_query(query)?;
                }
            }
            statement.with_mods.iter().try_for_each(|with| self.in_expr(&with.r#as))?;
        }
        Ok(())
    }

    fn in_expr(&self, expr: &Expr) -> Result<(), String> {
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::Var { .. } => Ok(()),
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().try_for_each(|item| self.in_expr(item))
            }
            Expr::Object { fields, .. } => fields.iter().try_for_each(|(_, key, value)| {
                self.in_expr(key)?;
                self.in_expr(value)
            }),
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.in_expr(term)?;
                self.in_query(query)
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.in_expr(key)?;
                self.in_expr(value)?;
                self.in_query(query)
            }
            Expr::Call { span, fcn, params, .. } => {
                self.call(span, fcn)?;
                params.iter().try_for_each(|parameter| self.in_expr(parameter))
            }
            Expr::UnaryExpr { expr, .. } => self.in_expr(expr),
            Expr::RefDot { refr, .. } => self.in_expr(refr),
            Expr::RefBrack { refr, index, .. } => {
                self.in_expr(refr)?;
                self.in_expr(index)
            }
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. }
            | Expr::AssignExpr { lhs, rhs, .. } => {
                self.in_expr(lhs)?;
                self.in_expr(rhs)
            }
            Expr::Membership { key, value, collection, .. } => {
                if let Some(key) = key {
                    self.in_expr(key)?;
                }
                self.in_expr(value)?;
                self.in_expr(collection)
            }
        }
    }
}
