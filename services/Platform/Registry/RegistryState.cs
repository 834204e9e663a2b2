namespace Overture.Platform.Registry;

/// <summary>What the registry was found to be.</summary>
public enum RegistryStatus
{
    /// <summary>Not looked at yet.</summary>
    NotLooked,

    /// <summary>It takes writes.</summary>
    Healthy,

    /// <summary>It answers, and is a replica: after a failover, say, the old primary.</summary>
    ReadOnly,

    /// <summary>It answers, and takes no writes for another reason: memory, disk, too few replicas.</summary>
    Refusing,

    /// <summary>It answers, and does not let our user do all that the service does there.</summary>
    LacksRights,

    /// <summary>It does not answer.</summary>
    Away,
}

/// <summary>The registry as it was found last.</summary>
/// <param name="Status">What it is.</param>
/// <param name="Cause">Why it is not healthy, without secrets; empty where it is.</param>
public sealed record RegistryState(RegistryStatus Status, string Cause = "")
{
    /// <summary>Whether the last look found something wrong.</summary>
    public bool IsWrong => Status is not (RegistryStatus.NotLooked or RegistryStatus.Healthy);

    /// <summary>The state as the end of a sentence about the registry.</summary>
    public string Sentence => Status switch
    {
        RegistryStatus.NotLooked => "is not connected yet",
        RegistryStatus.Healthy => "takes writes",
        RegistryStatus.Away => $"does not answer: {Cause}",
        RegistryStatus.LacksRights => $"lacks rights for us: {Cause}",
        _ => $"takes no writes: {Cause}",
    };
}
