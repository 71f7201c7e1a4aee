//! When does a user want a token to be renewed?

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::rule;

/// When the token is renewed. With neither field: after 50 to 67 % of its lifetime.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rule::one_renewal_setting())]
pub struct Renewal {
    /// How long before its end the token is renewed at the latest, which is how long an outage of the service it survives: hours, minutes and seconds, such as `3h` or `1h30m`; 10s to 8760h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = rule::duration("10s", "8760h"))]
    pub renew_before: Option<String>,
    /// The same as a share of the token's lifetime, in percent; 1 to 90.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rule::percentage())]
    pub renew_before_percentage: Option<i32>,
}
