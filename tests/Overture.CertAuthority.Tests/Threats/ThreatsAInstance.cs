using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Overture.CertAuthority.Enrollment;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;
using Xunit.Abstractions;

namespace Overture.CertAuthority.Tests.Threats;

/// <summary>
/// Threats §2.3 A: the token is right, and the instance is not. The tests play the Conductor, who alone asks the provider.
/// </summary>
[Collection(ThreatCollection.Name), Trait("Category", "integration")]
public sealed class ThreatsAInstance(CaFixture house, ITestOutputHelper output) : IDisposable
{
    private readonly RunningCa ca = house.Ca;
    private readonly ECDsa key = CsrBuilder.EcKey();

    public void Dispose() => key.Dispose();

    [Fact]
    public async Task T12_TokenFromAnotherAddress_Is403WhereTheSourceIsAsked()
    {
        var (strict, lax) = (await Launch(Attestation.Source), await Launch(Attestation.Token));
        foreach (var instance in new[] { strict, lax })
            await house.Observe(instance.Name, "running", address: "127.0.0.1");
        using var elsewhere = ca.AgentClient(from: IPAddress.Parse("127.0.0.9"));
        var oracle = await Oracle.Watch(ca, output, strict);

        using (var answer = await Put(elsewhere, strict))
            await oracle.Check403("the token, from 127.0.0.9", $"{strict.Name}", answer, Reason.SourceMismatch);
        await oracle.Holds();

        // Without the rule it is signed, and the evidence says what was odd.
        using var signed = await Put(elsewhere, lax);
        Assert.Equal(HttpStatusCode.OK, signed.StatusCode);
        var claim = Assert.Single(await house.All<Claim>(ObjectKeys.ClaimsOf(lax.Name)));
        Assert.Equal("127.0.0.9, while the instance has 127.0.0.1", Assert.Single(claim.Decision.Checks, c => c.Name == "peer").Observed);
    }

    [Fact]
    public async Task T13_LaunchThatNeverHappenedOrWasCancelled_Is403()
    {
        var (intended, failed, cancelled, gone) =
            (await Launch(Attestation.Provider), await Launch(Attestation.Provider), await house.Launch(), await house.Launch());
        await house.Fact(failed.Name, "launch-failed");
        await house.Fact(cancelled.Name, "terminating");
        await house.Fact(gone.Name, "terminated");
        foreach (var instance in new[] { intended, failed })
            await house.Observe(instance.Name, "gone");
        var oracle = await Oracle.Watch(ca, output);
        foreach (var instance in new[] { intended, failed, cancelled, gone })
            oracle.Secret(instance.Token);

        await oracle.Is403("a launch the provider never heard of", intended.Name, intended.Csr(key), Reason.InstanceNotRunning);
        await oracle.Is403("a failed launch", failed.Name, failed.Csr(key), Reason.InstanceNotRunning);
        await oracle.Is403("a cancelled launch", cancelled.Name, cancelled.Csr(key), Reason.NameBlocked);
        await oracle.Is403("a terminated instance", gone.Name, gone.Csr(key), Reason.NameBlocked);

        await oracle.Holds();
    }

    /// <summary>
    /// The Conductor's half, adopting the instance under its id, is Launch_ProvidersAnswerLost_RetryAdoptsWhatRuns of its tests.
    /// </summary>
    [Theory]
    [InlineData(Attestation.Token), InlineData(Attestation.Provider)]
    public async Task T14_LaunchWhoseAnswerWasLost_IsSigned(Attestation level)
    {
        var instance = await Launch(level);
        // No "launched" is there: to the Conductor a lost answer looks like a failure, which is why that alone refuses no one.
        await house.Fact(instance.Name, "launch-failed");
        using var conductor = new Witness(ca, name => house.Observe(name, "running"));

        await (await Oracle.Watch(ca, output, instance)).Holds();

        Assert.Equal(level == Attestation.Provider ? [instance.Name] : [], conductor.Asked);
    }

    [Theory]
    [InlineData("pending"), InlineData("stopped"), InlineData("gone"), InlineData("shutting-down"), InlineData("")]
    public async Task T15_InstanceThatDoesNotRun_Is403(string state)
    {
        var instance = await Launch(Attestation.Provider);
        await house.Observe(instance.Name, state);
        var oracle = await Oracle.Watch(ca, output, instance);

        await oracle.Is403($"an instance that is '{state}'", instance.Name, instance.Csr(key), Reason.InstanceNotRunning);

        await house.Observe(instance.Name, "running");
        await oracle.Holds();
    }

    [Theory]
    [InlineData("account"), InlineData("provider")]
    public async Task T15_InstanceOfSomebodyElse_Is403(string whose)
    {
        var instance = await Launch(Attestation.Provider);
        await house.Observe(
            instance.Name, "running", change: o => { if (whose == "account") o.Account = "666"; else o.Provider = "another"; });
        var oracle = await Oracle.Watch(ca, output, instance);

        await oracle.Is403($"an instance of another {whose}", instance.Name, instance.Csr(key), Reason.InstanceNotRunning);

        await house.Observe(instance.Name, "running");
        await oracle.Holds();
    }

    [Fact]
    public async Task T16_ProviderThatDoesNotAnswer_Is503AndThenSigned()
    {
        using var forger = CsrBuilder.EcKey();
        Launched[] instances = [.. await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Launch(Attestation.Provider)))];
        var now = TimeProvider.System.GetUtcNow();
        await house.Observe(instances[1].Name, "running", at: now.AddSeconds(-31));
        await house.Observe(instances[2].Name, "running", at: now.AddSeconds(60));
        await house.Observe(instances[3].Name, "running", signWith: forger);
        await house.Observe(instances[4].Name, "running", change: o => o.Certname = instances[0].Name.ToString());
        await house.Store.PutIfAbsent(ObjectKeys.Observation(instances[5].Name), (ReadOnlyMemory<byte>)"rubbish"u8.ToArray(), default);
        string[] words = ["none", "one of 31 s ago", "one of the future", "a forged one", "another instance's", "rubbish"];
        var oracle = await Oracle.Watch(ca, output, instances);

        // No one answers: each waits its patience, all at once.
        await Task.WhenAll(instances.Select(async (instance, i) =>
        {
            using var own = CsrBuilder.EcKey();
            await oracle.Is503($"while the provider's word is {words[i]}", instance.Name, instance.Csr(own), Reason.InstanceUnconfirmed);
        }));

        // It heals: asked, the Conductor answers.
        using var conductor = new Witness(ca, name => house.Observe(name, "running"));
        await oracle.Holds();
        Assert.Equal(instances.Length, conductor.Asked.Count);
    }

    private Task<Launched> Launch(Attestation level) => house.Launch(l => l.Attestation = level);

    private Task<HttpResponseMessage> Put(HttpClient client, Launched instance) =>
        client.PutAsync(new Uri($"certificate_request/{instance.Name}", UriKind.Relative), new StringContent(instance.Csr(key).Pem()));

    /// <summary>Answers CertAuthority's question on the change feed, as the Conductor does.</summary>
    private sealed class Witness : IDisposable
    {
        private readonly ChangeFeed feed;
        private readonly Func<CertName, Task> answer;

        public Witness(RunningCa ca, Func<CertName, Task> answer)
        {
            this.answer = answer;
            feed = ca.Services.GetRequiredService<ChangeFeed>();
            feed.Changed += Hear;
        }

        public System.Collections.Concurrent.ConcurrentQueue<CertName> Asked { get; } = [];

        public void Dispose() => feed.Changed -= Hear;

        private void Hear(CertName name, string what)
        {
            if (what != InstanceWitness.Question)
                return;
            Asked.Enqueue(name);
            _ = answer(name);
        }
    }
}
