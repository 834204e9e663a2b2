using Microsoft.Extensions.Logging;
using Overture.Platform.Objects;
using Overture.Platform.PuppetHost;
using Overture.Platform.Records;

namespace Overture.Classifier.Terminus;

/// <summary>
/// The terminus listener's certificate: the first one by the token of a registration, as any node gets it; every later one by the one
/// before (certificate_renewal), so that no second token is needed.
/// </summary>
internal sealed class TerminusEnrollment(
    ClassifierOptions options, PuppetHostCertificate host, PuppetCaClient ca, ObjectStore store, TimeProvider clock,
    ILogger<TerminusEnrollment> log) : PuppetHostEnrollment(host, store, clock, log)
{
    private readonly string certname = options.Terminus.Certname;

    // Another name was configured: that is a registration of its own.
    protected override bool Wanted => base.Wanted || !Host.IsOf(certname);

    protected override async Task<bool> Enrol(CancellationToken cancel)
    {
        using var key = Host.KeyOf(certname);

        // 1. what we have speaks for us, while it is good
        if (Host.IsOf(certname))
        {
            Host.Take(certname, await ca.Renew(Host.Current!, cancel), key);
            return true;
        }

        // 2. the first: key, token and request; handing in the same key again is harmless
        var token = (await File.ReadAllTextAsync(options.Terminus.TokenFile, cancel)).Trim();
        if (!EnrollmentToken.HasShape(token))
            throw new InvalidDataException($"terminus.tokenFile: {options.Terminus.TokenFile} holds no token of a registration");
        await ca.Request(certname, key, token, renews: true, cancel);

        // 3. the certificate, into use
        if (await ca.Certificate(certname, cancel) is not { } pem)
            return false;
        Host.Take(certname, pem, key);
        return true;
    }
}
