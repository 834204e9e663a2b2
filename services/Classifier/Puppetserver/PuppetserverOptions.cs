using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;

namespace Overture.Classifier.Puppetserver;

/// <summary>
/// The puppetserver whose code definitions are compared with when they are saved. Without files: by the terminus listener's certificate and
/// terminus.caBundle.
/// </summary>
public sealed record PuppetserverOptions : PuppetPeerOptions
{
    private const string Asked = "asked", Always = "always";

    /// <summary>Which saves are compared: those that ask for it, or all: "asked" or "always".</summary>
    public string Check { get; init; } = Asked;

    /// <summary>
    /// Of one comparison, with all it asks for. 1s to 30s; the first question after a deploy makes puppetserver read all of an environment.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    internal bool ChecksAlways => Check == Always;

    /// <param name="terminus">Whether there is a terminus listener.</param>
    internal IEnumerable<FieldProblem> Problems(bool terminus)
    {
        foreach (var problem in PeerProblems("puppetserver", "https://puppet.example.com:8140", "terminus.listen", terminus))
            yield return problem;
        if (Check is not (Asked or Always))
            yield return new("puppetserver.check", "must be asked or always");
        if (ChecksAlways && !IsOn)
            yield return new("puppetserver.url", "must be set where puppetserver.check is always");
        if (Timeout < TimeSpan.FromSeconds(1) || Timeout > TimeSpan.FromSeconds(30))
            yield return new("puppetserver.timeout", "must be 1s to 30s");
    }
}
