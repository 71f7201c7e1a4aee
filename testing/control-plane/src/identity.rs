//! Who may speak to whom? Makes the keys, certificates and kubeconfigs of one control plane, in its data folder.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::{Value, json};

use crate::error::Error;

/// The files that the programs are started with.
#[derive(Debug)]
pub(crate) struct Identities {
    /// Signs every certificate below.
    pub(crate) authority: PathBuf,
    /// The API server's certificate.
    pub(crate) server_certificate: PathBuf,
    /// The API server's key.
    pub(crate) server_key: PathBuf,
    /// Signs the tokens of service accounts.
    pub(crate) service_account_key: PathBuf,
    /// Verifies the tokens of service accounts.
    pub(crate) service_account_public_key: PathBuf,
    /// For set-up only: it bypasses authorisation.
    pub(crate) admin_kubeconfig: PathBuf,
    /// What the controllers start with, before each uses a service account of its own.
    pub(crate) controllers_kubeconfig: PathBuf,
}

impl Identities {
    /// Writes all of them for a server that will answer at `server`.
    pub(crate) fn write(folder: &Path, server: &str) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = named("control-plane-authority", None)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = write(folder, "authority.crt", &params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);

        let hosts = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(String::from);
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (server_certificate, server_key) = signed(folder, "server", &params, &issuer)?;

        let client = |file: &str, user: &str, group: Option<&str>| -> Result<PathBuf, Error> {
            let mut params = named(user, group)?;
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let (certificate, key) = signed(folder, file, &params, &issuer)?;
            let user = json!({"client-certificate": certificate, "client-key": key});
            write(folder, &format!("{file}.kubeconfig"), &kubeconfig(server, &authority, "default", &user))
        };
        let tokens = KeyPair::generate()?;
        Ok(Self {
            admin_kubeconfig: client("admin", "control-plane-admin", Some("system:masters"))?,
            controllers_kubeconfig: client("controllers", "system:kube-controller-manager", None)?,
            service_account_key: write(folder, "service-accounts.key", &tokens.serialize_pem())?,
            service_account_public_key: write(folder, "service-accounts.pub", &tokens.public_key_pem())?,
            authority,
            server_certificate,
            server_key,
        })
    }
}

/// A kubeconfig with one cluster, one user and one context. JSON is YAML, and needs no quoting rules.
pub(crate) fn kubeconfig(server: &str, authority: &Path, namespace: &str, user: &Value) -> String {
    let name = "control-plane";
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": authority}}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
        "current-context": name,
    })
    .to_string()
}

/// Writes a file that is the owner's alone: the folder's mode already keeps others out.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(Error::io("write", &path))?;
    Ok(path)
}

fn named(user: &str, group: Option<&str>) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, user);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    Ok(params)
}

fn signed(
    folder: &Path,
    file: &str,
    params: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<(PathBuf, PathBuf), Error> {
    let key = KeyPair::generate()?;
    let certificate: Certificate = params.signed_by(&key, issuer)?;
    Ok((
        write(folder, &format!("{file}.crt"), &certificate.pem())?,
        write(folder, &format!("{file}.key"), &key.serialize_pem())?,
    ))
}
