namespace Overture.Conductor.Providers.Ec2;

/// <summary>What to do about an error of the EC2 API.</summary>
internal enum Ec2Action
{
    /// <summary>Ask again with the same client token; what happened is not known.</summary>
    Retry,

    /// <summary>Ask again later, with the same client token; nothing happened.</summary>
    SlowDown,

    /// <summary>The cloud has no room. Few and slow retries, then a person.</summary>
    Capacity,

    /// <summary>The account may have no more of it. The launch waits for a person.</summary>
    Quota,

    /// <summary>The token was used with other parameters. Never launch again; find the instance by its token.</summary>
    Mismatch,

    /// <summary>The same request never succeeds.</summary>
    Permanent,

    /// <summary>The instance is gone, or too young to be listed; its age decides.</summary>
    NotFound,

    /// <summary>The instance's state forbids it. Look, then decide.</summary>
    State,

    /// <summary>Credentials or clock are wrong: every other request fails too.</summary>
    Credentials,

    /// <summary>A dry run that would have succeeded.</summary>
    DryRunOk,
}

/// <summary>An error and its next step.</summary>
/// <param name="Action">For the program.</param>
/// <param name="NextStep">For people: one sentence, without what the server wrote.</param>
internal sealed record Ec2Verdict(Ec2Action Action, string NextStep);

/// <summary>Error codes of the EC2 API. The code decides before the status does: AWS tells of missing capacity with a 500.</summary>
internal static class Ec2Errors
{
    /// <param name="code">The answer's Code; <c>Http&lt;status&gt;</c> where it has none.</param>
    /// <param name="status">HTTP status; 0: there was no answer.</param>
    public static Ec2Verdict Judge(string code, int status) => code switch
    {
        "DryRunOperation" => new(Ec2Action.DryRunOk, "The request would have succeeded."),
        "RequestLimitExceeded" or "EC2ThrottledException" or "SlowDown" => Throttled,
        _ when code.StartsWith("Throttling", StringComparison.Ordinal) => Throttled,
        "InsufficientInstanceCapacity" or "InsufficientHostCapacity" or "InsufficientReservedInstanceCapacity" or "InsufficientCapacity" =>
            new(Ec2Action.Capacity, "The cloud has no room for this instance type now; choose another type or subnet, or try later."),
        "SpotMaxPriceTooLow" or "MaxSpotInstanceCountExceeded" =>
            new(Ec2Action.Capacity, "No spot instance is to be had at this price or count; launch on demand, or try later."),
        "InstanceLimitExceeded" or "VcpuLimitExceeded" or "AddressLimitExceeded" or "VolumeLimitExceeded" or "InsufficientFreeAddressesInSubnet" =>
            new(Ec2Action.Quota, "A limit of the account or subnet is reached; end instances or have the limit raised, then launch again."),
        "PendingVerification" => new(Ec2Action.Quota, "The cloud still verifies this account; wait for its mail, then launch again."),
        "IdempotentParameterMismatch" =>
            new(Ec2Action.Mismatch, "The same launch was sent before with other parameters; terminate this instance and launch a new one."),
        "InvalidInstanceID.NotFound" => new(Ec2Action.NotFound, "The cloud does not list the instance; shortly after a launch that passes by itself."),
        "OperationNotPermitted" => new(Ec2Action.State, "The cloud protects this instance; switch its termination protection off, then terminate again."),
        "IncorrectInstanceState" => new(Ec2Action.State, "The instance's state forbids this now; look at its state and try again."),
        "UnauthorizedOperation" or "AccessDenied" => new(Ec2Action.Permanent, "The Conductor's credentials may not do this; allow the action in their policy."),
        "AuthFailure" or "InvalidClientTokenId" or "SignatureDoesNotMatch" or "OptInRequired" or "Blocked" =>
            new(Ec2Action.Credentials, "The cloud refuses the Conductor's credentials; check key, region and account."),
        "RequestExpired" => new(Ec2Action.Credentials, "The cloud calls the request too old; set this host's clock."),
        "InternalError" or "InternalFailure" or "Unavailable" or "ServiceUnavailable" => Unknown,
        _ when status is 0 or 500 or 502 or 503 or 504 && !IsRefusedParameter(code) => Unknown,
        _ when status == 429 => Throttled,
        _ when status is 401 => new(Ec2Action.Credentials, "The cloud refuses the Conductor's credentials; check key, region and account."),
        _ => new(Ec2Action.Permanent, "The cloud refuses this request for good; correct the launch spec."),
    };

    private static Ec2Verdict Throttled { get; } = new(Ec2Action.SlowDown, "The cloud asks for fewer requests; tried again by itself.");

    private static Ec2Verdict Unknown { get; } = new(Ec2Action.Retry, "The cloud gave no usable answer; tried again by itself.");

    // ec2-api answers 500 to a parameter that it does not know: no outage, and no retry helps.
    private static bool IsRefusedParameter(string code) => code == "TypeError";
}
