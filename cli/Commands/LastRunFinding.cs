using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>
/// What only a run shows of a node's classification, and no comparison with the puppetserver's classes: that the site manifest has node
/// statements and none for this node. Of the Conductor's conditions.
/// </summary>
internal static class LastRunFinding
{
    /// <returns>What is wrong and the cure; empty: nothing of the kind is known. Where the Conductor can't be asked, that is
    /// printed.</returns>
    public static async Task<string> Of(Session session, string certname, CancellationToken cancel)
    {
        try
        {
            var request = new GetInstanceRequest { Certname = certname };
            var instance = (await session.Conductor((c, o) => c.GetInstanceAsync(request, o), cancel)).Instance;
            return !instance.Conditions.Any(c => NodeStatements.AreMissingBy(c.Message)) ? ""
                : "the site manifest has node statements, none of them for this node and no default, so its last run failed. "
                    + NodeStatements.Cure;
        }
        catch (Failure failure) when (failure.Exit is ExitCodes.NotFound or ExitCodes.Usage)
        {
            // A node without an instance: defined alone.
            return "";
        }
        catch (Failure failure)
        {
            Printer.Say($"warning: what its last run said is not known: {failure.Message}");
            return "";
        }
    }
}
