//! Where CloudShell is offered.

/// A region with CloudShell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownRegion {
    pub(crate) name: &'static str,
    /// Accounts have it only after they asked for it.
    pub(crate) is_opt_in: bool,
}

/// From the endpoint list of the AWS General Reference; GovCloud is a partition of its own and not among them.
pub(crate) const REGIONS: [KnownRegion; 31] = [
    own("us-east-1"),
    own("us-east-2"),
    own("us-west-1"),
    own("us-west-2"),
    own("eu-west-1"),
    own("eu-west-2"),
    own("eu-west-3"),
    own("eu-central-1"),
    own("eu-north-1"),
    own("ap-south-1"),
    own("ap-southeast-1"),
    own("ap-southeast-2"),
    own("ap-northeast-1"),
    own("ap-northeast-2"),
    own("ap-northeast-3"),
    own("ca-central-1"),
    own("sa-east-1"),
    opt_in("af-south-1"),
    opt_in("ap-east-1"),
    opt_in("ap-south-2"),
    opt_in("ap-southeast-3"),
    opt_in("ap-southeast-4"),
    opt_in("ap-southeast-5"),
    opt_in("ap-southeast-7"),
    opt_in("ca-west-1"),
    opt_in("eu-central-2"),
    opt_in("eu-south-1"),
    opt_in("eu-south-2"),
    opt_in("il-central-1"),
    opt_in("me-central-1"),
    opt_in("me-south-1"),
];

const fn own(name: &'static str) -> KnownRegion {
    KnownRegion {
        name,
        is_opt_in: false,
    }
}

const fn opt_in(name: &'static str) -> KnownRegion {
    KnownRegion {
        name,
        is_opt_in: true,
    }
}
