namespace Overture.Cli.Hooks;

/// <summary>How a check ended.</summary>
internal enum HookStatus
{
    Ok,

    /// <summary>It works, and is not as it is meant.</summary>
    Warning,

    /// <summary>It does not work.</summary>
    Error,
}

/// <summary>One line about a puppetserver's hooks.</summary>
/// <param name="Check">What was looked at: the setting's name.</param>
/// <param name="Status">How it is.</param>
/// <param name="Detail">One sentence.</param>
/// <param name="Next">What mends it; empty: nothing is to be done.</param>
internal sealed record HookFinding(string Check, HookStatus Status, string Detail, string Next = "");
