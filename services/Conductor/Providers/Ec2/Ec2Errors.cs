namespace Overture.Conductor.Providers.Ec2;

/// <summary>What to do about an error of the EC2 API.</summary>
internal enum Ec2Action
{
    /// <summary>Ask again with the same client token; what happened is not known.</summary>
    Retry,

    /// <summary>Ask again later, with the same client token; nothing happened.</summary>
    SlowDown,

    /// <summary>No capacity. Few and slow retries, then a person decides.</summary>
    Capacity,

    /// <summary>The account may have no more of it. The launch waits for a person.</summary>
    Quota,

    /// <summary>The token was used with other parameters. Never launch again; find the instance by its token.</summary>
    Mismatch,

    /// <summary>The token's instance was ended; the cloud starts no second one by it.</summary>
    Ended,

    /// <summary>The same request never succeeds.</summary>
    Permanent,

    /// <summary>A policy does not allow it; once it does, the same request succeeds.</summary>
    Denied,

    /// <summary>The instance is gone, or too young to be listed; its age decides.</summary>
    NotFound,

    /// <summary>The instance's state forbids it. Look, then decide.</summary>
    State,

    /// <summary>Credentials or clock are wrong: every other request fails too.</summary>
    Credentials,

    /// <summary>A dry run that would have succeeded.</summary>
    DryRunOk,
}

/// <summary>An error and what it means.</summary>
/// <param name="Action">For the program.</param>
/// <param name="Sentence">For users: what is wrong and who can fix it, without the server's own text. The next step of a launch is in its
/// state.</param>
internal sealed record Ec2Verdict(Ec2Action Action, string Sentence)
{
    /// <summary>The same launch never succeeds, whatever else is fixed.</summary>
    public bool Final => Action is Ec2Action.Permanent or Ec2Action.Mismatch or Ec2Action.Ended;

    /// <summary>Said of this subnet, type or market: at another the same launch may succeed.</summary>
    public bool Elsewhere { get; init; }
}

/// <summary>Error codes of the EC2 API. The code decides before the status does: AWS reports missing capacity with a 500.</summary>
internal static class Ec2Errors
{
    /// <param name="code">The answer's Code; <c>Http&lt;status&gt;</c> where it has none.</param>
    /// <param name="status">HTTP status; 0: there was no answer.</param>
    public static Ec2Verdict Judge(string code, int status) => code switch
    {
        "DryRunOperation" => new(Ec2Action.DryRunOk, "The request would have succeeded."),
        "RequestLimitExceeded" or "EC2ThrottledException" or "SlowDown" => Throttled,
        _ when code.StartsWith("Throttling", StringComparison.Ordinal) => Throttled,
        "InsufficientInstanceCapacity" or "InsufficientHostCapacity" or "InsufficientReservedInstanceCapacity" or "InsufficientCapacity"
            or "InsufficientVolumeCapacity" =>
            new(Ec2Action.Capacity, "The cloud has no capacity for this instance type in this subnet now; it may have later.")
                { Elsewhere = true },
        "SpotMaxPriceTooLow" or "MaxSpotInstanceCountExceeded" =>
            new(Ec2Action.Capacity, "No spot instance is available at this price or count now; one may be later.") { Elsewhere = true },
        "InsufficientFreeAddressesInSubnet" =>
            new(Ec2Action.Quota, "A limit of the account or subnet is reached; terminate other instances or have the limit raised.")
                { Elsewhere = true },
        "Unsupported" =>
            new(Ec2Action.Permanent, "The cloud does not offer this instance type there; choose another type, or a subnet in another zone.")
                { Elsewhere = true },
        "InstanceLimitExceeded" or "VcpuLimitExceeded" or "AddressLimitExceeded" or "VolumeLimitExceeded" =>
            new(Ec2Action.Quota, "A limit of the account or subnet is reached; terminate other instances or have the limit raised."),
        "PendingVerification" => new(Ec2Action.Quota, "The cloud still verifies this account; wait for its mail."),
        "IdempotentParameterMismatch" =>
            new(Ec2Action.Mismatch, "The same launch was sent before with other parameters."),
        "IdempotentInstanceTerminated" =>
            new(Ec2Action.Ended, "The instance of this launch was terminated at the cloud, and a name is launched once."),
        "InvalidInstanceID.NotFound" =>
            new(Ec2Action.NotFound, "The cloud does not list the instance; shortly after a launch this resolves by itself."),
        "OperationNotPermitted" => new(Ec2Action.State, "The cloud protects this instance; switch its termination protection off there."),
        "IncorrectInstanceState" => new(Ec2Action.State, "The instance's state at the cloud forbids this now."),
        "UnauthorizedOperation" or "AccessDenied" =>
            new(Ec2Action.Denied, "The Conductor's credentials may not do this; allow the action in their policy."),
        "AuthFailure" or "InvalidClientTokenId" or "SignatureDoesNotMatch" or "OptInRequired" or "Blocked" =>
            new(Ec2Action.Credentials, "The cloud refuses the Conductor's credentials; check key, region and account."),
        "ExpiredToken" or "ExpiredTokenException" =>
            new(Ec2Action.Credentials, "The Conductor's key has expired; give it one that is renewed."),
        "RequestExpired" => new(Ec2Action.Credentials, "The cloud considers the request expired; correct this host's clock."),
        "InternalError" or "InternalFailure" or "Unavailable" or "ServiceUnavailable" => Unknown,
        _ when status is 0 or 500 or 502 or 503 or 504 && !IsRefusedParameter(code) => Unknown,
        _ when status == 429 => Throttled,
        _ when status is 401 => new(Ec2Action.Credentials, "The cloud refuses the Conductor's credentials; check key, region and account."),
        _ => new(Ec2Action.Permanent, "The cloud rejects this request permanently; correct the launch spec."),
    };

    /// <summary>The key, or the clock: EC2 says the same of both.</summary>
    public static bool IsExpired(string code) => code is "ExpiredToken" or "ExpiredTokenException" or "RequestExpired";

    /// <summary>What the server wrote, as one line, without UnauthorizedOperation's blob, which is another one at each try.</summary>
    public static string Plain(string message)
    {
        var plain = string.Concat(message.Where(c => !char.IsControl(c)));
        var blob = plain.IndexOf("Encoded authorization", StringComparison.OrdinalIgnoreCase);
        return (blob < 0 ? plain : plain[..blob]).Trim().TrimEnd('.');
    }

    private static Ec2Verdict Throttled { get; } = new(Ec2Action.SlowDown, "The cloud throttles requests; retried automatically.");

    private static Ec2Verdict Unknown { get; } = new(Ec2Action.Retry, "The cloud gave no usable answer; retried automatically.");

    // ec2-api answers 500 to a parameter that it does not know: no outage, and no retry helps.
    private static bool IsRefusedParameter(string code) => code == "TypeError";
}
