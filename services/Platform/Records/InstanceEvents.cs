namespace Overture.Platform.Records;

/// <summary>
/// The names of what happens to an instance, for all services. <em>Facts</em> are objects, instances/&lt;certname&gt;/&lt;event&gt;, which
/// the Conductor alone writes; all of them are also keys of timeline lines and words of the change feed.
/// </summary>
public static class InstanceEvents
{
    /// <summary>Its launch was recorded.</summary>
    public const string Requested = "requested";

    /// <summary>Fact: the provider accepted it.</summary>
    public const string Launched = "launched";

    /// <summary>Fact: the provider runs it.</summary>
    public const string Running = "running";

    /// <summary>Fact: the provider refused it.</summary>
    public const string LaunchFailed = "launch-failed";

    /// <summary>Fact, with an id after it: a later try of a refused launch learned something else.</summary>
    public const string LaunchFailedAgain = "launch-failed-";

    /// <summary>Fact, with the attempt's id after it: the provider is about to be asked again for one that it may have refused.</summary>
    public const string LaunchAttempt = "launch-attempt-";

    /// <summary>Fact, with the attempt's id after it: the provider's answer to that attempt says that nothing was started by it.</summary>
    public const string LaunchRefused = "launch-refused-";

    /// <summary>Fact, with an id after it that sorts by time: who had the provider asked again.</summary>
    public const string Retried = "retried-";

    /// <summary>Fact: it was launched in the place of another, and by whom that was asked for first.</summary>
    public const string Replaces = "replaces";

    public const string CsrReceived = "csr-received";

    /// <summary>With a reason code after a colon.</summary>
    public const string CsrRefused = "csr-refused";

    public const string CsrHeld = "csr-held";

    /// <summary>A second key showed the one-time token of a name that has a claim.</summary>
    public const string Contested = "contested";

    public const string Signed = "signed";

    /// <summary>A line of the timeline alone: the agent fetched its certificate.</summary>
    public const string Collected = "collected";

    /// <summary>puppetserver asked for its classification, and was answered.</summary>
    public const string Classified = "classified";

    /// <summary>With the stage's name after it: a stage of cloud-init began or ended.</summary>
    public const string BootStage = "boot-stage:";

    /// <summary>With the line's number after it: what the agent said before its first good run.</summary>
    public const string AgentSaid = "agent-said:";

    /// <summary>Fact: the first good run was reported.</summary>
    public const string Converged = "converged";

    /// <summary>Fact, with the report's id after it.</summary>
    public const string RunFailed = "run-failed-";

    /// <summary>Fact, with the report's id after it: the run applied nothing, or not all.</summary>
    public const string RunPartial = "run-partial-";

    /// <summary>Fact, with an id after it that sorts by time: protection or ttl were changed.</summary>
    public const string Updated = "updated-";

    /// <summary>Fact, with an id after it that sorts by time: it is to get nothing until it is released.</summary>
    public const string Quarantined = "quarantined-";

    /// <summary>Fact, with an id after it that sorts by time.</summary>
    public const string Released = "released-";

    /// <summary>Fact: nothing is given to that name any more.</summary>
    public const string Terminating = "terminating";

    /// <summary>Fact: it is over.</summary>
    public const string Terminated = "terminated";
}
