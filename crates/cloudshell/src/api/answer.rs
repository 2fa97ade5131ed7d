//! What the API answers. Members that are not named here are ignored.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// An environment: a machine that sleeps, with a home directory.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct Environment {
    /// Its name for the API.
    pub environment_id: String,
    /// Absent for the default environment.
    pub environment_name: Option<String>,
    /// The network that it is in; absent for the default environment.
    pub vpc_config: Option<Value>,
    /// A word such as `RUNNING`; a list does not always tell.
    pub status: Option<String>,
}

impl Environment {
    /// Whether it is the one with a home directory that lasts and the internet around it.
    pub fn is_default(&self) -> bool {
        self.vpc_config.is_none()
    }
}

/// What state an environment is in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct EnvironmentStatus {
    /// `CREATING`, `CREATION_FAILED`, `RUNNING`, `SUSPENDING`, `SUSPENDED`, `RESUMING`, `DELETING` or `DELETED`; others
    /// may come.
    #[serde(default)]
    pub status: String,
    /// Why, when there is something to say.
    pub status_reason: Option<String>,
}

impl EnvironmentStatus {
    /// Whether sessions can be opened.
    pub fn is_running(&self) -> bool {
        self.status == "RUNNING"
    }
}

/// A session, and the right to connect to it for a moment.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct SessionGrant {
    /// Its name for the API.
    pub session_id: String,
    /// Secret.
    pub token_value: String,
    /// To be used byte for byte.
    pub stream_url: String,
}

impl fmt::Debug for SessionGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionGrant({})", self.session_id)
    }
}

/// Where to put one file, and how an environment gets it from there. They carry secrets.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[non_exhaustive]
pub struct FileUrls {
    /// Where to post a form.
    #[serde(rename = "FileUploadPresignedUrl")]
    pub upload_url: String,
    /// The form's fields, before the file.
    #[serde(rename = "FileUploadPresignedFields", default)]
    pub upload_fields: BTreeMap<String, String>,
    /// Where to get it.
    #[serde(rename = "FileDownloadPresignedUrl")]
    pub download_url: String,
    /// The key that the file is encrypted with there, in base64.
    #[serde(rename = "FileDownloadPresignedKey")]
    pub download_key: Option<String>,
    /// Presumably the key's MD5, in base64.
    #[serde(rename = "FileDownloadPresignedKeyHash")]
    pub download_key_hash: Option<String>,
}

impl fmt::Debug for FileUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileUrls").finish_non_exhaustive()
    }
}

/// A list of environments in any shape that was seen: as a member, bare, or a single one.
pub(super) fn environments(answer: Value) -> Result<Vec<Environment>, String> {
    let list = match answer {
        Value::Array(list) => list,
        Value::Object(mut object) => match object.remove("Environments") {
            Some(Value::Array(list)) => list,
            Some(Value::Null) => Vec::new(),
            Some(other) => vec![other],
            None if object.contains_key("EnvironmentId") => vec![Value::Object(object)],
            None => Vec::new(),
        },
        other => return Err(format!("a list of environments is {other}")),
    };
    list.into_iter()
        .map(|environment| serde_json::from_value(environment).map_err(|error| error.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(answer: Value) -> Result<Vec<String>, String> {
        Ok(environments(answer)?
            .into_iter()
            .map(|environment| environment.environment_id)
            .collect())
    }

    #[test]
    fn environments_come_in_several_shapes() {
        let one = json!({"EnvironmentId": "a", "Surprise": [1]});
        assert_eq!(
            ids(json!({"Environments": [one], "More": 1})),
            Ok(vec!["a".to_owned()])
        );
        assert_eq!(ids(json!([one])), Ok(vec!["a".to_owned()]));
        assert_eq!(ids(one), Ok(vec!["a".to_owned()]));
        assert_eq!(ids(json!({})), Ok(vec![]));
        assert_eq!(ids(json!({"Environments": null})), Ok(vec![]));
        assert!(ids(json!("x")).is_err());
        assert!(ids(json!([{"EnvironmentId": 7}])).is_err());
    }

    #[test]
    fn the_default_environment_has_no_network_of_its_own() {
        let found = environments(json!([
            {"EnvironmentId": "a", "EnvironmentName": "v", "VpcConfig": {"VpcId": "vpc-1"}, "Status": "RUNNING"},
            {"EnvironmentId": "b", "VpcConfig": null}
        ]))
        .expect("a list");
        let defaults: Vec<_> = found.iter().map(Environment::is_default).collect();
        assert_eq!(defaults, [false, true]);
    }
}
