using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>overture doctor on a site that works: the trial takes the way that an instance takes, and nothing of it is left.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "e2e")]
public sealed class DoctorTests(Stack stack)
{
    [Fact]
    public async Task Doctor_OfARunningSite_TriesABootstrapToItsEnd()
    {
        var answer = await stack.Json("doctor", "-c", stack.Example);
        var checks = answer["checks"]!.AsArray();
        // of the caller's own certificate and of the trial's
        string StatusOf(string check) => checks.Last(c => c!["check"]!.GetValue<string>() == check)!["status"]!.GetValue<string>();
        foreach (var check in new[] { "conductor", "certauthority", "classifier", "promises", "crl", "user data", "register", "request",
            "certificate", "classify", "terminate" })
        {
            Assert.Equal((check, "ok"), (check, StatusOf(check)));
        }
        var name = checks.Single(c => c!["check"]!.GetValue<string>() == "register")!["detail"]!.GetValue<string>().Split(' ')[1];
        Assert.Equal("INSTANCE_STATE_TERMINATED", await stack.State(name));
        var certificates = await stack.Json("certificate", "list", "--name", name);
        Assert.Equal("CERTIFICATE_STATE_REVOKED", Assert.Single(certificates["certificates"]!.AsArray())!["state"]!.GetValue<string>());
    }
}
