namespace Overture.Conductor.Explain;

/// <summary>Why a provider did not start an instance, by the cloud's error code in its message or the local provider's words. Pure.</summary>
internal static class ProviderCauses
{
    private const string Again = "Once that is so, try again: overture instance retry NAME";
    private const string Another = "Correct the launch file or profile and launch another; terminate this one: overture instance terminate NAME";

    private static readonly KnownCause[] Table =
    [
        new("CLOUD_CAPACITY", "the cloud has no capacity for this instance type there now",
            "Allow other subnets or instance types, or try again later: overture instance retry NAME", "InsufficientInstanceCapacity",
            "InsufficientHostCapacity", "InsufficientReservedInstanceCapacity", "InsufficientCapacity"),
        new("SPOT_CAPACITY", "no spot instance is to be had at this price or count now",
            "Launch it on demand, or try again later: overture instance retry NAME", "SpotMaxPriceTooLow", "MaxSpotInstanceCountExceeded"),
        new("SUBNET_FULL", "the subnet has no free address", $"Free addresses there, or allow another subnet. {Again}",
            "InsufficientFreeAddressesInSubnet"),
        new("CLOUD_THROTTLED", "the cloud throttles requests", "It is tried again by itself", "RequestLimitExceeded", "Throttl", "SlowDown"),
        new("CLOUD_QUOTA", "a limit of the account is reached", $"Have the limit raised, or end other instances. {Again}",
            "InstanceLimitExceeded", "VcpuLimitExceeded", "AddressLimitExceeded", "VolumeLimitExceeded", "LimitExceeded", "Quota"),
        new("CLOUD_VERIFYING", "the cloud still verifies the account", $"Wait for its mail. {Again}", "PendingVerification"),
        new("IMAGE_UNKNOWN", "the cloud has no such image in this region", Another, "InvalidAMIID"),
        new("INSTANCE_TYPE", "the cloud does not offer this instance type there", Another, "InvalidInstanceType", "Unsupported:",
            "InstanceTypeNotSupported"),
        new("SUBNET_UNKNOWN", "the cloud has no such subnet", Another, "InvalidSubnet", "InvalidSubnetID"),
        new("SECURITY_GROUP_UNKNOWN", "the cloud has no such security group", Another, "InvalidGroup", "InvalidSecurityGroup"),
        new("KEY_PAIR_UNKNOWN", "the cloud has no such key pair", Another, "InvalidKeyPair"),
        new("INSTANCE_PROFILE", "the cloud has no such instance profile, or not yet", $"Check its name. {Again}",
            "iamInstanceProfile", "IAM Instance Profile"),
        new("VPC_MISSING", "the account has no default network, and the launch names no subnet", Another, "VPCIdNotSpecified",
            "MissingInput", "DefaultVpc"),
        new("CLOUD_RIGHTS", "the Conductor's credentials may not do this", $"Allow the action in their policy. {Again}",
            "UnauthorizedOperation", "AccessDenied"),
        new("CLOUD_CREDENTIALS", "the cloud refuses the Conductor's credentials",
            $"Check key, region and account of the Conductor (options ec2.*). {Again}", "AuthFailure", "InvalidClientTokenId",
            "SignatureDoesNotMatch", "OptInRequired", "Blocked"),
        new("CLOUD_CLOCK", "the cloud finds the Conductor's clock wrong", $"Correct that host's clock (NTP). {Again}", "RequestExpired"),
        new("ENDED_AT_PROVIDER", "the instance of this launch was terminated at the cloud", "Launch another: a name is launched once",
            "IdempotentInstanceTerminated", "was terminated at the cloud"),
        new("USER_DATA_REFUSED", "the cloud refuses the user data", Another, "InvalidUserData"),
        new("CLOUD_DISKS", "the cloud can't make the disks that the launch asks for", Another, "InvalidBlockDevice", "InvalidVolume",
            "InvalidSnapshot", "VolumeTypeNotAvailable"),
        new("LAUNCH_CHANGED", "the cloud knows this launch with other parameters", "Launch another: a name is launched once, as it was",
            "IdempotentParameterMismatch"),
        new("CLOUD_PARAMETER", "the cloud rejects a parameter of the launch", Another, "InvalidParameter", "MissingParameter",
            "UnknownParameter", "TypeError", "Malformed", "rejects this request"),
        new("CLOUD_AWAY", "the cloud's API did not answer", $"Check that the Conductor reaches it (ec2.url). {Again}", "InternalError",
            "Unavailable", "can't be asked", "no usable answer"),
        new("LOCAL_ENDED_AT_ONCE", "the local instance ended as soon as it was started", $"Its last words say why. {Again}",
            "the instance ended at once"),
        new("HOST_UNFIT", "this host can't run instances", $"Install what it says is missing. {Again}", "instance.sh:", "is not installed",
            "refuses an overlay", "refuses new namespaces", "can't be started", "No space left"),
    ];

    /// <param name="message">Of the failure.</param>
    /// <returns>Null: no known one.</returns>
    public static KnownCause? Of(string message) => KnownCause.Find(Table, message);

    /// <summary>Every one, for the documentation.</summary>
    public static IReadOnlyList<KnownCause> All => Table;
}
