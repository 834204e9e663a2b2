using Overture.Platform.Faults;
using Overture.Platform.PuppetHost;

namespace Overture.Conductor.Terminate;

/// <summary>
/// The PuppetDB in which terminated nodes are deactivated. Without files: by the report listener's certificate and launch.caBundle.
/// </summary>
public sealed record PuppetDbOptions : PuppetPeerOptions
{
    /// <param name="reports">Whether there is a report listener.</param>
    internal IEnumerable<FieldProblem> Problems(bool reports) =>
        PeerProblems("puppetDb", "https://puppetdb.example.com:8081", "reports.listen", reports);
}
