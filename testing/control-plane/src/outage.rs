//! How is a program of a control plane taken away from those who rely on it, and given back? Where it was, with what it knew.

use crate::control_plane::ControlPlane;
use crate::error::Error;
use crate::processes::Processes;
use crate::tools::Tool;

/// etcd or the API server of a control plane that this process started.
#[derive(Debug)]
pub struct Program<'a> {
    tool: Tool,
    control_plane: &'a mut ControlPlane,
}

impl ControlPlane {
    /// Its store.
    pub fn etcd(&mut self) -> Program<'_> {
        Program { tool: Tool::Etcd, control_plane: self }
    }

    /// Its API server.
    pub fn api_server(&mut self) -> Program<'_> {
        Program { tool: Tool::ApiServer, control_plane: self }
    }
}

impl Program<'_> {
    /// Stops it where it stands. Its connections stay, and nothing is answered.
    pub fn freeze(self) -> Result<(), Error> {
        self.processes()?.signal(self.tool, "-STOP")
    }

    /// It goes on; [`ControlPlane::wait_until_ready`] says when all is well again.
    pub fn thaw(self) -> Result<(), Error> {
        self.processes()?.signal(self.tool, "-CONT")
    }

    /// Ends it at once, frozen or not. Its connections break, and further ones are refused.
    pub fn kill(self) -> Result<(), Error> {
        self.control_plane.processes_mut()?.kill(self.tool)?;
        self.control_plane.describe()
    }

    /// Starts one that was killed, at the same address and with the same data; [`ControlPlane::wait_until_ready`] says when
    /// all is well again.
    pub fn restart(self) -> Result<(), Error> {
        self.control_plane.processes_mut()?.restart(self.tool)?;
        self.control_plane.describe()
    }

    fn processes(&self) -> Result<&Processes, Error> {
        self.control_plane.processes()
    }
}
