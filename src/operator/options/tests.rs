use clap::Parser;

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    options: Options,
}

fn scope(arguments: &[&str]) -> Result<Scope, String> {
    let all = ["rocketlawyer-operator"].iter().chain(arguments);
    let program = Program::try_parse_from(all).map_err(|error| error.to_string())?;
    Ok(program.options.scope())
}

#[test]
fn every_namespace_is_worked_in_only_if_none_is_named() {
    assert_eq!(scope(&[]), Ok(Scope::AllNamespaces));
    let listed = Ok(Scope::Namespaces(vec!["legal".into(), "web-1".into()]));
    assert_eq!(scope(&["--namespaces", "web-1,legal,web-1"]), listed);
    assert_eq!(scope(&["--namespaces=web-1", "--namespaces=legal"]), listed);
}

#[test]
fn what_names_no_namespace_is_refused_with_what_to_write_instead() {
    let long = "a".repeat(64);
    for wrong in ["", ",", "legal,", ",legal", "a,,b", " ", "a b", "a/b", "Legal", "-a", "a-", "*", &long] {
        let said = scope(&[&format!("--namespaces={wrong}")]).unwrap_err();
        assert!(said.contains("leave --namespaces (NAMESPACES) out"), "{wrong:?}: {said}");
    }
}
