//! TypeScript: what `main` takes, what is imported, and the same script as JavaScript.
//!
//! Always so: a script is read whole before anything of it runs; what is no TypeScript is told with its line.

use std::path::Path;

use oxc::allocator::Allocator;
use oxc::ast::ast::{
    BindingPattern, Declaration, FormalParameter, Function, Program, Statement, TSType, TSTypeName,
};
use oxc::codegen::Codegen;
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::Parser;
use oxc::semantic::SemanticBuilder;
use oxc::span::SourceType;
use oxc::transformer::{TransformOptions, Transformer};

use super::Parameter;

/// What a script says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// The arguments of `main`; none where there is no `export function main`.
    pub(super) parameters: Vec<Parameter>,
    /// What it imports, as it is written there.
    pub(super) imports: Vec<String>,
    /// Its text; without types where that was wished.
    pub(super) text: String,
}

/// Reads a script. With `as_javascript`, its types go, and the imports that are of use to types alone.
///
/// # Errors
/// What is wrong with it, and on which line.
pub(super) fn read(content: &str, as_javascript: bool) -> Result<Module, String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, content, SourceType::ts()).parse();
    complain(&parsed.diagnostics, content)?;
    let mut program = parsed.program;
    let parameters = parameters_of(&program)?;
    let text = if as_javascript {
        without_types(&allocator, &mut program, content)?
    } else {
        content.to_owned()
    };
    Ok(Module {
        parameters,
        imports: imports_of(&program),
        text,
    })
}

fn without_types<'a>(
    allocator: &'a Allocator,
    program: &mut Program<'a>,
    content: &str,
) -> Result<String, String> {
    let analysed = SemanticBuilder::new().with_enum_eval(true).build(program);
    complain(&analysed.diagnostics, content)?;
    let scoping = analysed.semantic.into_scoping();
    let options = TransformOptions::default();
    let transformer = Transformer::new(allocator, Path::new("main.ts"), &options);
    let outcome = transformer.build_with_scoping(scoping, program);
    complain(&outcome.diagnostics, content)?;
    Ok(Codegen::new().build(program).code)
}

fn complain(found: &[OxcDiagnostic], content: &str) -> Result<(), String> {
    let Some(first) = found.first() else {
        return Ok(());
    };
    let label = first.labels.first();
    let place = label.map_or_else(String::new, |label| {
        let before = content.get(..label.offset() as usize).unwrap_or_default();
        format!("line {}: ", before.matches('\n').count() + 1)
    });
    Err(format!("it is no TypeScript: {place}{}", first.message))
}

fn parameters_of(program: &Program<'_>) -> Result<Vec<Parameter>, String> {
    let Some(main) = program.body.iter().find_map(main_of) else {
        return Ok(Vec::new());
    };
    if main.params.rest.is_some() {
        return Err("`main` takes `...`, and Windmill passes arguments by their names".to_owned());
    }
    let mut unnamed = 0;
    let parameters = main.params.items.iter();
    parameters
        .map(|parameter| parameter_of(parameter, &mut unnamed))
        .collect()
}

/// `export function main`, as Windmill looks for it.
fn main_of<'a, 'b>(statement: &'b Statement<'a>) -> Option<&'b Function<'a>> {
    let Statement::ExportDeclaration(export) = statement else {
        return None;
    };
    let Declaration::FunctionDeclaration(function) = &export.declaration else {
        return None;
    };
    let is_main = function.id.as_ref().is_some_and(|id| id.name == "main");
    is_main.then_some(function)
}

fn parameter_of(parameter: &FormalParameter<'_>, unnamed: &mut u32) -> Result<Parameter, String> {
    let name = match &parameter.pattern {
        BindingPattern::BindingIdentifier(name) => name.name.to_string(),
        BindingPattern::ObjectPattern(_) => {
            *unnamed += 1;
            format!("anon{unnamed}")
        }
        _ => {
            let reason = "`main` takes an argument without a name, such as `[a, b]`";
            return Err(format!(
                "{reason}: Windmill passes arguments by their names"
            ));
        }
    };
    let declared = parameter.type_annotation.as_ref();
    Ok(Parameter {
        name,
        is_date: declared.is_some_and(|declared| is_date(&declared.type_annotation)),
    })
}

fn is_date(declared: &TSType<'_>) -> bool {
    let TSType::TSTypeReference(reference) = declared else {
        return false;
    };
    matches!(&reference.type_name, TSTypeName::IdentifierReference(name) if name.name == "Date")
}

fn imports_of(program: &Program<'_>) -> Vec<String> {
    let sources = program.body.iter().filter_map(|statement| match statement {
        Statement::ImportDeclaration(import) if !import.import_kind.is_type() => {
            Some(&import.source)
        }
        Statement::ExportAllDeclaration(export) if !export.export_kind.is_type() => {
            Some(&export.source)
        }
        Statement::ExportFromDeclaration(export) if !export.export_kind.is_type() => {
            Some(&export.source)
        }
        _ => None,
    });
    sources.map(|source| source.value.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(main: &str) -> Vec<(String, bool)> {
        let module = read(main, false).unwrap();
        let parameters = module.parameters.into_iter();
        parameters
            .map(|parameter| (parameter.name, parameter.is_date))
            .collect()
    }

    #[test]
    fn main_takes_its_arguments_by_name() {
        let named = |name: &str| (name.to_owned(), false);
        assert_eq!(
            parameters("export async function main(a: string, b = 5, c?: { x: number }) {}"),
            [named("a"), named("b"), named("c")]
        );
        assert_eq!(
            parameters("export function main({ x }: T, when: Date, { y } = {}) {}"),
            [named("anon1"), ("when".to_owned(), true), named("anon2")]
        );
        assert_eq!(parameters("function main(a) {}"), []);
    }

    #[test]
    fn types_go_and_what_they_alone_imported() {
        let script = "import { Client } from 'a';\nimport type { T } from 'b';\nimport { x } from 'c';\n\
            enum Kind { One = 1 }\nexport function main(a: Client): T { return x(a as any, Kind.One)!; }\n";
        let module = read(script, true).unwrap();
        assert_eq!(module.imports, ["c"]);
        assert!(!module.text.contains("Client"), "{}", module.text);
        assert_eq!(read(script, false).unwrap().imports, ["a", "c"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let complaint = read("export function main() {\n  return 1 +;\n}\n", false).unwrap_err();
        assert!(complaint.contains("line 2: "), "{complaint}");
        let complaint = read("export function main(...all) {}", false).unwrap_err();
        assert!(complaint.contains("`...`"), "{complaint}");
    }
}
