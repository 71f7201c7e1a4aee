use std::path::PathBuf;

use super::{crd_yaml, crds};

/// What client-side apply can store in its annotation, with room to spare.
const MOST_BYTES: usize = 100_000;

#[test]
fn crds_are_as_generated() {
    for crd in crds() {
        let name = crd.metadata.name.clone().expect("a name");
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("crds/{name}.yaml"));
        let yaml = crd_yaml(&crd);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("crds/");
            std::fs::write(&path, &yaml).expect("write");
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == yaml,
            "{} is not as generated: run `UPDATE=1 cargo test --lib crds_are_as_generated`",
            path.display()
        );
    }
}

#[test]
fn each_crd_fits_into_client_side_apply() {
    for crd in crds() {
        let json = serde_json::to_string(&crd).expect("plain data");
        assert!(json.len() < MOST_BYTES, "{} bytes", json.len());
        assert!(crd_yaml(&crd).len() < MOST_BYTES, "{} bytes", crd_yaml(&crd).len());
    }
}
