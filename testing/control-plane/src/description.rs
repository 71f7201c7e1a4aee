//! What must a user of a running control plane know? The content of the file that `ROCKETLAWYER_CONTROL_PLANE` names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Where everything of one control plane is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The API server's address.
    pub server: String,
    /// The administrator's kubeconfig: for set-up, never for the operator under test.
    pub kubeconfig: PathBuf,
    /// The certificate that signed the server's.
    pub certificate_authority: PathBuf,
    /// Every request at level Metadata.
    pub audit_log: PathBuf,
    /// Removed with all that is in it when the control plane ends.
    pub folder: PathBuf,
    /// The process numbers by program.
    pub processes: BTreeMap<String, u32>,
    /// kubectl.
    pub kubectl: PathBuf,
    /// helm.
    pub helm: PathBuf,
}

impl Description {
    /// Reads what [`Description::write_to`] wrote.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        serde_json::from_str(&text)
            .map_err(|error| Error::Undecodable { what: path.display().to_string(), why: error.to_string() })
    }

    /// Where the description of the control plane in this folder is.
    #[must_use]
    pub fn path_in(folder: &Path) -> PathBuf {
        folder.join("control-plane.json")
    }

    /// Writes it for the programs that are told where it is.
    pub fn write_to(&self, path: &Path) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Undecodable {
            what: "the description".to_owned(),
            why: error.to_string(),
        })?;
        fs::write(path, text).map_err(Error::io("write", path))
    }
}
