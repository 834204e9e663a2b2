using Overture.CertAuthority.Policy;
using Overture.CertAuthority.Storage;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Audit;

/// <summary>
/// The registrations that certificates rest on: every launch record has the signature of a trusted launch key, none is gone whose instance
/// left a fact or a claim, and each claim's token is the one of its launch.
/// </summary>
internal sealed class RegistrationCheck(ObjectStore store, ClaimStore claims, EnrollmentContextReader context)
{
    private const int AtOnce = 8;

    /// <param name="tell">Receives each problem; not called by two at once.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task Run(Action<string> tell, CancellationToken cancel)
    {
        var gate = new Lock();
        void Report(string problem)
        {
            lock (gate)
                tell(problem);
        }
        // What rests on a registration is listed first: whatever is launched in between has its record before.
        var resting = await Names(ObjectKeys.Facts, cancel);
        var claimed = await Names(ObjectKeys.Claims, cancel);
        var launched = await Names(ObjectKeys.Launches, cancel);
        foreach (var name in resting.Where(n => !launched.Contains(n)))
            Report($"{ObjectKeys.Launch(name)}: is gone, and facts of its instance are there");
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel };
        await Parallel.ForEachAsync(launched.Union(claimed), options, async (name, stop) =>
        {
            if (await Problem(name, launched.Contains(name), claimed.Contains(name), stop) is { } problem)
                Report($"{ObjectKeys.Launch(name)}: {problem}");
        });
    }

    private async Task<string?> Problem(CertName name, bool launched, bool claimed, CancellationToken cancel)
    {
        var launch = launched ? (await context.Launch(name, cancel)).Launch : null;
        if (launched && launch is null)
            return "is not as a trusted launch key signed it: it was changed, or its key is not in launchKeys any more";
        if (!claimed || await First(name, cancel) is not { } claim || claim.Grant.Kind() != GrantKind.Launch)
            return null;
        if (launch is null)
            return "is gone, and a certificate was claimed by it";
        return launch.TokenSha256 == claim.TokenSha256 ? null : "is another one than the certificate was claimed by";
    }

    private async Task<Claim?> First(CertName name, CancellationToken cancel)
    {
        try
        {
            // One that we did not write says nothing of a launch; that is reported where the certificates are looked at.
            return await claims.Find(name, ClaimStore.Launched, cancel) is { } claim && claims.IsOurs(claim) ? claim : null;
        }
        catch (Exception e) when (e is InvalidDataException or UnreadableObjectException)
        {
            return null;
        }
    }

    private async Task<HashSet<CertName>> Names(string prefix, CancellationToken cancel)
    {
        var names = new HashSet<CertName>();
        await foreach (var key in store.List(prefix, null, cancel))
        {
            if (CertName.TryParse(key[prefix.Length..].Split('/')[0], out var name, out _))
                names.Add(name);
        }
        return names;
    }
}
