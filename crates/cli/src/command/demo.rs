//! `demo`: a daemon on nine emulated regions.

use cloudshell::static_credentials;

use crate::arguments::{DemoArguments, EmulatedDelays};
use crate::command::emulator;
use crate::daemon::{self, InitArguments, ServeArguments};
use crate::error::CommandError;
use crate::output::Style;

/// Makes the store the first time, then runs emulator and daemon until a signal. Only endpoint and credentials differ from
/// a daemon on AWS.
pub(crate) async fn run(arguments: DemoArguments, style: &Style) -> Result<(), CommandError> {
    let DemoArguments {
        dir,
        addr,
        emulator_addr,
    } = arguments;
    if !dir.join("key-envelope").exists() {
        let init = InitArguments {
            dir: Some(dir.clone()),
            passphrase_file: None,
            no_passphrase: true,
            no_encryption: false,
        };
        let (store, _) = daemon::init(init).await?;
        style.say(&format!("Store {} is in {}.", store.fmt_short(), dir.display()))?;
    }
    let emulator = emulator::start(&dir.join("emulator"), emulator_addr, EmulatedDelays::None).await?;
    let endpoint_url = emulator
        .endpoint()
        .parse()
        .map_err(|_| CommandError::failed("the emulator has no URL"))?;
    let key = emulator.credentials().into_iter().next();
    let key = key.ok_or_else(|| CommandError::failed("the emulator has no credentials"))?;
    let credentials = static_credentials(&key.access_key_id, &key.secret_access_key, None);
    let serve = ServeArguments {
        regions: Some(REGIONS.to_owned()),
        endpoint_url: Some(endpoint_url),
        ..ServeArguments::new(dir, addr)
    };
    let served = daemon::serve(serve, Some(credentials)).await;
    emulator.shutdown().await;
    Ok(served?)
}

/// Nine that every account has, over four continents.
const REGIONS: &str =
    "us-east-1,us-east-2,us-west-2,eu-west-1,eu-central-1,eu-north-1,ap-northeast-1,ap-southeast-2,sa-east-1";
